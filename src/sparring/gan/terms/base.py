"""What all terms share."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field
from torch import Tensor

from sparring.base.part import Part
from sparring.gan.game import Likeness, Turn
from sparring.gan.schedules import Schedule


class Term(Part):
    """A summand of one player's loss beside the objective, with its weight."""

    watches: ClassVar[frozenset[str]] = frozenset()
    """The samples of the turn (`real`, `fake`) by which the term takes a gradient."""
    takes_slopes: ClassVar[bool] = False
    """Whether it is made of a gradient of logits, through which the weights' gradients go."""
    of_batches: ClassVar[bool] = False
    """Whether it is a function of the whole batch and no mean over samples, so that parts of it would be other losses:
    then no batch is parted."""
    sides: ClassVar[frozenset[str]] = frozenset({"discriminator"})
    """The players whose loss it can join."""

    likeness: ClassVar[Likeness | None] = None
    """The likeness that it asks the game for."""

    weight: Schedule = 1.0
    """What it is multiplied by: a number, a schedule, or a controller."""
    every: int = Field(1, ge=1)
    """Act only every so many steps, that much heavier (lazy regularisation: Karras et al. 2019,
    https://arxiv.org/abs/1912.04958)."""

    def __call__(self, turn: Turn) -> Tensor:
        """The summand, a scalar, before its weight."""
        raise NotImplementedError
