"""`lpips`: how far each fake is from its truth in the features of a network, weighed as people judged."""

from __future__ import annotations

import pickle
from collections.abc import Mapping
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from sparring.base.cache import cached_file
from sparring.base.errors import RequestError
from sparring.kinds.translation.metrics import needs as own
from sparring.kinds.translation.metrics.scores import each, mean_reading
from sparring.metrics import Metric, Reading, Views
from sparring.metrics.features import parameters_hash
from sparring.metrics.features.base import exact

BACKBONE = "alexnet-owt-7be5be79.pth"
BACKBONE_URL = f"https://download.pytorch.org/models/{BACKBONE}"
BACKBONE_SHA256 = "7be5be79"
"""The first digits, which is all that the publisher's file name says and PyTorch's hub checks."""
HEADS = "lpips-v0.1-alex-df73285e.pth"
HEADS_URL = "https://github.com/richzhang/PerceptualSimilarity/raw/master/lpips/weights/v0.1/alex.pth"
HEADS_SHA256 = "df73285e35b22355a2df87cdb6b70b343713b667eddbda73e1977e0c860835c0"
HEADS_SOURCE = "it is lpips/weights/v0.1/alex.pth in the wheel that 'pip download lpips==0.1.4 --no-deps' fetches"

LAYERS = ((0, 64, 11, 4, 2), (3, 192, 5, 1, 2), (6, 384, 3, 1, 1), (8, 256, 3, 1, 1), (10, 256, 3, 1, 1))
"""AlexNet's convolutions: place in torchvision's `features`, channels, kernel, stride, padding."""
POOLED = (3, 6)
"""Before which of these places maps are pooled."""
SMALLEST = 31
"""Pixels a side, below which nothing is left to pool."""


class Lpips(nn.Module):
    """LPIPS v0.1 with AlexNet (Zhang et al. 2018, https://arxiv.org/abs/1801.03924): images in [0, 1], [n, 3, height,
    width] and as many others, to distances [n]; sides of at least 31. With gradients to the images."""

    shift: Tensor
    scale: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.convolutions, self.heads = nn.ModuleDict(), nn.ParameterList()
        inputs = 3
        for place, width, kernel, stride, padding in LAYERS:
            self.convolutions[str(place)] = nn.Conv2d(inputs, width, kernel, stride, padding)
            self.heads.append(nn.Parameter(torch.zeros(1, width, 1, 1)))
            inputs = width
        self.register_buffer("shift", torch.tensor([-0.030, -0.088, -0.188])[:, None, None])
        self.register_buffer("scale", torch.tensor([0.458, 0.448, 0.450])[:, None, None])

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        pairs = zip(self._maps(x), self._maps(y), self.heads, strict=True)
        distances = [((a - b).square() * head).sum(1).mean((1, 2)) for a, b, head in pairs]
        return torch.stack(distances).sum(0)

    def _maps(self, x: Tensor) -> list[Tensor]:
        """The maps after each convolution, of length 1 at each place."""
        x = (2 * x - 1 - self.shift) / self.scale
        found = []
        for place, *_ in LAYERS:
            x = F.max_pool2d(x, 3, 2) if place in POOLED else x
            x = F.relu(self.convolutions[str(place)](x))
            found.append(x / (x.square().sum(1, keepdim=True).sqrt() + 1e-10))
        return found


def load_lpips(backbone: Path | None = None, heads: Path | None = None) -> Lpips:
    """LPIPS with its published weights: from the cache, fetched where they are not there, or from files. A RequestError
    says how to get them and where to put them."""
    backbone = cached_file(BACKBONE, BACKBONE_URL, BACKBONE_SHA256) if backbone is None else backbone
    heads = _cached_heads() if heads is None else heads
    features, weights = _state(backbone), _state(heads)
    with torch.random.fork_rng(devices=[]):
        net = Lpips()
    named = {}
    try:
        for number, (place, *_) in enumerate(LAYERS):
            for part in ("weight", "bias"):
                named[f"convolutions.{place}.{part}"] = features[f"features.{place}.{part}"]
            named[f"heads.{number}"] = weights[f"lin{number}.model.1.weight"]
        net.load_state_dict({**net.state_dict(), **named})
    except (KeyError, RuntimeError) as error:
        reason = str(error).splitlines()[-1].strip()
        raise RequestError(f"metrics: lpips: {backbone} and {heads} do not hold its weights ({reason})") from None
    return net.eval().requires_grad_(False)


def _cached_heads() -> Path:
    try:
        return cached_file(HEADS, HEADS_URL, HEADS_SHA256)
    except RequestError as error:
        raise RequestError(f"{error}; {HEADS_SOURCE}") from None


def _state(path: Path) -> Mapping[str, Tensor]:
    try:
        state: Mapping[str, Tensor] = torch.load(path, map_location="cpu", weights_only=True)
        dict(state)
    except (RuntimeError, OSError, EOFError, ValueError, TypeError, pickle.UnpicklingError) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise RequestError(f"metrics: lpips: {path} does not hold weights ({reason})") from None
    return state


def _needs_colour(views: Views) -> str | None:
    """Images that AlexNet takes."""
    missing = own.pairs(views)
    if missing is not None or views.truth is None:
        return missing
    channels, *sides = views.truth.shape[1:]
    if channels not in (1, 3):
        return f"needs images of 1 or 3 channels, and these have {channels}"
    if min(sides) < SMALLEST:
        return f"needs images of at least {SMALLEST} pixels a side, and these are {sides[0]} x {sides[1]}"
    return None


def _lpips(views: Views) -> Reading:
    net = load_lpips()

    def compare(fake: Tensor, truth: Tensor, hole: Tensor | None) -> Tensor:
        distances: Tensor = net(*(side.float().expand(-1, 3, -1, -1) for side in (fake, truth)))
        return distances.double()

    protocol = {"over": "the whole image", "net": "alex", "version": "0.1", "hash": parameters_hash(net)}
    with exact(torch.device("cpu")):
        return mean_reading(each(views, compare), protocol)


LPIPS = Metric("lpips", "lower", (0.0, float("inf")), _lpips, (_needs_colour,))
"""Mean learned perceptual distance of fakes to their truths (Zhang et al. 2018, https://arxiv.org/abs/1801.03924)."""
