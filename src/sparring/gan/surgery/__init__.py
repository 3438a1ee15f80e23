"""Surgery: what is done to a network after it is built. Network in, network out; works on any architecture.

Surgery finds its places by running the network once on an example and watching which layers are called, so it knows
the order of execution and which layer is the last. Parameters keep their names (spectral normalisation excepted, where
PyTorch stores the raw weight as `parametrizations.weight.original`).
"""

from __future__ import annotations

from torch import nn

from sparring.base.draws import Key
from sparring.gan.surgery.base import Surgery
from sparring.gan.surgery.drop import Drop, Masks, joined_passes, kept_places, random_layers, rewind, without_masks
from sparring.gan.surgery.dropout import Dropout
from sparring.gan.surgery.norms import Norm
from sparring.gan.surgery.places import Example, called_layers
from sparring.gan.surgery.weights import ClipWeights, Freeze, SpectralNorm

SURGERY: tuple[type[Surgery], ...] = (Dropout, SpectralNorm, Freeze, Norm, ClipWeights)
"""The surgery that a recipe can choose, beside that which kinds of data bring."""


def operate(net: nn.Module, surgery: dict[str, Surgery], example: Example, key: Key) -> nn.Module:
    """Applies surgery in the order it is listed."""
    for name, operation in surgery.items():
        net = operation.operate(net, example, key, name)
    return net


__all__ = [
    "SURGERY",
    "ClipWeights",
    "Drop",
    "Dropout",
    "Example",
    "Freeze",
    "Masks",
    "Norm",
    "SpectralNorm",
    "Surgery",
    "called_layers",
    "joined_passes",
    "kept_places",
    "operate",
    "random_layers",
    "rewind",
    "without_masks",
]
