"""What units and weights tell."""

from __future__ import annotations

import math
from dataclasses import replace

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
    return replace(graded(found, 0.8 * strength), plain=False)  # it is what became of another cause, as a rule


def frozen_weights(history: History) -> Finding | None:
    """A good part of a network's weights never moves; on purpose, maybe, but the samples are poor."""
    still = {name: history.last(name, RECENT) or 0.0 for name in ("g_still", "d_still")}
    worst = max(still, key=lambda name: still[name])
    alive = ramp(history.last(f"{worst[0]}_dead", RECENT) or 0.0, 0.6, 0.3)  # dead units' weights cannot move
    strength = ramp(still[worst], 0.05, 0.2) * _pushed(history, worst[0]) * alive
    if strength <= 0:
        return None
    evidence: Evidence = dict(still)
    since = first(history, worst, lambda value: value > 0.05)
    confidence = weighed(history, 1.0, strength)
    found = Finding("frozen_weights", since, confidence, evidence, ("g_still", "d_still", "g_moved"))
    return graded(found, strength)


def _pushed(history: History, side: str) -> float:
    """Whether a player's weights stand still although they ask for no gradient, or have one: without any they could not
    move if they were free to."""
    steps, values = history.series(f"{side}_gradient")
    if not len(steps) or steps[-1] < history.step:
        return 1.0
    return ramp(math.log10(max(values[-1], 1e-30)), -8.0, -6.0)
