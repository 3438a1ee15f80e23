"""The discriminator's agreement with itself."""

from __future__ import annotations

from pydantic import Field
from torch import Tensor

from sparring.gan.game import Turn
from sparring.gan.schedules import Schedule
from sparring.gan.terms.base import Term


class Consistency(Term):
    """Two passes over the same reals, equally augmented, with different dropout masks shall agree: max(0, |difference
    of logits| + 0.1 * |difference of features| - margin) (Wei et al. 2018, https://arxiv.org/abs/1803.01541). The
    discriminator needs dropout, or another layer that draws."""

    weight: Schedule = 2.0
    margin: float = Field(0.0, ge=0)
    """The paper's M'."""

    def __call__(self, turn: Turn) -> Tensor:
        first, second = turn.on_real, turn.judge(turn.real, "real")
        distance = (first.logits - second.logits).flatten(1 if first.logits.ndim > 1 else 0)
        apart = distance.norm(dim=1) if distance.ndim > 1 else distance.abs()
        if first.features is not None and second.features is not None:
            apart = apart + 0.1 * (first.features - second.features).norm(dim=1)
        return (apart - self.margin).clamp(min=0).mean()
