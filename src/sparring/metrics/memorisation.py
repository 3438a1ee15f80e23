"""`memorisation`: whether fakes lie nearer to training samples than to real samples that training never saw.

Everything is compared with one null hypothesis: the generator cannot tell training from held-out samples, so that of
the union of both any set of that size might have been the training set. The union is relabelled at random, with the
sizes kept, which accounts for unequal sizes and for fakes that share a neighbour (in high dimensions many do).
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from sparring.base.draws import Key, permutation
from sparring.metrics import needs
from sparring.metrics.base import Metric, Reading, Views
from sparring.metrics.distances import nearest
from sparring.metrics.intervals import REPLICATES, within

PERMUTATIONS = 4999
MOST_NEIGHBOURS = 1024
UNSEEN = 1e-4
"""Neighbours are kept until a random half of the union holds none of them with at most this probability."""
WORK = 30_000_000
"""Neighbours looked at to work out the interval; fewer random labels where there are many."""
TIES = 8
"""So many neighbours at equal distance share a fake."""
RANK = 5
"""How near the nearest sample is, is judged against the one so many ranks behind."""


class Neighbours(NamedTuple):
    """The real samples nearest to each fake."""

    distances: Tensor
    """To the union's nearest, ascending, float64 [fakes, neighbours]."""
    places: Tensor
    """Which they are, training samples first, int64 [fakes, neighbours]."""
    to_train: Tensor
    """To the nearest training sample, [fakes]."""
    to_heldout: Tensor
    """To the nearest held-out sample, [fakes]."""


def _neighbours(fake: Tensor, train: Tensor, heldout: Tensor) -> Neighbours:
    union = len(train) + len(heldout)
    share = min(len(train), len(heldout)) / union
    wanted = min(union, MOST_NEIGHBOURS, math.ceil(math.log(UNSEEN) / math.log1p(-share)))
    near_train, at_train = nearest(fake, train, min(wanted, len(train)))
    near_heldout, at_heldout = nearest(fake, heldout, min(wanted, len(heldout)))
    merged, order = torch.cat((near_train, near_heldout), 1).sort(1)
    places = torch.cat((at_train, at_heldout + len(train)), 1).gather(1, order)
    return Neighbours(merged[:, :wanted].sqrt(), places[:, :wanted], near_train[:, 0].sqrt(), near_heldout[:, 0].sqrt())


def _chances(size: int, union: int, ranks: int) -> Tensor:
    """The probability that the nearest of a random subset of the union is its neighbour of each rank, [ranks]; what is
    left over counts as the last rank."""
    rank = torch.arange(ranks, dtype=torch.float64)
    taken = (size / (union - rank)).clamp(max=1.0)
    none_before = torch.cat((torch.ones(1, dtype=torch.float64), (1 - taken).cumprod(0)[:-1]))
    chance = none_before * taken
    chance[-1] += 1 - chance.sum()
    return chance


def _ratio(found: Neighbours, train: int, heldout: int, key: Key) -> tuple[float, float, int]:
    """(to train / to held-out) / (the same, expected of random labels), of mean distances; its standard error, to first
    order, over fakes and over labels; and how many random labellings that is from."""
    union, ranks = train + heldout, found.distances.shape[1]
    near = torch.stack((found.to_train, found.to_heldout), 1)
    expected = found.distances @ torch.stack([_chances(size, union, ranks) for size in (train, heldout)], 1)
    means = torch.cat((near, expected), 1).mean(0)
    if float(means.max()) == 0.0:  # nothing is apart from anything
        return 1.0, 0.0, 0
    means = means.clamp(min=1e-9 * float(means.max()))  # copies throughout, of samples of either kind
    value = float(means[0] * means[3] / (means[1] * means[2]))
    relative = torch.cat((near, expected), 1) / means - 1
    of_fakes = (relative @ torch.tensor([1.0, -1.0, -1.0, 1.0], dtype=torch.float64)).square().sum() / len(near) ** 2
    count = max(20, min(REPLICATES, WORK // found.distances.numel()))
    of_labels = torch.tensor([_relabelled(found, train, union, key.at(number)) for number in range(count)]).var()
    return value, value * math.sqrt(float(of_fakes + of_labels)), count


def _relabelled(found: Neighbours, train: int, union: int, key: Key) -> float:
    """The logarithm of the ratio of mean distances had the union been labelled at random."""
    label = permutation(key, union) < train
    own = label[found.places]
    last = found.distances[:, -1]
    means = []
    for kind in (own, ~own):
        first = found.distances.gather(1, kind.to(torch.uint8).argmax(1, keepdim=True))[:, 0]
        means.append(float(torch.where(kind.any(1), first, last).mean()))
    return math.log(means[0] / means[1]) if min(means) > 0 else 0.0


def _claims(found: Neighbours, union: int, weights: Tensor) -> Tensor:
    """The weight of the fakes that have each sample of the union as their nearest, [union]; ties are shared evenly."""
    near = found.distances[:, :TIES]
    tied = (near <= near[:, :1] * (1 + 1e-9)).double()
    tied *= (weights / tied.sum(1))[:, None]
    return torch.zeros(union, dtype=torch.float64).index_add_(0, found.places[:, :TIES].flatten(), tied.flatten())


def _closeness(found: Neighbours) -> Tensor:
    """How much nearer the nearest real sample is than the few behind it, in [0, log 1000], [fakes]: large for copies.
    It does not look at labels, so any weighting by it leaves the test exact."""
    behind = found.distances[:, : RANK + 1][:, -1]
    return (behind / found.distances[:, 0].clamp(min=1e-3 * behind)).nan_to_num(nan=1.0).log()


def relabelled_p_value(claims: Tensor, size: int, key: Key, permutations: int = PERMUTATIONS) -> float:
    """How often random `size` samples of the union have claims as large as the training set's; exact by counting the
    labelling seen as one of them."""
    observed = float(claims[:size].sum())
    source = np.random.default_rng(key.seed)
    some = claims[claims > 0].numpy()
    # Of the samples that have any claims, how many are labelled, and then which.
    labelled = source.hypergeometric(len(some), len(claims) - len(some), size, permutations)
    drawn = np.array([source.permutation(some)[:count].sum() for count in labelled])
    at_least = int((drawn >= observed * (1 - 1e-9)).sum())
    return (1 + at_least) / (1 + permutations)


def _copies(found: Neighbours, heldout: Tensor, train: Tensor) -> dict[str, float]:
    """Counts of fakes that are all but a training sample, against how near held-out samples come to one."""
    usual = nearest(heldout, train, 1)[0][:, 0].sqrt()
    exact = 0.01 * float(usual.median())
    near = max(exact, float(usual.quantile(0.01)))
    return {
        "copies": int((found.to_train <= exact).sum()),
        "near_copies": int((found.to_train <= near).sum()),
        "near_copies_expected": 0.01 * len(found.to_train),
    }


def _memorisation(views: Views) -> Reading:
    assert views.train is not None  # `needs` saw to it
    fake, train, heldout = views.fake.values, views.train.values, views.heldout.values
    union = len(train) + len(heldout)
    found = _neighbours(fake, train, heldout)
    value, error, labellings = _ratio(found, len(train), len(heldout), views.key.at("labels", "memorisation"))
    evenly = _claims(found, union, torch.ones(len(fake), dtype=torch.float64))
    p_value = relabelled_p_value(
        _claims(found, union, _closeness(found)), len(train), views.key.at("permutations", "memorisation")
    )
    protocol = {
        "train": len(train),
        "p_value": p_value,
        "permutations": PERMUTATIONS,
        "nearest_is_train": float(evenly[: len(train)].sum()) / len(fake),
        "nearest_is_train_expected": len(train) / union,
        **_copies(found, heldout, train),
        "copy": "within 1 % of held-out samples' median distance to training",
        "near_copy": "nearer to training than 99 % of held-out samples",
        "neighbours": found.distances.shape[1],
        "interval": "1.96 standard errors over fakes and random labels",
        "replicates": labellings,
    }
    return Reading(value, within(value, error), protocol)


MEMORISATION = Metric("memorisation", "higher", (0.0, math.inf), _memorisation, (needs.train, needs.samples(2)))
"""The fakes' mean distance to their nearest training sample over that to their nearest held-out sample, divided by what
the ratio would be had training and held-out samples been told apart at random: 1 where the generator treats both
alike, however good or poor its samples; 0 where it copies. Values above 1 are chance, not merit.

`p_value` tests for memorisation: under the null hypothesis, that training and held-out samples are exchangeable to the
generator, fakes have training samples as their nearest as often as under relabelling; each fake weighs the more, the
nearer its nearest is. It is uniform then, and small where fakes crowd around training samples. An extractor trained on
the training samples may itself tell them from held-out ones, which breaks the exchange: prefer pixels or inception.
(Comparison with held-out samples: Meehan, Chaudhuri and Dasgupta 2020, https://arxiv.org/abs/2004.05675.)"""
