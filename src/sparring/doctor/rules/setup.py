"""What is wrong before or beside the training: data, scores, the machine."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from sparring.doctor.findings import SURE, Evidence, Finding
from sparring.doctor.history import History
from sparring.doctor.rules.signs import RECENT, poor, ramp, weighed

FEWEST_HELD_OUT = 100
HALF = 0.5
"""A rate of the generator's dropout beyond which what is left on in training is the lesser part."""


def data_fault(history: History) -> Finding | None:
    """Data that lie in another range than the generator's outputs, that hardly vary, or that repeat themselves."""
    data = history.data
    faults: dict[str, float] = {}
    if "data_least" in data and "data_most" in data:
        least, most = data["data_least"], data["data_most"]
        faults["beyond"] = max(ramp(most, 1.02, 1.3), ramp(least, -0.02, -0.3))
        faults["unused"] = 0.0 if history.facts.single else ramp(most - least, 0.75, 0.55)
    if "data_scatter" in data:
        faults["flat"] = ramp(data["data_scatter"], 0.02, 0.005)
        faults["wide"] = ramp(data["data_scatter"], 2.0, 5.0)
    faults["constant"] = ramp(data.get("data_constant"), 0.8, 0.99)
    faults["twins"] = ramp(data.get("data_twins"), 0.2, 0.6)
    worst = max(faults, key=lambda name: faults[name])
    if faults[worst] <= 0:
        return None
    evidence: Evidence = {name: value for name, value in data.items() if name.startswith("data_")}
    found = Finding("data_fault", 0, 0.4 + 0.6 * faults[worst], {"fault": worst, **evidence}, ("distance", "shift"))
    return replace(found, plain=True)


def evaluation_fault(history: History) -> Finding | None:
    """A generator that samples as it never was in training, an average that has not kept up with it, or too few
    held-out samples for scores to say much."""
    noise = history.facts.generator_dropout
    if noise > HALF and poor(history) >= SURE:
        evidence: Evidence = {"generator_dropout": noise, "distance": history.last("distance", 3) or 0.0}
        confidence = weighed(history, ramp(noise, HALF, 0.75))
        return replace(Finding("evaluation_fault", 0, confidence, evidence, ("distance",)), plain=noise >= 0.7)
    stale = _stale_average(history)
    heldout = history.data.get("data_heldout")
    if stale is None and heldout is not None and heldout < FEWEST_HELD_OUT:
        return Finding("evaluation_fault", 0, 0.9, {"heldout": heldout}, harmless=True)
    return stale


def _stale_average(history: History) -> Finding | None:
    averaged, live = history.last("distance", RECENT), history.last("live_distance", RECENT)
    if averaged is None or live is None:
        return None
    strength = ramp(averaged / max(live, 1e-12), 1.5, 3.0)
    if strength <= 0:
        return None
    evidence: Evidence = {"distance": averaged, "live_distance": live}
    confidence = weighed(history, strength)
    return Finding("evaluation_fault", history.step, confidence, evidence, ("distance", "live_distance"))


def slowing_down(history: History) -> Finding | None:
    """Steps of the last tenth take far longer than those of the run before."""
    steps, seconds = history.series("seconds")
    if len(steps) < 30:
        return None
    pace = np.diff(seconds) / np.diff(steps)
    count = max(len(pace) // 10, 3)
    before, now = float(np.median(pace[:-count])), float(np.median(pace[-count:]))
    if before <= 0 or now < 1.5 * before:
        return None
    evidence: Evidence = {"ms_before": before * 1000, "ms_now": now * 1000}
    return Finding("slowing_down", int(steps[-count]), 0.4 + 0.6 * ramp(now / before, 1.5, 3.0), evidence, ("seconds",))
