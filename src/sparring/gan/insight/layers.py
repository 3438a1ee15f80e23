"""The first weighted layer that takes the latent, found by watching a pass."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from sparring.gan.surgery.places import ACTIVATIONS, NORMS, WEIGHTED, leaf_layers

Generate = Callable[[Tensor, Tensor], Tensor]
"""Latents [n, latent] and the numbers of their rows, int64 [n], to samples [n, ...]."""
MOST_INPUTS = 8192
"""Inputs of a layer whose dependence on the latent is worked out, at most."""


class FirstLayer(NamedTuple):
    """Where a latent first meets weights."""

    name: str
    gram: Tensor
    """A^T A of the map A from latent to the layer's output, float64 [latent, latent]; where that map is not linear, as
    the latent is changed before it comes to the layer, its mean over latents."""
    watched: nn.Module
    """The activation behind the layer, or the layer itself where another weighted one comes first."""


class _Enough(Exception):
    """Ends a pass whose rest is not needed."""


def first_layer(net: nn.Module, generate: Generate, latents: Tensor) -> FirstLayer | None:
    """The first dense or convolutional layer of `net`, in the order of a pass, whose input depends on the latent; None
    where there is none of at most 8,192 inputs. `latents` are a few, [n, latent]: more than one only matter where
    the layer does not take the latent as it is.
    """
    calls = _calls(net, generate, latents)
    for place, (name, layer, entered, root) in enumerate(calls):
        if entered is None or not entered.requires_grad or not _weighs(layer):
            continue
        if entered[0].numel() > MOST_INPUTS:
            return None
        weigh = _map_of(layer, entered)
        if weigh is not None:
            later = (one for _, one, _, _ in calls[place + 1 :] if isinstance(one, ACTIVATIONS) or _weighs(one))
            behind = next(later, layer)
            watched = behind if isinstance(behind, ACTIVATIONS) else layer
            return FirstLayer(name, _gram(weigh, entered, root), watched)
    return None


def outputs_of(watched: nn.Module, generate: Generate, latents: Tensor, at_once: int = 256) -> Tensor:
    """What a layer gives for latents [n, latent], float32 [n, outputs]; the pass ends there."""
    found: list[Tensor] = []

    def note(_: nn.Module, __: Any, output: Any) -> None:
        if not isinstance(output, Tensor):
            raise RuntimeError(f"{type(watched).__name__} gives a {type(output).__name__}, not a tensor")
        found.append(output.detach().flatten(1).float().cpu())
        raise _Enough

    hook = watched.register_forward_hook(note)
    try:
        with torch.no_grad():
            for rows in torch.split(torch.arange(len(latents), device=latents.device), at_once):
                try:
                    generate(latents[rows], rows)
                except _Enough:
                    continue
    finally:
        hook.remove()
    return torch.cat(found)


Call = tuple[str, nn.Module, Tensor | None, Tensor]
"""A leaf layer's name, the layer, its first input, and the latents that the pass began with."""


def _calls(net: nn.Module, generate: Generate, latents: Tensor) -> list[Call]:
    """The calls of leaf layers in a pass that keeps gradients to the latents."""
    calls: list[Call] = []
    names = leaf_layers(net)
    root = latents.detach().clone().requires_grad_()

    def note(layer: nn.Module, inputs: tuple[Any, ...]) -> None:
        first = inputs[0] if inputs and isinstance(inputs[0], Tensor) else None
        calls.append((names[layer], layer, first, root))

    hooks = [layer.register_forward_pre_hook(note) for layer in names]
    try:
        with torch.enable_grad():
            generate(root, torch.arange(len(latents), device=latents.device))
    finally:
        for hook in hooks:
            hook.remove()
    return calls


def _weighs(layer: nn.Module) -> bool:
    """Whether a layer has a matrix of weights: PyTorch's own, or one of a user's."""
    if isinstance(layer, (*ACTIVATIONS, *NORMS, nn.Embedding)):
        return False
    return isinstance(layer, WEIGHTED) or any(weight.ndim > 1 for weight in layer.parameters(recurse=False))


def _map_of(layer: nn.Module, entered: Tensor) -> Callable[[Tensor], Tensor] | None:
    """The linear part of a layer: the layer itself less what it gives for zeros, or, where that is not linear (with an
    activation in it), its weight; None where neither is known. Its inputs are [n, ...], like those that entered."""

    def linear(columns: Tensor) -> Tensor:
        none = layer.forward(torch.zeros_like(entered[:1]))  # not a call: hooks belong to the network's passes
        found: Tensor = layer.forward(columns) - none
        return found

    try:
        with torch.no_grad():
            once, thrice = linear(entered[:1]), linear(-3 * entered[:1])
        if torch.allclose(thrice, -3 * once, rtol=1e-3, atol=1e-4 * float(once.abs().max())):
            return linear
    except (TypeError, RuntimeError):  # a user's layer that takes more than one input, or gives more than one output
        pass
    weight = getattr(layer, "weight", None)
    if isinstance(weight, Tensor) and weight.ndim == 2 and weight.shape[1] == entered[0].numel():
        matrix = weight.detach()
        return lambda columns: columns.flatten(1) @ matrix.T
    return None


def _gram(weigh: Callable[[Tensor], Tensor], entered: Tensor, root: Tensor) -> Tensor:
    """A^T A, the mean over latents, of A = W J: the layer's weight times how its input depends on the latent."""
    size = root.shape[1]
    flat = entered.flatten(1)
    if flat.shape == root.shape and torch.equal(flat, root):
        jacobians = torch.eye(size, device=root.device)[None]
    else:
        slopes = [
            torch.autograd.grad(flat[:, unit].sum(), root, retain_graph=True, allow_unused=True)[0]
            for unit in range(flat.shape[1])
        ]
        jacobians = torch.stack([torch.zeros_like(root) if one is None else one for one in slopes], 1)
    gram = torch.zeros(size, size, dtype=torch.float64)
    with torch.no_grad():
        for jacobian in jacobians:
            columns = jacobian.T.reshape(size, *entered.shape[1:]).to(entered)
            mapped = weigh(columns).flatten(1).double().cpu()
            gram += mapped @ mapped.T / len(jacobians)
    return gram
