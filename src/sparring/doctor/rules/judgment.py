"""What the discriminator's judgments tell: too sure, too weak, learned by heart, held too hard or not at all."""

from __future__ import annotations

from dataclasses import replace

from sparring.doctor.findings import CERTAIN, Evidence, Finding
from sparring.doctor.history import History
from sparring.doctor.rules.signs import RECENT, first, graded, ramp, weighed

SURE = 0.97
"""Probability to rank a held-out sample above a fake, beyond which the discriminator is not to be fooled."""


def _apart(history: History) -> tuple[str, float | None]:
    name = "apart_heldout" if len(history.values("apart_heldout", 1)) else "apart_train"
    return name, history.last(name, RECENT)


def vanishing_gradient(history: History) -> Finding | None:
    """The discriminator tells fakes from reals for sure, and the generator's loss is flat there, or it moves too little
    to catch up."""
    name, apart = _apart(history)
    pull, push = history.last("pull", RECENT), history.last("loss_gradient", RECENT)
    g_moved, d_moved = history.last("g_moved", RECENT), history.last("d_moved", RECENT)
    if apart is None:
        return None
    sure = ramp(apart, 0.93, 0.99)
    flat = ramp(pull, 0.1, 0.01) if pull is not None else 0.0
    lame = ramp(g_moved / max(d_moved, 1e-12), 0.7, 0.3) if g_moved is not None and d_moved is not None else 0.0
    strength = sure * max(flat, lame, 0.5)
    if strength <= 0:
        return None
    evidence: Evidence = {name: apart, "pull": pull or 0.0, "loss_gradient": push or 0.0}
    if g_moved is not None and d_moved is not None:
        evidence |= {"g_moved": g_moved, "d_moved": d_moved}
    since = first(history, name, lambda value: value > 0.93)
    confidence = weighed(history, strength, sure * flat)
    found = Finding("vanishing_gradient", since, confidence, evidence, (name, "pull", "loss_gradient"))
    return replace(found, plain=sure * flat >= CERTAIN)


def discriminator_too_weak(history: History) -> Finding | None:
    """Samples are far from the data, and the discriminator ranks them among reals."""
    name, apart = _apart(history)
    if apart is None:
        return None
    g_moved, d_moved = history.last("g_moved", RECENT), history.last("d_moved", RECENT)
    behind = ramp(d_moved / max(g_moved, 1e-12), 0.4, 0.1) if g_moved is not None and d_moved is not None else 0.0
    noisy = ramp(history.facts.dropout, 0.6, 0.8)
    blind = max(ramp(apart, 0.97, 0.75), behind, noisy)
    if blind <= 0:
        return None
    evidence: Evidence = {name: apart, "slope_train": history.last("slope_train", RECENT) or 0.0}
    if history.facts.dropout:
        evidence["dropout"] = history.facts.dropout
    if g_moved is not None and d_moved is not None:
        evidence |= {"g_moved": g_moved, "d_moved": d_moved}
    weak_since = first(history, name, lambda value: value < 0.97) if apart < 0.97 else 0
    since = max(weak_since, first(history, "distance", lambda value: value > 0.15))
    found = Finding("discriminator_too_weak", since, weighed(history, blind), evidence, (name, "d_moved", "distance"))
    return replace(found, plain=noisy >= CERTAIN)


def discriminator_overfitting(history: History) -> Finding | None:
    """It ranks training samples above held-out ones, which are as real."""
    memory, overfit = history.last("memory", RECENT), history.last("overfit", RECENT)
    train, heldout = history.last("apart_train", RECENT), history.last("apart_heldout", RECENT)
    if memory is None or train is None or heldout is None:
        return None
    known = ramp(memory, 0.65, 0.85)
    fooled = known * ramp(heldout, 0.65, 0.45)
    if known <= 0:
        return None
    evidence: Evidence = {"memory": memory, "apart_train": train, "apart_heldout": heldout, "overfit": overfit or 0.0}
    since = first(history, "memory", lambda value: value > 0.62)
    confidence = max(0.9 * fooled, weighed(history, known, known))
    curves = ("memory", "apart_train", "apart_heldout")
    return graded(Finding("discriminator_overfitting", since, confidence, evidence, curves), known)


def bounded_logits(history: History) -> Finding | None:
    """No logit ever leaves [0, 1], where the loss takes the sigmoid of logits."""
    least, most = history.values("logit_least"), history.values("logit_most")
    if len(least) < RECENT or not history.facts.takes_sigmoid:
        return None
    if least.min() < 0 or most.max() > 1:
        return None
    evidence: Evidence = {"logit_least": float(least.min()), "logit_most": float(most.max())}
    confidence = weighed(history, 1.0, 1.0)
    return graded(Finding("bounded_logits", 0, confidence, evidence, ("logit_least", "logit_most")), CERTAIN)


def penalty_not_working(history: History) -> Finding | None:
    """The slope is far beyond what the objective needs it to be, or nothing holds it and the samples are poor."""
    slope = history.last("slope_train", RECENT)
    if slope is None:
        return None
    held = bool(history.facts.penalties) or history.facts.bounded
    steep = ramp(slope, 2.5, 8.0) if history.facts.needs_bound else ramp(slope, 8.0, 30.0)
    strength = max(steep, 0.0 if held else ramp(slope, 0.5, 2.0))
    if strength <= 0:
        return None
    evidence: Evidence = {"slope_train": slope, "slope_fake": history.last("slope_fake", RECENT) or 0.0}
    evidence["held_by"] = ", ".join(history.facts.penalties) or ("a bound" if held else "nothing")
    since = first(history, "slope_train", lambda value: value > (2.5 if history.facts.needs_bound else 0.5))
    found = Finding(
        "penalty_not_working", since, weighed(history, strength, steep), evidence, ("slope_train", "slope_fake")
    )
    return graded(found, steep if history.facts.needs_bound and not held else 0.0)


def penalty_dominates(history: History) -> Finding | None:
    """The penalty is most of the loss, or has left the discriminator next to no slope, and the samples are poor."""
    if not history.facts.penalties:
        return None
    slope, spread = history.last("slope_train", RECENT), history.last("logit_std", RECENT)
    shares = [history.last(f"d_share_{name}", RECENT) for name in history.facts.penalties]
    share = sum(value for value in shares if value is not None)
    if slope is None or spread is None:
        return None
    flat = ramp(spread, 0.02, 0.002)
    strength = max(flat, ramp(share, 0.5, 0.9))
    if strength <= 0:
        return None
    evidence: Evidence = {"share": share, "slope_train": slope, "logit_std": spread}
    since = first(history, "logit_std", lambda value: value < 0.02)
    curves = ("slope_train", "logit_std", *(f"d_share_{name}" for name in history.facts.penalties))
    found = Finding("penalty_dominates", since, weighed(history, strength), evidence, curves)
    return replace(found, plain=flat >= CERTAIN)
