"""`copies`, `near_copies`, `closest_record`, `membership`: whether fakes give away the rows that were trained on.

All is compared with held-out rows, which training never saw: what is true of them as well gives nobody away. None of
these is a guarantee; an attacker who knows more may find more.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from sparring.kinds.tables.metrics import needs as own
from sparring.kinds.tables.metrics.distances import Space, blocks, nearest
from sparring.kinds.tables.metrics.estimates import auc
from sparring.kinds.tables.metrics.rows import MOST, Rows, rows_of, some, table_of
from sparring.metrics import Metric, Reading, Views, needs
from sparring.metrics.intervals import share, wilson, within
from sparring.metrics.memorisation import relabelled_p_value

DISTANCE = "sum over columns of differing ranks (numbers) and mismatches (choices)"
WORK = 1_500_000_000
"""Values compared, at most, of so many rows a side: 10,000 rows of 15 columns, fewer of more."""
NEAR = 0.01
"""The share of held-out rows that lie as near to a training row as a near copy does."""
PERMUTATIONS = 999
"""Random labels for `copies`; in tables of few columns each of many rows has its part in them."""


class Claims(NamedTuple):
    """Fakes among as many training as held-out rows."""

    size: int
    """How many of either."""
    fakes: int
    claims: Tensor
    """The number of fakes that have each row as their nearest, training rows first, float64 [2 * size]; those equally
    near share a fake."""
    nearer: Tensor
    """1 for a fake that is nearer to a training row than to any held-out row, 1/2 for one that is as near, else 0."""
    to_fake: Tensor
    """From each of those rows to the nearest fake, training rows first, [2 * size]."""


def _space(views: Views) -> tuple[Space, Rows, Rows]:
    """Where rows lie, by the ranks of as many training as held-out rows, and these rows."""
    train, heldout, key = rows_of(views.train), rows_of(views.heldout), views.key.at("privacy")
    size = min(len(train), len(heldout), most(views))
    everything = train, heldout, rows_of(views.fake)
    train, heldout = some(train, size, key.at("train")), some(heldout, size, key.at("heldout"))
    return Space(table_of(views).columns, np.concatenate((train, heldout)), *everything), train, heldout


def most(views: Views) -> int:
    """How many rows a side are looked at."""
    return min(MOST, math.isqrt(WORK // len(table_of(views).columns)))


def _fakes(views: Views) -> Rows:
    return some(rows_of(views.fake), most(views), views.key.at("privacy", "fake"))


def _claims(views: Views) -> Claims:
    return views.once("table claims", lambda: _claimed(views))


def _claimed(views: Views) -> Claims:
    space, train, heldout = _space(views)
    fakes, reals = space.place(_fakes(views)), space.place(np.concatenate((train, heldout)))
    size = len(train)
    claims, to_fake = torch.zeros(2 * size, dtype=torch.float64), torch.full((2 * size,), torch.inf)
    nearer = torch.empty(len(fakes), dtype=torch.float64)
    for rows, distances in blocks(space, fakes, reals):
        best = distances.amin(1, keepdim=True)
        tied = distances == best
        fake, real = tied.nonzero(as_tuple=True)
        claims.index_add_(0, real, 1 / tied.sum(1).double()[fake])
        of_train, of_heldout = distances[:, :size].amin(1), distances[:, size:].amin(1)
        nearer[rows] = ((of_heldout - of_train).sign() / 2 + 0.5).double()
        to_fake = torch.minimum(to_fake, distances.amin(0))
    return Claims(size, len(fakes), claims, nearer, to_fake)


class Equal(NamedTuple):
    """How often each content, a row's values in all columns, comes."""

    codes: tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]
    """Which content each training row, held-out row and fake has."""
    train: NDArray[np.int64]
    """How many training rows have each content."""
    heldout: NDArray[np.int64]
    """How many held-out rows have each content."""


def _equal(*sides: Rows) -> Equal:
    """Of training rows, held-out rows and fakes."""
    rows = np.concatenate(sides)
    rows = np.where(np.isnan(rows), np.nan, rows + 0.0)  # one kind of NaN, one zero
    found = np.unique(rows.view(np.dtype((np.void, rows.itemsize * rows.shape[1])))[:, 0], return_inverse=True)[1]
    seen, held, made = np.split(found.astype(np.int64), np.cumsum([len(side) for side in sides])[:-1])
    count = int(found.max()) + 1
    return Equal((seen, held, made), *(np.bincount(side, minlength=count) for side in (seen, held)))


def _expected(found: Equal) -> float:
    """The share of fakes that equal a training row if nothing is copied: as many as of held-out rows, or, where real
    rows do not repeat, as often as fakes equal a held-out row, row for row."""
    seen, held, made = found.codes
    copied, known = found.train > 0, found.heldout > 0
    of_heldout, of_both = ((known & with_train)[made].mean() for with_train in (~copied, copied))
    return max(float(copied[held].mean()), min(1.0, float(of_both + of_heldout * len(seen) / len(held))))


def _copies(views: Views) -> Reading:
    """Held-out rows may never equal training rows where a table lists each combination once, however good a generator:
    the second yardstick, beside them, is how often fakes equal held-out rows."""
    found = _equal(*(rows_of(side) for side in (views.train, views.heldout, views.fake)))
    seen, held, made = found.codes
    each = np.bincount(made, minlength=len(found.train)) / np.maximum(found.train + found.heldout, 1)
    claims = torch.from_numpy(each[np.concatenate((seen, held))])
    copied = found.train > 0
    value = float(copied[made].mean())
    protocol = {
        "train": len(seen),
        "real_value": float(copied[held].mean()),
        "expected": _expected(found),
        "of_heldout": float((~copied & (found.heldout > 0))[made].mean()),
        "p_value": relabelled_p_value(claims, len(seen), views.key.at("permutations", "copies"), PERMUTATIONS),
        "copy": "a row that equals a training row in every column",
        "interval": "Wilson's",
    }
    return Reading(value, wilson(value, len(made)), protocol)


def _near_copies(views: Views) -> Reading:
    """Rows that equal a training row are told by `copies`; the others are near as often as such held-out ones, in a
    table that lists each combination once as well."""
    every = rows_of(views.train), rows_of(views.heldout)
    train, heldout = (
        some(side, size * most(views), views.key.at("privacy", name))
        for side, size, name in zip(every, (2, 1), ("near", "heldout"), strict=True)
    )
    fakes = _fakes(views)
    space = Space(table_of(views).columns, train, heldout, fakes, between=True)
    places = space.place(train)
    of_fake, of_heldout = (nearest(space, space.place(side), places)[0] for side in (fakes, heldout))
    found = _equal(train, heldout, fakes)
    held, made = (torch.from_numpy(found.train[side] == 0) for side in found.codes[1:])
    reach = float(of_heldout[held].quantile(NEAR, interpolation="lower")) if held.any() else 0.0
    value, beside = (float((side <= reach).double().mean()) for side in (of_fake, of_heldout))
    others, others_beside = (_near(side, reach) for side in (of_fake[made], of_heldout[held]))
    equal = _expected(found)
    protocol = {
        "train": len(train),
        "rows": len(of_fake),
        "real_value": beside,
        "expected": equal + (1 - equal) * others_beside,
        "unequal": int(made.sum()),
        "unequal_near": others,
        "unequal_heldout": int(held.sum()),
        "unequal_near_heldout": others_beside,
        "near_copy": f"as near to a training row as the nearest {NEAR:.0%} of held-out rows that equal none",
        "distance": f"{DISTANCE}, among training rows",
        "typical_distance": float(of_fake.median()) / space.scale,
        "typical_distance_heldout": float(of_heldout.median()) / space.scale,
        "interval": "Wilson's, with the variance of what is near",
    }
    # Which distance is near was found from few held-out rows
    told = max(float((of_heldout <= reach).sum()), 1.0)
    variance = value * (1 - value) / len(of_fake) + value * beside / told
    return Reading(value, share(value, variance, len(of_fake)), protocol)


def _near(distances: Tensor, reach: float) -> float:
    """The share of them within reach; 0 of none."""
    return float((distances <= reach).double().mean()) if len(distances) else 0.0


def _closest_record(views: Views) -> Reading:
    found = _claims(views)
    value = float(found.nearer.mean())
    # Of fakes alone, and of which real rows they crowd around beyond what as many draws would
    shared = max(0.0, float((found.claims - found.claims.mean()).square().sum()) - found.fakes)
    error = math.sqrt(float(found.nearer.var(correction=0)) / found.fakes + 0.25 * shared / found.fakes**2)
    protocol = {
        "train": found.size,
        "heldout": found.size,
        "rows": found.fakes,
        "p_value": relabelled_p_value(found.claims, found.size, views.key.at("permutations", "closest_record")),
        "distance": DISTANCE,
        "interval": "1.96 standard errors over fakes and the real rows they share",
    }
    return Reading(value, within(value, error), protocol)


def _membership(views: Views) -> Reading:
    found = _claims(views)
    near = -found.to_fake.double().numpy()
    guessed = auc(near[: found.size], near[found.size :])
    protocol = {
        "train": found.size,
        "heldout": found.size,
        "rows": found.fakes,
        "attack": "a row is guessed to be a training row the sooner, the nearer it is to the nearest fake",
        "value": "area under the ROC curve",
        "distance": DISTANCE,
        "interval": "1.96 standard errors, DeLong's",
    }
    return Reading(guessed.value, within(*guessed), protocol, n=2 * found.size)


_NEEDS = (own.train_rows, needs.samples(2))

COPIES = Metric("copies", "lower", (0.0, 1.0), _copies, _NEEDS)
"""The share of fakes that equal a training row in every column; `real_value` in the protocol is that of held-out rows,
of which some do in tables of few columns, `expected` what it would be if nothing were copied, and `p_value` how often
as much or more would come of which rows happened to be held out."""

NEAR_COPIES = Metric("near_copies", "lower", (0.0, 1.0), _near_copies, _NEEDS)
"""The share of fakes that lie as near to a training row as the nearest hundredth of held-out rows does: about 0.01
where nothing is copied (more where many are equally near, or rows repeat; `expected` says)."""

CLOSEST_RECORD = Metric("closest_record", "lower", (0.0, 1.0), _closest_record, _NEEDS)
"""The share of fakes that are nearer to a training row than to any held-out row, of as many training as held-out rows:
0.5 where fakes do not tell them apart, 1 where they crowd around training rows. `p_value` is how often as much or more
would come of which rows happened to be held out. Below 0.5 is chance."""

MEMBERSHIP = Metric("membership", "lower", (0.0, 1.0), _membership, _NEEDS)
"""The area under the ROC curve of an attacker who has the fakes, and guesses whether a real row was trained on by how
near it is to the nearest of them: 0.5 where that tells nothing (as GAN-Leaks' attack on samples alone, Chen et al.
2020, https://arxiv.org/abs/1909.03935). Below 0.5 is chance."""
