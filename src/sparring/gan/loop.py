"""The only training loop. It never asks which kind of data it plays with."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import nullcontext
from itertools import count
from typing import Literal, NamedTuple

from sparring.base.draws import Key
from sparring.data import Batch
from sparring.gan.game import Duel, Losses, Side, Turn
from sparring.gan.players import Backward, Player, frozen, moved
from sparring.gan.recording import Graphs
from sparring.gan.schedules import Now

UpdateName = Literal["alternating", "simultaneous"]


class Board(NamedTuple):
    """What a game is played with."""

    duel: Duel
    players: tuple[Player, Player]
    """The discriminator, who moves first, and the generator."""
    batches: Iterator[Batch]
    backward: Backward
    graphs: Graphs | None = None
    """What makes moves by replaying recorded ones, where a plan says so."""

    def moved(self, players: Sequence[Player], turn: Turn) -> dict[Side, Losses]:
        """Moves these players at once; gives what each recorded."""
        if self.graphs is not None:
            return self.graphs.moved(players, turn, self.backward)
        return moved(players, turn, self.backward)


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


Record = dict[Side, list[Losses]]
Update = Callable[[Board, Now, Key], tuple[Turn | None, Record]]
"""One step's moves; `Key` is that of the run."""


def alternate(table: Board, now: Now, key: Key) -> tuple[Turn | None, Record]:
    """The discriminator moves, then the generator against what became of it, each as often as its schedule says and on
    a batch of its own (Goodfellow et al. 2014, https://arxiv.org/abs/1406.2661)."""
    duel, record, turn = table.duel, no_moves(), None
    for player in table.players:
        with frozen(duel.discriminator) if player.side == "generator" else nullcontext():
            for move in range(player.moves(now)):
                place = key.at(player.side, now.step, move)
                turn = Turn(duel, next(table.batches), now, player.side, place, player.watches(now))
                record[player.side].append(table.moved([player], turn)[player.side])
    return turn, record


def simultaneous(table: Board, now: Now, key: Key) -> tuple[Turn | None, Record]:
    """Both players move at once, on one batch and one pass of fakes, each against the other as it was: fewer passes a
    step than by turns, and other mathematics (Mescheder et al. 2017, https://arxiv.org/abs/1705.10461)."""
    discriminator, generator = table.players
    watched = discriminator.watches(now) | generator.watches(now)
    turn = Turn(table.duel, next(table.batches), now, "discriminator", key.at("both", now.step), watched, shared=True)
    record = no_moves()
    for side, losses in table.moved(table.players, turn).items():
        record[side].append(losses)
    return turn, record


UPDATES: dict[UpdateName, Update] = {"alternating": alternate, "simultaneous": simultaneous}


def no_moves() -> Record:
    return {"discriminator": [], "generator": []}


def play(table: Board, update: Update, *, key: Key, clock: Callable[[int], Now], start: int = 0) -> Iterator[Step]:
    """Plays steps from `start` without end; the caller's `clock` tells schedules where step `n` stands."""
    for number in count(start):
        now = clock(number)
        for player in table.players:  # both first: each move sees both networks as this step has them
            player.prepare(now)
        turn, record = update(table, now, key)
        yield Step(number, turn, record["discriminator"], record["generator"])
