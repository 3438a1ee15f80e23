"""Penalties on the discriminator's slope."""

from __future__ import annotations

from abc import abstractmethod
from typing import ClassVar

import torch
from torch import Tensor

from sparring import ranks
from sparring.draws import uniform
from sparring.game import Turn
from sparring.schedules import Schedule
from sparring.terms.base import Weighted


def slopes(logits: Tensor, samples: Tensor) -> Tensor:
    """The gradient of each sample's logits (summed over heads) by the sample, flattened: [batch, values]."""
    (gradient,) = torch.autograd.grad(logits.sum(), samples, create_graph=True)
    return gradient.flatten(1)


class R1(Weighted):
    """Half the squared slope at reals, in the pass that the objective made (Mescheder et al. 2018,
    https://arxiv.org/abs/1801.04406)."""

    watches: ClassVar[frozenset[str]] = frozenset({"real"})

    def __call__(self, turn: Turn) -> Tensor:
        return slopes(turn.on_real.logits, turn.real).square().sum(1).mean() / 2


class R2(Weighted):
    """Half the squared slope at fakes (Mescheder et al. 2018, https://arxiv.org/abs/1801.04406)."""

    watches: ClassVar[frozenset[str]] = frozenset({"fake"})

    def __call__(self, turn: Turn) -> Tensor:
        return slopes(turn.on_fake.logits, turn.fake).square().sum(1).mean() / 2


class _SlopeOne(Weighted):
    """(|slope| - 1)^2 at samples of its own."""

    weight: Schedule = 10.0

    @abstractmethod
    def between(self, turn: Turn) -> Tensor:
        """The samples at which the slope is held."""

    def __call__(self, turn: Turn) -> Tensor:
        samples = self.between(turn).detach().requires_grad_()
        lengths: Tensor = torch.linalg.vector_norm(slopes(turn.judge(samples, "penalised").logits, samples), dim=1)
        return (lengths - 1).square().mean()


class GradientPenalty(_SlopeOne):
    """Holds the slope to 1 on straight lines between reals and fakes, one uniform place a sample (Gulrajani et al.
    2017, https://arxiv.org/abs/1704.00028)."""

    def between(self, turn: Turn) -> Tensor:
        alpha = _alpha(turn, "gradient_penalty")
        return turn.real + alpha * (turn.fake - turn.real)


class Dragan(_SlopeOne):
    """Holds the slope to 1 around reals: at uniform places between each and itself moved by up to half the batch's
    standard deviation (Kodali et al. 2017, https://arxiv.org/abs/1705.07215)."""

    def between(self, turn: Turn) -> Tensor:
        noise = uniform(turn.key.at("dragan", "noise"), turn.batch.rows, turn.real.shape[1:])
        moved = 0.5 * ranks.std(turn.real.detach()) * noise
        return turn.real + _alpha(turn, "dragan") * moved


def _alpha(turn: Turn, name: str) -> Tensor:
    return uniform(turn.key.at(name, "alpha"), turn.batch.rows, [1] * (turn.real.ndim - 1))
