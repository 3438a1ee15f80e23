"""How much fine detail images have: what a picture loses first that a generator draws for the mean alone."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor

from sparring.data import Codec
from sparring.kinds.kind import Sign

SEEN = 32
"""Images that are looked at, at most."""
LEAST = 1 / 255
"""Detail of real images below which they are flat themselves."""
FLAT = Sign(
    "detail",
    0.35,
    False,
    "flat_samples",
    "what is made lacks the fine detail of real images: it is blank, or blurred",
    ("less weight on what holds samples to their truths, or a longer run",),
)
"""A blur that takes half the pixels away leaves a fifth of the detail of maps."""


def detail(made: Tensor, real: Tensor, codec: Codec) -> dict[str, float]:
    """`detail`: how much grey values differ from the mean of their neighbours, the median of made images [n, channels,
    height, width] over that of real ones, both as they are stored; 1 is alike. Nothing where the real ones are flat."""
    ours, theirs = (_of(codec.to_unit(images[:SEEN])) for images in (made, real))
    return {"detail": ours / theirs} if theirs > LEAST else {}


def _of(images: Tensor) -> float:
    grey = images.float().mean(1, keepdim=True)
    beyond = grey - F.avg_pool2d(grey, 3, 1, 1, count_include_pad=False)
    return float(beyond.square().mean((1, 2, 3)).sqrt().median())
