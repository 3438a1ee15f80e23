"""`fid`: the Fréchet distance between normal distributions fitted to the features of real and generated samples."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from sparring.metrics import needs
from sparring.metrics.base import Metric, Reading, Views
from sparring.metrics.intervals import by_factor, generator

ROUNDS = 40
"""How often the sets are taken to halves and quarters for the interval."""
DIRECTIONS = 128
"""Resampling sees this many leading directions of the features, so that its cost does not grow with the width."""


def frechet_distance(real: Tensor, fake: Tensor) -> float:
    """The squared Fréchet distance |m1 - m2|^2 + tr(S1 + S2 - 2 (S1 S2)^(1/2)) of two sets of features [n, width].

    S = A^T A with A the centred features over sqrt(n - 1), so tr (S1 S2)^(1/2) is the sum of the singular values of
    A1 A2^T: no root of a rounding error is ever taken, there are no imaginary parts, and few samples (n below the
    width) need no special care. Float64. Identical sets give 0 within 1e-6; the result is never negative.
    """
    means, factors = zip(*(_factor(side) for side in (real, fake)), strict=True)
    return _distance(means[0], factors[0], means[1], factors[1])


def frechet_from_moments(mean1: Tensor, cov1: Tensor, mean2: Tensor, cov2: Tensor) -> float:
    """The squared Fréchet distance from means [width] and covariances [width, width]."""
    return _distance(mean1.double(), _root(cov1), mean2.double(), _root(cov2))


def _factor(features: Tensor) -> tuple[Tensor, Tensor]:
    """The mean, and A with A^T A the covariance, of at most as many rows as columns."""
    features = features.double()
    mean = features.mean(0)
    rows = (features - mean) / math.sqrt(max(1, len(features) - 1))
    return mean, torch.linalg.qr(rows, mode="r").R if len(rows) > rows.shape[1] else rows


def _root(covariance: Tensor) -> Tensor:
    """A with A^T A the covariance, by its eigenvalues; those below 0 are rounding errors."""
    values, vectors = torch.linalg.eigh(covariance.double())
    factor: Tensor = values.clamp(min=0).sqrt()[:, None] * vectors.T
    return factor


def _distance(mean1: Tensor, factor1: Tensor, mean2: Tensor, factor2: Tensor) -> float:
    overlap = torch.linalg.svdvals(factor1 @ factor2.T).sum()
    spread = factor1.square().sum() + factor2.square().sum() - 2 * overlap
    return max(0.0, float((mean1 - mean2).square().sum() + spread))


def _leading(real: Tensor, fake: Tensor, source: torch.Generator) -> tuple[Tensor, Tensor]:
    """Both sets in the leading directions of their union, by two subspace iterations (Halko, Martinsson and Tropp
    2011, https://doi.org/10.1137/090771806); as they are where they have no more directions than that."""
    middle = torch.cat((real, fake)).double().mean(0)
    real, fake = real.double() - middle, fake.double() - middle
    if real.shape[1] <= DIRECTIONS:
        return real, fake
    basis = torch.randn(real.shape[1], DIRECTIONS, dtype=torch.float64, generator=source)
    for _ in range(2):
        basis = torch.linalg.qr(real.T @ (real @ basis) + fake.T @ (fake @ basis)).Q
    return real @ basis, fake @ basis


Moments = tuple[float, Tensor, Tensor]
"""How many rows, their sum, and the sum of their outer products."""


def _moments(features: Tensor, source: torch.Generator) -> list[Moments]:
    """Of quarters of a set, at random."""
    quarters = features[torch.randperm(len(features), generator=source)].tensor_split(4)
    return [(len(part), part.sum(0), part.T @ part) for part in quarters]


def _joined(parts: Sequence[Moments]) -> tuple[Tensor, Tensor]:
    """The mean and the covariance's factor of several parts together."""
    count = sum(part[0] for part in parts)
    total, squares = (torch.stack([part[place] for part in parts]).sum(0) for place in (1, 2))  # type: ignore[misc]
    mean = total / count
    return mean, _root((squares - count * torch.outer(mean, mean)) / max(1, count - 1))


def _variance(real: Tensor, fake: Tensor, source: torch.Generator) -> float:
    """Of the distance of two sets, from that of halves and of quarters, which have no sample in common.

    To second order it is a / n + b / n^2 of sets of n samples: a is 0 where the distributions are equal, and else soon
    all that matters. (Subsampling where a statistic's rate is not known: Bertail, Politis and Romano 1999,
    https://doi.org/10.1080/01621459.1999.10474151.)
    """
    of_halves: list[list[float]] = []
    of_quarters: list[list[float]] = []
    for _ in range(ROUNDS):
        sides = _moments(real, source), _moments(fake, source)
        quarters = [[_joined([part]) for part in side] for side in sides]
        halves = [[_joined(side[:2]), _joined(side[2:])] for side in sides]
        for found, some in ((of_quarters, quarters), (of_halves, halves)):
            found.append([_distance(*x, *y) for x, y in zip(*some, strict=True)])
    halved, quartered = (
        float(torch.tensor(found, dtype=torch.float64).var(1).mean()) for found in (of_halves, of_quarters)
    )
    return max(0.75 * halved - 0.125 * quartered, 0.25 * halved)  # b alone makes a quarter of the halves' variance


def _fid(views: Views) -> Reading:
    real, fake = views.heldout.values, views.fake.values
    value = frechet_distance(real, fake)
    few = min(len(real), len(fake))
    note = None
    if few <= real.shape[1]:
        note = f"{few} samples for {real.shape[1]} features: biased upwards; compare only at equal counts, or read kid"
    protocol: dict[str, Any] = {"width": real.shape[1], "covariance": "over n - 1"}
    if not views.intervals or few < 8:
        return Reading(value, (value, value), protocol, note)
    source = generator(views.key, "fid")
    sides = _leading(real, fake, source)
    protocol["interval"] = (
        f"1.96 sd of its logarithm, by halves and quarters of both sets in {sides[0].shape[1]} leading directions"
    )
    protocol["replicates"] = ROUNDS
    return Reading(value, by_factor(value, math.sqrt(_variance(*sides, source))), protocol, note)


FID = Metric("fid", "lower", (0.0, math.inf), _fid, (needs.samples(2),), like_the_data=True, sets="unequal")
"""Fréchet distance of features, in squared units of features (Heusel et al. 2017, https://arxiv.org/abs/1706.08500).
Biased upwards by about 1/n (Chong and Forsyth 2020, https://arxiv.org/abs/1911.07023): compare at equal counts."""
