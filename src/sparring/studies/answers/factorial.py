"""Full factorial designs: what each key does, averaged over the others, and whether keys depend on each other."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence

import numpy as np

from sparring.metrics.inference import Vector
from sparring.studies.answers.contrasts import Contrast, Scale

Levels = dict[str, list[str]]
"""Each key's values, the baseline's first."""
Cells = dict[tuple[str, ...], Vector]
"""Scores over the same seeds by the keys' values, not a number where the run failed."""


def levels_of(overrides: Sequence[Sequence[str]]) -> Levels | None:
    """The design of arms as `key=value`, the baseline's first; None unless they are all combinations, each once, of two
    keys or more with two values or more."""
    arms = [dict(one.split("=", 1) for one in arm) for arm in overrides]
    keys = list(arms[0])
    if any(set(arm) != set(keys) for arm in arms):
        return None
    levels = {key: list(dict.fromkeys(arm[key] for arm in arms)) for key in keys}
    levels = {key: values for key, values in levels.items() if len(values) > 1}
    combined = {tuple(arm[key] for key in levels) for arm in arms}
    whole = len(combined) == len(arms) == np.prod([len(values) for values in levels.values()])
    return levels if whole and len(levels) > 1 else None


def short_names(keys: Sequence[str]) -> dict[str, str]:
    """Each dotted key by as few of its last parts as tell it from the others."""
    parts = {key: key.split(".") for key in keys}

    def tail(key: str, count: int) -> str:
        return ".".join(parts[key][-count:])

    most = max(len(one) for one in parts.values())
    return {
        key: next(
            (
                tail(key, count)
                for count in range(1, most)
                if all(tail(other, count) != tail(key, count) for other in keys if other != key)
            ),
            key,
        )
        for key in keys
    }


def main_effects(levels: Levels, cells: Cells, scale: Scale) -> list[Contrast]:
    """Each value of each key against the baseline's value of that key."""
    found, names = [], short_names(list(levels))
    for place, (key, values) in enumerate(levels.items()):
        first, *others = values
        base = _averaged([row for at, row in cells.items() if at[place] == first], scale)
        for value in others:
            row = _averaged([row for at, row in cells.items() if at[place] == value], scale)
            found.append(Contrast(f"{names[key]}={value}", f"{names[key]}={first}", row, base))
    return found


def interactions(levels: Levels, cells: Cells, scale: Scale) -> list[Contrast]:
    """For two keys' values: what both together give, against what each alone gives, averaged over the other keys."""
    found, names = [], short_names(list(levels))
    for (i, (key, values)), (j, (other, others)) in itertools.combinations(enumerate(levels.items()), 2):

        def at(value: str, second: str, i: int = i, j: int = j) -> Vector:
            return _averaged([row for at, row in cells.items() if at[i] == value and at[j] == second], scale)

        join: Callable[[Vector, Vector], Vector] = np.multiply if scale == "ratio" else np.add
        for value, second in itertools.product(values[1:], others[1:]):
            together = join(at(value, second), at(values[0], others[0]))
            apart = join(at(value, others[0]), at(values[0], second))
            arm = f"{names[key]}={value} with {names[other]}={second}"
            found.append(Contrast(arm, "each alone", together, apart))
    return found


def cells_of(levels: Levels, arms: Sequence[Sequence[str]], scores: Sequence[Mapping[int, float]]) -> tuple[Cells, int]:
    """The scores of seeds in which no arm failed, and how many seeds are left out."""
    seeds = [seed for seed in scores[0] if all(seed in one for one in scores)]
    whole = [seed for seed in seeds if all(np.isfinite(one[seed]) for one in scores)]
    cells = {}
    for overrides, one in zip(arms, scores, strict=True):
        values = dict(entry.split("=", 1) for entry in overrides)
        cells[tuple(values[key] for key in levels)] = np.array([one[seed] for seed in whole], dtype=np.float64)
    return cells, len(seeds) - len(whole)


def _averaged(rows: Sequence[Vector], scale: Scale) -> Vector:
    """Means by seed, on the ratio scale geometric ones."""
    stacked = np.stack(rows)
    means: Vector = np.exp(np.log(stacked).mean(0)) if scale == "ratio" else stacked.mean(0)
    return means
