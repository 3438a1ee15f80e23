"""Distances between rows of a table, like Gower's: numbers by their ranks, choices by whether they agree.

Everything is an integer that float32 holds exactly, so that rows that are equally near are so to the last bit.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from sparring.kinds.tables.metrics.columns import ColumnView
from sparring.kinds.tables.metrics.rows import Rows

EXACT = 1 << 24
"""Integers that float32 tells apart."""
FINEST = 1 << 16
"""Parts that a column's distance is told in, at most."""
BLOCK = 1 << 18
"""Entries of a block of distances (1 MiB, which a cache holds)."""
LANES = 8
"""Parts are padded to a multiple of so many, which takes half the time."""


class Placed(NamedTuple):
    """Rows where distances can be told."""

    numbers: Tensor
    """Ranks, and whether a value is missing, float32 [n, parts]."""
    choices: Tensor
    """Codes, float32 [n, columns]."""

    def __len__(self) -> int:
        return len(self.numbers)

    def part(self, some: slice) -> Placed:
        return Placed(self.numbers[some], self.choices[some])


class Space:
    """Where rows lie: a number at its rank among known rows, as a part of 1; an ordered choice at its place. Two
    numbers are as far apart as their ranks, two choices 1 if they differ; a missing number is 0 from another and at
    least 1/2 from those that are there. The distance of two rows is the sum over columns."""

    def __init__(self, columns: tuple[ColumnView, ...], among: Rows, *others: Rows, between: bool = False) -> None:
        """The ranks are those among the first rows; none but these and the others are to be placed. `between` tells
        numbers between two neighbouring ranks apart, in proportion: where others are held against the first rows, all
        of them would else be half a rank away."""
        self.columns, self.between_ranks = columns, between
        self.holes = np.any([np.isnan(rows).any(0) for rows in (among, *others)], axis=0)
        self.scale = min(FINEST, EXACT // (2 * len(columns)))
        self._sorted = {
            place: np.sort(among[~np.isnan(among[:, place]), place])
            for place, column in enumerate(columns)
            if not column.is_choice
        }

    def place(self, rows: Rows) -> Placed:
        numbers, choices = [], []
        for place, column in enumerate(self.columns):
            values = rows[:, place]
            missing = np.isnan(values)
            if column.is_unordered:
                choices.append(np.where(missing, -1, values))
                continue
            filled = np.where(missing, 0.5, self._ranks(place, column, np.where(missing, 0.0, values)))
            numbers.append(np.round(filled * self.scale))
            if self.holes[place]:
                numbers.append(missing * float(self.scale // 2))
        return Placed(_stacked(numbers, len(rows)), _stacked(choices, len(rows)))

    def _ranks(self, place: int, column: ColumnView, values: Rows) -> Rows:
        """In [0, 1]: an ordered choice's place among all, a number's rank, equal ones sharing theirs."""
        if column.is_choice:
            return values / max(column.categories - 1, 1)
        known = self._sorted[place]

        def rank(values: Rows) -> Rows:
            below = np.searchsorted(known, values, "left") + np.searchsorted(known, values, "right")
            ranks: Rows = below / (2 * max(len(known), 1))
            return ranks

        if not self.between_ranks or not len(known):
            return rank(values)
        steps = np.unique(known)
        inner = (values >= steps[0]) & (values <= steps[-1])
        return np.where(inner, np.interp(values, steps, rank(steps)), rank(values))

    def between(self, x: Placed, y: Placed) -> Tensor:
        """Distances, float32 [len(x), len(y)], in parts of 1 / scale; exact."""
        found = torch.zeros(len(x), len(y))
        if x.numbers.shape[1]:
            found += torch.cdist(x.numbers, y.numbers, p=1.0)
        if x.choices.shape[1]:
            found += torch.cdist(x.choices, y.choices, p=0.0) * self.scale
        return found


def _stacked(parts: list[Rows], count: int) -> Tensor:
    if not parts:
        return torch.zeros(count, 0)
    found = torch.zeros(count, -(-len(parts) // LANES) * LANES)
    found[:, : len(parts)] = torch.from_numpy(np.stack(parts, 1))
    return found


def blocks(space: Space, x: Placed, y: Placed) -> Iterator[tuple[slice, Tensor]]:
    """Distances of some rows of x to all of y at a time: (which rows, [rows, len(y)])."""
    rows = max(1, BLOCK // max(1, len(y)))
    for start in range(0, len(x), rows):
        some = slice(start, min(start + rows, len(x)))
        yield some, space.between(x.part(some), y)


def nearest(space: Space, x: Placed, y: Placed) -> tuple[Tensor, Tensor]:
    """The distance from each row of x to the nearest of y, [len(x)], and the reverse, [len(y)]."""
    to_y, to_x = torch.empty(len(x)), torch.full((len(y),), torch.inf)
    for some, distances in blocks(space, x, y):
        to_y[some] = distances.amin(1)
        to_x = torch.minimum(to_x, distances.amin(0))
    return to_y, to_x
