"""`fid`: the Fréchet distance between normal distributions fitted to the features of real and generated samples."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor

from sparring.metrics import needs
from sparring.metrics.base import Metric, Reading, Views
from sparring.metrics.intervals import around, generator

REPLICATES = 100
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


def _replicate(features: Tensor, source: torch.Generator) -> tuple[Tensor, Tensor]:
    """The mean and the covariance's factor of one bootstrap sample."""
    drawn = torch.randint(len(features), (len(features),), generator=source)
    times = torch.bincount(drawn, minlength=len(features)).double()
    mean = times @ features / len(features)
    rows = features - mean
    return mean, _root(rows.T @ (rows * times[:, None]) / max(1, len(features) - 1))


def _fid(views: Views) -> Reading:
    real, fake = views.heldout.values, views.fake.values
    value = frechet_distance(real, fake)
    source = generator(views.key, "fid")
    sides = _leading(real, fake, source)
    replicates = []
    for _ in range(REPLICATES if views.intervals else 0):
        (mean1, factor1), (mean2, factor2) = (_replicate(side, source) for side in sides)
        replicates.append(_distance(mean1, factor1, mean2, factor2))
    few = min(len(real), len(fake))
    note = None
    if few <= real.shape[1]:
        note = f"{few} samples for {real.shape[1]} features: biased upwards; compare only at equal counts, or read kid"
    protocol: dict[str, Any] = {"width": real.shape[1], "covariance": "over n - 1"}
    if views.intervals:
        protocol["interval"] = f"1.96 sd of a bootstrap of both sets in {sides[0].shape[1]} leading directions"
        protocol["replicates"] = REPLICATES
    return Reading(value, around(value, torch.tensor(replicates)), protocol, note)


FID = Metric("fid", "lower", (0.0, math.inf), _fid, (needs.samples(2),), like_the_data=True, sets="unequal")
"""Fréchet distance of features, in squared units of features (Heusel et al. 2017, https://arxiv.org/abs/1706.08500).
Biased upwards by about 1/n (Chong and Forsyth 2020, https://arxiv.org/abs/1911.07023): compare at equal counts."""
