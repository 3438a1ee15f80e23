"""Whether a saved state is one that a match can take up: its tensors have the names and shapes of the match's own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

MOMENTS = {
    torch.optim.Adam: {"step", "exp_avg", "exp_avg_sq"},
    torch.optim.AdamW: {"step", "exp_avg", "exp_avg_sq"},
    torch.optim.RMSprop: {"step", "square_avg"},
}
"""What optimisers keep of each weight, at least."""


def misfit_of_net(net: nn.Module, saved: Mapping[str, Tensor]) -> str:
    """What a network's saved tensors lack, or have too much or of another shape or type; nothing where they fit."""
    own = net.state_dict()
    for name in own.keys() ^ saved.keys():
        return f"{'no' if name in own else 'an unknown'} tensor {name}"
    for name, tensor in own.items():
        if saved[name].shape != tensor.shape:
            return f"{name} is of shape {list(saved[name].shape)}, not {list(tensor.shape)}"
        if _kind(saved[name]) != _kind(tensor):
            return f"{name} is of type {saved[name].dtype}, not {tensor.dtype}"
    return ""


def misfit_of_optimiser(optimiser: torch.optim.Optimizer, saved: Mapping[str, Any]) -> str:
    """The same of what an optimiser keeps of its weights."""
    groups = saved["param_groups"]
    if [len(group.get("params", ())) for group in groups] != [len(group["params"]) for group in optimiser.param_groups]:
        return "its groups are not those of the networks' weights"
    weights = [weight for group in optimiser.param_groups for weight in group["params"]]
    places = [place for group in groups for place in group["params"]]
    least = MOMENTS.get(type(optimiser), set())
    for place, weight in zip(places, weights, strict=True):
        kept = saved["state"].get(place, {})
        lacks = least - kept.keys() if kept else set()
        if lacks:
            return f"no {min(lacks)} of weight {place}"
        for name, value in kept.items():
            if not isinstance(value, Tensor | None):
                return f"{name} of weight {place} is no tensor"
            if value is not None and value.ndim and value.shape != weight.shape:
                return f"{name} of weight {place} is of shape {list(value.shape)}, not {list(weight.shape)}"
            if value is not None and not value.is_floating_point():
                return f"{name} of weight {place} is of type {value.dtype}"
    return ""


def _kind(tensor: Tensor) -> tuple[bool, bool]:
    return tensor.is_floating_point(), tensor.is_complex()
