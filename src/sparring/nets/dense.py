"""Dense networks, for points and small images."""

from __future__ import annotations

import math
from typing import Any

from pydantic import Field
from torch import Tensor, nn

from sparring.nets.blocks import Activation, LeakyRelu, Linear, Net, NormName, OutputName, Shape, Verdict, norm, output


class Dense(Net):
    """Layers of every unit to every unit (Goodfellow et al. 2014, https://arxiv.org/abs/1406.2661)."""

    widths: tuple[int, ...] = Field((256, 256), min_length=1)
    """Units of the hidden layers, from the input on."""
    activation: Activation = LeakyRelu()
    """After each hidden layer."""
    norm: NormName = "none"
    """Normalisation before each activation."""
    output: OutputName = "tanh"
    """What bounds the generator's samples; a discriminator gives logits, whatever is said here."""

    def model_post_init(self, context: Any) -> None:
        if min(self.widths) < 1:
            raise ValueError(f"widths: {min(self.widths)} is no number of units")

    def generator(self, latent: int, shape: Shape) -> nn.Module:
        """[batch, latent] to [batch, *shape]."""
        return DenseGenerator(self, latent, shape)

    def discriminator(self, shape: Shape) -> nn.Module:
        """[batch, *shape] to a verdict."""
        return DenseDiscriminator(self, shape)

    def hidden(self, inputs: int) -> nn.Sequential:
        """The hidden layers."""
        layers: list[nn.Module] = []
        for width in self.widths:
            layers.append(Linear(inputs, width, bias=self.norm == "none"))
            if self.norm != "none":
                layers.append(norm(self.norm, width, flat=True))
            layers.append(self.activation.layer())
            inputs = width
        return nn.Sequential(*layers)


class DenseGenerator(nn.Module):
    """[batch, latent] to [batch, *shape]."""

    def __init__(self, options: Dense, latent: int, shape: Shape) -> None:
        super().__init__()
        self.hidden = options.hidden(latent)
        self.last = Linear(options.widths[-1], math.prod(shape))
        self.output = output(options.output)
        self.shape = shape

    def forward(self, latents: Tensor) -> Tensor:
        samples: Tensor = self.output(self.last(self.hidden(latents)))
        return samples.reshape(len(latents), *self.shape)


class DenseDiscriminator(nn.Module):
    """[batch, *shape] to logits [batch], with the last hidden layer as features."""

    def __init__(self, options: Dense, shape: Shape) -> None:
        super().__init__()
        self.hidden = options.hidden(math.prod(shape))
        self.last = Linear(options.widths[-1], 1)
        self.features = options.widths[-1]

    def forward(self, samples: Tensor) -> Verdict:
        features = self.hidden(samples.flatten(1))
        return Verdict(self.last(features)[:, 0], features)
