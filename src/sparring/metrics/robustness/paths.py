"""How far a sample moves for a small step of its latent, and how evenly over latents."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor

from sparring.base.draws import Key, normal
from sparring.metrics.robustness.attacks import slope

DIRECTIONS = 8
"""Random directions of the output at each latent."""


def path_lengths(
    generate: Callable[[Tensor, Tensor], Tensor],
    latents: Tensor,
    key: Key,
    *,
    directions: int = DIRECTIONS,
    at_once: int = 256,
) -> Tensor:
    """The path length at each latent, float64 [n]: the root mean square of ||J^T y|| over random y ~ N(0, I / values)
    of the output, J being the generator's Jacobian (the quantity of StyleGAN2's path length regulariser: Karras et al.
    2020, https://arxiv.org/abs/1912.04958). That estimates ||J||_F / sqrt(values), the root mean square change of a
    sample's values for a random latent step of values with standard deviation 1.

    All latents have the same directions y, so that of a linear generator all lengths are equal, and what differs
    between latents is the generator's doing.
    """
    parts = []
    for rows in torch.split(torch.arange(len(latents), device=latents.device), at_once):
        squares = torch.zeros(len(rows), dtype=torch.float64, device=latents.device)
        for number in range(directions):

            def along(points: Tensor, some: Tensor, number: int = number) -> Tensor:
                samples = generate(points, some).flatten(1)
                drawn = normal(key.at(number), some[:1] * 0, samples.shape[1:])
                return samples @ drawn[0].to(samples) / math.sqrt(samples.shape[1])

            _, gradient = slope(along, latents[rows], rows)
            squares += gradient.double().square().sum(1) / directions
        parts.append(squares.sqrt().cpu())
    return torch.cat(parts)
