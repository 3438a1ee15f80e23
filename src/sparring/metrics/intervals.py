"""95 % intervals: by resampling (Efron 1979, https://doi.org/10.1214/aos/1176344552), by leaving out one sample at a
time, and for shares."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from sparring.base.draws import Key
from sparring.metrics.base import Interval

REPLICATES = 200
NORMAL_95 = 1.959963984540054
"""The standard normal's 97.5 % quantile."""


def generator(key: Key, name: str) -> torch.Generator:
    """A generator for one metric's resampling."""
    return torch.Generator().manual_seed(key.at("bootstrap", name).seed)


def resampled(count: int, replicates: int, source: torch.Generator) -> Tensor:
    """How often each of `count` samples is drawn in each replicate, float64 [replicates, count]; rows sum to count."""
    drawn = torch.randint(count, (replicates, count), generator=source)
    return torch.zeros(replicates, count, dtype=torch.float64).scatter_add_(
        1, drawn, torch.ones(1, 1, dtype=torch.float64).expand(replicates, count)
    )


def around(value: float, replicates: Tensor) -> Interval:
    """The value, give or take 1.96 standard deviations of its replicates.

    Not the replicates' percentiles: a bootstrap sample holds 63 % of the distinct samples, so what depends on how full
    a set is (FID, counts of modes, inception score) is biased in every replicate, and percentiles could exclude the
    value itself.
    """
    half = NORMAL_95 * float(replicates.std()) if len(replicates) > 1 else 0.0
    return value - half, value + half


def within(value: float, standard_error: float) -> Interval:
    """The value, give or take 1.96 standard errors."""
    return value - NORMAL_95 * standard_error, value + NORMAL_95 * standard_error


def wilson(share: float, count: int) -> Interval:
    """The interval of a share of `count` samples (Wilson 1927, https://doi.org/10.1080/01621459.1927.10502953): unlike
    resampling it keeps a width at 0 and 1."""
    square = NORMAL_95**2 / count
    centre = (share + square / 2) / (1 + square)
    half = NORMAL_95 / (1 + square) * math.sqrt(share * (1 - share) / count + square / (4 * count))
    return centre - half, centre + half


def jackknife(without_one: Tensor) -> float:
    """The variance of a statistic from its n values with one sample left out each, float64 [n]."""
    count = len(without_one)
    return float((without_one - without_one.mean()).square().sum() * (count - 1) / count)
