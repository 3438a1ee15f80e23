"""Trainings that run away or go in circles."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from sparring.doctor.findings import Evidence, Finding
from sparring.doctor.history import History
from sparring.doctor.rules.signs import RECENT, first, peak, ramp, weighed

LATELY = 0.25
"""Part of a history in which a fall still counts, once the run went on after it."""
FEW = 8
"""Samples of a batch that are too few."""


def diverged(history: History) -> Finding | None:
    """Losses or weights were not finite: for good, or lately."""
    if not history.falls:
        return None
    fall = history.falls[-1]
    step = int(fall.get("since_step", 0))
    gave_up = "back_to_step" not in fall
    if not gave_up and step < (1 - LATELY) * history.step:
        return None
    evidence: Evidence = {"falls": float(len(history.falls)), "last_step": float(step)}
    return Finding("diverged", step, 1.0 if gave_up else 0.7, evidence, ("d_loss", "g_loss"))


def explosion(history: History) -> Finding | None:
    """Logits far beyond what a loss can use, weights many times what they should be, or a loss that leaps."""
    spread, slope = history.last("logit_std", RECENT), history.last("slope_train", RECENT)
    weight = history.last("d_weight_max", RECENT)
    if spread is None:
        return None
    usable = 50.0 if history.facts.differences_alone else 15.0
    beyond = max(ramp(np.log10(max(spread, 1e-9)), np.log10(usable), np.log10(usable) + 1), ramp(weight, 10, 100))
    leap = peak(history, "d_loss_std")
    strength = max(beyond, 0.0 if leap is None else ramp(np.log10(max(leap, 1e-9)), 0.0, 1.0))
    if strength <= 0:
        return None
    evidence: Evidence = {"logit_std": spread, "slope_train": slope or 0.0, "d_weight_max": weight or 0.0}
    confidence = max(weighed(history, strength, strength), 0.9 * beyond)
    since = first(history, "logit_std", lambda value: value > usable)
    evidence |= {"d_loss_std": leap or 0.0}
    return Finding("explosion", since, confidence, evidence, ("logit_std", "slope_train", "d_loss_std"))


def oscillation(history: History) -> Finding | None:
    """The same latents give other samples at each reading, the weights move far without a direction that lasts, and the
    samples are no better for it."""
    motion, moved, turned = peak(history, "motion"), peak(history, "g_moved"), peak(history, "g_turned", lowest=True)
    if motion is None or turned is None or moved is None:
        return None
    restless = max(ramp(motion, 0.6, 0.85), ramp(moved, 0.25, 0.5)) * ramp(turned, 0.7, 0.3)
    strength = max(restless, _hot(history), _ahead(history) * ramp(motion, 0.4, 0.6))
    if strength <= 0:
        return None
    evidence: Evidence = {"motion": motion, "g_turned": turned, "g_moved": moved}
    if history.facts.rates is not None:
        evidence |= {"d_lr": history.facts.rates[0], "g_lr": history.facts.rates[1]}
    since = first(history, "motion", lambda value: value > 0.3)
    return Finding("oscillation", since, weighed(history, strength), evidence, ("motion", "g_turned", "g_loss"))


def _hot(history: History) -> float:
    """How plainly the recipe asks for overshooting: momentum, and a high learning rate."""
    if history.facts.rates is None:
        return 0.0
    return ramp(history.facts.momentum, 0.5, 0.9) * ramp(np.log10(max(*history.facts.rates, 1e-12)), -3.0, -2.0)


def _ahead(history: History) -> float:
    """How much faster the generator learns than the discriminator, by their rates."""
    if history.facts.rates is None:
        return 0.0
    discriminator, generator = history.facts.rates
    return ramp(np.log10(max(generator, 1e-12) / max(discriminator, 1e-12)), 0.5, 1.0)


def noisy_gradient(history: History) -> Finding | None:
    """Batches of a few samples, and poor samples."""
    batch = history.facts.batch
    if batch is None or batch > FEW:
        return None
    few = ramp(batch, FEW + 4, 4)
    evidence: Evidence = {"batch": float(batch), "d_loss_std": history.last("d_loss_std", RECENT) or 0.0}
    found = Finding("noisy_gradient", 0, weighed(history, few, few), evidence, ("d_loss", "d_loss_std"))
    return replace(found, plain=True)
