"""What people do about rare classes without a generator: class weights, and SMOTE."""

from __future__ import annotations

from typing import Any

import numpy as np

from sparring.base.errors import RequestError
from sparring.kinds.tables.augment.downstream.task import Task, Values
from sparring.kinds.tables.data.column import CHOICES

NEIGHBOURS = 5
MOST_DISTANCES = 4e8
"""Of SMOTE among rows of one class: beyond it, it would run for hours."""


def balanced_weights(task: Task, values: Values) -> Values:
    """Weights of rows with which each class counts the same; 1 in the mean."""
    truth = task.truth(values).astype(int)
    counts = np.bincount(truth, minlength=len(task.classes))
    return np.asarray(len(truth) / ((counts > 0).sum() * counts[truth]))


def smote_rows(task: Task, values: Values, seed: int) -> Values:
    """Rows with every class brought to the largest one's number by SMOTE (Chawla et al. 2002,
    https://doi.org/10.1613/jair.953), for categories by SMOTENC or SMOTEN. The rows given come first. A missing number
    is set to the median with a mark beside it, which is a category like others; a missing category is one of its own.
    Raises RequestError where it cannot be done."""
    try:
        import imblearn.over_sampling as methods
    except ImportError:
        raise RequestError("SMOTE takes imbalanced-learn: pip install 'sparring[tables]'") from None
    truth = task.truth(values).astype(int)
    found, counts = np.unique(truth, return_counts=True)
    if counts.min() < 2:
        name = task.columns[task.target].categories[task.classes[found[counts.argmin()]]]
        raise RequestError(f"SMOTE takes two training rows of each class, and '{name}' has one")
    if len(set(counts)) == 1:
        raise RequestError("SMOTE has nothing to do: the classes are of one size")
    if float((np.sort(counts)[:-1].astype(float) ** 2).max()) > MOST_DISTANCES:
        raise RequestError(f"SMOTE would compare each of {np.sort(counts)[-2]:,} rows of a class with every other")
    table = _Table(task, values)
    options: dict[str, Any] = {
        "k_neighbors": min(NEIGHBOURS, int(counts.min()) - 1),
        "random_state": seed,
    }
    if all(table.categorical):
        method = methods.SMOTEN(**options)
    elif any(table.categorical):
        method = methods.SMOTENC(np.flatnonzero(table.categorical).tolist(), **options)
    else:
        method = methods.SMOTE(**options)
    made, labels = method.fit_resample(table.rows, truth)
    return np.concatenate([values, table.back(made[len(values) :], labels[len(values) :])])


class _Table:
    """A task's inputs as SMOTE takes them, without gaps and with numbers of one size; and the way back."""

    def __init__(self, task: Task, values: Values) -> None:
        self.task = task
        self.categorical: list[bool] = []
        self.scales: dict[int, tuple[float, float]] = {}
        self.marks: list[int] = []
        columns = []
        for place in task.inputs:
            column = values[:, place]
            gone = np.isnan(column)
            if task.columns[place].kind in CHOICES:
                columns.append(np.where(gone, -1.0, column))
            else:
                there = column[~gone]
                middle, size = (float(np.median(there)), float(there.std())) if len(there) else (0.0, 0.0)
                self.scales[place] = middle, size or 1.0
                columns.append(np.where(gone, 0.0, (column - middle) / (size or 1.0)))
                if gone.any():
                    self.marks.append(place)
            self.categorical.append(place not in self.scales)
        columns += [np.isnan(values[:, place]).astype(float) for place in self.marks]
        self.categorical += [True] * len(self.marks)
        self.rows = np.stack(columns, 1)

    def back(self, made: Values, labels: Values) -> Values:
        values = np.full((len(made), len(self.task.columns)), np.nan)
        values[:, self.task.target] = np.asarray(self.task.classes)[labels.astype(int)]
        for number, place in enumerate(self.task.inputs):
            if place in self.scales:
                middle, size = self.scales[place]
                values[:, place] = made[:, number] * size + middle
            else:
                values[:, place] = np.where(made[:, number] < 0, np.nan, made[:, number])
        for number, place in enumerate(self.marks, len(self.task.inputs)):
            values[made[:, number] > 0.5, place] = np.nan
        return values
