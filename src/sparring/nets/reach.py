"""How far apart a pixel of a network's input can be from those of its output that depend on it."""

from __future__ import annotations

from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

from sparring.nets.blocks import Resize
from sparring.nets.convolutions import Frequencies

Span = tuple[int, int]
"""First and last place along one axis."""

WHOLE = (Frequencies, nn.InstanceNorm2d, nn.GroupNorm, nn.LayerNorm)
"""Layers whose every output depends on the whole image."""


def sees_all(net: nn.Module) -> bool:
    """Whether a layer of a network takes the whole image in, in eval mode."""
    return any(
        isinstance(layer, WHOLE) or (isinstance(layer, _BatchNorm) and layer.running_mean is None)
        for layer in net.modules()
    )


def before(layer: nn.Module, span: Span) -> Span:
    """The places of a layer's input that the places `span` of its output can depend on. What holds other layers is
    taken to call them in their order; a layer of an unknown kind, to see each place by itself."""
    low, high = span
    match layer:
        case nn.ConvTranspose2d():
            stride, padding, kernel = _first(layer.stride), _first(layer.padding), _first(layer.kernel_size)
            return -((kernel - 1 - low - padding) // stride), (high + padding) // stride
        case nn.Conv2d() | nn.AvgPool2d():
            stride, padding, kernel = _first(layer.stride), _first(layer.padding), _first(layer.kernel_size)
            return low * stride - padding, high * stride - padding + kernel - 1
        case Resize(how="bilinear"):
            half = 1 - layer.factor  # the place 2 * i + 1 - factor, in halves of a large pixel over the factor
            return (2 * low + half) // (2 * layer.factor), -((-2 * high - half) // (2 * layer.factor))
        case Resize():
            return low // layer.factor, high // layer.factor
        case nn.PixelShuffle():
            return low // layer.upscale_factor, high // layer.upscale_factor
        case nn.PixelUnshuffle():
            return low * layer.downscale_factor, (high + 1) * layer.downscale_factor - 1
        case _:
            for child in reversed(list(layer.children())):
                span = before(child, span)
            return span


def union(one: Span, other: Span) -> Span:
    return min(one[0], other[0]), max(one[1], other[1])


def _first(sizes: int | str | tuple[int, ...]) -> int:
    return sizes if isinstance(sizes, int) else int(sizes[0])
