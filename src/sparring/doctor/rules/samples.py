"""What the samples tell: alike, incomplete, copied."""

from __future__ import annotations

from dataclasses import replace

from sparring.doctor.findings import CERTAIN, SURE, Evidence, Finding
from sparring.doctor.history import History
from sparring.doctor.rules.signs import USUAL_COPIES, best, first, in_vain, lacking, poor, ramp, weighed


def mode_collapse(history: History) -> Finding | None:
    """Samples are much more alike than real ones."""
    spread, twins = history.last("spread", 3), history.last("twins", 3)
    if spread is None:
        return None
    strength = ramp(spread, 0.7, 0.35) * in_vain(history)
    if strength <= 0:
        return None
    evidence: Evidence = {"spread": spread, "twins": twins or 0.0}
    entropy = history.last("entropy", 3)
    if entropy is not None:
        evidence["entropy"] = entropy
    since = first(history, "spread", lambda value: value < 0.7)
    return Finding("mode_collapse", since, strength, evidence, ("spread", "twins", "entropy"))


def mode_dropping(history: History) -> Finding | None:
    """Samples look real, and part of the data is never made."""
    missing, wrong = lacking(history, "covered"), lacking(history, "precise")
    entropy = history.last("entropy", 3)
    if missing is None or wrong is None:
        return None
    uneven = ramp(entropy, 0.95, 0.75) if entropy is not None else 0.0
    strength = max(ramp(missing - wrong, 0.2, 0.5), uneven * ramp(wrong, 0.7, 0.4))
    if strength <= 0:
        return None
    evidence: Evidence = {"covered": history.last("covered", 3) or 0.0, "precise": history.last("precise", 3) or 0.0}
    evidence |= {"best_covered": best(history, "covered"), "best_precise": best(history, "precise")}
    if entropy is not None:
        evidence["entropy"] = entropy
    since = first(history, "covered", lambda value: value < 0.8 * best(history, "covered"))
    return Finding(
        "mode_dropping", since, 0.95 * weighed(history, strength), evidence, ("covered", "precise", "entropy")
    )


def memorisation(history: History) -> Finding | None:
    """Far more samples lie next to a training sample than held-out ones do (a twentieth of them, by definition), and
    than lie next to held-out ones, one by one."""
    copies = history.last("copies", 3)
    if copies is None or history.facts.translates:
        return None
    expected = history.last("copies_expected", 3) or USUAL_COPIES
    many = 0.12 + expected - USUAL_COPIES
    strength = ramp(copies, many, many + 0.28)
    if strength <= 0:
        return None
    evidence: Evidence = {"copies": copies, "expected": expected}
    since = first(history, "copies", lambda value: value > many)
    found = Finding("memorisation", since, 0.45 + 0.55 * strength, evidence, ("copies",))
    return replace(found, plain=strength >= CERTAIN)


def poor_samples(history: History) -> Finding | None:
    """Samples stay far from the data."""
    strength = poor(history)
    if strength <= 0:
        return None
    names = ("distance", "residual", "covered", "precise")
    evidence: Evidence = {name: value for name in names if (value := history.last(name, 3)) is not None}
    since = first(history, "distance", lambda value: value > 0.15)
    confidence = strength if strength < SURE else SURE + 0.3 * (strength - SURE)
    return Finding("poor_samples", since, confidence, evidence, ("distance", "covered", "precise"))
