"""Where a run stands on its way: past its best, still improving, or at its end. By the first score over steps, or,
where there are too few of these, by how far the averaged generator's samples lie from real ones in fixed features.

Changes are told as parts: of 49 and 137 the second is 1.8 times the first worse, whatever the metric's scale is."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from sparring.doctor.findings import Evidence, Finding
from sparring.doctor.history import History, Numbers, Scored

FEWEST = 4
"""Scores without which nothing is said of the best."""
MARGIN = 0.25
"""How much worse than the best an end is at least."""
FEW = 12
"""Scores below which their scatter cannot be told from their course."""
MARGIN_OF_FEW, SCATTER_OF_FEW = 0.5, 0.1
"""How much worse than the best an end is then; what scores are then taken to scatter by beside what shows."""
NOISE = 4.0
"""How much worse an end is at least, in standard errors of the difference."""
FEWEST_IN_TREND = 5
"""Readings that a trend is read from, at least."""
CHANCE = 0.025
"""Probability up to which readings without a trend would show one as clear."""
LITTLE = 0.05
"""Improvement over the last third that is worth no further training."""
SETTLED = 0.15
"""Change over the last third, either way, that must be ruled out before a run counts as converged."""


class Curve(NamedTuple):
    """Readings over steps, the lower the better."""

    name: str
    steps: Numbers
    values: Numbers
    """Such that a difference is a change by a part: logarithms, where all are above 0."""
    extractor: str = ""
    """Of whose features it is, where it is a score of any."""


def past_its_best(history: History) -> Finding | None:
    """The first score was far better once, and has been far worse for a while."""
    scored = history.scores[0] if history.scores else None
    if scored is None or len(scored.values) < FEWEST or _as_good_as_data(scored):
        return None
    curve = _of_scores(scored)
    count = len(curve.values)
    last, width = max(2, math.ceil(count / 5)), max(1, count // 20)
    level = _smoothed(curve.values, width)[:-last]
    excess = float(np.median(curve.values[-last:]) - level.min())
    noise, margin = scatter(curve.values), MARGIN
    if count < FEW:
        noise, margin = min(noise, SCATTER_OF_FEW + 2 * _off_valley(curve.values)), MARGIN_OF_FEW
    # Of a median, whose standard error is 1.25 times a mean's
    errors = excess / max(1.25 * noise * math.sqrt(1 / last + 1 / (2 * width + 1)), 1e-6)
    # All of the last must be worse: else it swings
    if curve.values[-last:].min() - level.min() < math.log1p(margin) or errors < NOISE:
        return None
    best = int(np.argmin(curve.values[:-last]))
    halfway = np.flatnonzero(level < level.min() + excess / 2)[-1] + 1
    confidence = min(1 - math.log1p(margin) / excess / 2, 1 - (NOISE / errors) ** 2 / 2)
    evidence: Evidence = {
        "metric": scored.metric,
        "best": scored.values[best],
        "best_step": float(scored.steps[best]),
        "last": float(np.median(scored.values[-last:])),
        "worse_by": math.expm1(min(excess, 700.0)),
        "standard_errors": errors,
    }
    if scored.extractor:
        evidence["extractor"] = scored.extractor
    remedy = _stop_earlier(scored, best)
    return Finding("past_its_best", int(curve.steps[halfway]), confidence, evidence, (curve.name,), remedy)


def _as_good_as_data(scored: Scored) -> bool:
    """Whether the last score is about what training samples get: then it can be no better, and was so by chance."""
    if scored.yardstick is None:
        return False
    last, reach = scored.values[-1], 1.5
    return last <= reach * scored.yardstick if scored.better == "lower" else last >= scored.yardstick / reach


def _stop_earlier(scored: Scored, best: int) -> tuple[str, ...]:
    """Scoring while training, as often as it was done, is what patience needs."""
    gap = max(int(np.median(np.diff(np.array((0, *scored.steps))))), 1)
    words = f"stop here: the best checkpoint is of step {scored.steps[best]:,}, where it was kept (--step best)"
    return f"score.every={gap}", "score.patience=5", words


def still_improving(history: History) -> Finding | None:
    """The last third of the readings shows a trend to the better."""
    curve = _watched(history)
    if curve is None or past_its_best(history) is not None:
        return None
    trend = trend_of(curve)
    if trend.chance > CHANCE or trend.change > -LITTLE:
        return None
    remedy = _longer(history, int(curve.steps[-1]))
    return Finding("still_improving", trend.since, 1 - trend.chance, trend.evidence(curve), (curve.name,), remedy)


def _longer(history: History, step: int) -> tuple[str, ...]:
    """Twice the steps where all were taken; its recipe's where the run was a shorter one; a run that goes on needs
    nothing."""
    whole = history.facts.steps
    if whole is None or (step < whole and not history.facts.finished):
        return ()
    return (f"steps={2 * whole if step >= whole else whole}",)


def converged(history: History) -> Finding | None:
    """The last third of the readings shows no trend that is worth more training, nor leaves room for one."""
    curve = _watched(history)
    if curve is None or past_its_best(history) is not None or still_improving(history) is not None:
        return None
    trend = trend_of(curve)
    room = max(map(abs, trend.interval))
    if room > SETTLED:
        return None
    return Finding("converged", trend.since, 1 - room / SETTLED / 2, trend.evidence(curve), (curve.name,))


def _watched(history: History) -> Curve | None:
    """What tells how good the samples are: the first score, else the distance of samples in fixed features."""
    curves = [_of_scores(history.scores[0])] if history.scores else []
    curves.append(_curve("distance", *history.series("distance")))
    return next((curve for curve in curves if len(curve.values) > FEWEST_IN_TREND), None)


def _of_scores(scored: Scored) -> Curve:
    steps, values = (np.array(numbers, dtype=np.float64) for numbers in (scored.steps, scored.values))
    return _curve(scored.metric, steps, values, lower=scored.better == "lower")._replace(extractor=scored.extractor)


def _curve(name: str, steps: Numbers, values: Numbers, *, lower: bool = True) -> Curve:
    sign = 1.0 if lower else -1.0
    if len(values) and values.min() > 0:
        return Curve(name, steps, sign * np.log(values))
    # Scores about 0 are parts of how far they went in all
    reach = 0.2 * float(np.ptp(values)) if len(values) else 1.0
    return Curve(name, steps, sign * values / (reach or 1.0))


def _smoothed(values: Numbers, width: int) -> Numbers:
    """The median of each with so many on either side; at the ends, where there is one neighbour alone, the worse of
    the two: one lucky score is no best."""
    found = [np.median(values[max(n - width, 0) : n + width + 1]) for n in range(len(values))]
    if width == 1:
        found[0], found[-1] = values[:2].max(), values[-2:].max()
    return np.array(found)


def scatter(values: Numbers) -> float:
    """The standard deviation of single readings about their course, from how each differs from the line through its
    neighbours: a steady course leaves no trace in it, and single readings far off little."""
    second = np.abs(values[2:] - 2 * values[1:-1] + values[:-2])
    # The median of few is often small by chance
    return float(np.median(second)) * 1.4826 / math.sqrt(6) * (1 + 3 / len(second)) if len(second) else math.inf


def _off_valley(values: Numbers) -> float:
    """How far values lie from a way down to the best and up from there, root mean square; 0 where they are one."""
    best = int(np.argmin(values))
    down, up = values[: best + 1], values[best:]
    off = np.concatenate((down - np.minimum.accumulate(down), np.maximum.accumulate(up) - up))
    return float(np.sqrt(np.mean(off**2)))


class Trend(NamedTuple):
    """What the last third of a curve shows."""

    since: int
    readings: int
    change: float
    """Over that third, by the median of all slopes (Theil 1950, Sen 1968)."""
    interval: tuple[float, float]
    """Between which it is, with a probability of 90 %."""
    chance: float
    """Of a trend to the better as clear as this where there is none (Mann 1945)."""

    def evidence(self, curve: Curve) -> Evidence:
        by: Evidence = {"extractor": curve.extractor} if curve.extractor else {}
        found: Evidence = {"curve": curve.name, "change": self.change, "chance": self.chance}
        return found | {"readings": float(self.readings)} | by


def trend_of(curve: Curve) -> Trend:
    """The trend of the last third, or of the last few readings."""
    count = max(FEWEST_IN_TREND, math.ceil(len(curve.values) / 3))
    steps, values = curve.steps[-count:], curve.values[-count:]
    first, second = np.triu_indices(count, 1)
    slopes = np.sort((values[second] - values[first]) / (steps[second] - steps[first]))
    sigma = math.sqrt(count * (count - 1) * (2 * count + 5) / 18)
    beyond = max(math.floor((len(slopes) - 1.645 * sigma) / 2), 0)
    span = float(steps[-1] - steps[0])
    low, middle, high = (float(slope) * span for slope in (slopes[beyond], np.median(slopes), slopes[-1 - beyond]))
    falls = int(np.sum(np.sign(slopes)))
    chance = 0.5 * math.erfc(-(falls + 1) / sigma / math.sqrt(2))
    return Trend(int(steps[0]), count, middle, (low, high), chance)
