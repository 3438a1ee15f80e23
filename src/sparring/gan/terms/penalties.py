"""Penalties on the discriminator's slope."""

from __future__ import annotations

from abc import abstractmethod
from typing import ClassVar, Literal

import torch
from torch import Tensor

from sparring.base.draws import uniform
from sparring.engine import ranks
from sparring.gan.game import Turn
from sparring.gan.schedules import Schedule
from sparring.gan.terms.base import Term


def slopes(logits: Tensor, samples: Tensor) -> Tensor:
    """The gradient of each sample's logits (summed over heads) by the sample, flattened: [batch, values]."""
    (gradient,) = torch.autograd.grad(logits.sum(), samples, create_graph=True)
    return gradient.flatten(1)


class _Squared(Term):
    """Half the squared slope at samples that the objective judges.

    Under dropout with one mask, its mean is that of the squared slopes of the masked critics: the squared slope of the
    mean critic, and beside it the slope's variance over masks. The product of the slopes under two independent masks
    has the former alone as its mean; a single one may be below zero.
    """

    takes_slopes: ClassVar[bool] = True

    masks: Literal["one", "two", "off"] = "one"
    """Whose slope, where the discriminator drops: `one` mask's, in the pass that the objective made, at no further
    cost; with `two`, that of the mean over masks, without bias, for one more pass; `off`, that of the discriminator
    without dropout, for one more pass. The objective and other terms keep their masks."""

    side: ClassVar[Literal["real", "fake"]]
    """At which samples."""

    def __call__(self, turn: Turn) -> Tensor:
        samples = turn.real if self.side == "real" else turn.fake
        if self.masks == "off":
            slope = slopes(turn.judge(samples, self.side, masks=False).logits, samples)
        else:
            slope = slopes((turn.on_real if self.side == "real" else turn.on_fake).logits, samples)
        if self.masks == "two":
            return (slope * slopes(turn.judge(samples, self.side).logits, samples)).sum(1).mean() / 2
        return slope.square().sum(1).mean() / 2


class R1(_Squared):
    """Half the squared slope at reals (Mescheder et al. 2018, https://arxiv.org/abs/1801.04406)."""

    watches: ClassVar[frozenset[str]] = frozenset({"real"})
    side: ClassVar[Literal["real", "fake"]] = "real"


class R2(_Squared):
    """Half the squared slope at fakes (Mescheder et al. 2018, https://arxiv.org/abs/1801.04406)."""

    watches: ClassVar[frozenset[str]] = frozenset({"fake"})
    side: ClassVar[Literal["real", "fake"]] = "fake"


class _SlopeOne(Term):
    """(|slope| - 1)^2 at samples of its own."""

    takes_slopes: ClassVar[bool] = True

    weight: Schedule = 10.0
    masks: Literal["one", "off"] = "off"
    """Whose slope, where the discriminator drops: with `off`, that of the discriminator without dropout, which a mask
    would hold below 1, since the masked slopes vary around it; with `one`, that under a mask of this pass's own. (No
    product of two slopes is an unbiased length, so there is no `two`.)"""

    @abstractmethod
    def between(self, turn: Turn) -> Tensor:
        """The samples at which the slope is held."""

    def __call__(self, turn: Turn) -> Tensor:
        samples = self.between(turn).detach().requires_grad_()
        logits = turn.judge(samples, "penalised", masks=self.masks == "one").logits
        lengths: Tensor = torch.linalg.vector_norm(slopes(logits, samples), dim=1)
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
        noise = uniform(turn.key.at("dragan", "noise"), _rows(turn), turn.real.shape[1:])
        moved = 0.5 * ranks.std(turn.whole.real.detach()) * noise
        return turn.real + _alpha(turn, "dragan") * moved


def _alpha(turn: Turn, name: str) -> Tensor:
    return uniform(turn.key.at(name, "alpha"), _rows(turn), [1] * (turn.real.ndim - 1))


def _rows(turn: Turn) -> Tensor:
    """Numbers of the reals as the game shows them, of which there are fewer than rows where it packs several in one."""
    return turn.batch.rows[: len(turn.real)]
