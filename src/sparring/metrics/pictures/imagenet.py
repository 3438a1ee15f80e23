"""`imagenet`: features of EfficientNet-Lite2, trained on photographs of a thousand kinds."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from sparring.base.errors import RequestError
from sparring.metrics.base import Features
from sparring.metrics.features import parameters_hash
from sparring.metrics.features.base import run
from sparring.nets.efficientnet import CLASSES, HEAD, EfficientNetLite
from sparring.nets.pretrained import LITE, lite

SIZE, SIDE = 2, 128
"""Of EfficientNet-Lite, and of the images that it sees: half of what it was trained with, for a CPU's sake."""


class ImageNet:
    """1,280 pooled features and 1,000 class probabilities of images of one or three channels (grey is repeated)."""

    name = "imagenet"
    slow = True
    width = HEAD

    def __init__(
        self, net: EfficientNetLite, *, device: torch.device | str = "cpu", batch: int = 50, side: int = SIDE
    ) -> None:
        self.side = side
        self.details: Mapping[str, Any] = {"network": f"EfficientNet-Lite{net.size}", "classes": CLASSES}
        self.resize = f"bicubic to {side} x {side}, align_corners=False, antialias, clipped"
        self.hash = parameters_hash(net)
        # Twice as fast on a CPU as channels that lie one after another
        self.net = net.to(device).to(memory_format=torch.channels_last).eval().requires_grad_(False)  # type: ignore[call-overload]
        self.batch = batch

    def __call__(self, samples: Tensor) -> Features:
        if samples.ndim != 4 or samples.shape[1] not in (1, 3):
            shape = list(samples.shape[1:])
            raise RequestError(f"extractor: imagenet takes images of 1 or 3 channels, not samples of shape {shape}")
        return run(self.net, self._forward, samples, self.batch)

    def graded(self, samples: Tensor) -> Tensor:
        """The features [n, 1280] of samples on the network's device, with a gradient to them."""
        return self._forward(samples)[0]

    def _forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        x = x.expand(-1, 3, -1, -1)
        x = F.interpolate(x, size=(self.side, self.side), mode="bicubic", align_corners=False, antialias=True).clamp(
            0, 1
        )
        pooled, logits = self.net(EfficientNetLite.normal(x).contiguous(memory_format=torch.channels_last))
        return pooled, logits.softmax(1)


def installed() -> bool:
    """Whether the weights are at hand."""
    return LITE[SIZE].path is not None


def load_imagenet(*, device: torch.device | str = "cpu", batch: int = 50) -> ImageNet:
    """The extractor with its weights. Raises RequestError where the package that has them is not installed."""
    try:
        return ImageNet(lite(SIZE), device=device, batch=batch)
    except RequestError as error:
        raise RequestError(f"extractor: imagenet: {error}") from None
