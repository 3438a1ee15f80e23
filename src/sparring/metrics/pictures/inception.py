"""`inception`: features of the Inception network of 2015, with its weights fetched once."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from sparring.base.cache import cache_directory, cached_file
from sparring.base.errors import RequestError
from sparring.metrics.base import Features
from sparring.metrics.features import parameters_hash
from sparring.metrics.features.base import run
from sparring.metrics.pictures.inception_net import CLASSES, SIDE, WIDTH, InceptionV3
from sparring.nets.pretrained import load_weights

FILE = "pt_inception-2015-12-05-6726825d.pth"
URL = f"https://github.com/mseitzer/pytorch-fid/releases/download/fid_weights/{FILE}"
SHA256_PREFIX = "6726825d"


class Inception:
    """2,048 pooled features and 1,008 class probabilities of images of one or three channels (grey is repeated)."""

    name = "inception"
    slow = True
    resize = "bilinear to 299 x 299, align_corners=False, no antialias"
    width = WIDTH
    details: Mapping[str, Any] = {"classes": CLASSES, "logits": "without the last bias"}

    def __init__(self, net: InceptionV3, *, device: torch.device | str = "cpu", batch: int = 50) -> None:
        self.net: nn.Module = net.to(device).eval().requires_grad_(False)
        self.batch = batch
        self.hash = parameters_hash(net)

    def __call__(self, samples: Tensor) -> Features:
        if samples.ndim != 4 or samples.shape[1] not in (1, 3):
            shape = list(samples.shape[1:])
            raise RequestError(f"extractor: inception takes images of 1 or 3 channels, not samples of shape {shape}")
        return run(self.net, self._forward, samples, self.batch)

    def graded(self, samples: Tensor) -> Tensor:
        """The features [n, 2048] of samples on the network's device, with a gradient to them."""
        return self._forward(samples)[0]

    def _forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        x = x.expand(-1, 3, -1, -1)
        x = F.interpolate(x, size=(SIDE, SIDE), mode="bilinear", align_corners=False, antialias=False)
        pooled, logits = self.net(2 * x - 1)
        return pooled, logits.softmax(1)


def load_inception(path: Path | None = None, *, device: torch.device | str = "cpu", batch: int = 50) -> Inception:
    """The extractor with its published weights: from the cache, fetched where they are not there, or from `path`."""
    path = cached_file(FILE, URL, SHA256_PREFIX) if path is None else path
    with torch.device("meta"):
        net = InceptionV3()
    net = net.to_empty(device="cpu")
    load_weights(net, path, FILE)
    return Inception(net, device=device, batch=batch)


def at_hand() -> Path | None:
    """Where the weights lie that were fetched before; None where they were not."""
    path = cache_directory() / FILE
    return path if path.exists() else None
