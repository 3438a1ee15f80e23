"""Directions in latent space along which samples change most."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from sparring.gan.insight.layers import FirstLayer


class Direction(NamedTuple):
    """A direction in latent space."""

    vector: Tensor
    """Of norm 1, float32 [latent]; its largest value is positive."""
    share: float
    """How much of all change it explains, in [0, 1], as its method counts it."""


def sefa(first: FirstLayer, count: int) -> list[Direction]:
    """Closed-form factorisation: the eigenvectors of A^T A with the largest eigenvalues, A being the first layer's map
    of the latent (Shen and Zhou 2021, https://arxiv.org/abs/2007.06600). At most as many as a latent has values.

    A direction's share is its eigenvalue over the sum of all.
    """
    values, vectors = torch.linalg.eigh(first.gram)
    total = float(values.clamp(min=0).sum()) or 1.0
    order = values.argsort(descending=True)[:count]
    return [_direction(vectors[:, place], max(float(values[place]), 0.0) / total) for place in order]


def ganspace(activations: Tensor, latents: Tensor, count: int) -> list[Direction]:
    """The principal components of early activations [n, units], taken back to the latents [n, latent] that they belong
    to by linear regression (Härkönen et al. 2020, https://arxiv.org/abs/2004.02546). At most as many as there are
    components that hold anything.

    A direction's share is its component's part of the activations' variance.
    """
    centred = activations.double() - activations.double().mean(0)
    if not bool(centred.any()):
        return []
    left, sizes, _ = torch.linalg.svd(centred, full_matrices=False)
    shares = sizes.square() / sizes.square().sum()
    held = int((shares > 1e-9).sum())
    latents = latents.double().cpu() - latents.double().cpu().mean(0)
    # Components are uncorrelated, so that regression on all of them is regression on each
    back = left.T @ latents
    return [_direction(back[place], float(shares[place])) for place in range(min(count, held, latents.shape[1]))]


def _direction(vector: Tensor, share: float) -> Direction:
    """Of norm 1; methods leave the sign open."""
    vector = vector / vector.norm().clamp(min=1e-300)
    sign = 1.0 if float(vector[vector.abs().argmax()]) >= 0 else -1.0
    return Direction((sign * vector).float(), share)
