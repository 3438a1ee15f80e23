"""`precision`, `recall`, `density`, `coverage`: fidelity and variety by nearest neighbours.

A ball around each sample reaches to its k-th nearest neighbour of the same set; a sample of the other set is inside
where its distance is at most the radius.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import torch
from torch import Tensor

from sparring.metrics import needs
from sparring.metrics.base import Interval, Metric, Reading, Views
from sparring.metrics.distances import blocks, centred, radii
from sparring.metrics.intervals import REPLICATES, around, generator, resampled, wilson

K = 5


class Balls(NamedTuple):
    """Who lies in whose ball."""

    reals_around_fake: Tensor
    """For each fake the number of real samples in whose ball it lies, int64 [fakes]."""
    real_in_fakes: Tensor
    """Whether each real sample lies in the ball of some fake, bool [reals]."""
    fake_in_real: Tensor
    """Whether some fake lies in the ball of each real sample, bool [reals]."""


def balls(real: Tensor, fake: Tensor, k: int = K) -> Balls:
    """Counts neighbours between two sets of features [n, width], each of more than k rows."""
    real, fake = centred(real, fake)
    of_real, of_fake = radii(real, k), radii(fake, k)
    around_fake = torch.zeros(len(fake), dtype=torch.int64)
    real_in, fake_in = torch.zeros(len(real), dtype=torch.bool), torch.zeros(len(real), dtype=torch.bool)
    for some, distances in blocks(fake, real):
        inside = distances <= of_real
        around_fake[some] = inside.sum(1)
        fake_in |= inside.any(0)
        real_in |= (distances <= of_fake[some, None]).any(0)
    return Balls(around_fake, real_in, fake_in)


def _of(views: Views) -> Balls:
    return views.once("balls", lambda: balls(views.heldout.values, views.fake.values))


def _protocol(**more: Any) -> dict[str, Any]:
    return {"k": K, "inside": "distance <= radius", **more}


def _share(pick: Callable[[Balls], Tensor]) -> Callable[[Views], Reading]:
    """The share of samples for which `pick` says yes."""

    def compute(views: Views) -> Reading:
        yes = pick(_of(views))
        share = float(yes.double().mean())
        interval: Interval = wilson(share, len(yes))
        return Reading(share, interval, _protocol(interval="Wilson's, radii fixed"))

    return compute


def _density(views: Views) -> Reading:
    each = _of(views).reals_around_fake.double() / K
    value = float(each.mean())
    weights = resampled(len(each), REPLICATES, generator(views.key, "density"))
    protocol = _protocol(interval="1.96 sd of a bootstrap of the fakes, radii fixed", replicates=REPLICATES)
    return Reading(value, around(value, weights @ each / len(each)), protocol)


_NEEDS = (needs.samples(K + 1),)

PRECISION = Metric(
    "precision", "higher", (0.0, 1.0), _share(lambda found: found.reals_around_fake > 0), _NEEDS, like_the_data=True
)
"""The share of fakes that lie in a real sample's ball: fidelity (Kynkäänniemi et al. 2019,
https://arxiv.org/abs/1904.06991; there k = 3)."""

RECALL = Metric("recall", "higher", (0.0, 1.0), _share(lambda found: found.real_in_fakes), _NEEDS, like_the_data=True)
"""The share of real samples that lie in a fake's ball: variety (Kynkäänniemi et al. 2019,
https://arxiv.org/abs/1904.06991; there k = 3). Fakes far off have large balls and flatter it; see coverage."""

DENSITY = Metric("density", "higher", (0.0, math.inf), _density, _NEEDS, like_the_data=True)
"""How many real balls a fake lies in, over k: fidelity that outliers do not flatter; 1 for equal distributions, more
where fakes crowd the dense places (Naeem et al. 2020, https://arxiv.org/abs/2002.09797)."""

COVERAGE = Metric(
    "coverage", "higher", (0.0, 1.0), _share(lambda found: found.fake_in_real), _NEEDS, like_the_data=True
)
"""The share of real samples with a fake in their ball: variety; 1 - 2^-k, about 0.97, for equal distributions of many
samples (Naeem et al. 2020, https://arxiv.org/abs/2002.09797)."""
