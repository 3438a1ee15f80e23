"""Three kinds of model, each at several strengths, so that none wins by more rows alone.

More rows let trees grow finer, weaken a penalty, give a network more steps: with one fixed strength copies of the
same rows can seem to help. And a strength chosen by rows that a synthesiser has seen is too weak where it copies them.
So all strengths are tried, and whoever compares chooses by other splits than the one that is scored.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sparring.kinds.tables.augment.downstream.dense import LOOKS, look_name, train_dense
from sparring.kinds.tables.augment.downstream.features import FlatFeatures, TreeFeatures
from sparring.kinds.tables.augment.downstream.task import Task, Values

Predictions = Iterator[tuple[str, Values]]
"""For each strength its name, and probabilities [rows, classes] or numbers."""

MODELS = ("boosted", "linear", "dense")
LEAVES = (5, 40)
"""Rows of a leaf, at least."""
TREES = (10, 30, 100)
PENALTIES = (100.0, 10.0, 1.0, 0.1)
"""Of the sum of squared weights, beside the sum of losses."""


def predictions(
    name: str, task: Task, train: Values, held: Values, *, weights: Values | None = None, seed: int = 0
) -> Predictions:
    """What a model, trained on rows of the table at each of its strengths, says of held-out rows."""
    truth = task.truth(train)
    shares = np.ones(len(train)) if weights is None else weights
    if task.classifies and len(np.unique(truth)) < 2:
        only = np.eye(len(task.classes))[int(truth[0])]
        yield from ((strength, np.tile(only, (len(held), 1))) for strength in _strengths(name))
        return
    way = {"boosted": _boosted, "linear": _linear, "dense": _dense}[name]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of convergence: a penalty that is too weak is not chosen
        yield from way(task, train, truth, shares, held, seed)


def _strengths(name: str) -> list[str]:
    return {
        "boosted": [_trees(count, leaf) for leaf in LEAVES for count in TREES],
        "linear": [_penalty(penalty) for penalty in PENALTIES],
        "dense": [look_name(part) for part in LOOKS],
    }[name]


def _trees(count: int, leaf: int) -> str:
    return f"{count} trees, leaves of {leaf}"


def _penalty(penalty: float) -> str:
    return f"penalty {penalty:g}"


def _boosted(task: Task, train: Values, truth: Values, weights: Values, held: Values, seed: int) -> Predictions:
    from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor

    features = TreeFeatures(task, train)
    inputs, asked = features.of(train), features.of(held)
    for leaf in LEAVES:
        kind = HistGradientBoostingClassifier if task.classifies else HistGradientBoostingRegressor
        trees = kind(
            max_iter=max(TREES),
            min_samples_leaf=leaf,
            early_stopping=False,
            categorical_features=features.categorical,
            random_state=seed,
        )
        trees.fit(inputs, truth, weights)
        staged = trees.staged_predict_proba if task.classifies else trees.staged_predict
        for count, predicted in enumerate(staged(asked), 1):
            if count in TREES:
                yield _trees(count, leaf), _spread(task, predicted, trees)


def _linear(task: Task, train: Values, truth: Values, weights: Values, held: Values, seed: int) -> Predictions:
    from sklearn.linear_model import LogisticRegression, Ridge

    features = FlatFeatures(task, train)
    inputs, asked = features.of(train), features.of(held)
    line: Any = Ridge()
    if task.classifies:  # warm: each penalty starts from where the stronger one before it ended
        line = LogisticRegression(max_iter=300, tol=1e-3, warm_start=True)
    for penalty in PENALTIES:
        line.set_params(**({"C": 1 / penalty} if task.classifies else {"alpha": penalty}))
        line.fit(inputs, truth, weights)
        predicted = line.predict_proba(asked) if task.classifies else line.predict(asked)
        yield _penalty(penalty), _spread(task, predicted, line)


def _dense(task: Task, train: Values, truth: Values, weights: Values, held: Values, seed: int) -> Predictions:
    features = FlatFeatures(task, train)
    yield from train_dense(task, features.of(train), truth, weights, features.of(held), seed)


def _spread(task: Task, predicted: NDArray[Any], model: Any) -> Values:
    """Probabilities of all classes, where the rows trained with held only some."""
    if not task.classifies:
        return np.asarray(predicted, dtype=np.float64)
    full = np.zeros((len(predicted), len(task.classes)))
    full[:, model.classes_.astype(int)] = predicted
    return full
