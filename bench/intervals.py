"""How often 95 % intervals hold what a metric is on average over sets of their size, both sets drawn anew each time.

    python bench/intervals.py [--sets 400] [--real 300] [--fake 300] [--width 6] [--shift 0.5] [--slow]

Prints for each metric its mean, how often its interval holds that, and the interval's width over that of repeated
measurements; .90 to .98 is wanted of the second. `--slow` takes those as well that train models.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from sparring.base.draws import Key
from sparring.kinds.scores import metric
from sparring.kinds.tables.metrics.columns import ColumnView, TableView
from sparring.metrics import Features, Views
from sparring.metrics.intervals import NORMAL_95

IMAGES = ("fid", "kid", "precision", "recall", "density", "coverage", "diversity", "is")
TABLES = ("column_shapes", "column_pairs", "copies", "near_copies", "closest_record", "membership")
SLOW = ("memorisation", "two_sample", "utility")
CHOICES = 6
"""Of every other column of a table."""


class Held(NamedTuple):
    """What intervals of repeated measurements come to."""

    mean: float
    share: float
    """How often an interval holds the mean."""
    width: float
    """Of intervals, over that of the values."""


def features(count: int, width: int, shift: float, source: np.random.Generator) -> Features:
    """Normal, with correlated columns, every other one of which is cut into choices in the rows beside."""
    values = source.normal(size=(count, width)) + 0.5 * source.normal(size=(count, 1)) + shift
    rows = values.copy()
    rows[:, 1::2] = np.clip(np.floor(rows[:, 1::2] + CHOICES / 2), 0, CHOICES - 1)
    points = torch.from_numpy(values)
    return Features(points, points.softmax(1), torch.from_numpy(rows))


def table(width: int) -> TableView:
    columns = [
        ColumnView(f"x{place}", "category" if place % 2 else "float", CHOICES * (place % 2)) for place in range(width)
    ]
    return TableView(tuple(columns), target=0)


def measured(
    names: Sequence[str], sets: int, real: int, fake: int, width: int, shift: float, seed: int = 0
) -> dict[str, Held]:
    """Of each of these metrics, over so many draws of real, generated and training samples."""
    found: dict[str, list[tuple[float, float, float]]] = {name: [] for name in names}
    for number in range(sets):
        source = np.random.default_rng([seed, number])
        views = Views(
            heldout=features(real, width, 0.0, source),
            fake=features(fake, width, shift, source),
            train=features(real, width, 0.0, source),
            key=Key(number),
            about=table(width),
        )
        for name in names:
            score = metric(name)(views)
            found[name].append((score.value, *score.interval))
    return {name: held(np.array(scores)) for name, scores in found.items()}


def held(scores: NDArray[np.float64]) -> Held:
    """Of values with their intervals, [n, 3]."""
    value, low, high = scores.T
    mean, spread = float(value.mean()), float(value.std(ddof=1))
    inside = float(((low - 1e-12 <= mean) & (mean <= high + 1e-12)).mean())
    return Held(mean, inside, float((high - low).mean()) / (2 * NORMAL_95 * spread) if spread > 0 else float("inf"))


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name, default in (("sets", 400), ("real", 300), ("fake", 300), ("width", 6), ("shift", 0.5)):
        options.add_argument(f"--{name}", type=type(default), default=default)
    options.add_argument("--slow", action="store_true")
    said = options.parse_args()
    names = (*IMAGES, *TABLES, *(SLOW if said.slow else ()))
    for name, one in measured(names, said.sets, said.real, said.fake, said.width, said.shift).items():
        print(f"{name:16} mean {one.mean:8.4f}   held {one.share:.3f}   width {one.width:.2f}", flush=True)


if __name__ == "__main__":
    main()
