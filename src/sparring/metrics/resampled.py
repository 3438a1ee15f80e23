"""Inference from differences over repeated splits of the same rows, whose training and held-out parts overlap.

Such differences are not independent, and Student's interval of them is too short. The corrected resampled t-test
(Nadeau and Bengio 2003, https://doi.org/10.1023/A:1024068626366) adds r / (1 - r) to the 1 / n of the mean's variance,
where r is the held-out part of all rows: with this chance a row that one split holds out is held out by another.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from scipy.special import stdtr

from sparring.metrics.base import Interval
from sparring.metrics.inference import LEVEL, Spread, Vector, holm, signed_ranks, student_quantile, t_test

Verdict = Literal["helps", "harms", "no difference", "cannot tell"]

MOST_SEEDS = 50
"""Beyond so many, more seeds hardly narrow an interval: the rows are the same."""


@dataclass(frozen=True)
class Judgement:
    """What paired differences say, as one of a family."""

    difference: float
    interval: Interval
    """95 %, not corrected for the family."""
    p_holm: float
    """Two-sided, of no difference, corrected for the family."""
    p_equivalent: float
    """Of a difference beyond the margin; corrected, too."""
    verdict: Verdict
    needs: int | None
    """About so many seeds would tell a difference of this size; None where it is told, or 50 would not."""

    def to_json(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in self.__dataclass_fields__} | {"interval": list(self.interval)}


def corrected(differences: Vector, share: float, size: float) -> Spread:
    """Mean and standard deviation, the latter enlarged so that error, interval and test are the corrected ones. `share`
    is the held-out part of all rows, `size` that of the numbers whose differences these are."""
    spread = Spread.of(differences, size)
    return spread._replace(sd=spread.sd * math.sqrt(1 + spread.n * share / (1 - share)))


def judge_splits(pairs: Sequence[tuple[Vector, Vector]], share: float, margin: float) -> list[Judgement]:
    """Verdicts of a family of paired scores over splits, more being better: at most 5 % of families of equals get a
    "helps" or a "harms" at all."""
    spreads, chances, equivalents = [], [], []
    for first, second in pairs:
        size = float(max(np.abs(first).max(), np.abs(second).max()))
        spread = corrected(first - second, share, size)
        spreads.append(spread)
        if spread.sd == 0:  # Student's p would be 0 of a few alike differences of a coarse score
            chances.append(signed_ranks(np.where(np.abs(first - second) <= 1e-12 * size, 0.0, first - second)))
            equivalents.append(0.0 if abs(spread.mean) < margin else 1.0)
        else:
            chances.append(t_test(spread))
            beyond = (margin - abs(spread.mean)) / spread.error
            equivalents.append(float(stdtr(spread.n - 1, -beyond)))
    tested = zip(spreads, holm(chances), holm(equivalents), strict=True)
    return [_judged(spread, p, p_equivalent, share, len(pairs)) for spread, p, p_equivalent in tested]


def _judged(spread: Spread, p: float, p_equivalent: float, share: float, family: int) -> Judgement:
    verdict: Verdict = "cannot tell"
    needs = None
    if p <= LEVEL:
        verdict = "helps" if spread.mean > 0 else "harms"
    elif p_equivalent <= LEVEL:
        verdict = "no difference"
    else:
        needs = _seeds(spread, share, LEVEL / family)
    return Judgement(spread.mean, spread.interval, p, p_equivalent, verdict, needs)


def _seeds(spread: Spread, share: float, level: float) -> int | None:
    """The number of seeds with which a difference of this size and spread would just be told."""
    sd = spread.sd / math.sqrt(1 + spread.n * share / (1 - share))
    for n in range(spread.n + 1, MOST_SEEDS + 1):
        if abs(spread.mean) > student_quantile(n, level) * sd * math.sqrt(1 / n + share / (1 - share)):
            return n
    return None
