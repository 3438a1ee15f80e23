"""Plain convolutional networks."""

from __future__ import annotations

import math
from typing import Any

from pydantic import Field
from torch import Tensor, nn

from sparring.base.errors import RequestError
from sparring.nets.blocks import (
    Activation,
    Conv,
    LeakyRelu,
    Linear,
    Net,
    NormName,
    OutputName,
    Pyramid,
    Shape,
    Transposed,
    UpName,
    Verdict,
    norm,
    output,
    pyramid,
    up_conv,
)


class Dcgan(Net):
    """One convolution after the other, without shortcuts (Radford et al. 2015, https://arxiv.org/abs/1511.06434).

    In a generator, `widths` are the channels from the smallest maps on, and the last convolution makes the image; in a
    discriminator they are the channels from the image on.
    """

    widths: tuple[int, ...] = Field((256, 128, 64), min_length=1)
    """Channels of the hidden maps, in the order of execution."""
    kernel: int = Field(5, ge=1, le=15)
    """Edge of the convolutions' windows, odd unless up-sampling is transposed or strides are 2 throughout."""
    strides: tuple[int, ...] | None = None
    """Up- (down-) sampling of each convolution, 1 or 2, fewer where the image is too small; by default as much as its
    size asks for: in a generator the last ones, in a discriminator the first."""
    patch: int = Field(1, ge=1)
    """Edge of the squares of pixels that are folded into channels at the image's side; 2 makes wide convolutions of
    thin ones, which is faster."""
    activation: Activation = LeakyRelu()
    """After each hidden convolution."""
    norm: NormName = "batch"
    """Normalisation before each activation (in a discriminator, not on the first layer)."""
    up: UpName = "transposed"
    """How the generator enlarges: by transposed convolutions, by repeating (nearest) or interpolating (bilinear) before
    a convolution, or by folding channels into pixels after one (shuffle)."""
    output: OutputName = "tanh"
    """What bounds the generator's samples."""
    std: float | None = Field(0.02, gt=0)
    """Standard deviation of the first weights; none takes PyTorch's own."""

    def model_post_init(self, context: Any) -> None:
        if self.strides is not None and (len(self.strides) != len(self.widths) or not set(self.strides) <= {1, 2}):
            raise ValueError(f"strides: {list(self.strides)} are not {len(self.widths)} times 1 or 2, one a width")
        if self.kernel % 2 == 0 and self.up != "transposed":
            raise ValueError(
                f"kernel: {self.kernel} is even, which only transposed up-sampling can use; take an odd one"
            )

    def generator(self, latent: int, shape: Shape) -> nn.Module:
        """[batch, latent] to [batch, *shape]."""
        strides = self._strides(shape, last=True)
        return DcganGenerator(self, strides, pyramid(shape, strides.count(2), self.patch, "dcgan"), latent, shape[0])

    def discriminator(self, shape: Shape) -> nn.Module:
        """[batch, *shape] to a verdict."""
        strides = self._strides(shape, last=False)
        return DcganDiscriminator(self, strides, pyramid(shape, strides.count(2), self.patch, "dcgan"), shape[0])

    def _strides(self, shape: Shape, *, last: bool) -> list[int]:
        levels = pyramid(shape, None, self.patch, "dcgan").levels
        if self.strides is not None:
            return self._fewer(levels, last=last)
        if levels > len(self.widths):
            raise RequestError(
                f"net.dcgan.widths: {len(self.widths)} convolutions cannot resample {levels} times, as images of "
                f"{shape[1]} x {shape[2]} ask; give {levels} widths or more"
            )
        plain = [1] * (len(self.widths) - levels)
        return plain + [2] * levels if last else [2] * levels + plain

    def _fewer(self, most: int, *, last: bool) -> list[int]:
        """The strides asked for, without those for which the image is too small: the ones at the smallest maps."""
        strides = list(self.strides or ())
        for place in range(len(strides)) if last else reversed(range(len(strides))):
            if strides.count(2) > most:
                strides[place] = 1
        return strides


class DcganGenerator(nn.Module):
    """[batch, latent] to [batch, channels, height, width]."""

    def __init__(self, options: Dcgan, strides: list[int], sizes: Pyramid, latent: int, channels: int) -> None:
        super().__init__()
        widths, std = options.widths, options.std
        plain = options.norm == "none"
        self.first = Linear(latent, widths[0] * math.prod(sizes.small), bias=plain, std=std)
        self.small = (widths[0], *sizes.small)
        layers: list[nn.Module] = []
        outputs = [*widths[1:], channels * sizes.patch**2]
        for inputs, width, stride in zip(widths, outputs, strides, strict=True):
            layers += [] if plain else [norm(options.norm, inputs)]
            layers.append(options.activation.layer())
            layers.append(_conv(inputs, width, stride, options))
        self.convolutions = nn.Sequential(*layers)
        self.output = nn.Sequential(output(options.output), *sizes.fit_down())

    def forward(self, latents: Tensor) -> Tensor:
        samples: Tensor = self.output(self.convolutions(self.first(latents).unflatten(1, self.small)))
        return samples


class DcganDiscriminator(nn.Module):
    """[batch, channels, height, width] to logits [batch], with the flattened last maps as features."""

    def __init__(self, options: Dcgan, strides: list[int], sizes: Pyramid, channels: int) -> None:
        super().__init__()
        layers: list[nn.Module] = sizes.fit_up()
        inputs = channels * sizes.patch**2
        for number, (width, stride) in enumerate(zip(options.widths, strides, strict=True)):
            layers.append(
                Conv(inputs, width, options.kernel + (1 - options.kernel % 2) * (stride == 1), stride, std=options.std)
            )
            if options.norm != "none" and number:
                layers.append(norm(options.norm, width))
            layers.append(options.activation.layer())
            inputs = width
        self.convolutions = nn.Sequential(*layers)
        self.features = inputs * math.prod(sizes.small)
        self.last = Linear(self.features, 1, std=options.std)

    def forward(self, samples: Tensor) -> Verdict:
        features = self.convolutions(samples).flatten(1)
        return Verdict(self.last(features)[:, 0], features)


def _conv(inputs: int, outputs: int, stride: int, options: Dcgan) -> nn.Module:
    if stride == 2:
        return up_conv(inputs, outputs, options.kernel, options.up, std=options.std)
    if options.up == "transposed":
        return Transposed(inputs, outputs, options.kernel + 1 - options.kernel % 2, 1, std=options.std)
    return Conv(inputs, outputs, options.kernel, std=options.std)
