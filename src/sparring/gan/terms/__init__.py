"""Terms: summands of one player's loss beside the objective. Each is a function of the turn, giving a scalar."""

from __future__ import annotations

from sparring.gan.terms.base import Term
from sparring.gan.terms.consistency import Consistency
from sparring.gan.terms.likeness import Contrastive, Cycle, Identity, LayerMatching, Reconstruction
from sparring.gan.terms.matching import FeatureMatching
from sparring.gan.terms.penalties import R1, R2, Dragan, GradientPenalty
from sparring.gan.terms.weights import L1, L2

TERMS: tuple[type[Term], ...] = (
    *(R1, R2, GradientPenalty, Dragan, Consistency, FeatureMatching),
    *(Reconstruction, LayerMatching, Cycle, Identity, Contrastive, L1, L2),
)
"""The terms that a recipe can choose, beside those that kinds of data bring."""

__all__ = [
    "L1",
    "L2",
    "R1",
    "R2",
    "TERMS",
    "Consistency",
    "Contrastive",
    "Cycle",
    "Dragan",
    "FeatureMatching",
    "GradientPenalty",
    "Identity",
    "LayerMatching",
    "Reconstruction",
    "Term",
]
