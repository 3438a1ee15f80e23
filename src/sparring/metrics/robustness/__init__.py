"""How robust a generator and its discriminator are: the worst that gradients find, beside random changes as large."""

from __future__ import annotations

from sparring.metrics.robustness.attacks import Attacked, against_random, fgsm, pgd
from sparring.metrics.robustness.balls import Ball
from sparring.metrics.robustness.paths import path_lengths
from sparring.metrics.robustness.scores import ROBUSTNESS

__all__ = ["ROBUSTNESS", "Attacked", "Ball", "against_random", "fgsm", "path_lengths", "pgd"]
