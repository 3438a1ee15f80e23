"""Terms: summands of one player's loss beside the objective. Each is a function of the turn, giving a scalar."""

from __future__ import annotations

from typing import Annotated

from sparring.part import Named, OneOf
from sparring.terms.consistency import Consistency
from sparring.terms.likeness import Contrastive, Cycle, Identity, LayerMatching, Reconstruction
from sparring.terms.matching import Auxiliary, FeatureMatching
from sparring.terms.penalties import R1, R2, Dragan, GradientPenalty
from sparring.terms.weights import L1, L2

Term = Annotated[
    R1
    | R2
    | GradientPenalty
    | Dragan
    | Consistency
    | FeatureMatching
    | Auxiliary
    | Reconstruction
    | LayerMatching
    | Cycle
    | Identity
    | Contrastive
    | L1
    | L2,
    OneOf(),
]
Terms = Annotated[dict[str, Term], Named()]

__all__ = [
    "L1",
    "L2",
    "R1",
    "R2",
    "Auxiliary",
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
    "Terms",
]
