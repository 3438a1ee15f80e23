"""Dropout as surgery: which layers random ones are put behind."""

from __future__ import annotations

import functools
from typing import Any, Literal

from pydantic import Field, field_validator
from torch import nn

from sparring.base.draws import Key
from sparring.base.errors import RequestError
from sparring.gan.schedules import Schedule, extremes
from sparring.gan.surgery.base import Surgery
from sparring.gan.surgery.drop import Drop
from sparring.gan.surgery.places import (
    ACTIVATIONS,
    Example,
    Patterns,
    found_places,
    hidden_layers,
    matching,
    nearest_layer,
    output_units,
    shown,
    through_child,
)


class Dropout(Surgery):
    """Dropout after hidden activations, with inverted scaling (Srivastava et al. 2014,
    https://jmlr.org/papers/v15/srivastava14a.html): what is kept is multiplied by 1 / (1 - rate) while training."""

    rate: Schedule | tuple[float, ...] = 0.5
    """The probability to drop, in [0, 1): a number, a schedule, a controller, or a list with one rate for each unit
    (feature or channel) of the layers that `where` names."""
    kind: Literal["value", "channel", "block", "gaussian"] = Field("value", alias="unit")
    """What is dropped together: single values, whole channels, blocks of `block` positions a side; or nothing, but
    everything multiplied by noise of the same variance (gaussian)."""
    where: Patterns = "*"
    """Patterns of layer names (`*` for any run of characters) behind which to act; by default after every hidden
    activation. Never on the last layer."""
    when: Literal["training", "always"] = "training"
    """`always` keeps it on at sampling, as the generator's noise."""
    block: int = Field(3, ge=1)
    """Edge of a block, in positions."""

    model_config = {"populate_by_name": True}

    @field_validator("rate")
    @classmethod
    def _in_range(cls, rate: Any) -> Any:
        for bound in extremes(rate):
            if not 0 <= bound < 1:
                raise ValueError(f"rate {bound:g} is not in [0, 1): it is the probability to drop")
        return rate

    def operate(self, net: nn.Module, example: Example, key: Key, name: str) -> nn.Module:
        tensors = output_units(net, example)
        for place, layer in self._places(net, example):
            if place not in tensors:  # a recurrent layer gives its state beside its outputs
                raise RequestError(f"{name}.where: layer '{place}' gives no tensor alone; name a layer behind it")
            drop = Drop(self.rate, self.kind, block=self.block, always=self.when == "always", site=f"{place}/{name}")
            layer.add_module(name, drop)
            layer.register_forward_hook(functools.partial(through_child, name))
        return net

    def _places(self, net: nn.Module, example: Example) -> list[tuple[str, nn.Module]]:
        hidden = list(hidden_layers(net, example))
        activations = [(name, layer) for name, layer in hidden if isinstance(layer, ACTIVATIONS)]
        if self.where == "*":
            return found_places(
                activations, "dropout", "no hidden activation that is a module (one called as a function?)"
            )
        for candidates in (activations, hidden):
            places = matching(candidates, self.where)
            if places:
                return places
        raise RequestError(
            f"dropout.where: no hidden layer is named {shown(self.where)}; {nearest_layer(self.where, hidden)}"
        )
