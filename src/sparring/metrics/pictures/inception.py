"""`inception`: features of the Inception network of 2015, with its weights fetched once."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from sparring.base.cache import cache_directory, cached_file
from sparring.base.errors import RequestError
from sparring.metrics.pictures.inception_net import CLASSES, SIDE, WIDTH, InceptionV3
from sparring.metrics.pictures.photo_net import PhotoNet
from sparring.nets.pretrained import load_weights

FILE = "pt_inception-2015-12-05-6726825d.pth"
URL = f"https://github.com/mseitzer/pytorch-fid/releases/download/fid_weights/{FILE}"
SHA256_PREFIX = "6726825d"


class Inception(PhotoNet):
    """2,048 pooled features and 1,008 class probabilities."""

    name = "inception"
    resize = "bilinear to 299 x 299, align_corners=False, no antialias"
    width = WIDTH
    details: Mapping[str, Any] = {"classes": CLASSES, "logits": "without the last bias"}

    def seen(self, images: Tensor) -> Tensor:
        return 2 * F.interpolate(images, (SIDE, SIDE), mode="bilinear", align_corners=False, antialias=False) - 1


def load_inception(path: Path | None = None, *, device: torch.device | str = "cpu", batch: int = 50) -> Inception:
    """The extractor with its published weights: from the cache, fetched where they are not there, or from `path`."""
    path = cached_file(FILE, URL, SHA256_PREFIX) if path is None else path
    with torch.device("meta"):
        net = InceptionV3()
    net = net.to_empty(device="cpu")
    try:
        load_weights(net, path, FILE)
    except RequestError as error:
        raise RequestError(f"extractor: {error}") from None
    return Inception(net, device=device, batch=batch)


def at_hand() -> Path | None:
    """Where the weights lie that were fetched before; None where they were not."""
    path = cache_directory() / FILE
    return path if path.exists() else None
