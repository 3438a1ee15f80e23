"""Which values of a sample speak for it before the discriminator, and which against."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor

STEPS = 64


class Attribution(NamedTuple):
    """A logit, taken apart."""

    parts: Tensor
    """What each value of each sample adds to its logit over the baseline's, float32 [n, ...]."""
    logits: Tensor
    """Of the samples, float32 [n]."""
    baseline: Tensor
    """The baseline's logits, float32 [n]; of several labels, not all the same."""

    @property
    def gap(self) -> Tensor:
        """What the parts leave unexplained of logit less baseline, float32 [n]: 0 but for the integral's steps."""
        return self.logits - self.baseline - self.parts.flatten(1).sum(1)


def integrated_gradients(
    judge: Callable[[Tensor, Tensor], Tensor],
    samples: Tensor,
    baseline: Tensor,
    steps: int = STEPS,
    at_once: int = 256,
) -> Attribution:
    """Integrated gradients (Sundararajan et al. 2017, https://arxiv.org/abs/1703.01365): the gradient of the logit,
    averaged along the straight line from a baseline ([...], or each sample's own [n, ...]) to n samples [n, ...],
    times their difference. The parts of a sample add up to its logit less the baseline's (completeness).

    `judge` gives logits [n] of samples [n, ...] and the numbers of their rows, int64 [n]. The integral is by midpoints.
    """
    rows = torch.arange(len(samples), device=samples.device)
    baseline = baseline.expand_as(samples)
    across = samples - baseline
    mean = torch.zeros_like(samples)
    places = [(row, (step + 0.5) / steps) for row in range(len(samples)) for step in range(steps)]
    for start in range(0, len(places), at_once):
        some = places[start : start + at_once]
        numbers = torch.tensor([row for row, _ in some], device=samples.device)
        along = torch.tensor([place for _, place in some], device=samples.device).to(samples)
        points = baseline[numbers] + along.reshape(-1, *[1] * (samples.ndim - 1)) * across[numbers]
        with torch.enable_grad():
            points = points.detach().requires_grad_()
            (slopes,) = torch.autograd.grad(judge(points, numbers).sum(), points)
        mean.index_add_(0, numbers, slopes / steps)
    with torch.no_grad():
        told = [judge(x, rows).float() for x in (samples, baseline)]
    return Attribution((mean * across).float(), *told)
