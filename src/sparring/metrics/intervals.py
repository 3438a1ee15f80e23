"""95 % intervals: by resampling (Efron 1979, https://doi.org/10.1214/aos/1176344552), by leaving out one sample at a
time, by taking the sets to parts, and for shares.

They are of the value that a metric has on average over sets as large as these, of both kinds, and hold it in 95 of 100
cases; not of its limit for many samples (`fid` is biased), nor of other networks of the same training.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import torch
from torch import Tensor

from sparring.base.draws import Key
from sparring.metrics.base import Interval

REPLICATES = 200
PART = 1000
"""Rows of a part of a set, at most."""
LEAST = 100
"""Rows of one of more than two parts, at least."""
FREEDOM = 60
"""Differences of parts that a variance is taken from."""
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


def by_factor(value: float, standard_error: float) -> Interval:
    """The value times and divided by a factor: 1.96 standard errors of its logarithm. For what is above 0 and varies
    the more, the larger it is: around a value that came out small, an interval to either side is too short above.
    Where the standard error is above the value, its logarithm says nothing, and the interval is `within`."""
    if not 0 < standard_error <= value:
        return within(value, standard_error)
    factor = math.exp(NORMAL_95 * standard_error / value)
    return value / factor, value * factor


def wilson(share: float, count: float) -> Interval:
    """The interval of a share of `count` samples (Wilson 1927, https://doi.org/10.1080/01621459.1927.10502953): unlike
    resampling it keeps a width at 0 and 1."""
    square = NORMAL_95**2 / count
    centre = (share + square / 2) / (1 + square)
    half = NORMAL_95 / (1 + square) * math.sqrt(share * (1 - share) / count + square / (4 * count))
    return centre - half, centre + half


def parts(real: int, fake: int, source: torch.Generator, freedom: int = FREEDOM) -> Iterator[tuple[Tensor, Tensor]]:
    """Both sets taken to pieces at random, again and again: rows of the real ones and of the fakes, [parts, rows] each,
    two parts or more. Parts have no sample in common, so that what they give differs as new sets do; samples drawn with
    replacement would come twice, which no neighbour does. `freedom` is of how many differences, at least."""
    count = max(2, math.ceil(max(real, fake) / PART))
    count = min(count, max(2, min(real, fake) // LEAST))
    for _ in range(math.ceil(freedom / (count - 1))):
        yield tuple(  # type: ignore[misc]
            torch.randperm(size, generator=source)[: size // count * count].view(count, -1) for size in (real, fake)
        )


def by_parts(rounds: Tensor, whole: int, part: int) -> Tensor:
    """The variance of statistics of sets of size `whole` from those of parts, float64 [rounds, parts, statistics]; it
    is inversely proportional to the size (Politis and Romano 1994, https://doi.org/10.1214/aos/1176325770)."""
    return rounds.var(1).mean(0) * part / whole


def share(value: float, variance: float, count: int) -> Interval:
    """The interval of a share of `count` samples that are not independent: Wilson's for as many as would vary so."""
    binomial = value * (1 - value)
    return wilson(value, count if binomial <= 0 or variance <= 0 else binomial / variance)


def jackknife(without_one: Tensor) -> float:
    """The variance of a statistic from its n values with one sample left out each, float64 [n]."""
    count = len(without_one)
    return float((without_one - without_one.mean()).square().sum() * (count - 1) / count)
