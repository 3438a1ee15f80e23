"""Mistakes in what is shown to whom: no data, latents beside them, the same latents, another range."""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor, nn
from tutorial import Tutorial, should_be_fake, should_be_real

from sparring.base.draws import Key
from sparring.data import DataSet
from sparring.gan.game import Turn
from sparring.gan.match import Match
from sparring.recipe import Recipe


class NoiseAsData(Tutorial):
    """Noise stands where the data should: a placeholder that was never replaced."""

    recipe = "classic/two-phase"

    def real(self, turn: Turn) -> Tensor:
        return torch.rand_like(turn.batch.samples) * 2 - 1  # real_data = ...


class NoiseJoined(Tutorial):
    """The discriminator is fed the latents joined to the images."""

    recipe = "classic/tanh-leaky"

    def __init__(self, match: Match, recipe: Recipe) -> None:
        super().__init__(match, recipe)
        self.latent = recipe.game.latent
        first = next(m for m in self.discriminator.modules() if isinstance(m, nn.Linear))
        more = nn.Linear(self.latent.size, first.out_features).weight  # the images' weights stay as they were
        first.weight = nn.Parameter(torch.cat((first.weight.detach(), more.detach()), 1))
        self.d_optimiser = recipe.discriminator.optimiser.build(self.discriminator.parameters())
        match.players["discriminator"].optimiser = self.d_optimiser

    def train_discriminator(self, turn: Turn) -> None:
        z = self.latent.draw(turn.key.at("latents"), turn.batch.rows)
        real, fake = turn.batch.samples, self.generator(z).detach()
        loss = should_be_real(self.judge(joined(real, z))) + should_be_fake(self.judge(joined(fake, z)))
        self.d_optimiser.zero_grad()
        loss.backward()
        self.d_optimiser.step()

    def train_generator(self, turn: Turn) -> None:
        z = self.latent.draw(turn.key.at("latents"), turn.batch.rows)
        loss = should_be_real(self.judge(joined(self.generator(z), z)))
        self.g_optimiser.zero_grad()
        loss.backward()
        self.g_optimiser.step()


def joined(images: Tensor, z: Tensor) -> Tensor:
    return torch.cat((images.flatten(1), z), 1)


class LatentsOnce(Tutorial):
    """The latents are drawn once, above the loop."""

    recipe = "classic/leaky-mlp"

    def __init__(self, match: Match, recipe: Recipe) -> None:
        super().__init__(match, recipe)
        self.z = recipe.game.latent.draw(Key(match.seed, "once for all"), torch.arange(match.batch))

    def fake(self, turn: Turn) -> Tensor:
        made: Tensor = self.generator(self.z)
        return made


class UnitDataAgainstTanh(Tutorial):
    """The images are scaled to [0, 1], the generator ends in tanh."""

    recipe = "classic/tanh-leaky"

    @classmethod
    def data(cls, data: DataSet) -> DataSet:
        return replace(data, codec=replace(data.codec, range="unit"))  # images / 255, not images / 127.5 - 1
