"""`modes` and `high_quality`: for data whose modes are known."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor

from sparring.metrics import needs
from sparring.metrics.base import Features, Metric, Modes, Reading, Views
from sparring.metrics.intervals import REPLICATES, around, wilson

FAIR_PART = 0.1
"""The part of its fair share of the fakes, n / modes, that makes a mode with a centre count as found."""
RADIUS = 3.0
"""How many sigmas from its centre a mode reaches."""


def assigned(features: Features, modes: Modes) -> Tensor:
    """The mode that each sample belongs to, int64 [n]; `modes.count` for a sample of none: further than 3 sigma from
    every centre, or a code outside [0, codes)."""
    if modes.code is not None:
        codes = modes.code(features)
        return torch.where((codes >= 0) & (codes < modes.codes), codes, modes.codes)
    assert modes.centres is not None  # else there is a code
    assert features.samples is not None  # `needs` saw to it
    distances = torch.cdist(features.samples.flatten(1).double(), modes.centres.double())
    least, mode = distances.min(1)
    return torch.where(least <= RADIUS * modes.sigma, mode, modes.count)


def codes_by_channel(classify: Callable[[Tensor], Features]) -> Callable[[Features], Tensor]:
    """The code of images whose every channel shows a class of its own (stacked digits): the digits of a number in base
    `classes`, first channel first, by an extractor of one channel with class probabilities."""

    def code(features: Features) -> Tensor:
        assert features.samples is not None  # `needs` saw to it
        codes = torch.zeros(len(features), dtype=torch.int64)
        for channel in torch.split(features.samples, 1, dim=1):
            probabilities = classify(channel).probabilities
            if probabilities is None:
                raise ValueError("stacked classes need an extractor with class probabilities")
            codes = codes * probabilities.shape[1] + probabilities.argmax(1)
        return codes

    return code


def _least(modes: Modes, n: int) -> float:
    """How many of n samples make a mode count as found."""
    return 1.0 if modes.code is not None else max(1.0, FAIR_PART * n / modes.count)


def _kl_to_uniform(counts: Tensor) -> float:
    """KL divergence of the samples' modes from the uniform distribution, in nats; samples of no mode are left out."""
    shares = counts / counts.sum().clamp(min=1)
    return max(0.0, float(torch.special.xlogy(shares, shares * len(shares)).sum()))


def _of(views: Views) -> Tensor:
    """How many fakes belong to each mode, and last to none, int64 [modes + 1]."""
    modes = views.modes
    assert modes is not None  # `needs` saw to it
    return views.once("modes", lambda: torch.bincount(assigned(views.fake, modes), minlength=modes.count + 1))


def _modes(views: Views) -> Reading:
    assert views.modes is not None
    modes, counts, n = views.modes, _of(views), len(views.fake)
    least = _least(modes, n)
    value = float((counts[:-1] >= least).sum())
    source = np.random.default_rng(views.key.at("bootstrap", "modes").seed)
    drawn = source.multinomial(n, counts.numpy() / n, size=REPLICATES)
    low, high = around(value, torch.from_numpy(drawn[:, :-1] >= least).sum(1).double())
    protocol: dict[str, Any] = {
        "modes": modes.count,
        "found": "a mode of at least one fake" if modes.code is not None else "a mode of a tenth of its fair share",
        "least": least,
        "kl_to_uniform": _kl_to_uniform(counts[:-1].double()),
        "interval": "1.96 sd of a bootstrap of the fakes",
        "replicates": REPLICATES,
    }
    if modes.code is None:
        protocol["belongs"] = "within 3 sigma of the nearest centre"
    return Reading(value, (low, min(high, float(modes.count))), protocol)


def _high_quality(views: Views) -> Reading:
    assert views.modes is not None
    share = 1 - float(_of(views)[-1]) / len(views.fake)
    real = float((assigned(views.heldout, views.modes) < views.modes.count).double().mean())
    protocol = {"high_quality": "within 3 sigma of a centre", "real_value": real, "interval": "Wilson's"}
    return Reading(share, wilson(share, len(views.fake)), protocol)


MODES = Metric("modes", "higher", (0.0, math.inf), _modes, (needs.modes, needs.fakes(1)), sets="counted")
"""How many of the known modes the fakes show. For modes with centres (rings and grids of normal distributions) a mode
is found where at least a tenth of its fair share of the fakes lies within 3 sigma of it, which is stricter than the one
sample of Srivastava et al. 2017 (https://arxiv.org/abs/1705.07761) and of Lin et al. 2018
(https://arxiv.org/abs/1712.04086); for codes (stacked digits) one sample is enough, as there."""

HIGH_QUALITY = Metric(
    "high_quality", "higher", (0.0, 1.0), _high_quality, (needs.centres, needs.fakes(1)), sets="counted"
)
"""The share of fakes within 3 sigma of a mode's centre (Srivastava et al. 2017, https://arxiv.org/abs/1705.07761)."""
