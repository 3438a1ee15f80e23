"""What in a panel is more than chance: a test for each column, and one for each two columns' going together."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from sparring.kinds.tables.metrics.columns import ColumnView
from sparring.kinds.tables.metrics.rows import Rows
from sparring.kinds.tables.metrics.shapes import codes, shape

LEVEL = 0.05
"""The chance that any column of a table, or any two, are told apart where nothing but chance does it."""
EXPECTED = 5
"""Rows that are expected of a choice on either side, at least, in the test; rarer choices are taken together."""
DRAWS = 60
"""Resamples that a standard error is taken from."""
RESAMPLED = 1000
"""Rows of each, at most; of more the error falls as their root."""
Association = Callable[[Rows, Rows], float | None]
"""How strongly two columns of the same rows go together."""


class Apart(NamedTuple):
    """Two columns that go together otherwise than in real rows, beyond chance."""

    names: tuple[str, str]
    real: float
    synthetic: float
    rows: tuple[int, int]
    """Rows that have both values, real and synthetic."""


def column_chance(column: ColumnView, real: Rows, synthetic: Rows) -> float:
    """The p-value of that two sets of a column's values come from one distribution, missing ones among them: Pearson's
    chi-squared test of choices, and of numbers the Kolmogorov-Smirnov test, asymptotic and, with ties, conservative."""
    from scipy.stats import chi2, kstwobign

    n, m = len(real), len(synthetic)
    if not column.is_choice:
        distance = 1 - shape(column, real, synthetic).value
        return float(kstwobign.sf(distance * math.sqrt(n * m / (n + m))))
    counts = np.stack(
        [np.bincount(codes(side, column.categories), minlength=column.categories + 1) for side in (real, synthetic)]
    )
    rare = counts.sum(0) * min(n, m) / (n + m) < EXPECTED
    counts = np.column_stack((counts[:, ~rare], counts[:, rare].sum(1)))
    counts = counts[:, counts.sum(0) > 0]
    if counts.shape[1] < 2:
        return 1.0
    expected = counts.sum(0) * np.array([[n], [m]]) / (n + m)
    return float(chi2.sf(((counts - expected) ** 2 / expected).sum(), counts.shape[1] - 1))


def pair_is_apart(strength: Association, real: Rows, synthetic: Rows, pairs: int) -> bool:
    """Whether two columns, [n, 2] and [m, 2] without missing values, go together differently in two sets of rows, as
    one test of so many (Bonferroni).

    Strengths of choices are never below 0, and the higher the fewer the rows: so as many rows of either side are
    compared. Their error is that of a bootstrap, and at least 1 / sqrt(n), which is that of two columns that have
    nothing to do with each other, where a bootstrap tells too little."""
    from scipy.special import ndtri

    n = min(len(real), len(synthetic))
    if n < 2:
        return False
    sides = (real[:n], synthetic[:n])
    found = [strength(side[:, 0], side[:, 1]) for side in sides]
    if found[0] is None or found[1] is None:
        return False
    far, limit = abs(found[1] - found[0]), float(-ndtri(LEVEL / (2 * max(pairs, 1))))
    if far <= limit * math.sqrt(2 / n):
        return False
    return far > limit * math.hypot(*(max(_spread(strength, side), 1 / math.sqrt(n)) for side in sides))


def _spread(strength: Association, rows: Rows) -> float:
    """The standard error of a strength, by resamples of its rows, always the same ones."""
    source, count = np.random.default_rng(0), min(len(rows), RESAMPLED)
    drawn = (rows[source.integers(0, len(rows), count)] for _ in range(DRAWS))
    found = [value for some in drawn if (value := strength(some[:, 0], some[:, 1])) is not None]
    return float(np.std(found)) * math.sqrt(count / len(rows)) if len(found) > 1 else math.inf


def both_there(rows: Rows, places: Sequence[int]) -> NDArray[np.float64]:
    """The rows that have values of two columns, [n, 2]."""
    two = rows[:, list(places)]
    return two[~np.isnan(two).any(1)]
