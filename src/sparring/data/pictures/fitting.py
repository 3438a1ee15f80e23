"""Arrays of images brought to another size, block by block."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace
from typing import Literal

import torch
from torch import Tensor

from sparring.data.store import Stream

Fit = Literal["crop", "resize", "pad"]
MOST_VALUES = 2**22
"""Values that are fitted at once: as floats, several times over, they take memory."""


def fitted(stream: Stream, size: tuple[int, int], fit: Fit) -> Stream:
    """The same images, [channels, height, width] each, at another (height, width)."""

    def blocks() -> Iterator[Tensor]:
        for block in stream.blocks():
            for part in torch.split(block, max(1, MOST_VALUES // math.prod(stream.shape))):
                yield _fitted(part, size, fit)

    return replace(stream, shape=(stream.shape[0], *size), blocks=blocks)


def _fitted(images: Tensor, size: tuple[int, int], fit: Fit) -> Tensor:
    """Stored images at another size: their middle, the whole out of shape, or the whole with a margin."""
    scales = [new / old for new, old in zip(size, images.shape[2:], strict=True)]
    dtype, inner = images.dtype, list(size)
    if fit == "crop":
        cut = [round(new / max(scales)) for new in size]
        top, left = ((old - new) // 2 for old, new in zip(images.shape[2:], cut, strict=True))
        images = images[:, :, top : top + cut[0], left : left + cut[1]]
    elif fit == "pad":
        inner = [max(1, round(old * min(scales))) for old in images.shape[2:]]
    small = torch.nn.functional.interpolate(images.float(), size=inner, mode="bilinear", antialias=True)
    if inner != list(size):
        whole = small.mean((2, 3), keepdim=True).expand(*small.shape[:2], *size).clone()
        top, left = ((new - old) // 2 for new, old in zip(size, inner, strict=True))
        whole[:, :, top : top + inner[0], left : left + inner[1]] = small
        small = whole
    return small if dtype == torch.float32 else small.round().to(dtype)
