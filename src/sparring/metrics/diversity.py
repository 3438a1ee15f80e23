"""`diversity`: how far apart fakes lie from each other, beside how far apart real samples do."""

from __future__ import annotations

import math

from torch import Tensor

from sparring.base.errors import RequestError
from sparring.metrics import needs
from sparring.metrics.base import Metric, Reading, Views
from sparring.metrics.distances import centred, row_sums
from sparring.metrics.intervals import jackknife, within


def mean_distance(features: Tensor) -> tuple[float, float]:
    """The mean Euclidean distance of two different rows of [n, width], n at least 3, and its standard error by the
    jackknife (Efron and Stein 1981, https://doi.org/10.1214/aos/1176345462)."""
    n = len(features)
    sums = row_sums(centred(features)[0])
    without_one = (sums.sum() - 2 * sums) / ((n - 1) * (n - 2))
    return float(sums.sum()) / (n * (n - 1)), math.sqrt(jackknife(without_one))


def _diversity(views: Views) -> Reading:
    fake, fake_error = mean_distance(views.fake.values)
    real, real_error = mean_distance(views.heldout.values)
    if real == 0:
        raise RequestError("metrics: 'diversity' cannot be had: the held-out samples are all alike")
    value = fake / real
    error = math.hypot(fake_error, value * real_error) / real  # to first order, the sets being independent
    protocol = {
        "distance": "Euclidean, all pairs",
        "real_value": real,
        "fake_value": fake,
        "interval": "1.96 standard errors by the jackknife of both sets",
    }
    return Reading(value, within(value, error), protocol)


DIVERSITY = Metric("diversity", "higher", (0.0, math.inf), _diversity, (needs.samples(3),), like_the_data=True)
"""Mean pairwise distance of fakes over that of held-out samples, in features: 1 for equal distributions, 0 where all
fakes are one. It sees collapse alone: above 1 fakes are more scattered than real samples, which is no merit."""
