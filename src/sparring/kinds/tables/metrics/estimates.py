"""Values with their standard errors, from what each row adds to them.

A statistic's influence is what one row moves it by, times the number of rows; the variance of the statistic is that of
the influences over the number of rows (the infinitesimal jackknife, Efron 1982; for the area under an ROC curve it is
DeLong's, https://doi.org/10.2307/2531595). It takes one pass where a bootstrap takes hundreds.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from sparring.kinds.tables.metrics.rows import Rows
from sparring.metrics.intervals import FREEDOM, NORMAL_95, by_parts, parts

Influence = NDArray[np.float64]
"""Of each row, mean 0."""
FEWEST = 20
"""Rows of either set, below which they are not taken to parts."""
EASY, LEAST_FREEDOM = 200, 12
"""Means of so many similarities are taken of all parts; of the most, of parts with so many differences."""
DISJOINT = "1.96 standard errors over disjoint parts of both sets"
INTERVAL = "1.96 standard errors, infinitesimal jackknife over rows"


class Estimate(NamedTuple):
    """A value and its standard error."""

    value: float
    error: float


def standard_error(*sides: Influence) -> float:
    """Of a statistic of independent sets of rows, by the influences of each."""
    return math.sqrt(sum(float(side.var()) / len(side) for side in sides if len(side)))


def by_halves(
    real: Rows, fake: Rows, value: Callable[[Rows, Rows], float], source: torch.Generator, work: int
) -> float | None:
    """The standard error of a value of two sets of rows, from its values of disjoint parts of both; None of few rows.
    Where sizes of differences add up, influences are too wide: near equality a size varies less than a difference.
    `work` is how many similarities the value is a mean of; of many, fewer parts are taken."""
    from scipy.special import stdtrit

    if min(len(real), len(fake)) < FEWEST:
        return None
    freedom = min(max(FREEDOM * EASY // work, LEAST_FREEDOM), FREEDOM)
    rounds, part = [], 0
    for rows in parts(len(real), len(fake), source, freedom):
        rounds.append([value(real[x.numpy()], fake[y.numpy()]) for x, y in zip(*rows, strict=True)])
        part = rows[0].shape[1]
    found = torch.tensor(rounds, dtype=torch.float64)[:, :, None]
    freedom = found.shape[0] * (found.shape[1] - 1)
    student = float(stdtrit(freedom, 0.975)) / NORMAL_95  # of few differences little is known
    return student * math.sqrt(float(by_parts(found, len(real), part)))


def auc(positive: Influence, negative: Influence) -> Estimate:
    """The area under the ROC curve of two sets of scores: how often one of the first is above one of the second, ties
    counted half."""
    of_positive, of_negative = _placements(positive, negative)
    return Estimate(float(of_positive.mean()), standard_error(of_positive, of_negative))


def macro_auc(labels: NDArray[np.int64], probabilities: Influence) -> Estimate:
    """The mean over classes of the area under the ROC curve of each against all others, by labels [n] and the classes'
    probabilities [n, classes]; classes that all rows or none are of are left out. Raises ValueError where that leaves
    none."""
    values, influences = [], []
    for place in range(probabilities.shape[1]):
        of = labels == place
        if not 0 < of.sum() < len(of):
            continue
        ups, downs = _placements(probabilities[of, place], probabilities[~of, place])
        value, influence = float(ups.mean()), np.empty(len(of))
        influence[of] = (ups - value) * (len(of) / len(ups))
        influence[~of] = (downs - value) * (len(of) / len(downs))
        values.append(value)
        influences.append(influence)
    if not values:
        raise ValueError("all rows are of one class")
    return Estimate(float(np.mean(values)), standard_error(np.mean(influences, 0)))


def r_squared(truth: Influence, predicted: Influence) -> Estimate:
    """The share of the variance that a prediction explains; below 0 where the mean would do better."""
    wrong, spread = (truth - predicted) ** 2, (truth - truth.mean()) ** 2
    if spread.mean() == 0:
        raise ValueError("all values are equal")
    value = 1 - float(wrong.mean() / spread.mean())
    return Estimate(value, standard_error((wrong - (1 - value) * spread) / spread.mean()))


def _placements(positive: Influence, negative: Influence) -> tuple[Influence, Influence]:
    """For each of the first the share of the second below it, and for each of the second of the first above it."""
    from scipy.stats import rankdata

    ranks = rankdata(np.concatenate((positive, negative)))
    ups = (ranks[: len(positive)] - rankdata(positive)) / len(negative)
    downs = 1 - (ranks[len(positive) :] - rankdata(negative)) / len(positive)
    return ups, downs
