"""Residual networks with pre-activation, as SNGAN's."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import Literal

from pydantic import Field
from torch import Tensor, nn

from sparring.nets.blocks import (
    Activation,
    Conv,
    Halve,
    Linear,
    Net,
    NormName,
    OutputName,
    Pyramid,
    Relu,
    Shape,
    UpName,
    Verdict,
    doubled,
    norm,
    output,
    pyramid,
    up_conv,
)


class Resnet(Net):
    """Residual blocks at sizes that double from 4 or so to the image's (Miyato et al. 2018,
    https://arxiv.org/abs/1802.05957)."""

    width: int = Field(64, ge=1)
    """Channels of the largest maps; doubled at each smaller size."""
    most: int = Field(256, ge=1)
    """Channels at most."""
    blocks: int = Field(1, ge=1)
    """Residual blocks at each size."""
    levels: int | None = Field(None, ge=0)
    """How often the size doubles; by default from 4 to 7 pixels on."""
    patch: int = Field(1, ge=1)
    """Edge of the squares of pixels that are folded into channels at the image's side."""
    activation: Activation = Relu()
    """Before each convolution."""
    norm: NormName = "batch"
    """Normalisation in the generator; a discriminator has none (give it spectral normalisation by surgery)."""
    up: UpName = "nearest"
    """How the generator enlarges."""
    head: Literal["sum", "flatten"] = "sum"
    """How the discriminator's last maps become features: summed over positions, or all of them."""
    output: OutputName = "tanh"
    """What bounds the generator's samples."""

    def generator(self, latent: int, shape: Shape) -> nn.Module:
        """[batch, latent] to [batch, *shape]."""
        return ResnetGenerator(self, pyramid(shape, self.levels, self.patch, "resnet"), latent, shape[0])

    def discriminator(self, shape: Shape) -> nn.Module:
        """[batch, *shape] to a verdict."""
        return ResnetDiscriminator(self, pyramid(shape, self.levels, self.patch, "resnet"), shape[0])


class UpBlock(nn.Module):
    """Norm, activation, convolution, twice, beside a shortcut; to twice the size with `grow`."""

    def __init__(self, options: Resnet, inputs: int, outputs: int, *, grow: bool) -> None:
        super().__init__()
        self.norm1, self.act1 = norm(options.norm, inputs), options.activation.layer()
        self.conv1 = up_conv(inputs, outputs, 3, options.up) if grow else Conv(inputs, outputs)
        self.norm2, self.act2 = norm(options.norm, outputs), options.activation.layer()
        self.conv2 = Conv(outputs, outputs)
        self.shortcut: nn.Module = nn.Identity()
        if grow:
            self.shortcut = up_conv(inputs, outputs, 1, "shuffle" if options.up == "shuffle" else "nearest")
        elif inputs != outputs:
            self.shortcut = Conv(inputs, outputs, 1)

    def forward(self, x: Tensor) -> Tensor:
        h = self.conv1(self.act1(self.norm1(x)))
        total: Tensor = self.shortcut(x) + self.conv2(self.act2(self.norm2(h)))
        return total


class DownBlock(nn.Module):
    """Activation, convolution, twice, beside a shortcut; to half the size with `shrink`."""

    def __init__(self, options: Resnet, inputs: int, outputs: int, *, shrink: bool, first: bool) -> None:
        super().__init__()
        self.act1 = nn.Identity() if first else options.activation.layer()
        self.conv1 = Conv(inputs, outputs)
        self.act2 = options.activation.layer()
        self.conv2 = Conv(outputs, outputs)
        self.shrink = Halve() if shrink else nn.Identity()
        self.shortcut = Conv(inputs, outputs, 1) if inputs != outputs else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        total: Tensor = self.shortcut(self.shrink(x)) + self.shrink(self.conv2(self.act2(self.conv1(self.act1(x)))))
        return total


class ResnetGenerator(nn.Module):
    """[batch, latent] to [batch, channels, height, width]."""

    def __init__(self, options: Resnet, sizes: Pyramid, latent: int, channels: int) -> None:
        super().__init__()
        widths = list(reversed(doubled(options.width, sizes.levels, options.most)))
        self.first = Linear(latent, widths[0] * math.prod(sizes.small))
        self.small = (widths[0], *sizes.small)
        blocks: list[nn.Module] = []
        for inputs, outputs in pairwise(widths):
            blocks.append(UpBlock(options, inputs, outputs, grow=True))
            blocks += [UpBlock(options, outputs, outputs, grow=False) for _ in range(options.blocks - 1)]
        if not blocks:
            blocks = [UpBlock(options, widths[0], widths[0], grow=False) for _ in range(options.blocks)]
        self.blocks = nn.Sequential(*blocks)
        self.norm, self.act = norm(options.norm, widths[-1]), options.activation.layer()
        self.last = Conv(widths[-1], channels * sizes.patch**2)
        self.output = nn.Sequential(output(options.output), *sizes.fit_down())

    def forward(self, latents: Tensor) -> Tensor:
        maps = self.blocks(self.first(latents).unflatten(1, self.small))
        samples: Tensor = self.output(self.last(self.act(self.norm(maps))))
        return samples


class ResnetDiscriminator(nn.Module):
    """[batch, channels, height, width] to logits [batch], with features after the last block."""

    def __init__(self, options: Resnet, sizes: Pyramid, channels: int) -> None:
        super().__init__()
        widths = doubled(options.width, sizes.levels, options.most)
        self.fit = nn.Sequential(*sizes.fit_up())
        inputs = channels * sizes.patch**2
        blocks: list[nn.Module] = []
        for number, width in enumerate(widths):
            shrinks = number < sizes.levels
            for block in range(options.blocks):
                last = block == options.blocks - 1
                blocks.append(DownBlock(options, inputs, width, shrink=shrinks and last, first=not blocks))
                inputs = width
        self.blocks = nn.Sequential(*blocks)
        self.act = options.activation.layer()
        self.head = options.head
        self.features = inputs * (1 if options.head == "sum" else math.prod(sizes.small))
        self.last = Linear(self.features, 1)

    def forward(self, samples: Tensor) -> Verdict:
        maps = self.act(self.blocks(self.fit(samples)))
        features = maps.sum((2, 3)) if self.head == "sum" else maps.flatten(1)
        return Verdict(self.last(features)[:, 0], features)
