"""`two_sample`: whether a model can be taught to tell fakes from real rows."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from sparring.base.draws import permutation
from sparring.kinds.tables.metrics import needs as own
from sparring.kinds.tables.metrics.estimates import Estimate, auc
from sparring.kinds.tables.metrics.models import Inputs, boosted_classes, boosting
from sparring.kinds.tables.metrics.rows import MOST, Rows, rows_of, some, table_of
from sparring.metrics import Metric, Reading, Views, needs
from sparring.metrics.intervals import within

FOLDS = 5
LEAST = 10


def _two_sample(views: Views) -> Reading:
    real, fake = rows_of(views.heldout), rows_of(views.fake)
    count, key = min(len(real), len(fake), MOST), views.key.at("two_sample")
    real, fake = some(real, count, key.at("real")), some(fake, count, key.at("fake"))
    inputs = Inputs(table_of(views).columns, np.concatenate((real, fake)))
    fold_of = permutation(key.at("folds"), count).numpy() % FOLDS
    found = [_fold(inputs, real, fake, fold_of == fold) for fold in range(FOLDS)]
    value = float(np.mean([one.value for one in found]))
    error = math.sqrt(sum(one.error**2 for one in found)) / FOLDS
    protocol = {
        "rows_a_side": count,
        "model": boosting(),
        "value": f"area under the ROC curve, mean of {FOLDS} folds",
        "interval": "1.96 standard errors, DeLong's, models fixed",
    }
    return Reading(value, within(value, error), protocol, n=count)


def _fold(inputs: Inputs, real: Rows, fake: Rows, out: NDArray[np.bool_]) -> Estimate:
    """How well a model of all other rows tells those of a fold apart."""
    labels = np.repeat(np.array([0, 1]), (~out).sum())
    predict = boosted_classes(inputs, np.concatenate((real[~out], fake[~out])), labels, 2)
    return auc(predict(fake[out])[:, 1], predict(real[out])[:, 1])


TWO_SAMPLE = Metric(
    "two_sample",
    "lower",
    (0.0, 1.0),
    _two_sample,
    (own.table, needs.samples(LEAST)),
    like_the_data=True,
    sets="unequal",
)
"""The area under the ROC curve of gradient boosting that was taught to tell fakes from held-out rows, on rows it was
not taught with: 0.5 where they cannot be told apart, 1 where each is given away (classifier two-sample test, Lopez-Paz
and Oquab 2017, https://arxiv.org/abs/1610.06545). As many of either are taken. Below 0.5 is chance."""
