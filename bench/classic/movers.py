"""Mistakes in who is moved: the wrong player, both at once, or one by the other's loss too."""

from __future__ import annotations

import copy

from torch.utils.flop_counter import FlopCounterMode
from tutorial import Tutorial, should_be_fake, should_be_real

from sparring.gan.game import Turn
from sparring.gan.match import Match
from sparring.recipe import Recipe


class MovesTheJudge(Tutorial):
    """The generator's step goes through a call that updates the discriminator."""

    recipe = "classic/two-phase"

    def train_generator(self, turn: Turn) -> None:
        # discriminator.train_on_batch(generator.predict(z), ones)
        loss = should_be_real(self.judge(self.fake(turn)))
        self.d_optimiser.zero_grad()
        loss.backward()
        self.d_optimiser.step()


class OneOptimiser(Tutorial):
    """One optimiser of all weights minimises the sum of both players' losses."""

    recipe = "classic/tanh-leaky"

    def __init__(self, match: Match, recipe: Recipe) -> None:
        super().__init__(match, recipe)
        both = [*self.generator.parameters(), *self.discriminator.parameters()]
        self.optimiser = recipe.generator.optimiser.build(both)
        match.players["discriminator"].optimiser = self.optimiser

    def train_discriminator(self, turn: Turn) -> None:
        on_real, on_fake = self.judge(self.real(turn)), self.judge(self.fake(turn))
        d_loss = should_be_real(on_real) + should_be_fake(on_fake)
        g_loss = should_be_real(on_fake)
        self.optimiser.zero_grad()
        (d_loss + g_loss).backward()
        self.optimiser.step()

    def train_generator(self, turn: Turn) -> None:
        """Was moved with the discriminator."""


class NotDetached(Tutorial):
    """The discriminator's loss goes back through the generator too; its gradients are cleared before they do harm."""

    recipe = "classic/leaky-mlp"
    telling = "million floating-point operations of one step of the discriminator"

    def train_discriminator(self, turn: Turn) -> None:
        real, fake = self.real(turn), self.fake(turn)  # .detach() is missing
        loss = self.objective.discriminator(self.judge(real), self.judge(fake)).mean()
        self.d_optimiser.zero_grad()
        loss.backward()
        self.d_optimiser.step()

    @staticmethod
    def tell(played: Tutorial) -> float:
        match, state = played.match, copy.deepcopy(played.match.state())
        turn = Turn(match.duel, next(match.batches), match.now(match.step), "discriminator", match.key.at("counted"))
        with FlopCounterMode(display=False) as counter:
            played.train_discriminator(turn)
        match.restore(state)
        return counter.get_total_flops() / 1e6


class NotDetachedAndKept(NotDetached):
    """Not detached, and gradients are cleared after the step: the generator moves by its own and the discriminator's
    loss."""

    telling = ""

    def train_generator(self, turn: Turn) -> None:
        loss = self.generator_loss(self.judge(self.fake(turn)))
        loss.backward()  # adds to the gradients that the discriminator's loss left
        self.g_optimiser.step()
        self.g_optimiser.zero_grad()
