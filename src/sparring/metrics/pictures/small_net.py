"""The small network that feature extractors are trained with, and the extractor made of it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from sparring.base.errors import RequestError
from sparring.metrics.base import Features
from sparring.metrics.features import parameters_hash
from sparring.metrics.features.base import run
from sparring.nets import Shape
from sparring.nets.blocks import Conv, Linear

LARGEST = 64
"""Longer sides are brought to this many pixels: features are of whole images, and training takes seconds."""
TINY = 16
"""Images with a shorter side under this many pixels get half the features."""


def feature_width(shape: Shape) -> int:
    """How many features images of a shape [channels, height, width] get."""
    return 64 if min(shape[1:]) < TINY else 128


def working_size(shape: Shape) -> tuple[int, int]:
    """The height and width that the network sees: the image's, or with its longer side at 64 pixels."""
    height, width = shape[1:]
    ratio = min(1.0, LARGEST / max(height, width))
    return max(1, round(height * ratio)), max(1, round(width * ratio))


class SmallNet(nn.Module):
    """Images in [0, 1], [n, *shape], to features [n, width], and through one linear head for each task to logits.

    Convolutions of stride 2 with batch norm take the image to at most 4 x 4, doubling their channels up to the width; a
    linear layer makes the features. Heads read their positive part.
    """

    def __init__(self, shape: Shape, heads: Mapping[str, int]) -> None:
        super().__init__()
        self.shape = tuple(shape)
        self.size = working_size(shape)
        self.width = feature_width(shape)
        self.outputs = dict(heads)
        levels = max(0, math.ceil(math.log2(max(self.size) / 4)))
        layers: list[nn.Module] = []
        inputs, size = shape[0], self.size
        for outputs in (self.width >> level for level in reversed(range(levels))):
            layers += [Conv(inputs, outputs, 3, 2, bias=False, gain=2**0.5), nn.BatchNorm2d(outputs), nn.ReLU()]
            inputs, size = outputs, ((size[0] + 1) // 2, (size[1] + 1) // 2)
        self.body = nn.Sequential(*layers, nn.Flatten())
        self.features = Linear(inputs * size[0] * size[1], self.width, gain=1.0)
        self.heads = nn.ModuleDict({name: Linear(self.width, outputs, gain=1.0) for name, outputs in heads.items()})

    def forward(self, x: Tensor) -> Tensor:
        if x.shape[2:] != self.size:
            x = F.interpolate(x, self.size, mode="area")
        features: Tensor = self.features(self.body(2 * x - 1))
        return features

    def head(self, name: str, features: Tensor) -> Tensor:
        """The logits of one task, [n, outputs]."""
        logits: Tensor = self.heads[name](features.relu())
        return logits


def blank(shape: Shape, heads: Mapping[str, int]) -> SmallNet:
    """A network whose weights are yet to come; making it draws nothing from PyTorch's generator."""
    with torch.random.fork_rng(devices=[]):
        return SmallNet(shape, heads)


class TrainedExtractor:
    """The features of a small network that was trained on the training samples, and the class probabilities of its
    head `classes`, where it has one."""

    slow = False

    def __init__(
        self, kind: str, net: SmallNet, details: Mapping[str, Any], *, device: torch.device | str = "cpu"
    ) -> None:
        self.net = net.to(device).eval().requires_grad_(False)
        self.name = kind
        self.details = dict(details)
        self.width = net.width
        self.hash = parameters_hash(net)
        self.resize = "none" if net.size == net.shape[1:] else f"area average to {net.size[0]} x {net.size[1]}"

    def __call__(self, samples: Tensor) -> Features:
        if tuple(samples.shape[1:]) != self.net.shape:
            raise RequestError(
                f"extractor: {self.name} was trained on samples of shape {list(self.net.shape)}, "
                f"not {list(samples.shape[1:])}"
            )
        return run(self.net, self._forward, samples, 256)

    def graded(self, samples: Tensor) -> Tensor:
        """The features [n, width] of samples on the network's device, with a gradient to them."""
        features: Tensor = self.net(samples)
        return features

    def _forward(self, x: Tensor) -> tuple[Tensor, Tensor | None]:
        features = self.net(x)
        if "classes" not in self.net.heads:
            return features, None
        return features, self.net.head("classes", features).softmax(1)
