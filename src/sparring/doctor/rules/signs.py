"""What several rules ask of a history."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from sparring.doctor.findings import SURE, Finding
from sparring.doctor.history import History

RECENT = 5
"""Readings over which a rule takes the median."""
EARLY = 0.3
"""Part of a run in which samples may be far from the data without anything being wrong."""
USUAL = 0.85
"""Share of real samples that others of the same distribution cover, at least, where there are enough."""
SETTLED_STEPS = 1500
"""The same in steps, where the length of the run is not known."""


def ramp(value: float | None, low: float, high: float) -> float:
    """0 at `low` and below (above, if `high` is less), 1 at `high` and beyond; 0 where there is no value."""
    if value is None:
        return 0.0
    return min(max((value - low) / (high - low), 0.0), 1.0)


def progress(history: History) -> float:
    """How much of the run is done, in [0, 1]."""
    return min(history.step / max(history.facts.steps or SETTLED_STEPS / EARLY, 1), 1.0)


def lacking(history: History, name: str) -> float | None:
    """How much a share of samples (`covered`, `precise`) falls short of what it is for real ones, in [0, 1]."""
    value = history.last(name, 3)
    return None if value is None else min(max(1 - value / best(history, name), 0.0), 1.0)


def best(history: History, name: str) -> float:
    """What training samples in the fakes' place give; of few of them, what many would."""
    return max(history.data.get(f"best_{name}", 0.0), USUAL)


def far(history: History) -> float:
    """How far the samples are from the data as they stand: 0 as near as a generator that learned well, 1 far."""
    beyond = history.last("residual", 3)
    return max(
        ramp(lacking(history, "covered"), 0.5, 0.8),
        ramp(lacking(history, "precise"), 0.5, 0.85),
        ramp(history.last("distance", 3), 0.4, 0.8),
        ramp(beyond, 1.8, 3.6),
    )


def poor(history: History) -> float:
    """Whether the samples are poor for how much of the run is done, in [0, 1]: early, all are."""
    done = progress(history)
    return far(history) * ramp(done, EARLY / 2, EARLY)


def weighed(history: History, strength: float, certainty: float = 0.0) -> float:
    """The confidence of a finding: by how poor the samples are, and by how plainly its own signs are there. `certainty`
    is that of signs that leave no doubt: with them, less poor samples suffice."""
    harm = min(poor(history) + 0.3 * certainty, 1.0) if poor(history) > 0 else 0.0
    return harm * (0.6 + 0.4 * strength)


def graded(finding: Finding, certainty: float) -> Finding:
    """The finding as it is where it does harm, and else, if its signs are certain, as a notice."""
    if finding.confidence >= SURE or certainty < SURE:
        return finding
    return replace(finding, confidence=certainty, harmless=True)


def first(history: History, name: str, holds: Callable[[float], bool]) -> int:
    """Since when it holds; the last reading where it does not by itself."""
    since = history.since(name, holds)
    return history.step if since is None else since
