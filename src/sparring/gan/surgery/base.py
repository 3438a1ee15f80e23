"""What all surgery shares."""

from __future__ import annotations

from torch import nn

from sparring.base.draws import Key
from sparring.base.part import Part
from sparring.gan.surgery.places import Example


class Surgery(Part):
    """What is done to a network after it is built."""

    def operate(self, net: nn.Module, example: Example, key: Key, name: str) -> nn.Module:
        """The network, changed in place or replaced. `example` runs it once; `name` is the surgery's own in the recipe.

        Raises RequestError where it finds no place to act."""
        raise NotImplementedError
