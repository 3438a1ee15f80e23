"""`memorisation`: whether fakes lie nearer to training samples than to real samples that training never saw.

Everything is compared with one null hypothesis: the generator cannot tell training from held-out samples, so that of
the union of both any set of that size might have been the training set. The union is relabelled at random, with the
sizes kept, which accounts for unequal sizes and for fakes that share a neighbour (in high dimensions many do).

What is relabelled is what the split told apart. Where some samples are the same and yet none is on both sides, it was
by content, copies going with their originals: distinct samples are then relabelled, each once.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from sparring.base.draws import Key, permutation
from sparring.metrics import needs
from sparring.metrics.base import Features, Metric, Reading, Views
from sparring.metrics.distances import nearest
from sparring.metrics.intervals import REPLICATES, within

PERMUTATIONS = 4999
MOST_NEIGHBOURS = 1024
UNSEEN = 1e-4
"""Neighbours are kept until a random half of the union holds none of them with at most this probability."""
WORK = 30_000_000
"""Neighbours looked at to work out the interval; fewer random labels where there are many."""
RANK = 5
"""How near the nearest sample is, is judged against the one so many ranks behind."""


class Reals(NamedTuple):
    """Distinct training and held-out samples."""

    train: Tensor
    """[distinct, width]"""
    heldout: Tensor
    """[distinct, width]"""
    times: Tensor
    """How many labels each has, training samples first, int64 [distinct of both]: one, or, where equal samples are
    different ones to the split, as often as it comes."""
    sizes: tuple[int, int]
    """How many labels either side has."""

    @property
    def owners(self) -> Tensor:
        """Which distinct sample has each label, training samples first, int64 [labels]."""
        return torch.repeat_interleave(self.times)


def _reals(train: Features, heldout: Features) -> Reals:
    count = len(train)
    if train.contents is not None and heldout.contents is not None:
        contents = torch.cat((train.contents, heldout.contents)).numpy()
    else:
        rows = np.ascontiguousarray(torch.cat((train.values, heldout.values)).cpu().numpy() + 0.0)  # one zero
        contents = rows.view(np.dtype((np.void, rows.itemsize * rows.shape[1])))[:, 0]
    codes = np.unique(contents, return_inverse=True)[1]
    sides = [np.unique(side, return_index=True, return_counts=True) for side in (codes[:count], codes[count:])]
    by_content = not np.isin(sides[0][0], sides[1][0], assume_unique=True).any()
    kept, times = [], []
    for values, (_, first, often) in zip((train.values, heldout.values), sides, strict=True):
        order = np.argsort(first)
        kept.append(values[torch.from_numpy(first[order])])
        times.append(torch.from_numpy(np.ones_like(often) if by_content else often[order]))
    return Reals(kept[0], kept[1], torch.cat(times), (int(times[0].sum()), int(times[1].sum())))


class Neighbours(NamedTuple):
    """The distinct real samples nearest to each fake."""

    distances: Tensor
    """To the union's nearest, ascending, float64 [fakes, neighbours]."""
    places: Tensor
    """Which of the distinct ones they are, training samples first, int64 [fakes, neighbours]."""
    to_train: Tensor
    """To the nearest training sample, [fakes]."""
    to_heldout: Tensor
    """To the nearest held-out sample, [fakes]."""


def _neighbours(fake: Tensor, reals: Reals) -> Neighbours:
    train, heldout, *_ = reals
    share = min(reals.sizes) / sum(reals.sizes)
    wanted = min(len(train) + len(heldout), MOST_NEIGHBOURS, math.ceil(math.log(UNSEEN) / math.log1p(-share)))
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


def _expected(found: Neighbours, reals: Reals) -> Tensor:
    """Each fake's distance to the nearest training and held-out sample, expected of random labels, [fakes, 2]."""
    union, ranks = sum(reals.sizes), found.distances.shape[1]
    if int(reals.times.max()) == 1:
        return found.distances @ torch.stack([_chances(size, union, ranks) for size in reals.sizes], 1)
    behind = reals.times[found.places].cumsum(1)  # labels up to each neighbour
    expected = []
    for size in reals.sizes:
        chances = _chances(size, union, int(behind.max()) + 1)[:-1]
        reached = torch.cat((torch.zeros(1, dtype=torch.float64), chances.cumsum(0)))[behind]
        reached[:, -1] = 1.0
        expected.append((found.distances * reached.diff(dim=1, prepend=torch.zeros(len(reached), 1))).sum(1))
    return torch.stack(expected, 1)


def _ratio(found: Neighbours, reals: Reals, key: Key) -> tuple[float, float, int]:
    """(to train / to held-out) / (the same, expected of random labels), of mean distances; its standard error, to first
    order, over fakes and over labels; and how many random labellings that is from."""
    near = torch.stack((found.to_train, found.to_heldout), 1)
    expected = _expected(found, reals)
    means = torch.cat((near, expected), 1).mean(0)
    if float(means.max()) == 0.0:  # nothing is apart from anything
        return 1.0, 0.0, 0
    means = means.clamp(min=1e-9 * float(means.max()))  # copies throughout, of samples of either kind
    value = float(means[0] * means[3] / (means[1] * means[2]))
    relative = torch.cat((near, expected), 1) / means - 1
    of_fakes = (relative @ torch.tensor([1.0, -1.0, -1.0, 1.0], dtype=torch.float64)).square().sum() / len(near) ** 2
    count = max(20, min(REPLICATES, WORK // found.distances.numel()))
    of_labels = torch.tensor([_relabelled(found, reals, key.at(number)) for number in range(count)]).var()
    return value, value * math.sqrt(float(of_fakes + of_labels)), count


def _relabelled(found: Neighbours, reals: Reals, key: Key) -> float:
    """The logarithm of the ratio of mean distances had the union been labelled at random."""
    label = permutation(key, sum(reals.sizes)) < reals.sizes[0]
    often = torch.zeros_like(reals.times).index_add_(0, reals.owners, label.long())
    last = found.distances[:, -1]
    means = []
    for some in (often > 0, often < reals.times):
        kind = some[found.places]
        first = found.distances.gather(1, kind.to(torch.uint8).argmax(1, keepdim=True))[:, 0]
        means.append(float(torch.where(kind.any(1), first, last).mean()))
    return math.log(means[0] / means[1]) if min(means) > 0 else 0.0


def _claims(found: Neighbours, reals: Reals, weights: Tensor) -> Tensor:
    """The weight of the fakes that have each label's sample as their nearest, [labels]; ties are shared evenly."""
    tied = (found.distances <= found.distances[:, :1] * (1 + 1e-9)).double()
    tied = tied[:, : int(tied.sum(1).max())]
    places = found.places[:, : tied.shape[1]]
    tied *= reals.times[places]
    tied *= (weights / tied.sum(1))[:, None]
    each = torch.zeros(len(reals.times), dtype=torch.float64).index_add_(0, places.flatten(), tied.flatten())
    return (each / reals.times)[reals.owners]


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
    reals = _reals(views.train, views.heldout)
    found = _neighbours(fake, reals)
    value, error, labellings = _ratio(found, reals, views.key.at("labels", "memorisation"))
    evenly = _claims(found, reals, torch.ones(len(fake), dtype=torch.float64))
    size = reals.sizes[0]
    p_value = relabelled_p_value(
        _claims(found, reals, _closeness(found)), size, views.key.at("permutations", "memorisation"), PERMUTATIONS
    )
    alone = {} if sum(reals.sizes) == len(train) + len(heldout) else {"relabelled": "distinct samples"}
    protocol = {
        "train": len(train),
        **alone,
        "p_value": p_value,
        "permutations": PERMUTATIONS,
        "nearest_is_train": float(evenly[:size].sum()) / len(fake),
        "nearest_is_train_expected": size / sum(reals.sizes),
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
