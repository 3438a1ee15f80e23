"""What draws the generator towards the data beside the discriminator's logits."""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Tensor

from sparring.base.errors import RequestError
from sparring.engine import ranks
from sparring.gan.game import Turn
from sparring.gan.terms.base import Term
from sparring.nets import Verdict


class FeatureMatching(Term):
    """The distance between the means of the discriminator's features over fakes and over reals (Salimans et al. 2016,
    https://arxiv.org/abs/1606.03498), and between their standard deviations (Zhao et al. 2021,
    https://arxiv.org/abs/2102.08369)."""

    of_batches: ClassVar[bool] = True
    sides: ClassVar[frozenset[str]] = frozenset({"generator"})
    deviations: bool = True
    """Whether standard deviations are matched too."""

    def __call__(self, turn: Turn) -> Tensor:
        real, fake = _features(turn.on_real).detach(), _features(turn.on_fake)
        apart: Tensor = torch.linalg.vector_norm(_mean(fake) - _mean(real))
        if self.deviations:
            apart = apart + torch.linalg.vector_norm(_deviation(fake) - _deviation(real))
        return apart


def _features(verdict: Verdict) -> Tensor:
    if verdict.features is None:
        raise RequestError("generator.terms: feature_matching needs a discriminator that gives features")
    return verdict.features.to(torch.promote_types(verdict.features.dtype, torch.float32))  # bf16 hides differences


def _mean(features: Tensor) -> Tensor:
    return ranks.total(features.sum(0)) / (len(features) * ranks.count())


def _deviation(features: Tensor) -> Tensor:
    squares = (features - _mean(features)).square().sum(0)
    return (ranks.total(squares) / (len(features) * ranks.count()) + 1e-8).sqrt()
