"""Inference from paired scores: Student's t, signed ranks, Holm's correction, equivalence, and how many seeds it takes.

Functions of plain numbers. Differences are of one seed each, so what a seed does to both arms drops out.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import nctdtr, ndtri, stdtr, stdtrit

from sparring.metrics.base import Interval

Vector = NDArray[np.float64]

LEVEL = 0.05
"""Of a family of tests, and one less the confidence of intervals."""
POWER = 0.8
"""With which a number of seeds is to tell a difference."""
MOST_SEEDS = 1000
"""Beyond so many seeds a difference counts as not to be told."""
ROUNDING = 1e-12
"""A standard deviation below this share of the values is their rounding."""


class Spread(NamedTuple):
    """Mean and standard deviation of n >= 2 values."""

    n: int
    mean: float
    sd: float
    """0 where the values are alike up to rounding."""

    @staticmethod
    def of(values: Sequence[float] | Vector, size: float | None = None) -> Spread:
        """`size` is that of the numbers whose differences these are; by default of the values."""
        array = np.asarray(values, dtype=np.float64)
        largest = float(np.abs(array).max()) if size is None else size
        sd = float(array.std(ddof=1))
        return Spread(len(array), float(array.mean()), 0.0 if sd <= ROUNDING * largest else sd)

    @property
    def error(self) -> float:
        return self.sd / math.sqrt(self.n)

    @property
    def interval(self) -> Interval:
        """Student's 95 % interval of the mean."""
        half = student_quantile(self.n) * self.error
        return self.mean - half, self.mean + half


def student_quantile(n: int, level: float = LEVEL) -> float:
    """Of Student's t with n - 1 degrees of freedom, the value exceeded with probability level / 2."""
    return float(stdtrit(n - 1, 1 - level / 2))


def t_test(spread: Spread) -> float:
    """Two-sided p of Student's test that the mean is 0; its standard deviation is above 0."""
    return 2 * float(stdtr(spread.n - 1, -abs(spread.mean) / spread.error))


def below_zero(values: Vector, size: float) -> float:
    """One-sided p of Student's test: small where the mean is surely below 0. Of values that are all alike, as coarse
    scores can be, the sign test's: how many they are is all that they say."""
    spread = Spread.of(values, size)
    if spread.sd == 0:
        return 0.5**spread.n if spread.mean < 0 else 1.0
    return float(stdtr(spread.n - 1, spread.mean / spread.error))


def equivalence(first: Vector, second: Vector, margin: float) -> float:
    """p of two one-sided tests (Schuirmann 1987, https://doi.org/10.1007/BF01068419): small where the ratio of the
    means surely lies between 1 / (1 + margin) and 1 + margin. Tested as mean(first - (1 + margin) second) < 0 and the
    reverse, so that neither mean is taken as known; both are to be above 0."""
    size = float(max(np.abs(first).max(), np.abs(second).max()))
    reach = 1 + margin
    return max(below_zero(first - reach * second, size), below_zero(second - reach * first, size))


def equivalence_of_logs(differences: Vector, margin: float, size: float) -> float:
    """The same of geometric means, by differences of logs."""
    reach = math.log1p(margin)
    return max(below_zero(differences - reach, size), below_zero(-differences - reach, size))


def ratio_interval(first: Vector, second: Vector) -> Interval | None:
    """95 % interval of mean(first) / mean(second) of pairs (Fieller 1954); None where it has no bounds, since the
    second mean cannot be told from 0."""
    n = len(first)
    quantile = student_quantile(n) ** 2 / n
    covariance = np.cov(first, second)
    mean, other = float(first.mean()), float(second.mean())
    leading = other**2 - quantile * float(covariance[1, 1])
    if leading <= 0:
        return None
    middle = mean * other - quantile * float(covariance[0, 1])
    rest = mean**2 - quantile * float(covariance[0, 0])
    root = math.sqrt(max(middle**2 - leading * rest, 0.0))
    return (middle - root) / leading, (middle + root) / leading


def signed_ranks(differences: Vector) -> float:
    """Exact two-sided p of the signed-rank test (Wilcoxon 1945, https://doi.org/10.2307/3001968) that pairs are as
    likely one way round as the other. Differences may be infinite; those of 0 say nothing, equal sizes share their
    mean rank."""
    ranks, positive = _ranked(differences)
    if not len(ranks):
        return 1.0
    doubled = np.rint(2 * ranks).astype(int)
    chances = np.zeros(doubled.sum() + 1)
    chances[0] = 1.0
    for rank in doubled:
        moved = np.zeros_like(chances)
        moved[rank:] = chances[: len(chances) - rank]
        chances = (chances + moved) / 2
    seen = int(doubled[positive].sum())
    return min(1.0, 2 * min(float(chances[: seen + 1].sum()), float(chances[seen:].sum())))


def rank_sum(differences: Vector) -> float:
    """Sum of the signed ranks: above 0 where the differences lean so."""
    ranks, positive = _ranked(differences)
    return float(ranks[positive].sum() - ranks[~positive].sum())


def _ranked(differences: Vector) -> tuple[Vector, NDArray[np.bool_]]:
    """Ranks by size of what is not 0, and which are above 0."""
    kept = differences[differences != 0]
    sizes = np.abs(kept)
    ranks = np.array([((sizes < size).sum() + (sizes <= size).sum() + 1) / 2 for size in sizes], dtype=np.float64)
    return ranks, kept > 0


def holm(chances: Sequence[float]) -> list[float]:
    """p-values corrected for their number (Holm 1979, https://www.jstor.org/stable/4615733): at most 5 % of families
    hold a false one below 5 %."""
    order = sorted(range(len(chances)), key=chances.__getitem__)
    corrected, highest = [1.0] * len(chances), 0.0
    for place, number in enumerate(order):
        highest = max(highest, min(1.0, chances[number] * (len(chances) - place)))
        corrected[number] = highest
    return corrected


def seeds_for_student(mean: float, sd: float, level: float) -> int | None:
    """Seeds with which the paired t-test at this level tells a true difference of such mean and deviation with a power
    of 80 %; None beyond 1,000."""
    if mean == 0 or sd == 0:
        return None if mean == 0 else 2
    if _power(mean / sd, MOST_SEEDS, level) < POWER:
        return None
    return 2 + bisect_left(range(2, MOST_SEEDS), POWER, key=lambda n: _power(mean / sd, n, level))


def _power(effect: float, n: int, level: float) -> float:
    """Of a two-sided paired t-test, by the noncentral t; the far tail is left out."""
    below = float(nctdtr(n - 1, abs(effect) * math.sqrt(n), student_quantile(n, level)))
    return 1.0 if math.isnan(below) else 1 - below  # SciPy gives none for some effects far beyond the quantile


def seeds_for_ranks(differences: Vector, level: float) -> int | None:
    """The same of the signed-rank test (Noether 1987, https://doi.org/10.1080/01621459.1987.10478478), by how many
    sums of two differences lean one way."""
    finite = np.clip(differences, -1e300, 1e300)  # of two failures the other way round the sum is 0
    first, second = np.triu_indices(len(finite), 1)
    sums = finite[first] / 2 + finite[second] / 2
    lean = abs(float((sums > 0).mean() + (sums == 0).mean() / 2) - 0.5)
    if lean == 0:
        return None
    wanted = float(ndtri(1 - level / 2) + ndtri(POWER)) ** 2 / (3 * lean**2)
    seeds = max(math.ceil(wanted), math.ceil(math.log2(2 / level)))
    return seeds if seeds <= MOST_SEEDS else None
