"""Terms of tables alone."""

from __future__ import annotations

from typing import ClassVar

from torch import Tensor

from sparring.base.errors import RequestError
from sparring.gan.game import Turn
from sparring.gan.schedules import Schedule
from sparring.gan.terms.base import Term


class Auxiliary(Term):
    """How badly a network beside the discriminator foretells a row's target from its other columns: the discriminator's
    move has that network learn it on reals, and the generator's has fakes be as it learned (Odena et al. 2017,
    https://arxiv.org/abs/1610.09585; for tables, Zhao et al. 2021, https://arxiv.org/abs/2102.08369). It belongs to
    both players, in the game `table` with `auxiliary`."""

    sides: ClassVar[frozenset[str]] = frozenset({"discriminator", "generator"})
    weight: Schedule = 1.0

    def __call__(self, turn: Turn) -> Tensor:
        verdict = turn.on_real if turn.mover == "discriminator" else turn.on_fake
        if verdict.surprise is None:
            raise RequestError(f"{turn.mover}.terms: auxiliary needs game.table.auxiliary=true, and a target")
        return verdict.surprise.mean()
