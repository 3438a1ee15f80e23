"""The residual encoder-decoder."""

from __future__ import annotations

from itertools import pairwise

from pydantic import Field, field_validator
from torch import Tensor, nn

from sparring.nets.blocks import Conv, Shape, doubled
from sparring.nets.reach import Span, before
from sparring.nets.translators import Translating, Translator


class EncoderDecoder(Translating):
    """Maps halved, passed through residual blocks and enlarged, without shortcuts between sizes (Johnson et al. 2016,
    https://arxiv.org/abs/1603.08155; CycleGAN's generator, Zhu et al. 2017, https://arxiv.org/abs/1703.10593)."""

    width: int = Field(32, ge=2)
    """Channels at the image's size; doubled at each smaller size."""
    most: int = Field(256, ge=2)
    """Channels at most."""
    levels: int = Field(2, ge=0)
    """How often the size halves."""
    blocks: int = Field(6, ge=1)
    """Residual blocks of two convolutions at the smallest size."""
    kernel: int = Field(7, ge=1, le=15)
    """Edge of the first and the last convolution's windows, odd."""

    @field_validator("kernel")
    @classmethod
    def _odd(cls, kernel: int) -> int:
        if kernel % 2 == 0:
            raise ValueError(f"{kernel} is even; take {kernel - 1} or {kernel + 1}")
        return kernel

    def translator(self, inputs: Shape, outputs: Shape) -> EncoderDecoderTranslator:
        """Images [batch, *inputs] to images [batch, *outputs] of the same height and width; once built, of any."""
        return EncoderDecoderTranslator(self, self.halvings(self.levels, inputs, outputs), inputs[0], outputs[0])


class EncoderDecoderTranslator(Translator):
    """[batch, inputs, height, width] to [batch, outputs, height, width]."""

    def __init__(self, options: EncoderDecoder, levels: int, inputs: int, outputs: int) -> None:
        super().__init__(options, levels)
        style, folded = options.style(), options.patch**2
        widths = doubled(options.width, levels, options.most)
        self.encoder = nn.ModuleList([style.block(inputs * folded, widths[0], options.kernel, first=True)])
        self.encoder.extend(style.block(wide, width, 3, 2) for wide, width in pairwise(widths))
        self.middle = nn.Sequential(*(style.residual(widths[-1], options.blocks) for _ in range(options.blocks)))
        self.decoder = nn.ModuleList(style.up_block(wide, width) for wide, width in pairwise(reversed(widths)))
        std = style.spread(widths[0] * options.kernel**2, 1.0)
        self.last = Conv(widths[0], outputs * folded, options.kernel, std=std)

    def decode(self, maps: Tensor, seen: list[Tensor]) -> Tensor:
        for up in self.decoder:
            maps = up(maps)
        return maps

    def seen_from(self, span: Span) -> Span:
        span = before(self.last, before(self.unfold, span))
        for layers in (self.decoder, self.middle, self.encoder):
            span = before(layers, span)
        return before(self.fold, span)
