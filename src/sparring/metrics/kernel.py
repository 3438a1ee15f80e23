"""`kid`: the kernel distance between the features of real and generated samples."""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch import Tensor

from sparring.metrics import needs
from sparring.metrics.base import Metric, Reading, Views
from sparring.metrics.distances import BLOCK
from sparring.metrics.intervals import jackknife, within


class KernelDistance(NamedTuple):
    value: float
    """The squared maximum mean discrepancy, unbiased: below 0 at times where the sets are alike."""
    standard_error: float


def kernel_distance(real: Tensor, fake: Tensor) -> KernelDistance:
    """Unbiased squared MMD of two sets of features [n, width] under the kernel (x.y / width + 1)^3, with its standard
    error by the jackknife of both sets (Efron and Stein 1981, https://doi.org/10.1214/aos/1176345462). Both sets need
    at least 3 rows. Float64, in blocks."""
    real, fake = real.double(), fake.double()
    n, m = len(real), len(fake)
    within_real, within_fake = _sums_within(real), _sums_within(fake)
    across_real, across_fake = _sums_across(real, fake)
    total_real, total_fake, across = within_real.sum(), within_fake.sum(), across_real.sum()
    value = total_real / (n * (n - 1)) + total_fake / (m * (m - 1)) - 2 * across / (n * m)
    # The same with one row left out; the other set's own part does not change and cancels in the variance.
    without_real = (total_real - 2 * within_real) / ((n - 1) * (n - 2)) - 2 * (across - across_real) / ((n - 1) * m)
    without_fake = (total_fake - 2 * within_fake) / ((m - 1) * (m - 2)) - 2 * (across - across_fake) / ((m - 1) * n)
    return KernelDistance(float(value), math.sqrt(jackknife(without_real) + jackknife(without_fake)))


def _kernel(x: Tensor, y: Tensor) -> Tensor:
    inner = torch.mm(x, y.T).div_(x.shape[1]).add_(1)
    return inner * inner.square()


def _sums_within(x: Tensor) -> Tensor:
    """The sum of each row's kernel with all other rows, [n]; each pair of blocks is worked out once."""
    sums = torch.zeros(len(x), dtype=torch.float64)
    step = math.isqrt(BLOCK)
    for start in range(0, len(x), step):
        rows = x[start : start + step]
        same = _kernel(rows, rows)
        sums[start : start + step] += same.sum(1) - same.diagonal()
        for other in range(start + step, len(x), step):
            kernel = _kernel(rows, x[other : other + step])
            sums[start : start + step] += kernel.sum(1)
            sums[other : other + step] += kernel.sum(0)
    return sums


def _sums_across(x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    """The sum of each row's kernel with all rows of the other set, [len(x)] and [len(y)]."""
    of_x, of_y = torch.zeros(len(x), dtype=torch.float64), torch.zeros(len(y), dtype=torch.float64)
    step = math.isqrt(BLOCK)
    for start in range(0, len(x), step):
        for other in range(0, len(y), step):
            kernel = _kernel(x[start : start + step], y[other : other + step])
            of_x[start : start + step] += kernel.sum(1)
            of_y[other : other + step] += kernel.sum(0)
    return of_x, of_y


def _kid(views: Views) -> Reading:
    found = kernel_distance(views.heldout.values, views.fake.values)
    protocol = {
        "kernel": "(x.y / width + 1)^3",
        "width": views.heldout.width,
        "estimate": "unbiased, all samples",
        "standard_error": found.standard_error,
        "interval": "1.96 standard errors by the jackknife of both sets",
    }
    return Reading(found.value, within(*found), protocol)


KID = Metric("kid", "lower", (-math.inf, math.inf), _kid, (needs.samples(3),), like_the_data=True, sets="unequal")
"""Kernel inception distance: the unbiased squared MMD of features under a cubic kernel (Bińkowski et al. 2018,
https://arxiv.org/abs/1801.01401). Its expectation does not depend on the counts, unlike FID's."""
