"""Mistakes with dropout: how much is dropped, when, and what a test step is."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from tutorial import Tutorial, should_be_real

from sparring.data import Batch, DataSet
from sparring.gan.game import Turn
from sparring.gan.sampling import measuring
from sparring.gan.surgery import random_layers

TEST_EVERY = 6
"""A test step after so many steps: MNIST holds six training images for each test image."""


class RateAsKeep(Tutorial):
    """The drop rate is read as the probability to keep, so that 0.2 drops four values of five."""

    recipe = "classic/dropout-mlp"
    both = ("generator.surgery.dropout.rate=0.2", "discriminator.surgery.dropout.rate=0.2")
    # h = F.dropout(h, 1 - rate)
    mistaken = ("generator.surgery.dropout.rate=0.8", "discriminator.surgery.dropout.rate=0.8")


class RescaledWeights(Tutorial):
    """Weights are multiplied by 1 / (1 - p) at sampling, though inverted dropout did it while training."""

    recipe = "classic/dropout-mlp"
    trains = False

    @torch.no_grad()
    def sampler(self) -> nn.Module:
        net, p = super().sampler(), 0.5
        for layer in [m for m in net.modules() if isinstance(m, nn.Linear)][1:]:  # those that follow dropout
            layer.weight /= 1 - p
        return net


class OnAtSampling(Tutorial):
    """The generator samples in training mode: `eval()` was forgotten."""

    recipe = "classic/dropout-mlp"
    trains = False

    def sampler(self) -> nn.Module:
        return super().sampler().train()  # generator.eval() is missing


class OffAtSampling(Tutorial):
    """Dropout has become the generator's noise, and `eval()` takes it away."""

    recipe = "classic/dropout-dense"
    both = ("generator.surgery.dropout.when=always",)
    trains = False

    def sampler(self) -> nn.Module:
        net = super().sampler()
        for layer in random_layers(net):
            layer.always = False  # generator.eval()
        return net


class DropoutMissing(Tutorial):
    """The text lists dropout, the network has none."""

    recipe = "classic/dropout-mlp"
    mistaken = ("generator.surgery.dropout=null", "discriminator.surgery.dropout=null")


class TestStepTrains(Tutorial):
    """The test step is the training step on test images: it updates the weights."""

    recipe = "classic/dropout-dense"
    both = ("data.mnist.limit=1200",)  # so few that the discriminator overfits, and the test has something to find
    telling = "discriminator's loss on its 200 test images, less its loss on images nobody saw"

    def after_step(self, number: int) -> None:
        if number % TEST_EVERY == TEST_EVERY - 1:
            turn = self.test_turn(number // TEST_EVERY)  # test_step(images):
            self.train_discriminator(turn)
            self.train_generator(turn)

    def test_turn(self, number: int) -> Turn:
        """The next batch of the test images."""
        match, size = self.match, self.match.batch
        place = torch.arange(number * size, (number + 1) * size) % len(test_images(match.data))
        batch = Batch(match.heldout, place, torch.arange(size))
        turn = Turn(match.duel, batch, match.now(match.step), "discriminator", match.key.at("test", number))
        turn.begin()
        return turn

    @staticmethod
    def tell(played: Tutorial) -> float:
        data = played.match.data
        unseen = torch.ones(len(data.samples), dtype=torch.bool)
        unseen[data.train] = unseen[test_images(data)] = False
        return loss_on(played, test_images(data)) - loss_on(played, unseen.nonzero()[:10_000, 0])


def test_images(data: DataSet) -> Tensor:
    """The numbers of the held-out images that are the test set: one for six that are trained on."""
    return data.heldout[: max(1, len(data.train) // TEST_EVERY)]


def loss_on(played: Tutorial, numbers: Tensor) -> float:
    """The discriminator's loss on real images, measured as it should be: no gradient, no dropout, no step."""
    with measuring(played.discriminator):
        return float(should_be_real(played.judge(played.match.data.codec.encode(played.match.data.samples[numbers]))))
