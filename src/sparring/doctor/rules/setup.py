"""What is wrong before or beside the training: data, scores, the machine."""

from __future__ import annotations

import numpy as np

from sparring.doctor.findings import Evidence, Finding
from sparring.doctor.history import History
from sparring.doctor.rules.signs import RECENT, ramp

FEWEST_HELD_OUT = 100


def data_fault(history: History) -> Finding | None:
    """Data that lie in another range than the generator's outputs, that hardly vary, or that repeat themselves."""
    data = history.data
    faults: dict[str, float] = {}
    if "data_least" in data and "data_most" in data:
        least, most = data["data_least"], data["data_most"]
        faults["beyond"] = max(ramp(most, 1.02, 1.3), ramp(least, -0.02, -0.3))
        faults["unused"] = ramp(most - least, 0.75, 0.55)
    if "data_scatter" in data:
        faults["flat"] = ramp(data["data_scatter"], 0.02, 0.005)
        faults["wide"] = ramp(data["data_scatter"], 2.0, 5.0)
    faults["constant"] = ramp(data.get("data_constant"), 0.8, 0.99)
    faults["twins"] = ramp(data.get("data_twins"), 0.2, 0.6)
    worst = max(faults, key=lambda name: faults[name])
    if faults[worst] <= 0:
        return None
    evidence: Evidence = {name: value for name, value in data.items() if name.startswith("data_")}
    return Finding("data_fault", 0, 0.4 + 0.6 * faults[worst], {"fault": worst, **evidence}, ("distance", "shift"))


def evaluation_fault(history: History) -> Finding | None:
    """Too few held-out samples for scores to say much, or an average that has not kept up with its generator."""
    heldout = history.data.get("data_heldout")
    if heldout is not None and heldout < FEWEST_HELD_OUT:
        return Finding("evaluation_fault", 0, 0.9, {"heldout": heldout})
    averaged, live = history.last("distance", RECENT), history.last("live_distance", RECENT)
    if averaged is None or live is None:
        return None
    strength = ramp(averaged / max(live, 1e-12), 1.5, 3.0) * ramp(averaged, 0.15, 0.4)
    if strength <= 0:
        return None
    evidence: Evidence = {"distance": averaged, "live_distance": live}
    return Finding("evaluation_fault", history.step, 0.4 + 0.6 * strength, evidence, ("distance", "live_distance"))


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
