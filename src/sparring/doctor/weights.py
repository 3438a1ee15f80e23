"""What weights and activations tell: how far and which way updates go, extremes, spectral norms, dead units."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from sparring.base.draws import Key
from sparring.gan.surgery.places import ACTIVATIONS, WEIGHTED

WATCHED = 4096
"""Coordinates of a network whose way is followed, about."""
LEAST = 8
"""Coordinates of each tensor, at least."""
FIRST_PASSES = 4
"""Steps of power iteration at the first reading."""


class Sketch:
    """A random choice of a network's weights, by which its way is followed: cosines and ratios of updates are, up to
    chance, those of all weights."""

    def __init__(self, net: nn.Module, key: Key) -> None:
        self.weights = list(net.parameters())  # themselves: some loops put other tensors in their place
        whole = max(sum(weight.numel() for weight in self.weights), 1)
        self.shares = [weight.numel() / whole for weight in self.weights]
        """Each tensor's share of the network's weights."""
        self.index: list[Tensor] = []
        for (name, _), weight in zip(net.named_parameters(), self.weights, strict=True):
            count = min(weight.numel(), max(LEAST, WATCHED * weight.numel() // whole))
            source = torch.Generator().manual_seed(key.at(name).seed)
            self.index.append(torch.randint(weight.numel(), (count,), generator=source).to(weight.device))
        self.sizes = [len(index) for index in self.index]

    def take(self) -> Tensor:
        """The chosen weights as they stand, [coordinates]."""
        if not self.weights:
            return torch.zeros(1)
        # `take` reads by the place in rows, whatever the layout in memory
        parts = [weight.detach().take(index) for weight, index in zip(self.weights, self.index, strict=True)]
        return torch.cat(parts).float()

    def still(self, before: Tensor, now: Tensor) -> Tensor:
        """The share of all weights that stand in tensors none of whose chosen coordinates has moved."""
        if not self.weights:
            return torch.zeros(())
        moved = torch.stack([part.any() for part in torch.split(before != now, self.sizes)])
        return (~moved * torch.tensor(self.shares, device=moved.device)).sum()


def cosine(first: Tensor, second: Tensor) -> Tensor:
    """The cosine of the angle of two updates; 0 where one of them is none."""
    lengths: Tensor = first.norm() * second.norm()
    return (first @ second) / lengths.clamp(min=1e-30)


def extremes(net: nn.Module) -> tuple[Tensor, Tensor]:
    """The norm of all weights, and the largest of them."""
    weights = [weight.detach() for weight in net.parameters()]
    if not weights:
        return torch.zeros(()), torch.zeros(())
    norm = torch.stack(torch._foreach_norm(weights)).norm()
    return norm, torch.stack(torch._foreach_norm(weights, float("inf"))).amax()


class SpectralNorms:
    """The largest singular values of a network's weights, by a step of power iteration at each reading."""

    def __init__(self, net: nn.Module) -> None:
        self.layers = {name: module for name, module in net.named_modules() if isinstance(module, WEIGHTED)}

    @torch.no_grad()
    def read(self, kept: dict[str, Tensor]) -> Tensor:
        """The largest over the layers; `kept` holds each layer's vector from reading to reading."""
        largest = []
        for name, layer in self.layers.items():
            weight = layer.weight.detach().float().flatten(1)
            new = name not in kept or kept[name].shape != weight.shape[1:]
            vector = torch.arange(weight.shape[1], device=weight.device).float().cos() if new else kept[name]
            for _ in range(FIRST_PASSES if new else 1):
                vector = weight.T @ (weight @ vector)
                vector = vector / vector.norm().clamp(min=1e-30)
            kept[name] = vector
            largest.append((weight @ vector).norm())
        return torch.stack(largest).amax() if largest else torch.zeros(())


class Units:
    """Which units of a network are dead or saturated in the passes of a reading, over all of their samples."""

    def __init__(self, net: nn.Module) -> None:
        self.layers = [module for module in net.modules() if isinstance(module, ACTIVATIONS)]
        self._last = self.layers[-1] if self.layers else None
        self._seen: dict[nn.Module, tuple[Tensor, Tensor]] = {}
        self._largest: list[Tensor] = []

    @contextmanager
    def listening(self) -> Iterator[None]:
        """Inside, passes are taken note of."""
        self._seen.clear()
        self._largest.clear()
        hooks = [layer.register_forward_hook(self._note) for layer in self.layers]
        try:
            yield
        finally:
            for hook in hooks:
                hook.remove()

    def _note(self, layer: nn.Module, inputs: Any, output: Tensor) -> None:
        rows = output.detach().flatten(2).transpose(1, 2).flatten(0, 1) if output.ndim > 2 else output.detach()
        low, high = rows.amin(0), rows.amax(0)
        if layer in self._seen:
            before = self._seen[layer]
            low, high = torch.minimum(low, before[0]), torch.maximum(high, before[1])
        self._seen[layer] = low, high
        self._largest.append(torch.maximum(high.amax(), -low.amin()))

    def read(self) -> dict[str, Tensor]:
        """`dead`: the largest share, over layers, of units that gave all but the same for every sample (beside the
        layer's own range); `active`: the largest activation."""
        dead = []
        for low, high in self._seen.values():
            width = high - low
            dead.append((width <= 1e-4 * torch.maximum(width.amax(), torch.tensor(1e-12).to(width))).float().mean())
        if not dead:
            return {}
        return {"dead": torch.stack(dead).amax(), "active": torch.stack(self._largest).amax()}
