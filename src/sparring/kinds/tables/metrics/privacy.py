"""`copies`, `near_copies`, `closest_record`, `membership`: whether fakes give away the rows that were trained on.

All is compared with held-out rows, which training never saw: what is true of them as well gives nobody away. None of
these is a guarantee; an attacker who knows more may find more.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from sparring.kinds.tables.metrics import needs as own
from sparring.kinds.tables.metrics.distances import Space, blocks, nearest
from sparring.kinds.tables.metrics.estimates import auc
from sparring.kinds.tables.metrics.rows import MOST, Rows, rows_of, some, table_of
from sparring.metrics import Metric, Reading, Views, needs
from sparring.metrics.intervals import wilson, within
from sparring.metrics.memorisation import relabelled_p_value

DISTANCE = "sum over columns of differing ranks (numbers) and mismatches (choices)"
WORK = 1_500_000_000
"""Values compared, at most, of so many rows a side: 10,000 rows of 15 columns, fewer of more."""
NEAR = 0.01
"""The share of held-out rows that lie as near to a training row as a near copy does."""


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


def _copies(views: Views) -> Reading:
    train = set(_marks(rows_of(views.train)))
    of_fake, of_heldout = (
        float(np.mean([mark in train for mark in _marks(rows_of(side))])) for side in (views.fake, views.heldout)
    )
    protocol = {
        "train": len(rows_of(views.train)),
        "real_value": of_heldout,
        "copy": "a row that equals a training row in every column",
        "interval": "Wilson's",
    }
    return Reading(of_fake, wilson(of_fake, len(views.fake)), protocol)


def _marks(rows: Rows) -> list[bytes]:
    """Each row's bits; equal rows have equal ones."""
    rows = np.where(np.isnan(rows), np.nan, rows + 0.0)  # one kind of NaN, one zero
    return [row.tobytes() for row in rows]


def _near_copies(views: Views) -> Reading:
    space, *_ = _space(views)
    train = space.place(some(rows_of(views.train), 2 * most(views), views.key.at("privacy", "near")))
    heldout = some(rows_of(views.heldout), most(views), views.key.at("privacy", "heldout"))
    of_fake, of_heldout = (nearest(space, space.place(side), train)[0] for side in (_fakes(views), heldout))
    reach = float(of_heldout.quantile(NEAR, interpolation="lower"))
    value, expected = (float((side <= reach).double().mean()) for side in (of_fake, of_heldout))
    protocol = {
        "train": len(train),
        "rows": len(of_fake),
        "real_value": expected,
        "near_copy": f"as near to a training row as the nearest {NEAR:.0%} of held-out rows",
        "distance": DISTANCE,
        "typical_distance": float(of_fake.median()) / space.scale,
        "typical_distance_heldout": float(of_heldout.median()) / space.scale,
        "interval": "Wilson's",
    }
    return Reading(value, wilson(value, len(of_fake)), protocol)


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
of which some do in tables of few columns."""

NEAR_COPIES = Metric("near_copies", "lower", (0.0, 1.0), _near_copies, _NEEDS)
"""The share of fakes that lie as near to a training row as the nearest hundredth of held-out rows does: about 0.01
where nothing is copied (more where many are equally near; `real_value` says)."""

CLOSEST_RECORD = Metric("closest_record", "lower", (0.0, 1.0), _closest_record, _NEEDS)
"""The share of fakes that are nearer to a training row than to any held-out row, of as many training as held-out rows:
0.5 where fakes do not tell them apart, 1 where they crowd around training rows. `p_value` is how often as much or more
would come of which rows happened to be held out. Below 0.5 is chance."""

MEMBERSHIP = Metric("membership", "lower", (0.0, 1.0), _membership, _NEEDS)
"""The area under the ROC curve of an attacker who has the fakes, and guesses whether a real row was trained on by how
near it is to the nearest of them: 0.5 where that tells nothing (as GAN-Leaks' attack on samples alone, Chen et al.
2020, https://arxiv.org/abs/1909.03935). Below 0.5 is chance."""
