"""`utility` and `utility_reverse`: whether a model of fakes is a model of real rows, and the reverse."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sparring.kinds.tables.metrics import needs as own
from sparring.kinds.tables.metrics.columns import ColumnView, TableView
from sparring.kinds.tables.metrics.estimates import INTERVAL, Estimate, macro_auc, r_squared
from sparring.kinds.tables.metrics.models import (
    Inputs,
    Model,
    boosted_classes,
    boosted_values,
    boosting,
    linear_classes,
    linear_values,
)
from sparring.kinds.tables.metrics.rows import MOST, Rows, rows_of, some, table_of
from sparring.metrics import Metric, Reading, Views, needs
from sparring.metrics.base import Need
from sparring.metrics.intervals import within

MOST_CLASSES = 20
"""Classes that are predicted; rows of rarer ones are left out."""
LEAST = 10


class Task(NamedTuple):
    """What is predicted, by what, and how well."""

    columns: tuple[ColumnView, ...]
    """Those it is predicted by."""
    target: int
    classes: NDArray[np.int64] | None
    """The codes that are predicted, the most frequent first; None for a number."""

    @property
    def measure(self) -> str:
        if self.classes is None:
            return "R2"
        return "ROC AUC" if len(self.classes) == 2 else f"ROC AUC, macro mean of {len(self.classes)} classes"

    def split(self, rows: Rows) -> tuple[Rows, Rows]:
        """Inputs, and what is to be predicted (of classes their places), of the rows that have it."""
        truth = rows[:, self.target]
        there = ~np.isnan(truth) if self.classes is None else np.isin(truth, self.classes)
        inputs, truth = np.delete(rows[there], self.target, 1), truth[there]
        if self.classes is None:
            return inputs, truth
        places = np.zeros(int(self.classes.max()) + 1)
        places[self.classes] = np.arange(len(self.classes))
        return inputs, places[truth.astype(np.int64)]

    def fit(self, rows: Rows, *, linear: bool = False) -> Model:
        """A model of these rows; of too few, one that knows nothing."""
        inputs, truth = self.split(rows)
        if self.classes is None:
            if len(truth) < 2:
                return lambda others: np.full(len(others), np.nan)
            if linear:
                return linear_values(self.columns, inputs, truth)
            return boosted_values(Inputs(self.columns, inputs), inputs, truth)
        count = len(self.classes)
        if not len(truth):
            return lambda others: np.zeros((len(others), count))
        labels = truth.astype(np.int64)
        if linear:
            return linear_classes(self.columns, inputs, labels, count)
        return boosted_classes(Inputs(self.columns, inputs), inputs, labels, count)

    def score(self, model: Model, rows: Rows) -> Estimate:
        """How well a model predicts these rows. Raises ValueError where they are all alike."""
        inputs, truth = self.split(rows)
        if not len(truth):
            raise ValueError("no row has the target")
        found = model(inputs)
        if self.classes is not None:
            return macro_auc(truth.astype(np.int64), found)
        return r_squared(truth, np.where(np.isnan(found), truth.mean(), found))


def task_of(table: TableView, real: Rows) -> Task:
    """The task of a table with a target; its classes by how often real rows are of them, equally frequent ones by
    code."""
    assert table.target is not None  # `needs` saw to it
    columns = tuple(column for place, column in enumerate(table.columns) if place != table.target)
    if not table.columns[table.target].is_choice:
        return Task(columns, table.target, None)
    values = real[:, table.target]
    codes, counts = np.unique(values[~np.isnan(values)].astype(np.int64), return_counts=True)
    return Task(columns, table.target, codes[np.argsort(-counts, kind="stable")][:MOST_CLASSES])


def _varied(views: Views) -> str | None:
    """A target of which held-out rows have more than one value."""
    table = views.about
    if table is None or table.target is None or views.heldout.samples is None:
        return None  # another need says so
    values = rows_of(views.heldout)[:, table.target]
    alike = len(np.unique(values[~np.isnan(values)])) < 2
    return f"needs held-out rows that differ in {table.columns[table.target].name}" if alike else None


class _Sides(NamedTuple):
    task: Task
    heldout: Rows
    fake: Rows
    train: Rows | None
    """As many as fakes, or all there are."""


def _sides(views: Views) -> _Sides:
    table, key = table_of(views), views.key.at("utility")
    heldout = some(rows_of(views.heldout), MOST, key.at("heldout"))
    fake = some(rows_of(views.fake), MOST, key.at("fake"))
    given = own.train_rows(views) is None
    train = some(rows_of(views.train), len(fake), key.at("train")) if given else None
    return _Sides(task_of(table, rows_of(views.heldout)), heldout, fake, train)


def _protocol(sides: _Sides, views: Views) -> dict[str, Any]:
    table = table_of(views)
    assert table.target is not None
    classes = 1 if sides.task.classes is None else len(sides.task.classes)
    told = {"target": table.columns[table.target].name, "measure": sides.task.measure, "model": boosting(classes)}
    return told | {"interval": f"{INTERVAL} tested"}


def _of_train(sides: _Sides, views: Views) -> Model:
    """A model of training rows."""
    train = sides.train
    assert train is not None
    return views.once("utility of training rows", lambda: sides.task.fit(train))


def _utility(views: Views) -> Reading:
    sides = _sides(views)
    task, heldout = sides.task, sides.heldout
    found = task.score(task.fit(sides.fake), heldout)
    protocol = {
        "trained_on": len(sides.fake),
        "tested_on": len(heldout),
        "linear": task.score(task.fit(sides.fake, linear=True), heldout).value,
    }
    if sides.train is not None:
        protocol |= {
            "trained_on_real": len(sides.train),
            "training_data": task.score(_of_train(sides, views), heldout).value,
            "linear_training_data": task.score(task.fit(sides.train, linear=True), heldout).value,
        }
    return Reading(found.value, within(*found), protocol | _protocol(sides, views))


def _utility_reverse(views: Views) -> Reading:
    sides = _sides(views)
    assert sides.train is not None  # `needs` saw to it
    model = _of_train(sides, views)
    protocol = {
        "trained_on": len(sides.train),
        "tested_on": len(sides.fake),
        "training_data": sides.task.score(model, sides.heldout).value,
        **_protocol(sides, views),
    }
    try:
        found, note = sides.task.score(model, sides.fake), None
    except ValueError as alike:
        found, note = Estimate(0.0, 0.0), f"{alike} among the fakes"
    return Reading(found.value, within(*found), protocol, note)


def _metric(name: str, compute: Callable[[Views], Reading], *more: Need) -> Metric:
    return Metric(name, "higher", (-np.inf, 1.0), compute, (own.target, needs.samples(LEAST), _varied, *more))


UTILITY = _metric("utility", _utility)
"""How well gradient boosting that was trained on fakes predicts the target of held-out rows: ROC AUC, of more than two
classes the macro mean of each against the rest, R2 of a number. `training_data` in the protocol is what as many
training rows give in the fakes' place, `linear` and `linear_training_data` what a linear model does (Esteban, Hyland
and Rätsch 2017, https://arxiv.org/abs/1706.02633)."""

UTILITY_REVERSE = _metric("utility_reverse", _utility_reverse, own.train_rows)
"""How well a model that was trained on training rows predicts the target of fakes. Above `training_data`, what it
scores on held-out rows, is no merit: fakes are then more regular than real rows."""
