"""The patch discriminator."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from pydantic import Field
from torch import Tensor, nn

from sparring.base.errors import RequestError
from sparring.nets.blocks import Activation, Conv, LeakyRelu, Net, NormName, Shape, Verdict, called, doubled, norm
from sparring.nets.convolutions import Block


class Patch(Net):
    """Judges an image place by place, each by the square of pixels around it (Isola et al. 2017,
    https://arxiv.org/abs/1611.07004), at one or several scales (Wang et al. 2018, https://arxiv.org/abs/1711.11585).

    As there, windows are 4 x 4 and a place of three halvings sees 70 x 70 pixels.
    """

    width: int = Field(64, ge=1)
    """Channels of the first maps; doubled at each smaller size."""
    most: int = Field(512, ge=1)
    """Channels at most."""
    levels: int = Field(3, ge=0)
    """How often the size halves, at each scale; fewer times where the image would come under 4 pixels."""
    scales: int = Field(1, ge=1)
    """Discriminators side by side, each on the image averaged down to half of the one's before."""
    norm: NormName = "batch"
    """Normalisation before each activation, but the first."""
    activation: Activation = LeakyRelu()
    """After each hidden convolution."""
    std: float | None = Field(0.02, gt=0)
    """Standard deviation of the first weights; none takes PyTorch's own."""

    def discriminator(self, shape: Shape) -> PatchDiscriminator:
        """[batch, *shape] to a verdict with a logit for each place; once built, of any height and width of at least 4
        pixels at the smallest of its maps before the last two convolutions."""
        if len(shape) != 3:
            raise RequestError(
                f"discriminator.net.patch: judges images, and the data are {called(shape)}; use net=dense"
            )
        edges = [math.ceil(min(shape[1:]) / 2**scale) for scale in range(self.scales)]
        if edges[-1] < 4:
            fit = sum(edge >= 4 for edge in edges)
            raise RequestError(
                f"discriminator.net.patch.scales: {self.scales} take images of {shape[1]} x {shape[2]} under 4 pixels; "
                + (f"at most {fit}" if fit else "use net=dense")
            )
        depths = [min(self.levels, int(math.log2(edge / 4))) for edge in edges]
        return PatchDiscriminator(self, depths, shape[0])

    def generator(self, latent: int, shape: Shape) -> nn.Module:
        """Refused: it judges images and makes none."""
        raise RequestError(
            "generator.net.patch: judges images and makes none; take resnet, or unet if the game translates"
        )


class PatchDiscriminator(nn.Module):
    """[batch, channels, height, width] to logits [batch, places], as many of each scale, side by side; features
    [batch, width], the means of each scale's last hidden maps; and all hidden maps, scale by scale."""

    def __init__(self, options: Patch, depths: list[int], channels: int) -> None:
        super().__init__()
        self.scales = nn.ModuleList(Scale(options, depth, channels) for depth in depths)
        self.features = sum(int(scale.features) for scale in self.scales)  # type: ignore[arg-type, misc]
        # Of the pixels that are there, so that borders are not darker
        self.shrink = nn.AvgPool2d(3, 2, 1, count_include_pad=False)

    def forward(self, samples: Tensor) -> Verdict:
        logits: list[Tensor] = []
        features, maps = [], []
        for number, scale in enumerate(self.scales):
            samples = self.shrink(samples) if number else samples
            told, seen = scale(samples)
            # Each scale counts alike: places of a coarse one are repeated to as many as the finest has
            logits.append(F.interpolate(told, logits[0].shape[2:], mode="nearest") if logits else told)
            features.append(seen[-1].mean((2, 3)))
            maps += seen
        return Verdict(torch.cat(logits, 1).flatten(1), torch.cat(features, 1), maps=tuple(maps))


class Scale(nn.Module):
    """The discriminator of one scale: [batch, channels, height, width] to logits [batch, 1, h, w], and the hidden
    maps."""

    def __init__(self, options: Patch, depth: int, channels: int) -> None:
        super().__init__()
        blocks: list[nn.Module] = []
        for level, width in enumerate(doubled(options.width, depth, options.most)):
            plain = level == 0 or options.norm == "none"
            conv = Conv(channels, width, 4, 1 + (level < depth), bias=plain, std=options.std)
            blocks.append(
                Block(conv, nn.Identity() if plain else norm(options.norm, width), options.activation.layer())
            )
            channels = width
        self.blocks = nn.ModuleList(blocks)
        self.last = Conv(channels, 1, 4, std=options.std)
        self.features = channels

    def forward(self, samples: Tensor) -> tuple[Tensor, list[Tensor]]:
        maps, seen = samples, []
        for block in self.blocks:
            maps = block(maps)
            seen.append(maps)
        return self.last(maps), seen
