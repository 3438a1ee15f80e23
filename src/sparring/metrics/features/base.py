"""Extractors: what turns samples into features. None is trained on what it scores, and none learns from scoring."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from types import MappingProxyType
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from sparring.metrics.base import Features

NO_DETAILS: Mapping[str, Any] = MappingProxyType({})


class Extractor(Protocol):
    """Features of samples: deterministic, without gradients, in float32, the same whatever the batches are."""

    @property
    def name(self) -> str:
        """`pixels`, `imagenet`, `inception`, `classifier`, `selfsup`."""

    @property
    def hash(self) -> str:
        """12 hexadecimal digits that tell one set of parameters from another (`parameters_hash`)."""

    @property
    def resize(self) -> str:
        """The rule by which samples are brought to the network's size, in words."""

    @property
    def width(self) -> int:
        """How many features a sample has."""

    @property
    def slow(self) -> bool:
        """Whether a CPU takes seconds for a hundred samples, so that they are best looked at sparingly."""

    @property
    def details(self) -> Mapping[str, Any]:
        """What else a score's protocol should say of it; plain JSON values."""

    def __call__(self, samples: Tensor) -> Features:
        """The features, on the CPU, of images in [0, 1], float32 [n, channels, height, width], or points [n, values];
        with the samples beside them."""

    def graded(self, samples: Tensor) -> Tensor:
        """The features alone, [n, width], of samples on the extractor's device, with a gradient to them."""


def extract(extractor: Extractor, batches: Iterable[Tensor], *, keep_samples: bool = True) -> Features:
    """The features of samples that come in batches, joined; without their samples where those are not wanted (most
    metrics need none, `ms_ssim` and `modes` do)."""
    parts = []
    for batch in batches:
        part = extractor(batch)
        parts.append(part if keep_samples else Features(part.values, part.probabilities))
    return Features.joined(parts)


def parameters_hash(net: nn.Module) -> str:
    """The first 12 hexadecimal digits of the SHA-256 of all parameters and statistics, in the order of the state dict:
    each one's name in UTF-8, then its values as float32, little-endian. Counters (batch norm's) do not matter."""
    digest = hashlib.sha256()
    for name, values in net.state_dict().items():
        if values.is_floating_point():
            digest.update(name.encode())
            digest.update(values.detach().to("cpu", torch.float32).contiguous().numpy().astype("<f4").tobytes())
    return digest.hexdigest()[:12]


@contextmanager
def exact(device: torch.device) -> Iterator[None]:
    """Plain float32 and deterministic convolutions, whatever precision training runs in around it."""
    cudnn = torch.backends.cudnn
    before = cudnn.deterministic, cudnn.benchmark
    cudnn.deterministic, cudnn.benchmark = True, False
    try:
        with torch.autocast(device.type, enabled=False):
            yield
    finally:
        cudnn.deterministic, cudnn.benchmark = before


Forward = Callable[[Tensor], tuple[Tensor, Tensor | None]]
"""A batch on the network's device to features and, perhaps, class probabilities."""


def run(net: nn.Module, forward: Forward, samples: Tensor, batch: int) -> Features:
    """The features of samples, `batch` at a time, with the network in eval mode and no gradients."""
    device = next(net.parameters()).device
    net.eval()
    values: list[Tensor] = []
    probabilities: list[Tensor] = []
    with torch.inference_mode(), exact(device):
        for part in torch.split(samples, batch):
            found, classes = forward(part.to(device, torch.float32))
            values.append(found.cpu())
            if classes is not None:
                probabilities.append(classes.cpu())
    # Clones, for tensors made in inference mode cannot be used in a later backward pass, or changed.
    classes_of_all = torch.cat(probabilities).clone() if probabilities else None
    return Features(torch.cat(values).clone(), classes_of_all, samples.detach().cpu())
