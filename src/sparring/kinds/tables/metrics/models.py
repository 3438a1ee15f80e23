"""Models of rows: gradient boosting, and a linear one beside it."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sparring.kinds.tables.metrics.columns import ColumnView
from sparring.kinds.tables.metrics.rows import Rows

MOST_CATEGORIES = 254
"""Choices that boosting tells apart; all rarer ones are one. (It bins what it sees by 8 bits.)"""
MOST_ONE_HOT = 100
"""Choices that a linear model tells apart."""
ROUNDS = 100
MOST_TREES = 400
"""A tree a round and class: fewer rounds where there are more than 4 classes."""


Model = Callable[[Rows], Rows]
"""Rows to probabilities of classes [n, classes], or to values [n]."""


def boosting(classes: int = 2) -> str:
    """The model in words."""
    return f"histogram gradient boosting, {_rounds(classes)} rounds, rate 0.1, 31 leaves"


def _rounds(classes: int) -> int:
    return min(ROUNDS, MOST_TREES // classes)


class Inputs:
    """How rows are shown to boosting: codes of choices with the rare ones lumped, as the rows given have them."""

    def __init__(self, columns: Sequence[ColumnView], rows: Rows) -> None:
        self.choices = [place for place, column in enumerate(columns) if column.is_unordered]
        self.maps = {
            place: _lumped(rows[:, place], columns[place].categories)
            for place in self.choices
            if columns[place].categories > MOST_CATEGORIES
        }

    def of(self, fitted: Rows) -> Callable[[Rows], Rows]:
        """The way to show rows to a model that is fitted on these: a column of which they have no value is all 0, since
        boosting cannot bin it."""
        empty = np.isnan(fitted).all(0)
        return lambda rows: np.where(empty, 0.0, self._coded(rows))

    def _coded(self, rows: Rows) -> Rows:
        rows = rows.copy()
        for place, lumps in self.maps.items():
            there = ~np.isnan(rows[:, place])
            rows[there, place] = lumps[rows[there, place].astype(np.int64)]
        return rows


def _lumped(values: Rows, categories: int) -> Rows:
    """For each code one below `MOST_CATEGORIES`, of which the last is for all but the most frequent."""
    counts = np.bincount(values[~np.isnan(values)].astype(np.int64), minlength=categories)
    found = np.full(categories, MOST_CATEGORIES - 1.0)
    kept = np.argsort(-counts, kind="stable")[: MOST_CATEGORIES - 1]
    found[kept] = np.arange(len(kept))
    return found


def boosted_classes(inputs: Inputs, rows: Rows, labels: NDArray[np.int64], count: int) -> Model:
    """A fitted classifier: a function of rows to probabilities of labels 0 ... count - 1."""
    from sklearn.ensemble import HistGradientBoostingClassifier

    model = HistGradientBoostingClassifier(**_settings(inputs, rows, count))
    return _probabilities(model, inputs.of(rows), rows, labels, count)


def boosted_values(inputs: Inputs, rows: Rows, values: Rows) -> Model:
    """A fitted regression: a function of rows to values."""
    from sklearn.ensemble import HistGradientBoostingRegressor

    shown = inputs.of(rows)
    model = HistGradientBoostingRegressor(**_settings(inputs, rows, 1)).fit(shown(rows), values)
    return lambda others: model.predict(shown(others))


def _settings(inputs: Inputs, rows: Rows, classes: int) -> dict[str, Any]:
    return {
        "max_iter": _rounds(classes),
        "early_stopping": False,  # else fits of more than 10,000 rows would hold some out, at random
        "categorical_features": inputs.choices or None,
        "min_samples_leaf": int(np.clip(len(rows) // 20, 2, 20)),
        "random_state": 0,
    }


def linear_classes(columns: Sequence[ColumnView], rows: Rows, labels: NDArray[np.int64], count: int) -> Model:
    """A fitted logistic regression: a function of rows to probabilities of labels 0 ... count - 1."""
    from sklearn.linear_model import LogisticRegression

    design = _design(columns).fit(rows)
    return _probabilities(LogisticRegression(max_iter=100), design.transform, rows, labels, count)


def linear_values(columns: Sequence[ColumnView], rows: Rows, values: Rows) -> Model:
    """A fitted ridge regression: a function of rows to values."""
    from sklearn.linear_model import Ridge

    design = _design(columns).fit(rows)
    model = Ridge(solver="lsqr").fit(design.transform(rows), values)
    return lambda others: model.predict(design.transform(others))


def _probabilities(
    model: Any, shown: Callable[[Rows], Any], rows: Rows, labels: NDArray[np.int64], count: int
) -> Model:
    seen = np.unique(labels)

    def predict(others: Rows) -> Rows:
        found = np.zeros((len(others), count))
        found[:, seen] = 1.0 if len(seen) == 1 else model.predict_proba(shown(others))
        return found

    if len(seen) > 1:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", module="sklearn", message=".*(converge|ITERATIONS)")
            model.fit(shown(rows), labels)
    return predict


def _design(columns: Sequence[ColumnView]) -> Any:
    """Numbers standardised, the missing ones their median and told of; choices one-hot."""
    from sklearn.compose import ColumnTransformer
    from sklearn.impute import SimpleImputer
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder, StandardScaler

    choices = [place for place, column in enumerate(columns) if column.is_unordered]
    numbers = [place for place, column in enumerate(columns) if not column.is_unordered]
    imputed = SimpleImputer(strategy="median", add_indicator=True, keep_empty_features=True)
    coded = OneHotEncoder(handle_unknown="infrequent_if_exist", max_categories=MOST_ONE_HOT)
    return ColumnTransformer(
        [("numbers", make_pipeline(imputed, StandardScaler()), numbers), ("choices", coded, choices)]
    )
