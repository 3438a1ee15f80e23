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
from sparring.metrics.base import Metric, Reading, Views
from sparring.metrics.distances import BLOCK, blocks, centred, radii
from sparring.metrics.intervals import by_parts, generator, parts, share, wilson, within

K = 5
FEWEST = 4 * K
"""Samples of either set, below which they are not taken to parts."""
STEEPEST = 1.4
"""By how much the variance over that of independent samples may change from parts to the whole, at most; as it did from
halves of the parts to them."""
DISJOINT = "disjoint parts of both sets"


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


def _variances(views: Views) -> list[float]:
    """Of precision, recall, density and coverage, both sets varying and radii with them; none of few samples."""
    sizes = len(views.heldout), len(views.fake)
    if min(sizes) < FEWEST or not views.intervals:
        return []
    real, fake = centred(views.heldout.values, views.fake.values)
    rounds, smaller = [], []
    for rows in parts(*sizes, generator(views.key, "balls")):
        x, y = real[rows[0]], fake[rows[1]]
        rounds.append(_of_parts(x, y))
        if min(sizes) >= 2 * FEWEST:
            smaller.append(_of_parts(_halved(x), _halved(y)))
    whole, part = min(sizes), min(x.shape[1], y.shape[1])
    found = by_parts(torch.stack(rounds), whole, part)
    if smaller:  # where outliers' balls reach far, variances fall more slowly than sizes rise
        before = by_parts(torch.stack(smaller), whole, part // 2)
        found *= (found / before).nan_to_num(1.0).clamp(1 / STEEPEST, STEEPEST)
    return found.tolist()


def _halved(sets: Tensor) -> Tensor:
    """Sets [parts, n, width] as twice as many of half the size."""
    half = sets.shape[1] // 2
    return sets[:, : 2 * half].reshape(-1, half, sets.shape[2])


def _of_parts(real: Tensor, fake: Tensor) -> Tensor:
    """Precision, recall, density and coverage of sets [parts, n, width], float64 [parts, 4]."""
    together = max(1, BLOCK // (real.shape[1] * fake.shape[1]))
    some = zip(torch.split(real, together), torch.split(fake, together), strict=True)
    return torch.cat([_of_sets(*sets) for sets in some])


def _of_sets(real: Tensor, fake: Tensor) -> Tensor:
    """As `_of_parts`, all at once."""
    of_real, of_fake = (_squared(side, side).kthvalue(K + 1, dim=2).values for side in (real, fake))
    distances = _squared(real, fake)
    inside = distances <= of_real[:, :, None]
    of_fakes = distances <= of_fake[:, None]
    return torch.stack(
        [
            inside.any(1).double().mean(1),
            of_fakes.any(2).double().mean(1),
            inside.sum((1, 2)).double() / (K * fake.shape[1]),
            inside.any(2).double().mean(1),
        ],
        1,
    )


def _squared(x: Tensor, y: Tensor) -> Tensor:
    """As `distances.squared`, of several sets at once."""
    size = x.square().sum(2)[:, :, None] + y.square().sum(2)[:, None]
    distances = torch.baddbmm(size, x, y.mT, alpha=-2)
    return distances.masked_fill_(distances <= 1e-13 * size, 0.0)


def _variance(views: Views, place: int) -> float | None:
    found = views.once("balls' variances", lambda: _variances(views))
    return found[place] if found else None


def _share(place: int, pick: Callable[[Balls], Tensor]) -> Callable[[Views], Reading]:
    """The share of samples for which `pick` says yes."""

    def compute(views: Views) -> Reading:
        yes = pick(_of(views))
        value, variance = float(yes.double().mean()), _variance(views, place)
        if variance is None:
            return Reading(value, wilson(value, len(yes)), _protocol(interval="Wilson's, radii fixed"))
        protocol = _protocol(interval=f"Wilson's, of the variance over {DISJOINT}")
        return Reading(value, share(value, variance, len(yes)), protocol)

    return compute


def _density(views: Views) -> Reading:
    each = _of(views).reals_around_fake.double() / K
    value, variance = float(each.mean()), _variance(views, 2)
    how = f"1.96 standard errors over {DISJOINT}"
    if variance is None:
        variance, how = float(each.var()) / len(each), "1.96 standard errors over fakes, radii fixed"
    return Reading(value, within(value, math.sqrt(variance)), _protocol(interval=how))


_NEEDS = (needs.samples(K + 1),)

PRECISION = Metric(
    "precision", "higher", (0.0, 1.0), _share(0, lambda found: found.reals_around_fake > 0), _NEEDS, like_the_data=True
)
"""The share of fakes that lie in a real sample's ball: fidelity (Kynkäänniemi et al. 2019,
https://arxiv.org/abs/1904.06991; there k = 3)."""

RECALL = Metric(
    "recall", "higher", (0.0, 1.0), _share(1, lambda found: found.real_in_fakes), _NEEDS, like_the_data=True
)
"""The share of real samples that lie in a fake's ball: variety (Kynkäänniemi et al. 2019,
https://arxiv.org/abs/1904.06991; there k = 3). Fakes far off have large balls and flatter it; see coverage."""

DENSITY = Metric("density", "higher", (0.0, math.inf), _density, _NEEDS, like_the_data=True)
"""How many real balls a fake lies in, over k: fidelity that outliers do not flatter; 1 for equal distributions, more
where fakes crowd the dense places (Naeem et al. 2020, https://arxiv.org/abs/2002.09797)."""

COVERAGE = Metric(
    "coverage", "higher", (0.0, 1.0), _share(3, lambda found: found.fake_in_real), _NEEDS, like_the_data=True
)
"""The share of real samples with a fake in their ball: variety; 1 - 2^-k, about 0.97, for equal distributions of many
samples (Naeem et al. 2020, https://arxiv.org/abs/2002.09797)."""
