"""What networks are built from: activations, normalisation, resampling, weighted layers and their first weights.

Every network here takes its weights from `reset_parameters` of its leaf layers alone, so that `initialise` can draw
each layer's weights from a seed of its own, by the layer's name.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Annotated, Literal, NamedTuple

import torch
import torch.nn.functional as F
from pydantic import Field
from torch import Tensor, nn

from sparring.base.draws import Key
from sparring.base.errors import RequestError
from sparring.base.part import OneOf, Part
from sparring.nets.convolving import folds, gathered, geometry_of, halved, has_slope, spread

Shape = tuple[int, ...]
"""The shape of one sample: (channels, height, width) for images, (values,) for points."""

NormName = Literal["none", "batch", "instance", "layer", "group"]
OutputName = Literal["tanh", "sigmoid", "linear"]
UpName = Literal["transposed", "nearest", "bilinear", "shuffle"]


class Verdict(NamedTuple):
    """What a discriminator says of samples."""

    logits: Tensor
    """One or more logits a sample, [batch] or [batch, heads]."""
    features: Tensor | None = None
    """What its last hidden layer saw, [batch, features], where the network gives it."""
    surprise: Tensor | None = None
    """How badly an auxiliary network beside it foretells one part of a sample from the rest, [batch], where there is
    such a network."""
    maps: tuple[Tensor, ...] | None = None
    """What its hidden layers saw, from first to last, [batch, channels, h, w] each, where the network gives them."""

    def part(self, rows: slice) -> Verdict:
        """What it says of some of the samples."""
        features, surprise = (None if said is None else said[rows] for said in (self.features, self.surprise))
        maps = None if self.maps is None else tuple(seen[rows] for seen in self.maps)
        return Verdict(self.logits[rows], features, surprise, maps)


class Net(Part):
    """A network as a recipe says it: its options, and how it is built. What it cannot be it refuses, in one line."""

    def generator(self, latent: int, shape: Shape) -> nn.Module:
        """A module from latents [batch, latent] to samples [batch, *shape]."""
        raise NotImplementedError

    def discriminator(self, shape: Shape) -> nn.Module:
        """A module from samples [batch, *shape] to a `Verdict`, with an attribute `features`, the width of its
        features."""
        raise NotImplementedError


class Relu(Part):
    """max(x, 0)."""

    def layer(self) -> nn.Module:
        return nn.ReLU()


class LeakyRelu(Part):
    """x above 0, slope * x below (Maas et al. 2013)."""

    slope: float = Field(0.2, ge=0, lt=1)

    def layer(self) -> nn.Module:
        return nn.LeakyReLU(self.slope)


class Prelu(Part):
    """Leaky ReLU whose slope is learned (He et al. 2015, https://arxiv.org/abs/1502.01852)."""

    slope: float = Field(0.25, ge=0, lt=1)
    """The slope at the start."""

    def layer(self) -> nn.Module:
        return nn.PReLU(init=self.slope)


class Silu(Part):
    """x * sigmoid(x) (Elfwing et al. 2017, https://arxiv.org/abs/1702.03118)."""

    def layer(self) -> nn.Module:
        return nn.SiLU()


class Tanh(Part):
    """Hyperbolic tangent."""

    def layer(self) -> nn.Module:
        return nn.Tanh()


Activation = Annotated[Relu | LeakyRelu | Prelu | Silu | Tanh, OneOf()]


def norm(name: NormName, units: int, *, flat: bool = False) -> nn.Module:
    """A normalisation of `units` features ([batch, units], `flat`) or channels ([batch, units, height, width])."""
    match name:
        case "batch":
            return nn.BatchNorm1d(units) if flat else nn.BatchNorm2d(units)
        case "layer":
            return nn.GroupNorm(1, units)
        case "group":
            return nn.GroupNorm(math.gcd(8, units), units)
        case "instance":
            if flat:
                raise RequestError("norm: instance needs feature maps; a dense network takes batch or layer")
            return nn.InstanceNorm2d(units, affine=True)
        case "none":
            return nn.Identity()


def output(name: OutputName) -> nn.Module:
    """What bounds the generator's last layer: tanh to [-1, 1], sigmoid to [0, 1], or nothing."""
    return {"tanh": nn.Tanh, "sigmoid": nn.Sigmoid, "linear": nn.Identity}[name]()


class Conv(nn.Conv2d):
    """A convolution that keeps the size, or halves it with stride 2; `std` draws its weights from a normal
    distribution, `gain` from one that keeps the variance times gain^2 (He et al. 2015); else PyTorch's way."""

    def __init__(
        self,
        inputs: int,
        outputs: int,
        kernel: int = 3,
        stride: int = 1,
        *,
        groups: int = 1,
        bias: bool = True,
        std: float | None = None,
        gain: float | None = None,
    ) -> None:
        self.std, self.gain = std, gain
        super().__init__(inputs, outputs, kernel, stride, (kernel - 1) // 2, groups=groups, bias=bias)

    def _conv_forward(self, input: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        geometry = geometry_of(self, input)
        if geometry is not None:
            return gathered(input, weight, bias, geometry)
        plain: Tensor = super()._conv_forward(input, weight, bias)
        return plain

    def reset_parameters(self) -> None:
        super().reset_parameters()
        _draw(self.weight, self.bias, self.std, self.gain)


class Linear(nn.Linear):
    """A dense layer; `std` and `gain` as for `Conv`."""

    def __init__(
        self, inputs: int, outputs: int, *, bias: bool = True, std: float | None = None, gain: float | None = None
    ) -> None:
        self.std, self.gain = std, gain
        super().__init__(inputs, outputs, bias=bias)

    def reset_parameters(self) -> None:
        super().reset_parameters()
        _draw(self.weight, self.bias, self.std, self.gain)


class Transposed(nn.ConvTranspose2d):
    """A transposed convolution that doubles the size (stride 2) or keeps it (stride 1)."""

    def __init__(self, inputs: int, outputs: int, kernel: int, stride: int, *, std: float | None = None) -> None:
        self.std = std
        padding = (kernel - stride + 1) // 2
        super().__init__(inputs, outputs, kernel, stride, padding, output_padding=stride + 2 * padding - kernel)

    def forward(self, x: Tensor, output_size: list[int] | None = None) -> Tensor:
        """[batch, inputs, h, w] to [batch, outputs, ...]."""
        if output_size is not None or torch.compiler.is_compiling() or not folds(self, x):
            return super().forward(x, output_size)
        made = spread(x, self.weight, int(self.padding[0]), [2 * length for length in x.shape[2:]])
        return made if self.bias is None else made + self.bias.to(made.dtype)[:, None, None]

    def reset_parameters(self) -> None:
        super().reset_parameters()
        _draw(self.weight, self.bias, self.std, None)


def _draw(weight: Tensor, bias: Tensor | None, std: float | None, gain: float | None) -> None:
    if gain is not None:
        std = gain / math.sqrt(weight[0].numel())
    if std is not None:
        nn.init.normal_(weight, 0.0, std) if std else nn.init.zeros_(weight)
        if bias is not None:
            nn.init.zeros_(bias)


def up_conv(inputs: int, outputs: int, kernel: int, how: UpName, *, std: float | None = None) -> nn.Module:
    """A convolution to twice the size: [batch, inputs, h, w] to [batch, outputs, 2h, 2w]."""
    if how == "transposed":
        return Transposed(inputs, outputs, kernel if kernel > 1 else 2, 2, std=std)
    if how == "shuffle":
        return nn.Sequential(Conv(inputs, 4 * outputs, kernel, std=std), nn.PixelShuffle(2))
    return nn.Sequential(Resize(2, how), Conv(inputs, outputs, kernel, std=std))


class Halve(nn.AvgPool2d):
    """Means of 2 x 2 places: [batch, channels, h, w] to [batch, channels, h // 2, w // 2]."""

    def __init__(self) -> None:
        super().__init__(2)

    def forward(self, x: Tensor) -> Tensor:
        return halved(x) if has_slope(x) else super().forward(x)


class Resize(nn.Module):
    """Enlarges maps by a factor, by repeating or between neighbours."""

    def __init__(self, factor: int, how: Literal["nearest", "bilinear"]) -> None:
        super().__init__()
        self.factor, self.how = factor, how

    def forward(self, x: Tensor) -> Tensor:
        corners = None if self.how == "nearest" else False
        return F.interpolate(x, scale_factor=self.factor, mode=self.how, align_corners=corners)

    def extra_repr(self) -> str:
        return f"{self.factor}, {self.how}"


class Crop(nn.Module):
    """Cuts the middle out of maps that came out larger than wanted."""

    def __init__(self, size: tuple[int, int]) -> None:
        super().__init__()
        self.size = size

    def forward(self, x: Tensor) -> Tensor:
        top, left = ((have - want) // 2 for have, want in zip(x.shape[2:], self.size, strict=True))
        return x[:, :, top : top + self.size[0], left : left + self.size[1]]

    def extra_repr(self) -> str:
        return f"{self.size}"


class Grow(nn.Module):
    """Repeats an image's edges around it, up to a size."""

    def __init__(self, size: tuple[int, int]) -> None:
        super().__init__()
        self.size = size

    def forward(self, x: Tensor) -> Tensor:
        (top, bottom), (left, right) = (
            ((want - have) // 2, want - have - (want - have) // 2)
            for have, want in zip(x.shape[2:], self.size, strict=True)
        )
        return F.pad(x, (left, right, top, bottom), mode="replicate")

    def extra_repr(self) -> str:
        return f"{self.size}"


class Pyramid(NamedTuple):
    """The sizes an image network works at: from `small`, doubled `levels` times, to `full`, at least the image."""

    image: tuple[int, int]
    small: tuple[int, int]
    levels: int
    patch: int

    @property
    def full(self) -> tuple[int, int]:
        return self.small[0] * 2**self.levels * self.patch, self.small[1] * 2**self.levels * self.patch

    def fit_down(self) -> list[nn.Module]:
        """The generator's last layers: pixels out of channels, and the margin away."""
        layers: list[nn.Module] = [nn.PixelShuffle(self.patch)] if self.patch > 1 else []
        return layers + ([Crop(self.image)] if self.full != self.image else [])

    def fit_up(self) -> list[nn.Module]:
        """The discriminator's first layers: a margin around, and pixels into channels."""
        layers: list[nn.Module] = [Grow(self.full)] if self.full != self.image else []
        return layers + ([nn.PixelUnshuffle(self.patch)] if self.patch > 1 else [])


def called(shape: Shape) -> str:
    """Samples that are no images, as messages call them."""
    return f"points of {shape[0]} values" if len(shape) == 1 else f"samples of shape {list(shape)}"


def pyramid(shape: Shape, levels: int | None, patch: int, network: str, instead: str = "use net=dense") -> Pyramid:
    """The sizes for images of a shape; `levels` None halves while the shorter side stays at 4 and more. `instead` is
    what to do where the data are none, or too small."""
    advice = f"; {instead}"
    if len(shape) != 3:
        raise RequestError(f"net.{network}: makes images, and the data are {called(shape)}{advice}")
    height, width = shape[1:]
    if min(height, width) < 4 * patch:
        raise RequestError(
            f"net.{network}: the smallest image it makes is {4 * patch} x {4 * patch}, the data's are "
            f"{height} x {width}{advice}" + (" or patch=1" if patch > 1 else "")
        )
    most = int(math.log2(min(height, width) / patch / 4 + 1e-9))
    if levels is None:
        levels = 0
        while min(height, width) / patch / 2**levels > 7 and levels < most:
            levels += 1
    elif levels > most:
        raise RequestError(
            f"net.{network}.levels: {levels} halvings take images of {height} x {width} under 4 pixels; at most {most}"
        )
    step = 2**levels * patch
    small = (-(-height // step), -(-width // step))
    return Pyramid((height, width), small, levels, patch)


def initialise(net: nn.Module, key: Key) -> nn.Module:
    """Draws each layer's first weights from a seed of its own, by its name; the same on every device and rank."""
    for name, module in net.named_modules():
        reset = getattr(module, "reset_parameters", None)
        if callable(reset):
            with torch.random.fork_rng(devices=[]):
                torch.manual_seed(key.at(name).seed)
                reset()
    return net


def doubled(width: int, levels: int, most: int) -> Sequence[int]:
    """Channels from the largest maps to the smallest: `width`, doubled at each level, at most `most`."""
    return [min(width * 2**level, most) for level in range(levels + 1)]
