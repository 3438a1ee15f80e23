"""What extractors share whose networks others trained on photos."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from sparring.base.errors import RequestError
from sparring.metrics.base import Features
from sparring.metrics.features import parameters_hash
from sparring.metrics.features.base import run


class PhotoNet(ABC):
    """Pooled features and class probabilities of images of one or three channels (grey is repeated)."""

    name: ClassVar[str]
    width: ClassVar[int]
    slow: ClassVar = True
    resize: str
    details: Mapping[str, Any]

    def __init__(self, net: nn.Module, *, device: torch.device | str = "cpu", batch: int = 50) -> None:
        self.net = net.to(device).eval().requires_grad_(False)
        self.batch = batch
        self.hash = parameters_hash(net)

    @abstractmethod
    def seen(self, images: Tensor) -> Tensor:
        """Images in [0, 1], [n, 3, height, width], as the network takes them."""

    def __call__(self, samples: Tensor) -> Features:
        if samples.ndim != 4 or samples.shape[1] not in (1, 3):
            shape = list(samples.shape[1:])
            raise RequestError(f"extractor: {self.name} takes images of 1 or 3 channels, not samples of shape {shape}")
        return run(self.net, self._forward, samples, self.batch)

    def graded(self, samples: Tensor) -> Tensor:
        """The features [n, width] of samples on the network's device, with a gradient to them."""
        return self._forward(samples)[0]

    def _forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        pooled, logits = self.net(self.seen(x.expand(-1, 3, -1, -1)))
        return pooled, logits.softmax(1)
