"""A light network for few images, with gates from its smallest maps to its largest, as FastGAN's."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import Literal

from pydantic import Field
from torch import Tensor, nn

from sparring.nets.blocks import (
    Conv,
    Halve,
    Linear,
    Net,
    NormName,
    OutputName,
    Pyramid,
    Resize,
    Shape,
    Verdict,
    doubled,
    norm,
    output,
    pyramid,
)

REACH = 4
"""Sizes from the maps that a gate looks at to those that it gates: 4 pixels to 64."""


class Fastgan(Net):
    """Few, wide convolutions; in the generator gated linear units and skip-layer excitation (Liu et al. 2021,
    https://arxiv.org/abs/2101.04775), in the discriminator a mean of two ways down, one of them without a hidden layer.

    Left out are the noise between the generator's layers and the decoders that judge the discriminator's maps.
    """

    width: int = Field(32, ge=1)
    """Channels of the largest maps; doubled at each smaller size."""
    most: int = Field(256, ge=1)
    """Channels at most."""
    levels: int | None = Field(None, ge=0)
    """How often the size doubles; by default from 4 to 7 pixels on."""
    patch: int = Field(1, ge=1)
    """Edge of the squares of pixels that are folded into channels at the image's side."""
    deep: bool = True
    """Whether every other block of the generator has a second convolution, as the original's."""
    gates: bool = True
    """Whether small maps gate the channels of maps four sizes larger, or as much as there is room for."""
    norm: NormName = "batch"
    """Normalisation of both networks, but of the discriminator's first layer."""
    head: Literal["patch", "one"] = "patch"
    """What the discriminator says: a logit for each place of its smallest maps (patch), or one."""
    output: OutputName = "tanh"
    """What bounds the generator's samples."""

    def generator(self, latent: int, shape: Shape) -> nn.Module:
        """[batch, latent] to [batch, *shape]."""
        return FastganGenerator(self, pyramid(shape, self.levels, self.patch, "fastgan"), latent, shape[0])

    def discriminator(self, shape: Shape) -> nn.Module:
        """[batch, *shape] to a verdict."""
        return FastganDiscriminator(self, pyramid(shape, self.levels, self.patch, "fastgan"), shape[0])


class Gated(nn.Module):
    """A convolution, a normalisation, and a gated linear unit: half of the channels pass as far as the other half lets
    them (Dauphin et al. 2017, https://arxiv.org/abs/1612.08083)."""

    def __init__(self, options: Fastgan, inputs: int, outputs: int) -> None:
        super().__init__()
        self.conv = Conv(inputs, 2 * outputs, bias=options.norm == "none")
        self.norm = norm(options.norm, 2 * outputs)
        self.gate = nn.GLU(dim=1)

    def forward(self, x: Tensor) -> Tensor:
        made: Tensor = self.gate(self.norm(self.conv(x)))
        return made


class Excitation(nn.Module):
    """The channels of large maps, each times what small maps say of it, 0 to 1."""

    def __init__(self, inputs: int, small: tuple[int, int], outputs: int) -> None:
        super().__init__()
        places = (min(4, small[0]), min(4, small[1]))  # in which small maps are seen whole
        self.look = nn.Sequential(nn.AdaptiveAvgPool2d(places), nn.Flatten())
        self.inner = Linear(inputs * math.prod(places), outputs)
        self.act = nn.SiLU()
        self.outer = Linear(outputs, outputs)

    def forward(self, small: Tensor, large: Tensor) -> Tensor:
        said = self.outer(self.act(self.inner(self.look(small)))).sigmoid()
        let_through: Tensor = large * said[:, :, None, None].to(large.dtype)
        return let_through


class FastganGenerator(nn.Module):
    """[batch, latent] to [batch, channels, height, width]."""

    def __init__(self, options: Fastgan, sizes: Pyramid, latent: int, channels: int) -> None:
        super().__init__()
        widths = list(reversed(doubled(options.width, sizes.levels, options.most)))
        self.first = Linear(latent, 2 * widths[0] * math.prod(sizes.small))
        self.small = (2 * widths[0], *sizes.small)
        self.start = nn.Sequential(norm(options.norm, 2 * widths[0]), nn.GLU(dim=1))
        self.blocks = nn.ModuleList()
        self.gates = nn.ModuleDict()
        reach = min(REACH, sizes.levels)
        for level, (inputs, outputs) in enumerate(pairwise(widths)):
            layers = [Resize(2, "nearest"), Gated(options, inputs, outputs)]
            if options.deep and level % 2 == 0:
                layers.append(Gated(options, outputs, outputs))
            self.blocks.append(nn.Sequential(*layers))
            seen = level + 1 - reach
            if options.gates and seen >= 0:
                at = (sizes.small[0] * 2**seen, sizes.small[1] * 2**seen)
                self.gates[str(level)] = Excitation(widths[seen], at, outputs)
        self.reach = reach
        self.last = Conv(widths[-1], channels * sizes.patch**2)
        self.output = nn.Sequential(output(options.output), *sizes.fit_down())

    def forward(self, latents: Tensor) -> Tensor:
        maps = [self.start(self.first(latents).unflatten(1, self.small))]
        for level, block in enumerate(self.blocks):
            made = block(maps[-1])
            if str(level) in self.gates:
                made = self.gates[str(level)](maps[level + 1 - self.reach], made)
            maps.append(made)
        samples: Tensor = self.output(self.last(maps[-1]))
        return samples


class TwoWays(nn.Module):
    """To half the size by two convolutions and by averages of four and one: the mean of both."""

    def __init__(self, options: Fastgan, inputs: int, outputs: int) -> None:
        super().__init__()
        plain = options.norm == "none"
        self.deep = nn.Sequential(
            Conv(inputs, outputs, 4, 2, bias=plain),
            norm(options.norm, outputs),
            nn.LeakyReLU(0.2),
            Conv(outputs, outputs, bias=plain),
            norm(options.norm, outputs),
            nn.LeakyReLU(0.2),
        )
        self.short = nn.Sequential(
            Halve(), Conv(inputs, outputs, 1, bias=plain), norm(options.norm, outputs), nn.LeakyReLU(0.2)
        )

    def forward(self, x: Tensor) -> Tensor:
        both: Tensor = (self.deep(x) + self.short(x)) / 2
        return both


class FastganDiscriminator(nn.Module):
    """[batch, channels, height, width] to logits, [batch, places] or [batch], with the last maps as features."""

    def __init__(self, options: Fastgan, sizes: Pyramid, channels: int) -> None:
        super().__init__()
        widths = doubled(options.width, sizes.levels, options.most)
        self.fit = nn.Sequential(*sizes.fit_up())
        self.first = Conv(channels * sizes.patch**2, widths[0])
        self.act = nn.LeakyReLU(0.2)
        self.blocks = nn.Sequential(*[TwoWays(options, inputs, outputs) for inputs, outputs in pairwise(widths)])
        self.patch = options.head == "patch"
        self.features = widths[-1] * math.prod(sizes.small)
        self.last: nn.Module = Conv(widths[-1], 1, 1) if self.patch else Linear(self.features, 1)

    def forward(self, samples: Tensor) -> Verdict:
        maps = self.blocks(self.act(self.first(self.fit(samples))))
        features = maps.flatten(1)
        if self.patch:
            return Verdict(self.last(maps).flatten(1), features)
        return Verdict(self.last(features)[:, 0], features)
