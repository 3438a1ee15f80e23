"""What several rules ask of a history."""

from __future__ import annotations

from collections.abc import Callable

from sparring.doctor.history import History

RECENT = 5
"""Readings over which a rule takes the median."""
EARLY = 0.3
"""Part of a run in which samples may be far from the data without anything being wrong."""
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
    """How much a share of samples (`covered`, `precise`) falls short of what training data gives, in [0, 1]."""
    value, best = history.last(name, 3), history.data.get(f"best_{name}")
    return None if value is None or not best else min(max(1 - value / best, 0.0), 1.0)


def far(history: History) -> float:
    """How far the samples are from the data as they stand: 0 as near as a generator that learned well, 1 far."""
    beyond = history.last("residual", 3)
    return max(
        ramp(lacking(history, "covered"), 0.2, 0.6),
        ramp(lacking(history, "precise"), 0.2, 0.6),
        ramp(history.last("distance", 3), 0.15, 0.6),
        ramp(beyond, 1.6, 4.0),
    )


def poor(history: History) -> float:
    """Whether the samples are poor for how much of the run is done, in [0, 1]: early, all are."""
    done = progress(history)
    return far(history) * ramp(done, EARLY / 2, EARLY)


def first(history: History, name: str, holds: Callable[[float], bool]) -> int:
    """Since when it holds; the last reading where it does not by itself."""
    since = history.since(name, holds)
    return history.step if since is None else since
