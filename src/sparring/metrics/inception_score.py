"""`is`: the inception score."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from sparring.metrics import needs
from sparring.metrics.base import Metric, Reading, Views
from sparring.metrics.intervals import REPLICATES, around, generator, resampled


def inception_score(probabilities: Tensor) -> float:
    """exp of the mean KL divergence of p(class | sample) from p(class), of probabilities [n, classes]; from 1 to
    classes. One split: all samples make the marginal."""
    rows = probabilities.double()
    weights = torch.full((1, len(rows)), 1.0, dtype=torch.float64)
    return float(_scores(rows, weights)[0])


def _scores(rows: Tensor, weights: Tensor) -> Tensor:
    """The score of each weighting [replicates, n] of the samples, [replicates]."""
    weights = weights / weights.sum(1, keepdim=True)
    marginal = weights @ rows
    conditional = torch.special.xlogy(rows, rows).sum(1)
    mutual = weights @ conditional - torch.special.xlogy(marginal, marginal).sum(1)
    scores: Tensor = mutual.clamp(min=0).exp()
    return scores


def _is(views: Views) -> Reading:
    assert views.fake.probabilities is not None  # `needs` saw to it
    rows = views.fake.probabilities.double()
    value = inception_score(rows)
    replicates = _scores(rows, resampled(len(rows), REPLICATES, generator(views.key, "is")))
    protocol = {
        "splits": 1,
        "classes": rows.shape[1],
        "interval": "1.96 sd of a bootstrap of the fakes",
        "replicates": REPLICATES,
    }
    return Reading(value, around(value, replicates), protocol)


INCEPTION_SCORE = Metric(
    "is", "higher", (1.0, math.inf), _is, (needs.probabilities, needs.fakes(2)), like_the_data=True, sets="unequal"
)
"""Inception score (Salimans et al. 2016, https://arxiv.org/abs/1606.03498): how sure each sample's class is and how
evenly the classes come; it sees no real samples, so copies and poor variety within a class go unseen."""
