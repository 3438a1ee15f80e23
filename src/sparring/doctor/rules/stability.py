"""Numbers that run away."""

from __future__ import annotations

from sparring.doctor.findings import Evidence, Finding
from sparring.doctor.history import History

RECENT = 0.25
"""Part of a history in which a fall still counts, once the run went on after it."""


def diverged(history: History) -> Finding | None:
    """Losses or weights were not finite: for good, or lately."""
    if not history.falls:
        return None
    fall = history.falls[-1]
    step = int(fall.get("since_step", 0))
    gave_up = "back_to_step" not in fall
    if not gave_up and step < (1 - RECENT) * history.step:
        return None
    evidence: Evidence = {"falls": float(len(history.falls)), "last_step": float(step)}
    remedy = tuple(str(word) for word in fall.get("remedy", ()))
    return Finding("diverged", step, 1.0 if gave_up else 0.7, evidence, ("d_loss", "g_loss"), remedy)
