"""Which runs are sick, what the doctor said of them, and how often it was right: arithmetic, no training."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from statistics import median
from typing import Any, NamedTuple

from parts import Case

WORSE = 1.5
"""A run is sick when its score is so many times the median of its setting's healthy runs."""
NAMED = 2
"""The right finding must be among so many first ones."""
SAME = {"diverged": "explosion"}
"""Symptoms that are one to the benchmark: values that are no longer finite have exploded."""


class Played(NamedTuple):
    """A run as the judge sees it."""

    case: Case
    badness: float
    """Its last held-out score, lower is better; infinite where it has none."""
    ratio: float
    """That over the median of its setting's healthy runs."""
    verdict: str
    """The doctor's: `sick`, `too-early` or `healthy`."""
    findings: tuple[str, ...]
    """Symptoms of its findings of illness, in its order."""
    right: frozenset[str]
    """The symptoms that name the cause."""
    onset: int
    """The step at which the cause begins to act."""
    alarm: int | None
    """The first step at which a finding of illness was opened."""
    steps: int

    @property
    def sick(self) -> bool:
        """The truth, by the score alone: whatever was done to it, or not."""
        return self.ratio > WORSE

    @property
    def alarmed(self) -> bool:
        return self.verdict == "sick"

    @property
    def named(self) -> bool:
        return any(SAME.get(symptom, symptom) in self.right for symptom in self.findings[:NAMED])


class Share(NamedTuple):
    """So many of so many, with Wilson's 95 % interval."""

    part: int
    whole: int

    @property
    def value(self) -> float:
        return self.part / self.whole if self.whole else math.nan

    @property
    def interval(self) -> tuple[float, float]:
        return wilson(self.part, self.whole)

    def to_json(self) -> dict[str, Any]:
        return {"part": self.part, "whole": self.whole, "value": self.value, "interval": list(self.interval)}

    def __str__(self) -> str:
        low, high = self.interval
        return f"{self.part} of {self.whole} = {self.value:.3f} ({low:.3f} to {high:.3f})"


def wilson(part: int, whole: int, z: float = 1.959964) -> tuple[float, float]:
    """Wilson's 95 % interval of a share."""
    if whole == 0:
        return math.nan, math.nan
    share, spread = part / whole, z * z / whole
    middle = (share + spread / 2) / (1 + spread)
    half = z * math.sqrt(share * (1 - share) / whole + spread / whole / 4) / (1 + spread)
    return max(0.0, middle - half), min(1.0, middle + half)


def share(runs: Iterable[Played], good: Any) -> Share:
    told = [bool(good(run)) for run in runs]
    return Share(sum(told), len(told))


def badness(scores: Sequence[dict[str, Any]], measure: str, steps: int) -> float:
    """The last score of a run, lower is better: `fid`, or `missed`, one over its coverage.

    A run without a score of its last step has fallen and is as bad as can be.
    """
    if not scores or scores[-1]["step"] < steps:
        return math.inf
    return value_of(scores[-1], measure)


def value_of(line: dict[str, Any], measure: str) -> float:
    scores = line["scores"]
    return inverse(scores["coverage"]["value"]) if measure == "missed" else float(scores["fid"]["value"])


def worst_of(line: dict[str, Any], measure: str) -> float:
    """The bad end of the score's own interval."""
    scores = line["scores"]
    return inverse(scores["coverage"]["interval"][0]) if measure == "missed" else float(scores["fid"]["interval"][1])


def inverse(coverage: float) -> float:
    return 1 / coverage if coverage > 0 else math.inf


def healthy_medians(found: Iterable[tuple[Case, float]]) -> dict[str, float]:
    """The median badness of each setting's healthy runs."""
    by_setting: dict[str, list[float]] = {}
    for case, value in found:
        if not case.cause:
            by_setting.setdefault(case.setting, []).append(value)
    return {setting: median(values) for setting, values in by_setting.items()}


def summary(runs: Sequence[Played]) -> dict[str, Any]:
    """All that is told of a part."""
    sick, well = [run for run in runs if run.sick], [run for run in runs if not run.sick]
    alarms = [run for run in runs if run.alarmed]
    untouched = [run for run in runs if not run.case.cause and not run.sick]
    induced_sick = [run for run in sick if run.case.cause]
    late = [run for run in induced_sick if run.alarm is not None]
    return {
        "runs": {
            "induced": sum(bool(run.case.cause) for run in runs),
            "healthy settings": sum(not run.case.cause for run in runs),
            "sick": len(sick),
            "sick of healthy settings": len(sick) - len(induced_sick),
            "induced and healthy": sum(bool(run.case.cause) for run in well),
        },
        "recall": share(sick, lambda run: run.alarmed).to_json(),
        "precision": share(alarms, lambda run: run.sick).to_json(),
        "false alarms, healthy settings": share(untouched, lambda run: run.alarmed).to_json(),
        "alarms, induced and healthy": share(
            [run for run in well if run.case.cause], lambda run: run.alarmed
        ).to_json(),
        "named among the first two": share(induced_sick, lambda run: run.named).to_json(),
        "by cause": {name: _of_cause(group) for name, group in grouped(runs).items()},
        "confusion": confusion(runs),
        "alarm after onset": {
            "runs": len(late),
            "median steps": median(run.alarm - run.onset for run in late) if late else None,  # type: ignore[operator]
            "median share of the run": (
                median((run.alarm - run.onset) / run.steps for run in late) if late else None  # type: ignore[operator]
            ),
            "before onset": sum(run.alarm < run.onset for run in late),  # type: ignore[operator]
        },
        "wrong": [_wrong(run) for run in runs if _is_wrong(run)],
    }


def grouped(runs: Iterable[Played]) -> dict[str, list[Played]]:
    """Induced runs by their cause."""
    found: dict[str, list[Played]] = {}
    for run in runs:
        if run.case.cause:
            found.setdefault(run.case.cause, []).append(run)
    return found


def _of_cause(runs: Sequence[Played]) -> dict[str, Any]:
    sick = [run for run in runs if run.sick]
    return {
        "runs": len(runs),
        "sick": len(sick),
        "found": sum(run.alarmed for run in sick),
        "named": sum(run.named for run in sick),
        "alarms on those that stayed healthy": sum(run.alarmed for run in runs if not run.sick),
        "first findings": dict(Counter(run.findings[0] if run.findings else "none" for run in sick).most_common()),
    }


def confusion(runs: Iterable[Played]) -> dict[str, dict[str, int]]:
    """Truth against verdict."""
    table = {"sick": {"sick": 0, "healthy": 0}, "healthy": {"sick": 0, "healthy": 0}}
    for run in runs:
        table["sick" if run.sick else "healthy"]["sick" if run.alarmed else "healthy"] += 1
    return table


def _is_wrong(run: Played) -> bool:
    return run.alarmed != run.sick or (run.sick and bool(run.case.cause) and not run.named)


def _wrong(run: Played) -> dict[str, Any]:
    return {
        "run": f"{run.case.setting}/{run.case.name}",
        "ratio": run.ratio,
        "truth": "sick" if run.sick else "healthy",
        "verdict": run.verdict,
        "findings": list(run.findings),
        "right": sorted(run.right),
    }
