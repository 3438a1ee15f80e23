"""`psnr`, `ssim`, `ms_ssim_pairs`, `mae`: how near each fake comes to its truth."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from sparring.kinds.translation.metrics import needs as own
from sparring.kinds.translation.metrics.similarity import CEILING, mae, psnr, ssim
from sparring.metrics import Metric, Reading, Views
from sparring.metrics.intervals import within
from sparring.metrics.pictures.ms_ssim import SIGMA, WEIGHTS, WINDOW, ms_ssim, scales

ROWS = 50
"""Pairs to compare at once."""

Compare = Callable[[Tensor, Tensor, Tensor | None], Tensor]
"""Fakes, truths and holes to a number for each pair, [n]."""


def each(views: Views, compare: Compare) -> Tensor:
    """A number for each pair, float64 [n]; pairs with a mask that holds no pixel are left out."""
    fake, truth, holes = views.fake.samples, views.truth, views.holes
    assert fake is not None and truth is not None  # noqa: PT018  `needs` saw to it
    kept = torch.arange(len(fake)) if holes is None else holes.flatten(1).any(1).nonzero()[:, 0]
    found = []
    with torch.no_grad():
        for some in torch.split(kept, ROWS):
            hole = None if holes is None else holes[some]
            found.append(compare(fake[some].double(), truth[some].double(), hole))
    return torch.cat(found)


def mean_reading(values: Tensor, protocol: dict[str, Any], note: str | None = None) -> Reading:
    """The mean over images, with its interval."""
    value = float(values.mean())
    error = float(values.std()) / math.sqrt(len(values))
    told = {**protocol, "mean": "over images", "interval": "1.96 standard errors over images"}
    return Reading(value, within(value, error), told, note, n=len(values))


def _where(views: Views) -> str:
    return "the whole image" if views.holes is None else "in the hole"


def _psnr(views: Views) -> Reading:
    values = each(views, psnr)
    equal = int((values >= CEILING).sum())
    note = f"{equal} of {len(values)} fakes equal their truth and count as {CEILING:g} dB" if equal else None
    protocol = {"over": _where(views), "peak": 1.0, "at_most": CEILING, "channels": "one mean squared error"}
    return mean_reading(values, protocol, note)


def _mae(views: Views) -> Reading:
    return mean_reading(each(views, mae), {"over": _where(views), "range": 1.0})


def _ssim(views: Views) -> Reading:
    borders = "windows inside" if views.holes is None else "mirrored; windows whose middle lies in the hole"
    protocol = {"over": _where(views), "window": WINDOW, "sigma": SIGMA, "k1": 0.01, "k2": 0.03, "borders": borders}
    return mean_reading(each(views, ssim), protocol | {"covariance": "over n", "channels": "mean"})


def _ms_ssim_pairs(views: Views) -> Reading:
    assert views.truth is not None  # `needs` saw to it
    count = scales(*views.truth.shape[2:])
    weights = [weight / sum(WEIGHTS[:count]) for weight in WEIGHTS[:count]]
    protocol = {
        "over": "the whole image",
        "scales": count,
        "weights": [round(weight, 6) for weight in weights],
        "window": WINDOW,
        "sigma": SIGMA,
        "borders": "mirrored at the coarsest scale",
    }
    return mean_reading(each(views, lambda fake, truth, hole: ms_ssim(fake, truth, count)), protocol)


PSNR = Metric("psnr", "higher", (0.0, CEILING), _psnr, (own.pairs,))
"""Mean peak signal-to-noise ratio of fakes against their truths, in decibels. Blur that hedges does well by it."""
SSIM = Metric("ssim", "higher", (-1.0, 1.0), _ssim, (own.pairs,))
"""Mean structural similarity of fakes and their truths (Wang et al. 2004, https://doi.org/10.1109/TIP.2003.819861)."""
MS_SSIM_PAIRS = Metric("ms_ssim_pairs", "higher", (0.0, 1.0), _ms_ssim_pairs, (own.pairs,))
"""Mean multi-scale structural similarity of fakes and their truths (Wang, Simoncelli and Bovik 2003,
https://doi.org/10.1109/ACSSC.2003.1292216). Not `ms_ssim`, which compares fakes with each other."""
MAE = Metric("mae", "lower", (0.0, 1.0), _mae, (own.pairs,))
"""Mean absolute error of fakes against their truths, as a share of the range."""
PAIRS = (PSNR, SSIM, MS_SSIM_PAIRS, MAE)
