"""`imagenet`: features of EfficientNet-Lite2, trained on photographs of a thousand kinds."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from sparring.base.errors import RequestError
from sparring.metrics.pictures.photo_net import PhotoNet
from sparring.nets.efficientnet import CLASSES, HEAD, EfficientNetLite
from sparring.nets.pretrained import LITE, lite

SIZE, SIDE = 2, 128
"""Of EfficientNet-Lite, and of the images that it sees: half of what it was trained with, for a CPU's sake."""


class ImageNet(PhotoNet):
    """1,280 pooled features and 1,000 class probabilities."""

    name = "imagenet"
    width = HEAD

    def __init__(
        self, net: EfficientNetLite, *, device: torch.device | str = "cpu", batch: int = 50, side: int = SIDE
    ) -> None:
        super().__init__(net, device=device, batch=batch)
        # Twice as fast on a CPU as channels that lie one after another
        self.net.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.side = side
        self.details = {"network": f"EfficientNet-Lite{net.size}", "classes": CLASSES}
        self.resize = f"bicubic to {side} x {side}, align_corners=False, antialias, clipped"

    def seen(self, images: Tensor) -> Tensor:
        size = (self.side, self.side)
        images = F.interpolate(images, size, mode="bicubic", align_corners=False, antialias=True).clamp(0, 1)
        return EfficientNetLite.normal(images).contiguous(memory_format=torch.channels_last)


def installed() -> bool:
    """Whether the weights are at hand."""
    return LITE[SIZE].path is not None


def load_imagenet(*, device: torch.device | str = "cpu", batch: int = 50) -> ImageNet:
    """The extractor with its weights. Raises RequestError where the package that has them is not installed."""
    try:
        return ImageNet(lite(SIZE), device=device, batch=batch)
    except RequestError as error:
        raise RequestError(f"extractor: imagenet: {error}") from None
