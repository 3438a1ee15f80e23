"""The modern baseline: grouped residual networks without normalisation."""

from __future__ import annotations

import math
from typing import Any

import torch
from pydantic import Field
from torch import Tensor, nn

from sparring.nets.blocks import Conv, Halve, Linear, Net, Pyramid, Resize, Shape, Verdict, doubled, pyramid


class R3gan(Net):
    """Bottleneck blocks of grouped convolutions with fix-up first weights, so that no normalisation is needed (Huang et
    al. 2025, https://arxiv.org/abs/2501.05441; Zhang et al. 2019, https://arxiv.org/abs/1901.09321).

    Here maps are resampled by bilinear interpolation and by averages of four.
    """

    width: int = Field(64, ge=1)
    """Channels of the largest maps; doubled at each smaller size."""
    most: int = Field(256, ge=1)
    """Channels at most."""
    blocks: int = Field(1, ge=1)
    """Residual blocks at each size."""
    group: int = Field(16, ge=1)
    """Channels of one group of the 3 x 3 convolutions."""
    expansion: int = Field(2, ge=1)
    """How many times wider a block is inside."""
    levels: int | None = Field(None, ge=0)
    """How often the size doubles; by default from 4 to 7 pixels on."""
    patch: int = Field(1, ge=1)
    """Edge of the squares of pixels that are folded into channels at the image's side."""
    slope: float = Field(0.2, ge=0, lt=1)
    """The leaky ReLU's."""

    def model_post_init(self, context: Any) -> None:
        for width in (self.width, self.most):
            if width * self.expansion % self.group:
                raise ValueError(f"group: {self.group} does not divide {width * self.expansion} channels")

    def generator(self, latent: int, shape: Shape) -> nn.Module:
        """[batch, latent] to [batch, *shape], not bounded."""
        return R3ganGenerator(self, pyramid(shape, self.levels, self.patch, "r3gan"), latent, shape[0])

    def discriminator(self, shape: Shape) -> nn.Module:
        """[batch, *shape] to a verdict."""
        return R3ganDiscriminator(self, pyramid(shape, self.levels, self.patch, "r3gan"), shape[0])

    def gain(self) -> float:
        """Keeps the variance through the activation."""
        return math.sqrt(2 / (1 + self.slope**2))


class BiasedActivation(nn.Module):
    """Adds a bias a channel, then leaky ReLU. Input and output: [batch, channels, height, width]."""

    def __init__(self, channels: int, slope: float) -> None:
        super().__init__()
        self.bias = nn.Parameter(torch.empty(channels))
        self.act = nn.LeakyReLU(slope)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        nn.init.zeros_(self.bias)

    def forward(self, x: Tensor) -> Tensor:
        biased: Tensor = self.act(x + self.bias.to(x.dtype)[:, None, None])
        return biased


class Bottleneck(nn.Module):
    """x + conv1(act(conv3 grouped(act(conv1(x))))); the last convolution starts at zero, so that the block starts as
    the identity, and the first two are scaled by (blocks of the network)^(-1/4)."""

    def __init__(self, options: R3gan, channels: int, depth: int) -> None:
        super().__init__()
        inside = channels * options.expansion
        gain = options.gain() * depth**-0.25
        self.widen = Conv(channels, inside, 1, bias=False, gain=gain)
        self.act1 = BiasedActivation(inside, options.slope)
        self.mix = Conv(inside, inside, 3, groups=inside // options.group, bias=False, gain=gain)
        self.act2 = BiasedActivation(inside, options.slope)
        self.narrow = Conv(inside, channels, 1, bias=False, std=0.0)

    def forward(self, x: Tensor) -> Tensor:
        total: Tensor = x + self.narrow(self.act2(self.mix(self.act1(self.widen(x)))))
        return total


class Basis(nn.Module):
    """[batch, latent] to the smallest maps: a learned map a channel, scaled by the latent."""

    def __init__(self, latent: int, channels: int, size: tuple[int, int]) -> None:
        super().__init__()
        self.maps = nn.Parameter(torch.empty(channels, *size))
        self.scale = Linear(latent, channels, bias=False, gain=1.0)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        nn.init.normal_(self.maps)

    def forward(self, latents: Tensor) -> Tensor:
        scaled: Tensor = self.maps * self.scale(latents)[:, :, None, None]
        return scaled


class R3ganGenerator(nn.Module):
    """[batch, latent] to [batch, channels, height, width]."""

    def __init__(self, options: R3gan, sizes: Pyramid, latent: int, channels: int) -> None:
        super().__init__()
        widths = list(reversed(doubled(options.width, sizes.levels, options.most)))
        depth = options.blocks * len(widths)
        layers: list[nn.Module] = [Basis(latent, widths[0], sizes.small)]
        for level, width in enumerate(widths):
            if level:
                # Channels change before the size does: the same map, for a quarter of the work
                layers += _change(widths[level - 1], width)
                layers.append(Resize(2, "bilinear"))
            layers += [Bottleneck(options, width, depth) for _ in range(options.blocks)]
        self.layers = nn.Sequential(*layers)
        self.last = Conv(widths[-1], channels * sizes.patch**2, 1, bias=False, gain=1.0)
        self.output = nn.Sequential(*sizes.fit_down())

    def forward(self, latents: Tensor) -> Tensor:
        samples: Tensor = self.output(self.last(self.layers(latents)))
        return samples


class R3ganDiscriminator(nn.Module):
    """[batch, channels, height, width] to logits [batch]."""

    def __init__(self, options: R3gan, sizes: Pyramid, channels: int) -> None:
        super().__init__()
        widths = doubled(options.width, sizes.levels, options.most)
        depth = options.blocks * len(widths)
        layers: list[nn.Module] = [*sizes.fit_up(), Conv(channels * sizes.patch**2, widths[0], 1, bias=False, gain=1.0)]
        for level, width in enumerate(widths):
            if level:
                layers.append(Halve())
                layers += _change(widths[level - 1], width)
            layers += [Bottleneck(options, width, depth) for _ in range(options.blocks)]
        self.layers = nn.Sequential(*layers)
        self.features = widths[-1]
        # One learned map a channel, as the generator's basis; as a product and a sum, for any size of map
        self.maps = nn.Parameter(torch.empty(widths[-1], *sizes.small))
        self.last = Linear(widths[-1], 1, bias=False, gain=1.0)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        nn.init.normal_(self.maps, 0.0, 1 / math.sqrt(self.maps[0].numel()))

    def forward(self, samples: Tensor) -> Verdict:
        features = (self.layers(samples) * self.maps).sum((2, 3))
        return Verdict(self.last(features)[:, 0], features)


def _change(inputs: int, outputs: int) -> list[nn.Module]:
    return [Conv(inputs, outputs, 1, bias=False, gain=1.0)] if inputs != outputs else []
