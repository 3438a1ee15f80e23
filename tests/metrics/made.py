"""Features and samples made up for the tests of metrics."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from sparring.base.draws import Key
from sparring.metrics import Features, Modes, Networks, Views
from sparring.metrics.pictures.classifier import train_classifier
from sparring.metrics.pictures.selfsup import train_selfsup
from sparring.metrics.pictures.small_net import TrainedExtractor


def normal(count: int, width: int, seed: int, *, shift: float = 0.0, scale: float = 1.0) -> Tensor:
    """Draws of a normal distribution, float64 [count, width]."""
    generator = torch.Generator().manual_seed(seed)
    drawn: Tensor = torch.randn(count, width, generator=generator, dtype=torch.float64) * scale + shift
    return drawn


def correlated(count: int, width: int, seed: int, mixing: int = 0) -> Tensor:
    """Draws of a normal distribution with correlated values of different variances, float64 [count, width]."""
    mix = normal(width, width, 1000 + mixing) / width**0.5 + torch.eye(width, dtype=torch.float64) / 2
    return normal(count, width, seed) @ mix


def views(real: Tensor, fake: Tensor, train: Tensor | None = None, seed: int = 0) -> Views:
    """Views of bare features."""
    return Views(
        heldout=Features(real),
        fake=Features(fake),
        train=None if train is None else Features(train),
        key=Key(seed),
    )


def smooth_images(count: int, seed: int, *, side: int = 24, channels: int = 1, spread: float = 1.0) -> Tensor:
    """Blurry random images in [0, 1], float32 [count, channels, side, side]; less `spread` makes them more alike."""
    generator = torch.Generator().manual_seed(seed)
    coarse = torch.rand(count, channels, 4, 4, generator=generator)
    coarse = 0.5 + (coarse - 0.5) * spread
    return nn.functional.interpolate(coarse, size=(side, side), mode="bilinear", align_corners=False)


def ring(
    count: int, seed: int, *, modes: int = 8, sigma: float = 0.05, kept: int | None = None
) -> tuple[Tensor, Modes]:
    """Points of a ring of normal distributions, float32 [count, 2], and its modes; `kept` of them are drawn from."""
    angle = torch.arange(modes) * (2 * torch.pi / modes)
    centres = torch.stack((angle.cos(), angle.sin()), 1)
    generator = torch.Generator().manual_seed(seed)
    which = torch.randint(modes if kept is None else kept, (count,), generator=generator)
    points = centres[which] + sigma * torch.randn(count, 2, generator=generator)
    return points, Modes(centres=centres, sigma=sigma)


def trained_small(kind: str, seed: int = 0, side: int = 8, count: int = 40) -> TrainedExtractor:
    """A network trained in a moment."""
    images = smooth_images(count, 1, side=side)
    labels = torch.arange(count) % 3
    if kind == "classifier":
        return train_classifier(lambda index: images[index], labels, count, (1, side, side), seed)
    return train_selfsup(lambda index: images[index], count, (1, side, side), seed)


def linear_networks(
    weight: Tensor,
    judge: Tensor,
    *,
    count: int = 40,
    reals: Tensor | None = None,
    seed: int = 0,
    support: tuple[float, float] = (-math.inf, math.inf),
    rows: int = 256,
    bend: float = 0.0,
) -> Networks:
    """A generator `weight @ latent` ([values, latent]) of points in the plane of values, `bend` of it squared, and a
    discriminator `judge @ sample` ([values])."""
    values, size = weight.shape
    generator = torch.Generator().manual_seed(seed)
    latents = torch.randn(count, size, generator=generator).clamp(*support)
    real = torch.randn(count, values, generator=generator) if reals is None else reals

    def generate(latents: Tensor, rows: Tensor) -> Tensor:
        made = latents @ weight.T
        return made + bend * made.square()

    return Networks(
        latents=latents,
        generate=generate,
        judge=lambda samples, rows: samples @ judge,
        reals=real,
        judge_reals=lambda samples, rows: samples @ judge,
        unit=lambda samples: samples,
        embed=lambda samples: samples,
        support=support,
        box=(-math.inf, math.inf),
        span=2.0,
        rows=rows,
    )
