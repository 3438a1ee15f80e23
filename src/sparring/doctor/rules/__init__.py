"""The rules: each a pure function of a history that gives a finding, or None."""

from __future__ import annotations

from collections.abc import Callable

from sparring.doctor.findings import Finding
from sparring.doctor.history import History
from sparring.doctor.rules.judgment import (
    bounded_logits,
    discriminator_overfitting,
    discriminator_too_weak,
    penalty_dominates,
    penalty_not_working,
    vanishing_gradient,
)
from sparring.doctor.rules.networks import dead_activations, frozen_weights
from sparring.doctor.rules.samples import memorisation, mode_collapse, mode_dropping, poor_samples
from sparring.doctor.rules.scores import converged, past_its_best, still_improving
from sparring.doctor.rules.setup import data_fault, evaluation_fault, slowing_down
from sparring.doctor.rules.stability import diverged, explosion, noisy_gradient, oscillation

RULES: tuple[Callable[[History], Finding | None], ...] = (
    diverged,
    data_fault,
    explosion,
    bounded_logits,
    penalty_not_working,
    penalty_dominates,
    vanishing_gradient,
    discriminator_too_weak,
    discriminator_overfitting,
    mode_collapse,
    mode_dropping,
    memorisation,
    oscillation,
    noisy_gradient,
    dead_activations,
    frozen_weights,
    poor_samples,
    past_its_best,
    evaluation_fault,
    slowing_down,
    still_improving,
    converged,
)
