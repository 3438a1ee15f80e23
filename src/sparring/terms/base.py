"""What all terms share."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field

from sparring.game import Likeness
from sparring.part import Part
from sparring.schedules import Schedule


class Weighted(Part):
    """A term with its weight."""

    watches: ClassVar[frozenset[str]] = frozenset()
    """The samples of the turn (`real`, `fake`) by which the term takes a gradient."""
    takes_slopes: ClassVar[bool] = False
    """Whether it is made of a gradient of logits, through which the weights' gradients go."""
    sides: ClassVar[frozenset[str]] = frozenset({"discriminator"})
    """The players whose loss it can join."""

    likeness: ClassVar[Likeness | None] = None
    """The likeness that it asks the game for."""

    weight: Schedule = 1.0
    """What it is multiplied by: a number, a schedule, or a controller."""
    every: int = Field(1, ge=1)
    """Act only every so many steps, that much heavier (lazy regularisation: Karras et al. 2019,
    https://arxiv.org/abs/1912.04958)."""
