"""Where each column lies in the row that networks see: all scalars first, then what is one of several, by width."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from sparring.kinds.tables.data.coding import Code


class Place(NamedTuple):
    """Of one learned column."""

    scalar: int | None
    """Which of the scalars is its own."""
    blocks: tuple[tuple[int, int], ...]
    """Its one-of-several parts: where each starts, and its width."""


class Group(NamedTuple):
    """Blocks of one width beside each other."""

    start: int
    blocks: int
    width: int


class Layout:
    """Of a table's learned columns."""

    def __init__(self, codes: Sequence[Code]) -> None:
        self.scalars = sum(code.scalar for code in codes)
        wanted = sorted({width for code in codes for width in code.widths})
        starts: dict[int, int] = {}
        groups, place = [], self.scalars
        for width in wanted:
            count = sum(code.widths.count(width) for code in codes)
            groups.append(Group(place, count, width))
            starts[width] = place
            place += count * width
        self.groups = tuple(groups)
        self.width = place
        places, scalar = [], 0
        for code in codes:
            blocks = []
            for width in code.widths:
                blocks.append((starts[width], width))
                starts[width] += width
            places.append(Place(scalar if code.scalar else None, tuple(blocks)))
            scalar += code.scalar
        self.places = tuple(places)

    @property
    def chosen(self) -> int:
        """Places of one-of-several parts."""
        return self.width - self.scalars

    def put(self, parts: Sequence[tuple[Tensor | None, list[Tensor]]], count: int) -> Tensor:
        """What networks see of encoded columns, float32 [count, width]."""
        device = next((t.device for scalar, chosen in parts for t in (scalar, *chosen) if t is not None), None)
        seen = torch.zeros(count, self.width, device=device)
        for place, (scalar, chosen) in zip(self.places, parts, strict=True):
            if place.scalar is not None and scalar is not None:
                seen[:, place.scalar] = scalar
            for (start, _), part in zip(place.blocks, chosen, strict=True):
                seen.scatter_(1, (start + part)[:, None], 1.0)
        return seen

    def take(self, seen: Tensor) -> list[tuple[Tensor | None, list[Tensor]]]:
        """The columns of rows that networks made: of what is one of several, the likeliest."""
        found = []
        for place in self.places:
            scalar = None if place.scalar is None else seen[:, place.scalar]
            found.append((scalar, [seen[:, start : start + width].argmax(1) for start, width in place.blocks]))
        return found
