"""What several rules ask of a history."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from sparring.doctor.findings import CERTAIN, SURE, Finding
from sparring.doctor.history import History

RECENT = 5
"""Readings over which a rule takes the median."""
JUDGED = 0.2
"""Part of a run from which on illnesses are told, but for those that need no time (`Symptom.at_once`)."""
EARLY = 0.4
"""Part of a run in which samples may be far from the data without anything being wrong: sureness of that they should
not be rises from `JUDGED` to here."""
USUAL = 0.85
"""Share of real samples that others of the same distribution cover, at least, where there are enough."""
USUAL_COPIES = 0.05
"""Share of held-out samples that lie as near to a training sample as a copy does, by definition of that."""
PLANE, MANY_VALUES = (0.06, 0.14), (0.24, 0.44)
"""Distances (`doctor.samples`) from near to far: of points with a few values each, and of samples with many."""
BEYOND, BEYOND_OF_ROWS = (1.8, 3.6), (3.6, 7.2)
"""Residuals (`doctor.samples`) from near to far: where a table's column follows from others, what is learned well is
off them by far more than real rows are."""
LATELY = 0.2
"""Part of a run over which samples should come nearer."""
SETTLED_STEPS = 1500
"""The same in steps, where the length of the run is not known."""


def ramp(value: float | None, low: float, high: float) -> float:
    """0 at `low` and below (above, if `high` is less), 1 at `high` and beyond; 0 where there is no value."""
    if value is None:
        return 0.0
    return min(max((value - low) / (high - low), 0.0), 1.0)


def progress(history: History) -> float:
    """How much of the run, or of its recipe, is done, in [0, 1]."""
    return min(history.step / max(history.facts.steps or SETTLED_STEPS / EARLY, 1), 1.0)


def early(history: History) -> bool:
    """Whether so little of the run is done that next to nothing can be said of it."""
    return progress(history) < JUDGED


def lacking(history: History, name: str) -> float | None:
    """How much a share of samples (`covered`, `precise`) falls short of what it is for real ones, in [0, 1]."""
    value = history.last(name, 3)
    return None if value is None else min(max(1 - value / best(history, name), 0.0), 1.0)


def best(history: History, name: str) -> float:
    """What training samples in the fakes' place give; of few of them, what many would."""
    return max(history.data.get(f"best_{name}", 0.0), USUAL)


def far(history: History) -> float:
    """How far the samples are from the data as they stand: 0 as near as a generator that learned well, 1 far."""
    beyond, rows = history.last("residual", 3), history.facts.rows
    plane = beyond is None and not rows  # where neighbourhoods are so narrow that also what is learned well misses many
    return max(
        ramp(lacking(history, "covered"), *((0.65, 0.9) if plane else (0.5, 0.8))),
        ramp(lacking(history, "precise"), *((0.72, 0.95) if plane else (0.5, 0.85))),
        ramp(_distance(history), *(PLANE if plane else MANY_VALUES)),
        ramp(beyond, *(BEYOND_OF_ROWS if rows else BEYOND)),
    )


def _distance(history: History) -> float | None:
    """The distance from the data; of rows, of which few are held out, over what that alone makes it."""
    distance = history.last("distance", 3)
    if distance is None or not history.facts.rows:
        return distance
    return distance - history.data.get("best_distance", 0.0)


def stalled(history: History) -> float:
    """How little nearer the samples came over the last fifth of the run, in [0, 1]: 0 where their distance fell by a
    quarter or more."""
    steps, values = history.series("distance")
    span = LATELY * (history.facts.steps or max(history.step, SETTLED_STEPS))
    before = values[(steps >= history.step - 1.5 * span) & (steps <= history.step - 0.5 * span)]
    now = values[steps > history.step - 0.5 * span]
    if len(before) < 2 or len(now) < 1:
        return 0.0
    return ramp(float(np.median(now)) / max(float(np.median(before)), 1e-12), 0.75, 0.95)


def poor(history: History) -> float:
    """Whether the samples are poor and do not come nearer, in [0, 1]; early in a run all are, and at its end it is all
    the same whether they still do."""
    return far(history) * in_vain(history)


def in_vain(history: History) -> float:
    """How little is to be hoped for from more of the same, in [0, 1]."""
    done = progress(history)
    over = 1.0 if history.facts.spent else ramp(done, 0.8, 0.95)
    return ramp(done, JUDGED, EARLY) * max(over, stalled(history))


def weighed(history: History, strength: float, certainty: float = 0.0) -> float:
    """The confidence of a finding: by how poor the samples are, and by how plainly its own signs are there. `certainty`
    is that of signs that leave no doubt: with them, less poor samples suffice."""
    harm = min(poor(history) + 0.3 * certainty, 1.0) if poor(history) > 0 else 0.0
    return harm * (0.6 + 0.4 * strength)


def graded(finding: Finding, certainty: float) -> Finding:
    """The finding as it is where it does harm, told first if its signs are certain; and else, if they are, a notice."""
    if finding.confidence >= SURE:
        return replace(finding, plain=certainty >= CERTAIN)
    return replace(finding, confidence=certainty, harmless=True) if certainty >= SURE else finding


def peak(history: History, name: str, *, lowest: bool = False) -> float | None:
    """The highest (or lowest) that a series was for five readings in a row, by their medians, since the first third of
    the history: of what a falling learning rate calms at the end."""
    steps, values = history.series(name)
    values = values[steps >= history.step / 3]
    if not len(values):
        return None
    count = max(len(values) - RECENT + 1, 1)
    medians = [float(np.median(values[start : start + RECENT])) for start in range(count)]
    return min(medians) if lowest else max(medians)


def first(history: History, name: str, holds: Callable[[float], bool]) -> int:
    """Since when it holds; the last reading where it does not by itself."""
    since = history.since(name, holds)
    return history.step if since is None else since
