"""The only training loop. It never asks which kind of data it plays with."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import nullcontext
from itertools import count
from typing import NamedTuple

from torch import Tensor

from sparring.data import Batch
from sparring.draws import Key
from sparring.game import Duel, Losses, Player, Turn, frozen
from sparring.schedules import Now


class Step(NamedTuple):
    """One step of the game, as its consumers see it."""

    number: int
    """The step's number, from 0."""
    turn: Turn | None
    """The last turn that was played in it."""
    discriminator: list[Losses]
    """What each of the discriminator's moves recorded."""
    generator: list[Losses]
    """What each of the generator's moves recorded."""


def play(
    duel: Duel,
    discriminator: Player,
    generator: Player,
    batches: Iterator[Batch],
    backward: Callable[[Tensor], None],
    *,
    key: Key,
    clock: Callable[[int], Now],
    start: int = 0,
) -> Iterator[Step]:
    """Plays steps from `start` without end; the caller's `clock` tells schedules where step `n` stands."""
    for number in count(start):
        now = clock(number)
        record: dict[str, list[Losses]] = {"discriminator": [], "generator": []}
        turn = None
        for player in (discriminator, generator):  # both first: each move sees both networks as this step has them
            player.prepare(now)
        for player in (discriminator, generator):
            with frozen(duel.discriminator) if player is generator else nullcontext():
                for move in range(player.moves(now)):
                    turn = Turn(
                        duel, next(batches), now, player.side, key.at(player.side, number, move), player.watches(now)
                    )
                    record[player.side].append(player.move(turn, backward))
        yield Step(number, turn, record["discriminator"], record["generator"])
