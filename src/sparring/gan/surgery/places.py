"""Where surgery acts: the layers of a network, in the order in which an example run calls them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from fnmatch import fnmatchcase
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules import activation as _activations
from torch.nn.modules.batchnorm import _NormBase
from torch.nn.utils import parametrize

from sparring.base.errors import RequestError, nearest

Example = Callable[[nn.Module], Any]
"""Runs a network once, on inputs of the kind it will see."""
Patterns = str | tuple[str, ...]
"""Patterns of names, `*` for any run of characters."""

WEIGHTED = (nn.Linear, nn.modules.conv._ConvNd, nn.Bilinear, nn.Embedding)
NORMS = (_NormBase, nn.LayerNorm, nn.GroupNorm, nn.LocalResponseNorm)
ACTIVATIONS = tuple(
    getattr(_activations, name)
    for name in _activations.__all__
    if name not in ("MultiheadAttention", "Softmax", "Softmax2d", "LogSoftmax", "Softmin")
)


class Added(nn.Module):
    """What surgery puts behind a layer; no place for more surgery."""


def leaf_layers(net: nn.Module) -> dict[nn.Module, str]:
    """Layers that hold no others, with their names; what surgery added to them, or to their weights, does not count."""
    names: dict[nn.Module, str] = {}
    for name, module in net.named_modules():
        own = [child for label, child in module.named_children() if label != "parametrizations"]
        added = isinstance(module, Added) or "parametrizations" in name.split(".")
        if not added and all(isinstance(child, Added) for child in own):
            names[module] = name
    return names


def called_layers(net: nn.Module, example: Example) -> list[tuple[str, nn.Module]]:
    """The leaf layers of a network by name, in the order in which an example run calls them."""
    names = leaf_layers(net)
    order: list[tuple[str, nn.Module]] = []
    hooks = [module.register_forward_hook(lambda layer, *_: order.append((names[layer], layer))) for module in names]
    try:
        _run(net, example)
    finally:
        for hook in hooks:
            hook.remove()
    return order


def _run(net: nn.Module, example: Example) -> None:
    """Runs the example without a trace: no gradient, no changed statistics."""
    modes = {module: module.training for module in net.modules()}
    net.eval()
    try:
        with torch.no_grad():
            example(net)
    finally:
        for module, mode in modes.items():
            module.training = mode


def hidden_layers(net: nn.Module, example: Example) -> Iterator[tuple[str, nn.Module]]:
    """Layers before the last weighted one, each once, in the order of execution."""
    order = called_layers(net, example)
    last = max((i for i, (_, layer) in enumerate(order) if isinstance(layer, WEIGHTED[:3])), default=-1)
    final = order[last][1] if last >= 0 else None
    seen = set()
    for name, layer in order[: max(last, 0)]:
        if layer is not final and layer not in seen:
            seen.add(layer)
            yield name, layer


def output_units(net: nn.Module, example: Example) -> dict[str, tuple[int, int]]:
    """For each leaf layer, its output's second size (features or channels) and number of dimensions."""
    units: dict[str, tuple[int, int]] = {}
    hooks = []
    for module, name in leaf_layers(net).items():

        def note(_: nn.Module, __: Any, output: Any, name: str = name) -> None:
            if isinstance(output, Tensor) and output.ndim >= 2:
                units[name] = (output.shape[1], output.ndim)

        hooks.append(module.register_forward_hook(note))
    try:
        _run(net, example)
    finally:
        for hook in hooks:
            hook.remove()
    return units


def weighted(net: nn.Module) -> list[tuple[str, nn.Module]]:
    return [
        (name, layer)
        for name, layer in net.named_modules()
        if isinstance(layer, WEIGHTED) and not parametrize.is_parametrized(layer)
    ]


def through_child(name: str, layer: nn.Module, inputs: Any, output: Tensor) -> Any:
    return layer.get_submodule(name)(output)


def matches(name: str, patterns: Patterns) -> bool:
    return any(fnmatchcase(name, pattern) for pattern in ([patterns] if isinstance(patterns, str) else patterns))


def matching(layers: Sequence[tuple[str, Any]], patterns: Patterns) -> list[tuple[str, Any]]:
    return [(name, layer) for name, layer in layers if matches(name, patterns)]


def found_places(places: list[tuple[str, Any]], what: str, otherwise: str) -> list[tuple[str, Any]]:
    if not places:
        raise RequestError(f"{what}: finds no place to act: {otherwise}")
    return places


def no_match(patterns: Patterns) -> str:
    return f"no layer with a weight of its own is named {shown(patterns)}"


def shown(patterns: Patterns) -> str:
    return "'" + "', '".join([patterns] if isinstance(patterns, str) else patterns) + "'"


def nearest_layer(patterns: Patterns, layers: Sequence[tuple[str, Any]]) -> str:
    first = patterns if isinstance(patterns, str) else patterns[0]
    return nearest(first, [name for name, _ in layers])
