"""Drawing samples from a trained generator, and writing them as files people use."""

from __future__ import annotations

import csv
import io
import math
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn

from sparring.data import Codec
from sparring.draws import Key
from sparring.errors import RequestError
from sparring.games import Game
from sparring.match import Match, make
from sparring.rundir import PART, write_file

CHUNK = 256
"""Samples made at once, at most."""
ROWS = 8192
"""The same of tables."""
CHUNK_VALUES = 2**22
"""Values of samples made at once: what a chunk takes in memory is a multiple of that."""


@torch.no_grad()
def draw(
    game: Game,
    generator: nn.Module,
    codec: Codec,
    count: int,
    key: Key,
    labels: Tensor | None,
    device: torch.device,
    start: int = 0,
) -> Tensor:
    """Samples in the data's own format [count, ...], on the CPU, numbered from `start`; sample i depends on the key and
    i alone."""
    parts = []
    size = max(1, min(ROWS if codec.kind == "table" else CHUNK, CHUNK_VALUES // math.prod(codec.shape)))
    for first in range(0, count, size):
        rows = torch.arange(start + first, start + min(first + size, count), device=device)
        chunk = None if labels is None else labels[first : first + size].to(device)
        parts.append(codec.decode(make(game, generator, key, rows, chunk)).cpu())
    return torch.cat(parts)


def draw_for(match: Match, count: int, key: Key) -> Tensor:
    """Samples of a match's averaged generator, [count, ...] in the data's own format, with labels as frequent as in
    training."""
    device = match.engine.device
    labels = match.asked(key, torch.arange(count, device=device))
    return draw(match.game, match.sampler(), match.data.codec, count, key, labels, device)


def write_samples(path: Path, samples: Tensor, labels: Tensor | None, codec: Codec) -> int:
    """Writes samples to a new folder of PNG files, or by the path's ending to .npz, .png (one grid) or .csv (points).

    Gives the number of files. Raises RequestError where the path or its ending cannot be used.
    """
    endings = [".npz", ".csv"] if codec.kind == "points" else [".npz", ".png"]
    folder_fits = codec.kind == "image" and path.suffix == ""
    if not folder_fits and path.suffix not in endings:
        shown = "a folder, " if codec.kind == "image" else ""
        raise RequestError(f"to: {path} ends in none of {shown}{', '.join(endings)}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if folder_fits:
            return _write_folder(path, samples, codec)
        if path.suffix == ".npz":
            write_file(path, _npz(samples, labels, codec))
        elif path.suffix == ".png":
            write_file(path, png(grid(samples, codec)))
        else:
            write_file(path, _csv(samples))
    except OSError as error:
        raise RequestError(f"to: {path} cannot be written ({error.strerror})") from None
    return 1


def grid(samples: Tensor, codec: Codec, columns: int | None = None) -> Image.Image:
    """Samples side by side, small ones enlarged, as an 8-bit picture."""
    return sheet(_pictures(samples, codec), columns or math.ceil(math.sqrt(len(samples))))


def picture_of(sample: Tensor, codec: Codec) -> Image.Image:
    """A sample [channels, height, width] in its size, as an 8-bit picture."""
    array = _pictures(sample[None], codec)[0].permute(1, 2, 0).numpy()
    return Image.fromarray(array.squeeze(2) if array.shape[2] == 1 else array)


def _pictures(samples: Tensor, codec: Codec) -> Tensor:
    """Samples as uint8 [n, channels (1, 3 or 4), height, width]."""
    pictures = (codec.to_unit(samples) * 255).round().clamp(0, 255).to(torch.uint8)
    return pictures if pictures.shape[1] in (1, 3, 4) else pictures[:, :1]


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


def _write_folder(path: Path, samples: Tensor, codec: Codec) -> int:
    """One PNG a sample, in the data's depth; the folder appears when all are written."""
    if path.exists() and (not path.is_dir() or any(path.iterdir())):
        raise RequestError(f"to: {path} exists and is not an empty folder")
    channels = samples.shape[1]
    if channels > 4 or codec.depth == "float32" or (codec.depth == "uint16" and channels > 1):
        raise RequestError(f"to: {path}: PNG holds no {channels} channels of {codec.depth}; take a path ending in .npz")
    part = path.with_name(f"{PART}{path.name}")
    part.mkdir(parents=True, exist_ok=True)
    digits = max(5, len(str(len(samples) - 1)))
    for number, sample in enumerate(samples):
        array = sample.permute(1, 2, 0).numpy().astype(np.uint16 if codec.depth == "uint16" else np.uint8)
        Image.fromarray(array.squeeze(2) if channels == 1 else array).save(part / f"{number:0{digits}d}.png")
    if path.exists():
        path.rmdir()
    part.rename(path)
    return len(samples)


def _npz(samples: Tensor, labels: Tensor | None, codec: Codec) -> bytes:
    """`images` [n, height, width, channels] (or `points` [n, values]) in the data's type, then `labels`."""
    array = samples.numpy()
    if codec.kind == "image":
        array = array.transpose(0, 2, 3, 1)
    if codec.depth == "uint16":
        array = array.astype(np.uint16)
    arrays = {"images" if codec.kind == "image" else "points": np.ascontiguousarray(array)}
    if labels is not None:
        arrays["labels"] = labels.numpy()
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **arrays)  # type: ignore[arg-type]
    return buffer.getvalue()


def _csv(samples: Tensor) -> str:
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow([f"x{place}" for place in range(samples.shape[1])])
    writer.writerows(samples.tolist())
    return text.getvalue()
