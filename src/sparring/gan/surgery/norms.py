"""Surgery on normalisation layers."""

from __future__ import annotations

import functools
import math
from typing import Literal

from pydantic import Field
from torch import nn

from sparring.base.draws import Key
from sparring.base.errors import RequestError
from sparring.gan.surgery.base import Surgery
from sparring.gan.surgery.places import (
    NORMS,
    WEIGHTED,
    Example,
    found_places,
    hidden_layers,
    output_units,
    through_child,
)


class Norm(Surgery):
    """Replaces the normalisation layers of a network; where it has none, puts one behind each hidden weighted layer."""

    kind: Literal["batch", "instance", "layer", "group", "none"] = "batch"
    """Which normalisation; `none` takes the network's own away."""
    groups: int = Field(8, ge=1)
    """Groups of `group`, lowered to a divisor of the channels."""

    def operate(self, net: nn.Module, example: Example, key: Key, name: str) -> nn.Module:
        units = output_units(net, example)
        present = [(n, m) for n, m in net.named_modules() if isinstance(m, NORMS)]
        if present:
            for place, _ in present:
                _replace(net, place, self._layer(*units[place]))
            return net
        hidden = [(n, m) for n, m in hidden_layers(net, example) if isinstance(m, WEIGHTED)]
        if self.kind == "none":
            raise RequestError("norm.kind: none, and the network has no normalisation to take away")
        for place, layer in found_places(hidden, "norm", "the network has no hidden weighted layer"):
            layer.add_module(name, self._layer(*units[place]))
            layer.register_forward_hook(functools.partial(through_child, name))
        return net

    def _layer(self, units: int, dimensions: int) -> nn.Module:
        match self.kind:
            case "batch":
                return nn.BatchNorm2d(units) if dimensions == 4 else nn.BatchNorm1d(units)
            case "instance":
                if dimensions == 2:
                    raise RequestError("norm.kind: instance needs feature maps; a dense network takes batch or layer")
                return nn.InstanceNorm2d(units, affine=True)
            case "layer":
                return nn.GroupNorm(1, units)
            case "group":
                return nn.GroupNorm(math.gcd(self.groups, units), units)
            case _:
                return nn.Identity()


def _replace(net: nn.Module, name: str, layer: nn.Module) -> None:
    parent, _, child = name.rpartition(".")
    setattr(net.get_submodule(parent), child, layer)
