"""Samples as pictures: side by side in a grid, and as PNG files."""

from __future__ import annotations

import io
import math

import torch
from PIL import Image
from torch import Tensor

from sparring.pages.blocks import Figure

FOR, AGAINST = (0.05, 0.35, 0.80), (0.85, 0.30, 0.02)
"""Colours of what speaks for a sample (blue) and against it (orange), on white."""


def grid(images: Tensor, columns: int | None = None) -> Image.Image:
    """Images [n, channels, height, width] in [0, 1] side by side, small ones enlarged, as an 8-bit picture."""
    return sheet(_pictures(images), columns or math.ceil(math.sqrt(len(images))))


def picture_of(image: Tensor) -> Image.Image:
    """An image [channels, height, width] in [0, 1] in its size, as an 8-bit picture."""
    array = _pictures(image[None])[0].permute(1, 2, 0).numpy()
    return Image.fromarray(array.squeeze(2) if array.shape[2] == 1 else array)


def _pictures(images: Tensor) -> Tensor:
    """Images as uint8 [n, channels (1, 3 or 4), height, width]."""
    pictures = in_bytes(images)
    return pictures if pictures.shape[1] in (1, 3, 4) else pictures[:, :1]


def in_bytes(images: Tensor) -> Tensor:
    """Values in [0, 1] in 8 bits."""
    return (images * 255).round().clamp(0, 255).to(torch.uint8)


def sheet(pictures: Tensor, columns: int) -> Image.Image:
    """Pictures uint8 [n, channels (1, 3 or 4), height, width] in rows of `columns`, small ones enlarged."""
    rows = math.ceil(len(pictures) / columns)
    channels, height, width = pictures.shape[1:]
    canvas = torch.full((rows, columns, channels, height + 1, width + 1), 255, dtype=torch.uint8)
    canvas.flatten(0, 1)[: len(pictures), :, :height, :width] = pictures
    sheet = canvas.permute(0, 3, 1, 4, 2).reshape(rows * (height + 1), columns * (width + 1), channels)
    image = Image.fromarray(sheet.squeeze(2).numpy() if channels == 1 else sheet.numpy())
    factor = max(1, 48 // max(height, width))
    return image.resize((image.width * factor, image.height * factor), Image.Resampling.NEAREST)


def png(image: Image.Image) -> bytes:
    """A picture as the bytes of a PNG file."""
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    return buffer.getvalue()


def coloured(pictures: Tensor) -> Tensor:
    """Pictures [n, channels, height, width] of any number of channels in three."""
    return pictures[:, :3] if pictures.shape[1] >= 3 else pictures[:, :1].expand(-1, 3, -1, -1)


def above_maps(images: Tensor, marks: Tensor) -> Tensor:
    """Images in [0, 1], and after all of them their maps, uint8 [2 n, 3, height, width]."""
    return torch.cat((coloured(in_bytes(images)), heat(marks)))


def fullest(parts: Tensor) -> float:
    """The amount from which `heat` paints attributions in full colour."""
    value = parts.sum(1)
    # By rank, for `quantile` takes no more than 16 million values
    return float(value.abs().flatten().sort().values[int(0.99 * (value.numel() - 1))]) or 1.0


def heat(parts: Tensor) -> Tensor:
    """Attributions [n, channels, height, width] as colours, uint8 [n, 3, height, width]: blue for, orange against,
    white for nothing; full colour at the 99th percentile of all."""
    strength = (parts.sum(1) / fullest(parts)).clamp(-1, 1)[:, None]
    towards = torch.where(strength > 0, torch.tensor(FOR)[:, None, None], torch.tensor(AGAINST)[:, None, None])
    return ((1 - strength.abs() * (1 - towards)) * 255).round().to(torch.uint8)


def laid(images: Tensor, columns: int | None = None, marks: Tensor | None = None, alt: str = "") -> Figure:
    """Images in [0, 1] side by side; with `marks` [n, channels, height, width] of what speaks for and against them
    below."""
    if marks is None:
        return Figure(png(grid(images, columns)), alt)
    return Figure(png(sheet(above_maps(images, marks), columns or len(images))), alt)
