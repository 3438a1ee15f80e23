"""The training step as tutorials write it, done right, and the losses that copies of it write out."""

from __future__ import annotations

import copy
import math
from typing import ClassVar

import torch.nn.functional as F
from torch import Tensor, nn

from sparring.data import DataSet
from sparring.gan.game import Turn
from sparring.gan.match import Match
from sparring.recipe import Recipe


class Tutorial:
    """The training step as tutorials write it, done right."""

    recipe: ClassVar[str] = ""
    """The recipe that is copied."""
    both: ClassVar[tuple[str, ...]] = ()
    """What both versions change in it, so that the mistake can be seen."""
    mistaken: ClassVar[tuple[str, ...]] = ()
    """What the mistaken copy alone changes in it."""
    trains: ClassVar[bool] = True
    """Whether the mistake touches the training; one that does not is measured on the correct version's weights."""
    telling: ClassVar[str] = ""
    """What `tell` measures, where scores do not show the mistake."""

    def __init__(self, match: Match, recipe: Recipe) -> None:
        self.match, self.options = match, recipe
        self.generator, self.discriminator = match.generator, match.discriminator
        self.g_optimiser = match.players["generator"].optimiser
        self.d_optimiser = match.players["discriminator"].optimiser
        self.objective = recipe.objective

    def train_discriminator(self, turn: Turn) -> None:
        real, fake = self.real(turn), self.fake(turn).detach()
        loss = self.objective.discriminator(self.judge(real), self.judge(fake)).mean()
        self.d_optimiser.zero_grad()
        loss.backward()
        self.d_optimiser.step()

    def train_generator(self, turn: Turn) -> None:
        loss = self.generator_loss(self.judge(self.fake(turn)))
        self.g_optimiser.zero_grad()
        loss.backward()
        self.g_optimiser.step()

    def real(self, turn: Turn) -> Tensor:
        return turn.batch.samples

    def fake(self, turn: Turn) -> Tensor:
        return turn.duel.game.fake(turn)  # generator(latents), with new latents each time

    def judge(self, samples: Tensor) -> Tensor:
        logits: Tensor = self.discriminator(samples).logits
        return logits

    def generator_loss(self, on_fake: Tensor) -> Tensor:
        return self.objective.generator(None, on_fake).mean()

    def after_step(self, number: int) -> None:
        """What comes after a step, besides."""

    def sampler(self) -> nn.Module:
        """The generator that makes the samples: averaged, in eval mode."""
        return copy.deepcopy(self.match.sampler())

    @staticmethod
    def tell(played: Tutorial) -> float:
        """A number, of either version once it was played, that shows the mistake where scores do not."""
        return math.nan

    @classmethod
    def data(cls, data: DataSet) -> DataSet:
        """The data as the mistaken copy takes them."""
        return data

    def train(self) -> None:
        """Plays all steps; what Sparring draws at a place is drawn here too."""
        match = self.match
        for number in range(match.step, match.steps):
            now, moved = match.now(number), 0
            for player in match.players.values():
                player.prepare(now)
            for side, train in (("discriminator", self.train_discriminator), ("generator", self.train_generator)):
                for move in range(moved := match.players[side].moves(now)):
                    turn = Turn(match.duel, next(match.batches), now, side, match.key.at(side, number, move))  # type: ignore[arg-type]
                    turn.begin()
                    train(turn)
            if match.average is not None and moved:
                match.average.update(number * match.batch, match.batch)
            match.step = number + 1
            self.after_step(number)


def should_be_real(logits: Tensor) -> Tensor:
    """Cross-entropy of logits with the target 1: -log sigmoid(x) = log(1 + exp(-x))."""
    return F.softplus(-logits).mean()


def should_be_fake(logits: Tensor) -> Tensor:
    """Cross-entropy of logits with the target 0: -log(1 - sigmoid(x)) = log(1 + exp(x))."""
    return F.softplus(logits).mean()


def cross_entropy(targets: Tensor, logits: Tensor) -> Tensor:
    """-t log sigmoid(x) - (1 - t) log(1 - sigmoid(x)) for targets in [0, 1]; it stretches shapes to fit, as NumPy."""
    return (F.softplus(logits) - targets * logits).mean()
