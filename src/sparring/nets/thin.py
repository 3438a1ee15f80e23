"""Convolutions by steps of 2 between the few channels of an image and many, on a CPU.

Where such a convolution spreads many channels to few (a transposed one forwards, any other in its gradient by the
image), PyTorch's CPU library takes as long as for 16 channels. The same sums, as a convolution by steps of 1 to pixels
that are folded into channels, take half the time and less.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from sparring.layout import channels_last

FEW = 8
"""Channels up to which folding gains."""


def is_thin(layer: nn.Conv2d | nn.ConvTranspose2d, x: Tensor) -> bool:
    """Whether a layer, called on x, is better computed here. What is compiled or exported is not."""
    few = layer.out_channels if layer.transposed else layer.in_channels
    if few > FEW or layer.stride != (2, 2) or layer.groups != 1 or layer.dilation != (1, 1) or x.ndim != 4:
        return False
    square = layer.kernel_size[0] == layer.kernel_size[1] >= 2 and layer.padding[0] == layer.padding[1]
    here = x.device.type == "cpu" and not torch.compiler.is_compiling()
    return square and here and layer.padding_mode == "zeros"


def gathered(x: Tensor, weight: Tensor, bias: Tensor | None, padding: int) -> Tensor:
    """The convolution of few channels, [batch, few, h, w], to many by `weight` [many, few, k, k], by steps of 2."""
    made: Tensor = _Gather.apply(*_in_one_type(x, weight, bias), padding)  # type: ignore[no-untyped-call]
    return made


def spread(x: Tensor, weight: Tensor, bias: Tensor | None, padding: int, size: Sequence[int]) -> Tensor:
    """The transposed convolution of many channels, [batch, many, h, w], to few by `weight` [many, few, k, k], by steps
    of 2, to maps of that size."""
    x, weight, bias = _in_one_type(x, weight, bias)
    made: Tensor = _Spread.apply(x, weight, padding, tuple(size))  # type: ignore[no-untyped-call]
    return made if bias is None else made + bias[:, None, None]


def _in_one_type(x: Tensor, weight: Tensor, bias: Tensor | None) -> tuple[Tensor, Tensor, Tensor | None]:
    """As autocast would have them, of which the functions below know nothing."""
    if not torch.is_autocast_enabled(x.device.type):
        return x, weight, bias
    dtype = torch.get_autocast_dtype(x.device.type)
    return x.to(dtype), weight.to(dtype), None if bias is None else bias.to(dtype)


class _Gather(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, bias: Tensor | None, padding: int) -> Tensor:
        ctx.save_for_backward(x, weight)
        ctx.padding = padding
        return F.conv2d(x, weight, bias, stride=2, padding=padding)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Any:
        x, weight = ctx.saved_tensors
        by_x = None
        if ctx.needs_input_grad[0]:
            by_x = _Spread.apply(gradient, weight, ctx.padding, tuple(x.shape[2:]))  # type: ignore[no-untyped-call]
        return by_x, *_by_kernels(x, gradient, weight, ctx.padding, ctx.needs_input_grad[1:3]), None


class _Spread(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, padding: int, size: tuple[int, int]) -> Tensor:
        ctx.save_for_backward(x, weight)
        ctx.padding = padding
        return _folded(x, weight, padding, size)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Any:
        x, weight = ctx.saved_tensors
        gradient, by_x = _laid_as(x, gradient), None
        if ctx.needs_input_grad[0]:
            by_x = _Gather.apply(gradient, weight, None, ctx.padding)  # type: ignore[no-untyped-call]
        by_weight, _ = _by_kernels(gradient, x, weight, ctx.padding, (ctx.needs_input_grad[1], False))
        return by_x, by_weight, None, None


def _by_kernels(
    few: Tensor, many: Tensor, weight: Tensor, padding: int, wanted: Sequence[bool]
) -> tuple[Tensor | None, Tensor | None]:
    """The gradients by weight and bias, where they are wanted, of a convolution of `few` whose output has the gradient
    `many`; that by the weight is also the one of a transposed convolution of `many` whose output has the gradient
    `few`."""
    if not any(wanted):
        return None, None
    _, by_weight, by_bias = torch.ops.aten.convolution_backward(
        many, few, weight, [len(weight)], [2, 2], [padding] * 2, [1, 1], False, [0, 0], 1, [False, *wanted]
    )
    return by_weight, by_bias


def _folded(x: Tensor, weight: Tensor, padding: int, size: tuple[int, int]) -> Tensor:
    """A pixel of the result at 2 (i + m) + a, before the padding is cut away, has of the map's place i the weight
    2 m + a: by steps of 1 over m, with the phases a, two in each direction, as channels."""
    many, few, kernel, _ = weight.shape
    taps, odd = -(-kernel // 2), kernel % 2
    phases = F.pad(weight, (0, odd, 0, odd)).reshape(many, few, taps, 2, taps, 2).permute(0, 1, 3, 5, 2, 4)
    kernels = _laid_as(x, phases.reshape(many, 4 * few, taps, taps))
    spare = [have + taps - 1 - -(-(padding + length) // 2) for have, length in zip(x.shape[2:], size, strict=True)]
    left_out = max(min(padding // 2, *spare), 0)  # of the folded maps, at either edge
    made = F.pixel_shuffle(F.conv_transpose2d(x, kernels, padding=left_out), 2)
    cut = padding - 2 * left_out
    beyond = [max(cut + length - have, 0) for length, have in zip(size, made.shape[2:], strict=True)]
    if any(beyond):  # last pixels that no step of the convolution reached
        made = F.pad(made, (0, beyond[1], 0, beyond[0]))
    return _laid_as(x, made[:, :, cut : cut + size[0], cut : cut + size[1]])


def _laid_as(x: Tensor, other: Tensor) -> Tensor:
    """The other tensor, laid out in memory as maps of many channels are."""
    return channels_last(other) if x.is_contiguous(memory_format=torch.channels_last) else other.contiguous()
