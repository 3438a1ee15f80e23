"""Two paired rows of scores, what they say of each other, and the verdicts of a family of such contrasts."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from sparring.metrics import Better, Interval
from sparring.metrics.inference import (
    LEVEL,
    Spread,
    Vector,
    equivalence,
    equivalence_of_logs,
    holm,
    rank_sum,
    ratio_interval,
    seeds_for_ranks,
    seeds_for_student,
    signed_ranks,
    t_test,
)
from sparring.pages.naming import titled

Verdict = Literal["better", "worse", "equivalent", "cannot tell", "failed"]
Method = Literal["student", "ranks", "none"]
Scale = Literal["ratio", "difference"]
"""Ratios, by logs of scores above 0, or plain differences."""


@dataclass(frozen=True)
class Yardsticks:
    """How the scores of a study are judged."""

    metric: str
    better: Better
    scale: Scale
    margin: float
    """Ratios of means between 1 / (1 + margin) and 1 + margin count as equivalent."""
    extractor: str = ""
    """Of whose features the metric is, where it is of any."""

    @property
    def title(self) -> str:
        """The metric's name as a person is to read it."""
        return titled(self.metric, self.extractor)

    @property
    def gain(self) -> int:
        """1 where more is better, else -1."""
        return 1 if self.better == "higher" else -1


@dataclass(frozen=True, eq=False)
class Contrast:
    """Scores of an arm, and of what it is held against, by seed."""

    arm: str
    against: str
    first: Vector
    """Of the seeds that both have; not a number where the run failed."""
    second: Vector

    @property
    def failed(self) -> tuple[int, int]:
        """Failed runs on either side."""
        return int(np.isnan(self.first).sum()), int(np.isnan(self.second).sum())


@dataclass(frozen=True)
class Measured:
    """What a contrast says by itself."""

    difference: float | None = None
    """Mean of first less second, over seeds in which neither failed; None for none."""
    interval: Interval | None = None
    """Student's, 95 %; None for fewer than two such seeds."""
    percent: float | None = None
    """The difference in percent of the second's mean, on the ratio scale of geometric means; None where that mean
    cannot be told from 0."""
    percent_interval: Interval | None = None
    p: float | None = None
    """Two-sided, of no difference; None where there is nothing to test."""
    p_equivalent: float | None = None
    """Of a difference beyond the margin; None where the margin has no meaning."""
    gain: float = 0.0
    """Above 0 where the first is better."""
    method: Method = "none"


@dataclass(frozen=True)
class Judged:
    """What a contrast says as one of a family."""

    contrast: Contrast
    measured: Measured
    p_holm: float | None
    p_equivalent: float | None
    """Corrected, too."""
    verdict: Verdict
    needs: int | None
    """About so many more seeds would tell a difference of the size seen; None where that takes over 1,000 seeds, or
    where nothing is asked for."""
    words: str = ""
    """All of it in a sentence."""

    @property
    def n(self) -> int:
        return len(self.contrast.first)


def measure(contrast: Contrast, by: Yardsticks, in_percent: bool = True) -> Measured:
    """Paired Student inference; where a run failed, exact signed ranks, with a failure worse than every score."""
    first, second = contrast.first, contrast.second
    whole = np.isfinite(first) & np.isfinite(second)
    shown = _effect(first[whole], second[whole], by, in_percent)
    if len(first) < 2:
        return Measured(*shown)
    gains = _gains(contrast, by)
    if not whole.all():
        return Measured(*shown, p=signed_ranks(gains), gain=rank_sum(gains), method="ranks")
    size = _size(first, second, by.scale)
    spread = Spread.of(gains, size)
    p_equivalent = None
    if by.scale == "ratio":
        p_equivalent = equivalence_of_logs(gains, by.margin, size)
    elif shown[3] is not None and second.mean() > 0:
        p_equivalent = equivalence(first, second, by.margin)
    if spread.sd == 0:
        # Student's p would be 0 for two alike differences of a coarse score
        gains = np.where(np.abs(gains) <= 1e-12 * size, 0.0, gains)
        return Measured(*shown, signed_ranks(gains), p_equivalent, rank_sum(gains), "ranks")
    return Measured(*shown, t_test(spread), p_equivalent, spread.mean, "student")


_Effect = tuple[float | None, Interval | None, float | None, Interval | None]


def _percent(log: float) -> float:
    """What a difference of logs is in percent; of scores that exploded, a very large number."""
    return 100 * math.expm1(min(log, 600.0))


def _effect(first: Vector, second: Vector, by: Yardsticks, in_percent: bool) -> _Effect:
    """The difference and its percent, each with its interval."""
    if not len(first):
        return None, None, None, None
    difference = float((first - second).mean())
    if len(first) < 2:
        return difference, None, None, None
    interval = Spread.of(first - second, _size(first, second, "difference")).interval
    if not in_percent:
        return difference, interval, None, None
    if by.scale == "ratio":
        logs = Spread.of(np.log(first / second), 1.0)
        low, high = logs.interval
        return difference, interval, _percent(logs.mean), (_percent(low), _percent(high))
    ratio = ratio_interval(first, second)
    if ratio is None or second.mean() <= 0:
        return difference, interval, None, None
    percents = (100 * (ratio[0] - 1), 100 * (ratio[1] - 1))
    return difference, interval, 100 * difference / float(second.mean()), percents


def _gains(contrast: Contrast, by: Yardsticks) -> Vector:
    """By how much the first is better, by seed; without bound where one of the two failed, 0 where both did."""
    first, second = contrast.first, contrast.second
    lost, other_lost = np.isnan(first), np.isnan(second)
    differences = np.log(first / second) if by.scale == "ratio" else first - second
    fallen = np.where(lost & other_lost, 0.0, np.where(lost, -np.inf, np.inf))
    return np.where(lost | other_lost, fallen, by.gain * differences)


def _size(first: Vector, second: Vector, scale: Scale) -> float:
    """Of numbers whose differences are looked at: logs of ratios are exact to about this times the rounding."""
    return 1.0 if scale == "ratio" else float(max(np.abs(first).max(), np.abs(second).max()))


def judge(
    contrasts: Sequence[Contrast],
    by: Yardsticks,
    words: Callable[[Judged, Yardsticks], str],
    in_percent: bool = True,
) -> list[Judged]:
    """The verdicts of a family: at most 5 % of families of equal arms get a "better" or "worse" at all."""
    found = [measure(contrast, by, in_percent) for contrast in contrasts]
    # What cannot be tested counts in the family all the same, as not told
    corrected = holm([1.0 if one.p is None else one.p for one in found])
    equivalent = holm([1.0 if one.p_equivalent is None else one.p_equivalent for one in found])
    level = LEVEL / max(1, sum(p > LEVEL for p in corrected))
    judged = [
        _judged(contrast, one, p, p_equivalent, level, by)
        for contrast, one, p, p_equivalent in zip(contrasts, found, corrected, equivalent, strict=True)
    ]
    return [replace(one, words=words(one, by)) for one in judged]


def _judged(contrast: Contrast, found: Measured, p: float, p_equivalent: float, level: float, by: Yardsticks) -> Judged:
    n, lost = len(contrast.first), contrast.failed[0]
    verdict: Verdict = "cannot tell"
    needs = None
    if n and lost == n:
        verdict = "failed"
    elif found.p is not None and p <= LEVEL:
        verdict = "better" if found.gain > 0 else "worse"
    elif found.p_equivalent is not None and p_equivalent <= LEVEL:
        verdict = "equivalent"
    elif found.p is not None:
        needs = _more_seeds(contrast, found, level, by)
    tested = found.p is not None and verdict != "failed"
    return Judged(
        contrast,
        found,
        p if tested else None,
        p_equivalent if tested and found.p_equivalent is not None else None,
        verdict,
        needs,
    )


def _more_seeds(contrast: Contrast, found: Measured, level: float, by: Yardsticks) -> int | None:
    """Seeds beyond those at hand that would tell a difference as large as the one seen."""
    gains = _gains(contrast, by)
    if found.method == "student":
        spread = Spread.of(gains)
        seeds = seeds_for_student(spread.mean, spread.sd, level)
    else:
        seeds = seeds_for_ranks(gains, level)
    return None if seeds is None else max(1, seeds - len(gains))
