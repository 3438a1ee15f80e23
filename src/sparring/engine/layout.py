"""How maps lie in memory."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn


def keep_channels_last(net: nn.Module) -> nn.Module:
    """Lays a network's kernels out with channels last, and keeps its maps so, forwards and backwards."""
    net = net.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    for layer in net.modules():
        if not list(layer.children()):
            layer.register_forward_pre_hook(_lay_inputs)
            layer.register_forward_hook(_lay_gradients)
    return net


def channels_last(x: Tensor) -> Tensor:
    """Maps [batch, channels, height, width] with a position's channels side by side in memory."""
    return x.contiguous(memory_format=torch.channels_last)


def _lay_inputs(layer: nn.Module, inputs: tuple[Any, ...]) -> Any:
    """Keeps maps in the layout of the kernels. Where a view or a flattening brings another one in, all layers from
    there on, and all gradients back to there, would go between the two, which takes several times as long."""
    return tuple(channels_last(x) if isinstance(x, Tensor) and x.ndim == 4 else x for x in inputs)


def _lay_gradients(layer: nn.Module, inputs: Any, output: Any) -> None:
    if torch.compiler.is_compiling():
        return  # the compiler lays its own gradients out
    if isinstance(output, Tensor) and output.ndim == 4 and output.requires_grad:
        output.register_hook(_lay_gradient)  # type: ignore[no-untyped-call]


def _lay_gradient(gradient: Tensor | None) -> Tensor | None:
    """None where nothing comes back on this way, as in the slope of a slope."""
    return None if gradient is None else channels_last(gradient)
