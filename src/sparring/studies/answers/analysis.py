"""A study's answers as values, JSON and sentences."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any, NamedTuple

from sparring.metrics import Interval
from sparring.pages.naming import label
from sparring.pages.wording import aligned, interval, megabytes, number
from sparring.studies.answers.contrasts import Judged, Yardsticks
from sparring.studies.answers.costs import Cost
from sparring.studies.answers.phrases import spelled
from sparring.studies.answers.screening import Screened


class Beside(NamedTuple):
    """A score by which nothing is judged, over the runs that have it."""

    mean: float
    interval: Interval | None
    """Student's, 95 %, within the metric's bounds; None for one run."""
    n: int


@dataclass(frozen=True)
class Arm:
    """One setting and its runs on fresh seeds."""

    name: str
    overrides: tuple[str, ...]
    scores: dict[int, float]
    """By seed, not a number where the run failed."""
    mean: float | None
    """Of the runs that did not fail."""
    interval: Interval | None
    """Student's, 95 %, within the metric's bounds; None for fewer than two runs."""
    geometric_mean: float | None
    """Of scores compared by ratio; percents are of these."""
    n: int
    """Runs that did not fail."""
    failed: int
    why: tuple[str, ...]
    """What each failed run ended with."""
    runs: tuple[str, ...]
    """Directories, relative to the study's."""
    cost: Cost
    steps_ms: dict[int, float]
    """By seed, of the runs that did not fail."""
    beside: dict[str, Beside]
    """By metric."""

    @property
    def centre(self) -> float | None:
        """What arms are ranked by."""
        return self.mean if self.geometric_mean is None else self.geometric_mean


@dataclass(frozen=True)
class Recommended:
    """The arm to take; None where every run failed."""

    arm: str | None
    overrides: tuple[str, ...]
    why: str


@dataclass(frozen=True)
class Analysis:
    """All that a study can say."""

    by: Yardsticks
    baseline: str
    arms: list[Arm]
    """The baseline first."""
    comparisons: list[Judged]
    """Every arm against the baseline, and the best against the runner-up."""
    effects: list[Judged]
    """Of a full factorial design: each value of a key against the baseline's, over all values of the other keys."""
    interactions: list[Judged]
    left_out: int
    """Seeds that effects leave out, since an arm failed in them."""
    recommended: Recommended
    screening: list[Screened]
    """Best first; empty without one."""

    def arm(self, name: str) -> Arm:
        return next(arm for arm in self.arms if arm.name == name)

    def sentences(self) -> list[str]:
        """The verdicts, one sentence each."""
        told = [one.words for one in (*self.comparisons, *self.effects, *self.interactions)]
        if self.left_out:
            left = "1 seed" if self.left_out == 1 else f"{self.left_out} seeds"
            told.append(f"what keys do by themselves leaves out {left} in which an arm failed")
        return told

    def lines(self) -> list[str]:
        """What the terminal shows."""

        return [*table(self), "", *self.sentences(), "", f"recommended: {self.recommended.why}"]

    def to_json(self) -> dict[str, Any]:
        """As `results.json` has it."""
        return {
            "metric": self.by.metric,
            "label": label(self.by.metric, self.by.extractor) or spelled(self.by),
            "better": self.by.better,
            "scale": self.by.scale,
            "margin": self.by.margin,
            "baseline": self.baseline,
            "arms": [_arm_json(arm, self.by.metric) for arm in self.arms],
            "comparisons": [_judged_json(one) for one in self.comparisons],
            "main_effects": [_judged_json(one) for one in self.effects],
            "interactions": [_judged_json(one) for one in self.interactions],
            "left_out_seeds": self.left_out,
            "recommended": asdict(self.recommended) | {"overrides": list(self.recommended.overrides)},
            "screening": [one.to_json() for one in self.screening],
        }


def _arm_json(arm: Arm, name: str) -> dict[str, Any]:
    score = {"mean": arm.mean, "interval": None if arm.interval is None else list(arm.interval), "n": arm.n}
    if arm.geometric_mean is not None:
        score["geometric_mean"] = arm.geometric_mean
    seeds = {str(seed): None if math.isnan(value) else value for seed, value in arm.scores.items()}
    return {
        "name": arm.name,
        "overrides": list(arm.overrides),
        "scores": {name: score} | {other: found._asdict() for other, found in arm.beside.items()},
        "seeds": seeds,
        "runs": list(arm.runs),
        "failed": arm.failed,
        "why": list(arm.why),
        "cost": arm.cost._asdict(),
    }


def _judged_json(one: Judged) -> dict[str, Any]:
    found = one.measured
    return {
        "arm": one.contrast.arm,
        "against": one.contrast.against,
        "n": one.n,
        "failed": list(one.contrast.failed),
        "difference": found.difference,
        "interval": None if found.interval is None else list(found.interval),
        "percent": found.percent,
        "percent_interval": None if found.percent_interval is None else list(found.percent_interval),
        "method": found.method,
        "p": found.p,
        "p_holm": one.p_holm,
        "p_equivalent": one.p_equivalent,
        "verdict": one.verdict,
        "needs_seeds": one.needs,
        "words": one.words,
    }


UNKNOWN = "–"


def table(analysis: Analysis) -> list[str]:
    """One line an arm, columns aligned; a line more for each screened arm that has no runs on fresh seeds."""
    name = spelled(analysis.by)
    rows = [("arm", name, "95 %", "seeds", "failed", "step", "memory")]
    for arm in analysis.arms:
        cost = arm.cost
        rows.append(
            (
                arm.name,
                UNKNOWN if arm.mean is None else number(arm.mean),
                interval(arm.interval) or UNKNOWN,
                str(len(arm.scores)),
                str(arm.failed or UNKNOWN),
                UNKNOWN if cost.step_ms is None else f"{number(cost.step_ms)} ms",
                UNKNOWN if cost.peak_mb is None else megabytes(cost.peak_mb),
            )
        )
    lines = aligned(rows)
    known = {arm.name for arm in analysis.arms}
    for one in analysis.screening:
        if one.arm not in known:
            lines.append(f"{one.arm}: {one.state} in the screening after {one.images:,} images, rank {one.rank}")
    return lines
