"""Arrays of images brought to another size, block by block."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Literal

import torch
from torch import Tensor

from sparring.data.store import Stream

ACCEPTABLE = 1.5
"""Images of up to so many times the pixels that a recipe is made for keep their own size."""
ALIKE = 1.05
"""Shapes (height over width) that differ by no more than this factor are one."""
Fit = Literal["crop", "resize", "pad"]
MOST_VALUES = 2**22
"""Values that are fitted at once: as floats, several times over, they take memory."""


def size_for(sizes: Sequence[tuple[int, int]], largest: int) -> tuple[tuple[int, int] | None, tuple[int, int]]:
    """What images of these (height, width) are made at by a recipe for a longer side of `largest`, and what they are
    made at in proportion within that side. The first is None where the images say it themselves: they share a size
    within it, or have no shape in common."""
    shapes = [height / width for height, width in sizes]
    if not sizes or max(shapes) > ALIKE * min(shapes):
        return None, (largest, largest)
    height, width = sorted(sizes, key=lambda size: (size[0] * size[1], size))[len(sizes) // 2]
    scale = min(1.0, largest / max(height, width))
    smaller = max(4, round(height * scale)), max(4, round(width * scale))
    if max(height, width) <= largest:
        return (None if len(set(sizes)) == 1 else (height, width)), smaller
    return ((height, width) if height * width <= ACCEPTABLE * largest**2 else smaller), smaller


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
