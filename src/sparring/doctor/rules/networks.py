"""What units and weights tell."""

from __future__ import annotations

from sparring.doctor.findings import Evidence, Finding
from sparring.doctor.history import History
from sparring.doctor.rules.signs import RECENT, first, graded, ramp, weighed


def dead_activations(history: History) -> Finding | None:
    """In one layer most units give the same for every sample."""
    dead = {name: history.last(name, RECENT) or 0.0 for name in ("g_dead", "d_dead")}
    worst = max(dead, key=lambda name: dead[name])
    strength = ramp(dead[worst], 0.5, 0.9)
    if strength <= 0:
        return None
    evidence: Evidence = dict(dead)
    since = first(history, worst, lambda value: value > 0.5)
    found = Finding("dead_activations", since, weighed(history, strength), evidence, ("g_dead", "d_dead"))
    return graded(found, 0.8 * strength)


def frozen_weights(history: History) -> Finding | None:
    """A good part of a network's weights never moves; on purpose, maybe, but the samples are poor."""
    still = {name: history.last(name, RECENT) or 0.0 for name in ("g_still", "d_still")}
    worst = max(still, key=lambda name: still[name])
    strength = ramp(still[worst], 0.1, 0.5)
    if strength <= 0:
        return None
    evidence: Evidence = dict(still)
    since = first(history, worst, lambda value: value > 0.1)
    confidence = weighed(history, 1.0, strength)
    found = Finding("frozen_weights", since, confidence, evidence, ("g_still", "d_still", "g_moved"))
    return graded(found, 0.5 + 0.4 * strength)
