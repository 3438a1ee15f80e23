"""Distances between rows of features, in float64 and in blocks: 10,000 rows of 2,048 features against as many take
half a gigabyte."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

BLOCK = 1 << 22
"""Entries of a block of distances (32 MiB)."""


def centred(*sets: Tensor) -> list[Tensor]:
    """The sets in float64, less the mean of the first: distances stay, and their rounding errors shrink."""
    middle = sets[0].double().mean(0)
    return [rows.double() - middle for rows in sets]


def squared(x: Tensor, y: Tensor) -> Tensor:
    """Squared Euclidean distances, float64 [len(x), len(y)]; rows that agree to rounding are at distance 0 exactly."""
    size = x.square().sum(1)[:, None] + y.square().sum(1)
    distances = torch.addmm(size, x, y.T, alpha=-2)
    return distances.masked_fill_(distances <= 1e-13 * size, 0.0)


def blocks(x: Tensor, y: Tensor) -> Iterator[tuple[slice, Tensor]]:
    """Squared distances of some rows of x to all of y at a time: (which rows, [rows, len(y)])."""
    rows = max(1, BLOCK // max(1, len(y)))
    for start in range(0, len(x), rows):
        some = slice(start, min(start + rows, len(x)))
        yield some, squared(x[some], y)


def radii(x: Tensor, k: int) -> Tensor:
    """The squared distance of each row to its k-th nearest other row, [len(x)]."""
    found = torch.empty(len(x), dtype=torch.float64)
    for some, distances in blocks(x, x):
        distances[torch.arange(len(distances)), torch.arange(some.start, some.stop)] = torch.inf
        found[some] = distances.topk(k, dim=1, largest=False).values[:, -1]
    return found


def row_sums(x: Tensor) -> Tensor:
    """The sum of each row's distances to all rows, [len(x)]."""
    sums = torch.empty(len(x), dtype=torch.float64)
    for some, distances in blocks(x, x):
        sums[some] = distances.sqrt_().sum(1)
    return sums


def nearest(x: Tensor, y: Tensor, k: int) -> tuple[Tensor, Tensor]:
    """The k nearest rows of y to each row of x: squared distances, ascending, and indices, [len(x), k] each. A large
    reference set y is never held in float64 as a whole."""
    middle = x.double().mean(0)
    x = x.double() - middle
    best = torch.full((len(x), k), torch.inf, dtype=torch.float64)
    index = torch.zeros(len(x), k, dtype=torch.int64)
    step = max(k, 8192)
    for start in range(0, len(y), step):
        part = y[start : start + step].double() - middle
        for some, distances in blocks(x, part):
            found, place = distances.topk(min(k, len(part)), dim=1, largest=False)
            best[some], chosen = torch.cat((best[some], found), 1).topk(k, dim=1, largest=False)
            index[some] = torch.cat((index[some], place + start), 1).gather(1, chosen)
    return best, index
