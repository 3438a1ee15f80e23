"""Blocks of a convolution, a normalisation and an activation, for networks of images: plain, gated or Fourier."""

from __future__ import annotations

import math
from typing import Annotated, NamedTuple

import torch
from pydantic import Field
from torch import Tensor, nn

from sparring.base.part import OneOf, Part
from sparring.nets.blocks import Activation, Conv, Halve, NormName, UpName, norm, up_conv


class Plain(Part):
    """Convolutions as they are."""


class Gated(Part):
    """Each convolution makes a gate beside each value, and the activated value is multiplied by the gate's sigmoid, so
    that a network can learn where to look (Yu et al. 2019, https://arxiv.org/abs/1806.03589)."""


class Fourier(Part):
    """Fast Fourier convolutions (Chi et al. 2020): a share of the channels is convolved in the frequency domain, where
    each place sees the whole image. As in LaMa (Suvorov et al. 2021, https://arxiv.org/abs/2109.07161), the first
    convolution and those that enlarge stay plain."""

    share: float = Field(0.75, gt=0, lt=1)
    """Share of a convolution's channels that see the whole image."""


Convolution = Annotated[Plain | Gated | Fourier, OneOf()]


GATED_GAIN = 2.34
"""The g for which relu(g a) * sigmoid(g b) has the mean square 1, for independent standard normal a and b."""


class Style(NamedTuple):
    """What the blocks of one network have in common."""

    convolution: Plain | Gated | Fourier
    norm: NormName
    activation: Activation
    up: UpName
    std: float | None
    """Standard deviation of the first weights; None keeps the variance through each block (He et al. 2015)."""

    def block(self, inputs: int, outputs: int, kernel: int = 3, stride: int = 1, *, first: bool = False) -> Block:
        """Maps [batch, inputs, h, w] to [batch, outputs, h / stride, w / stride]; the `first` of a network has no
        channels yet that see the whole image."""
        return self._block(inputs, outputs, kernel, stride, first, self.activation.layer(), self.gain)

    def residual(self, width: int, count: int) -> Residual:
        """One of `count` residual blocks, [batch, width, h, w] to the same; at the start, all of them together raise
        the variance e-fold at most."""
        second = self._block(width, width, 3, 1, False, nn.Identity(), self.gain / math.sqrt(2 * count))
        return Residual(self.block(width, width), second)

    def _block(
        self, inputs: int, outputs: int, kernel: int, stride: int, first: bool, act: nn.Module, gain: float
    ) -> Block:
        std = self.spread(inputs * kernel**2, gain)
        gated = isinstance(self.convolution, Gated)
        conv: nn.Module
        if isinstance(self.convolution, Fourier) and not first:
            conv = FourierConv(self, inputs, outputs, kernel, stride, self.convolution.share, gain)
        else:
            bias = gated or self.norm == "none"
            conv = Conv(inputs, outputs * (1 + gated), kernel, stride, bias=bias, std=std)
        return Block(conv, norm(self.norm, outputs), act, gated=gated)

    def up_block(self, inputs: int, outputs: int) -> Block:
        """Maps [batch, inputs, h, w] to [batch, outputs, 2h, 2w]."""
        gated = isinstance(self.convolution, Gated)
        conv = self.enlarge(inputs, outputs * (1 + gated), self.gain)
        return Block(conv, norm(self.norm, outputs), self.activation.layer(), gated=gated)

    def enlarge(self, inputs: int, outputs: int, gain: float = 1.0) -> nn.Module:
        """A convolution alone, [batch, inputs, h, w] to [batch, outputs, 2h, 2w]. A transposed one has windows of 4, so
        that each pixel is reached by as many weights as its neighbours."""
        if self.up == "transposed":
            return up_conv(inputs, outputs, 4, "transposed", std=self.spread(inputs * 4, gain))
        return up_conv(inputs, outputs, 3, self.up, std=self.spread(inputs * 9, gain))

    @property
    def gain(self) -> float:
        """What keeps the variance through a convolution, its activation and its gate."""
        return GATED_GAIN if isinstance(self.convolution, Gated) else math.sqrt(2)

    def spread(self, fan: int, gain: float) -> float:
        """Standard deviation of the first weights of a layer whose outputs are sums of `fan` products."""
        return gain / math.sqrt(fan) if self.std is None else self.std


class Block(nn.Module):
    """A convolution, a normalisation and an activation; with a gate, the convolution makes twice the channels, and the
    second half says how much of the first goes on."""

    def __init__(self, conv: nn.Module, norm: nn.Module, act: nn.Module, *, gated: bool = False) -> None:
        super().__init__()
        self.conv, self.norm, self.act = conv, norm, act
        self.gated = gated

    def forward(self, x: Tensor) -> Tensor:
        h: Tensor = self.conv(x)
        if not self.gated:
            return self.act(self.norm(h))  # type: ignore[no-any-return]
        h, gate = h.chunk(2, 1)
        gated: Tensor = self.act(self.norm(h)) * gate.sigmoid()
        return gated


class Residual(nn.Module):
    """x + block2(block1(x)), the second without activation (Johnson et al. 2016)."""

    def __init__(self, first: Block, second: Block) -> None:
        super().__init__()
        self.block1, self.block2 = first, second

    def forward(self, x: Tensor) -> Tensor:
        total: Tensor = x + self.block2(self.block1(x))
        return total


class FourierConv(nn.Module):
    """A fast Fourier convolution. The last channels of its input and output, `share` of them, are those that see the
    whole image. Local outputs are a convolution of all channels; the others are one of the local channels, and the
    spectral transform of those that see all."""

    def __init__(
        self, style: Style, inputs: int, outputs: int, kernel: int, stride: int, share: float, gain: float
    ) -> None:
        super().__init__()
        wide_in, wide_out = (min(max(round(share * width), 1), width - 1) for width in (inputs, outputs))
        self.widths = (inputs - wide_in, wide_in)
        std, bias = style.spread(inputs * kernel**2, gain), style.norm == "none"
        self.local = Conv(inputs, outputs - wide_out, kernel, stride, bias=bias, std=std)
        self.inward = Conv(inputs - wide_in, wide_out, kernel, stride, bias=bias, std=std)
        self.spectral = Spectral(style, wide_in, wide_out, stride, gain)

    def forward(self, x: Tensor) -> Tensor:
        local, wide = torch.split(x, [*self.widths], 1)
        return torch.cat((self.local(x), self.inward(local) + self.spectral(wide)), 1)


class Spectral(nn.Module):
    """The spectral transform: narrowed to half the channels, mixed in the frequency domain beside a shortcut, widened;
    a stride of 2 takes averages of four first."""

    def __init__(self, style: Style, inputs: int, outputs: int, stride: int, gain: float) -> None:
        super().__init__()
        inside, bias = max(outputs // 2, 1), style.norm == "none"
        self.shrink = Halve() if stride == 2 else nn.Identity()
        enter = Conv(inputs, inside, 1, bias=bias, std=style.spread(inputs, style.gain))
        self.enter = Block(enter, norm(style.norm, inside), style.activation.layer())
        self.frequencies = Frequencies(style, inside)
        self.leave = Conv(inside, outputs, 1, bias=bias, std=style.spread(2 * inside, gain))

    def forward(self, x: Tensor) -> Tensor:
        x = self.enter(self.shrink(x))
        y: Tensor = self.leave(x + self.frequencies(x))
        return y


class Frequencies(nn.Module):
    """Mixes the channels of each frequency: [batch, channels, h, w] to the same. Real and imaginary parts are channels,
    real ones first. All in float32 (or float64): bfloat16 has no Fourier transform, and too few digits for one."""

    def __init__(self, style: Style, channels: int) -> None:
        super().__init__()
        conv = Conv(
            2 * channels, 2 * channels, 1, bias=style.norm == "none", std=style.spread(2 * channels, style.gain)
        )
        self.mix = Block(conv, norm(style.norm, 2 * channels), style.activation.layer())

    def forward(self, x: Tensor) -> Tensor:
        with torch.autocast(x.device.type, enabled=False):
            wide = x if x.dtype == torch.float64 else x.float()
            spectrum = torch.fft.rfft2(wide.contiguous(), norm="ortho")
            mixed = self.mix(torch.cat((spectrum.real, spectrum.imag), 1)).contiguous()
            back = torch.fft.irfft2(torch.complex(*mixed.chunk(2, 1)), s=x.shape[2:], norm="ortho")
        same: Tensor = back.to(x.dtype)
        return same
