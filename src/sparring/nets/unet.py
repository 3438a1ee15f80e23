"""The U-Net."""

from __future__ import annotations

from itertools import pairwise

import torch
from pydantic import Field, field_validator
from torch import Tensor, nn

from sparring.nets.blocks import Conv, Shape, doubled
from sparring.nets.reach import Span, before, union
from sparring.nets.translators import Translating, Translator


class Unet(Translating):
    """Maps halved level by level and enlarged again, beside shortcuts at each size (Ronneberger et al. 2015,
    https://arxiv.org/abs/1505.04597), with the layers of pix2pix (Isola et al. 2017, https://arxiv.org/abs/1611.07004):
    one convolution of 4 x 4 down and one up at each level."""

    width: int = Field(64, ge=2)
    """Channels of the first maps, at half the image's size; doubled at each smaller size."""
    most: int = Field(256, ge=2)
    """Channels at most."""
    levels: int | None = Field(None, ge=1)
    """How often the size halves; by default down to 4 to 7 pixels."""
    blocks: int = Field(1, ge=0)
    """Convolutions of 3 x 3 at the smallest size."""
    outer: int = Field(0, ge=0)
    """Channels of maps at the image's own size (with `patch`, of its squares), made of the input and joined with what
    comes back up, so that the output can have lines as fine as the input's; 0 for none, as pix2pix has it."""

    @field_validator("outer")
    @classmethod
    def _some(cls, outer: int) -> int:
        if outer == 1:
            raise ValueError("1 channel is too few; take 2 or more, or 0 for none")
        return outer

    def translator(self, inputs: Shape, outputs: Shape) -> UnetTranslator:
        """Images [batch, *inputs] to images [batch, *outputs] of the same height and width; once built, of any."""
        return UnetTranslator(self, max(self.halvings(self.levels, inputs, outputs), 1), inputs[0], outputs[0])


class UnetTranslator(Translator):
    """[batch, inputs, height, width] to [batch, outputs, height, width]."""

    def __init__(self, options: Unet, levels: int, inputs: int, outputs: int) -> None:
        super().__init__(options, levels)
        style, folded = options.style(), options.patch**2
        widths, entering, outer = doubled(options.width, levels - 1, options.most), inputs * folded, options.outer
        self.encoder = nn.ModuleList()
        if outer:
            self.encoder.append(style.block(entering, outer, first=True))
            entering = outer
        for wide, width in pairwise([entering, *widths]):
            self.encoder.append(style.block(wide, width, 4, 2, first=not self.encoder))
        deep = widths[-1]
        self.middle = nn.Sequential(*(style.block(deep, deep) for _ in range(options.blocks)))
        self.decoder = nn.ModuleList()
        for number, width in enumerate([*reversed(widths[:-1]), *([outer] if outer else [])]):
            self.decoder.append(style.up_block(deep * (2 if number else 1), width))
            deep = width
        if outer:
            self.last: nn.Module = Conv(2 * outer, outputs * folded, 3, std=style.spread(2 * outer * 9, 1.0))
        else:
            self.last = style.enlarge(deep * (2 if levels > 1 else 1), outputs * folded, gain=1.0)

    def decode(self, maps: Tensor, seen: list[Tensor]) -> Tensor:
        for up, beside in zip(self.decoder, reversed(seen[:-1]), strict=True):
            maps = torch.cat((up(maps), beside), 1)
        return maps

    def seen_from(self, span: Span) -> Span:
        span = before(self.last, before(self.unfold, span))
        beside: list[Span | None] = []
        for up in reversed(self.decoder):
            beside.append(span)
            span = before(up, span)
        span = before(self.middle, span)
        for stage, shortcut in zip(reversed(self.encoder), [None, *reversed(beside)], strict=True):
            span = before(stage, span if shortcut is None else union(span, shortcut))
        return before(self.fold, span)
