"""Penalties on a network's weights."""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Tensor

from sparring.gan.game import Turn
from sparring.gan.schedules import Schedule
from sparring.gan.terms.base import Term


class L1(Term):
    """Sum of the weights' absolute values; biases and gains are left out."""

    sides: ClassVar[frozenset[str]] = frozenset({"discriminator", "generator"})
    weight: Schedule = 1e-5

    def __call__(self, turn: Turn) -> Tensor:
        return torch.stack([weight.abs().sum() for weight in weights(turn)]).sum()


class L2(Term):
    """Half the sum of the weights' squares; biases and gains are left out."""

    sides: ClassVar[frozenset[str]] = frozenset({"discriminator", "generator"})
    weight: Schedule = 1e-4

    def __call__(self, turn: Turn) -> Tensor:
        return torch.stack([weight.square().sum() for weight in weights(turn)]).sum() / 2


def weights(turn: Turn) -> list[Tensor]:
    """The mover's weight matrices and kernels."""
    return [parameter for parameter in turn.net.parameters() if parameter.ndim > 1 and parameter.requires_grad]
