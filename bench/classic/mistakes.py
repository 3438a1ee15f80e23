"""All mistakes by name."""

from __future__ import annotations

from dropout import DropoutMissing, OffAtSampling, OnAtSampling, RateAsKeep, RescaledWeights, TestStepTrains
from losses import ImagesAsTargets, SigmoidTwice, WrongSign
from movers import MovesTheJudge, NotDetached, NotDetachedAndKept, OneOptimiser
from shown import LatentsOnce, NoiseAsData, NoiseJoined, UnitDataAgainstTanh
from tutorial import Tutorial

MISTAKES: dict[str, type[Tutorial]] = {
    "test-step-trains": TestStepTrains,
    "rate-as-keep": RateAsKeep,
    "rescaled-weights": RescaledWeights,
    "on-at-sampling": OnAtSampling,
    "off-at-sampling": OffAtSampling,
    "dropout-missing": DropoutMissing,
    "noise-as-data": NoiseAsData,
    "wrong-sign": WrongSign,
    "moves-the-judge": MovesTheJudge,
    "latents-once": LatentsOnce,
    "sigmoid-twice": SigmoidTwice,
    "not-detached": NotDetached,
    "not-detached-and-kept": NotDetachedAndKept,
    "images-as-targets": ImagesAsTargets,
    "noise-joined": NoiseJoined,
    "one-optimiser": OneOptimiser,
    "unit-data-tanh": UnitDataAgainstTanh,
}
