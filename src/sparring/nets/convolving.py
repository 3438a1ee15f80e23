"""Convolutions, their gradients and the gradients of these, each by the operation that does it fastest.

PyTorch takes the gradient of a slope, as penalties have it, by a convolution's weights by a convolution whose kernel
is as large as the map: at a fraction of the speed of the operation that gives gradients by weights. And where a
convolution by steps of 2 spreads many channels to an image's few (a transposed one forwards, any other in its gradient
by the image), its CPU library takes as long as for 16 channels; the same sums, as a convolution by steps of 1 to pixels
that are folded into channels, take half the time and less.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, NamedTuple, cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from sparring.engine.layout import channels_last

FEW = 8
"""Channels up to which folding gains."""
_sloped = ContextVar("sloped", default=False)


@contextmanager
def sloped(wanted: bool = True) -> Iterator[None]:
    """Inside, passes are made for slopes, of which gradients will be taken again."""
    before = _sloped.set(wanted)
    try:
        yield
    finally:
        _sloped.reset(before)


class Geometry(NamedTuple):
    """How a convolution goes over its maps."""

    stride: tuple[int, int]
    padding: tuple[int, int]
    groups: int = 1


def folds(layer: nn.Conv2d | nn.ConvTranspose2d, x: Tensor) -> bool:
    """Whether a layer, called on x, spreads many channels to few, or would in its gradient, and is better folded."""
    few = layer.out_channels if layer.transposed else layer.in_channels
    return _folds(x, layer.stride, layer.groups, few, layer.kernel_size[0])


def _folds(x: Tensor, stride: tuple[int, ...], groups: int, few: int, kernel: int) -> bool:
    gains = x.device.type == "cpu" and few <= FEW and kernel > 1
    return gains and stride == (2, 2) and groups == 1 and x.ndim == 4


def has_slope(x: Tensor) -> bool:
    """Whether x are maps in a pass of which gradients will be taken again."""
    return _differentiated(x) and _sloped.get()


def geometry_of(layer: nn.Conv2d, x: Tensor) -> Geometry | None:
    """That of a layer which, called on x, is better computed by `gathered`; None of any other."""
    if not _differentiated(x) or not (_sloped.get() or folds(layer, x)):
        return None
    return Geometry(cast(tuple[int, int], layer.stride), cast(tuple[int, int], layer.padding), layer.groups)


def _differentiated(x: Tensor) -> bool:
    """Whether x are maps whose gradient is asked for; not where functions of our own cannot go."""
    if torch.compiler.is_compiling() or torch._C._are_functorch_transforms_active():
        return False
    return x.requires_grad and x.ndim == 4


def gathered(x: Tensor, weight: Tensor, bias: Tensor | None, geometry: Geometry) -> Tensor:
    """The convolution of x [batch, few, h, w] by `weight` [many, few / groups, k, k]: [batch, many, ...]."""
    kind = x.device.type
    if torch.is_autocast_enabled(kind) and x.dtype != torch.float64:  # of which the functions below know nothing
        dtype = torch.get_autocast_dtype(kind)
        x, weight, bias = x.to(dtype), weight.to(dtype), None if bias is None else bias.to(dtype)
    return _gathered(x, weight, bias, geometry)


def _gathered(x: Tensor, weight: Tensor, bias: Tensor | None, geometry: Geometry) -> Tensor:
    """By ways of their own to the maps and to the weights, so that only those gradients are computed that are asked
    for, which a function of both would not be told."""
    stride, padding, groups = geometry
    with torch.no_grad():
        made = F.conv2d(x, weight, bias, stride, padding, groups=groups)
    ways = [_ByMaps.apply(x, (weight, made), geometry)]  # type: ignore[no-untyped-call]
    if weight.requires_grad or (bias is not None and bias.requires_grad):
        ways.append(_ByKernels.apply(weight, bias, (x, made), geometry))  # type: ignore[no-untyped-call]
    joined: Tensor = _Joined.apply(made, *ways)  # type: ignore[no-untyped-call]
    return joined


def spread(x: Tensor, weight: Tensor, padding: int, size: Sequence[int]) -> Tensor:
    """The transposed convolution of x [batch, many, ...] by `weight` [many, few, k, k] by steps of 2, to [batch, few,
    *size]: folded. A pixel of the result at 2 (i + m) + a, before the padding is cut away, has of the map's place i the
    weight 2 m + a: by steps of 1 over m, with the phases a, two in each direction, as channels."""
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


def halved(x: Tensor) -> Tensor:
    """Means of 2 x 2 places: [batch, channels, h, w] to [batch, channels, h // 2, w // 2]. PyTorch's own adds zeros to
    the slope's gradients, laid out otherwise than maps are, from which all later ones are copied back."""
    made: Tensor = _Halve.apply(x)  # type: ignore[no-untyped-call]
    return made


class _Halve(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        ctx.save_for_backward(x)
        return F.avg_pool2d(x, 2)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Any:
        return _Quarter.apply(gradient, ctx.saved_tensors[0].detach())  # type: ignore[no-untyped-call]


class _Quarter(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, like: Tensor) -> Tensor:
        """A quarter of each place to each of the four that it was the mean of; `like` has the result's shape and
        layout."""
        made: Tensor = torch.ops.aten.avg_pool2d_backward(x, like, [2, 2], [2, 2], [0, 0], False, True, None)
        return made

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Any:
        return _Halve.apply(gradient), None  # type: ignore[no-untyped-call]


class _ByMaps(torch.autograd.Function):
    """Nothing, in the shape of a convolution's output, whose gradient goes on to the maps. What stands in a tuple is no
    input that gradients could go to, but theirs are tracked to it."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, others: tuple[Tensor, Tensor], geometry: Geometry) -> Tensor:
        weight, made = others
        return _nothing(ctx, x, weight, made, geometry)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Any:
        x, weight = ctx.saved_tensors
        return _Spread.apply(gradient, weight, x.detach(), ctx.geometry), None, None  # type: ignore[no-untyped-call]


class _ByKernels(torch.autograd.Function):
    """The same, whose gradient goes on to weight and bias."""

    @staticmethod
    def forward(
        ctx: Any, weight: Tensor, bias: Tensor | None, others: tuple[Tensor, Tensor], geometry: Geometry
    ) -> Tensor:
        x, made = others
        return _nothing(ctx, x, weight, made, geometry)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Any:
        x, weight = ctx.saved_tensors
        wanted = (False, *ctx.needs_input_grad[:2])
        return *_gradients(gradient, x, weight, ctx.geometry, wanted)[1:], None, None


def _nothing(ctx: Any, x: Tensor, weight: Tensor, made: Tensor, geometry: Geometry) -> Tensor:
    """Nothing in the shape of `made`, with what its gradient will need kept."""
    ctx.save_for_backward(x, weight)
    ctx.geometry = geometry
    return made.new_zeros(()).expand(made.shape)


class _Joined(torch.autograd.Function):
    """A convolution's output, whose gradient goes all ways."""

    @staticmethod
    def forward(ctx: Any, made: Tensor, *ways: Tensor) -> Tensor:
        ctx.count = len(ways)
        return made.view_as(made)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Any:
        return None, *[gradient] * ctx.count


class _Spread(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, like: Tensor, geometry: Geometry) -> Tensor:
        """The gradient by its input, which is like `like`, of a convolution whose output has the gradient x."""
        ctx.save_for_backward(x, weight)
        ctx.geometry = geometry
        if _folds(x, geometry.stride, geometry.groups, *weight.shape[1:3]):
            return spread(x, weight, geometry.padding[0], like.shape[2:])
        return _gradients(x, like, weight, geometry, (True, False, False))[0]  # type: ignore[return-value]

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Any:
        x, weight = ctx.saved_tensors
        gradient, by_x, by_weight = _laid_as(x, gradient), None, None
        if ctx.needs_input_grad[0]:
            by_x = _gathered(gradient, weight, None, ctx.geometry)
        if ctx.needs_input_grad[1]:  # the same as of a convolution of `gradient` whose output has the gradient x
            by_weight = _gradients(x, gradient, weight, ctx.geometry, (False, True, False))[1]
        return by_x, by_weight, None, None


def _gradients(
    gradient: Tensor, x: Tensor, weight: Tensor, geometry: Geometry, wanted: Sequence[bool]
) -> tuple[Tensor | None, ...]:
    """Those of a convolution of x by x, weight and bias, as far as they are wanted."""
    stride, padding, groups = geometry
    found: tuple[Tensor | None, ...] = torch.ops.aten.convolution_backward(
        gradient, x, weight, [len(weight)], stride, padding, (1, 1), False, (0, 0), groups, list(wanted)
    )
    return found


def _laid_as(x: Tensor, other: Tensor) -> Tensor:
    """The other tensor, laid out in memory as maps of many channels are, where these tell."""
    last = x.is_contiguous(memory_format=torch.channels_last)
    if last == x.is_contiguous():
        return other
    return channels_last(other) if last else other.contiguous()
