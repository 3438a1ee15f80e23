"""`pixels`: the samples themselves as features."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from sparring.metrics.base import Features
from sparring.metrics.features.base import NO_DETAILS


class Pixels:
    """Flattened samples: all values of an image in [0, 1], or the coordinates of a point; `width` of them."""

    name = "pixels"
    slow = False
    resize = "none"
    details: Mapping[str, Any] = NO_DETAILS

    def __init__(self, width: int) -> None:
        self.width = width
        self.hash = hashlib.sha256(b"pixels: the samples' values, flattened").hexdigest()[:12]

    def __call__(self, samples: Tensor) -> Features:
        values = samples.detach().flatten(1).to("cpu", torch.float32)
        if values.shape[1] != self.width:
            raise ValueError(f"pixels: samples have {values.shape[1]} values, not {self.width}")
        return Features(values, None, samples.detach().cpu())

    def graded(self, samples: Tensor) -> Tensor:
        """The flattened samples, [n, width], with a gradient to them."""
        return samples.flatten(1)
