"""Mistakes in the losses: a sign, targets that are none, a sigmoid too many."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor
from tutorial import Tutorial, cross_entropy

from sparring.gan.game import Turn


class WrongSign(Tutorial):
    """The generator's loss carries the minus of the discriminator's."""

    recipe = "classic/two-phase"

    def generator_loss(self, on_fake: Tensor) -> Tensor:
        return -F.logsigmoid(-on_fake).mean()  # -log(1 - D(G(z))); right is +log(1 - D(G(z)))


class ImagesAsTargets(Tutorial):
    """Cross-entropy between images and logits, where it belongs between labels, 1 and 0, and logits."""

    recipe = "classic/tanh-leaky"

    def train_discriminator(self, turn: Turn) -> None:
        real, fake = self.real(turn), self.fake(turn).detach()
        on_real, on_fake = self.judge(real), self.judge(fake)
        loss = cross_entropy(real.flatten(1), on_real[:, None]) + cross_entropy(fake.flatten(1), on_fake[:, None])
        self.d_optimiser.zero_grad()
        loss.backward()
        self.d_optimiser.step()

    def train_generator(self, turn: Turn) -> None:
        real, on_fake = self.real(turn), self.judge(self.fake(turn))
        loss = cross_entropy(real.flatten(1), on_fake[:, None])
        self.g_optimiser.zero_grad()
        loss.backward()
        self.g_optimiser.step()


class SigmoidTwice(Tutorial):
    """The discriminator ends in a sigmoid, and the loss, made for logits, takes another."""

    recipe = "classic/leaky-mlp"

    def judge(self, samples: Tensor) -> Tensor:
        return torch.sigmoid(super().judge(samples))
