"""How well predictions fit held-out rows."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sparring.kinds.augmenting.scores import roc_auc
from sparring.kinds.tables.augment.downstream.task import Task, Values

Scores = dict[str, float]

METRIC = {True: "roc_auc", False: "r2"}
"""What is judged by, of a task that classifies or not."""


def score(task: Task, truth: Values, predicted: Values) -> Scores:
    """Of classes (probabilities [rows, classes]): area under the ROC curve, average precision, F1; of more than two,
    the mean over those that occur, each against the rest. Of numbers: R2 and root mean square error."""
    if not task.classifies:
        error = float(np.mean((truth - predicted) ** 2))
        spread = float(truth.var())
        return {"r2": 1 - error / spread if spread else float("nan"), "rmse": error**0.5}
    chosen = predicted.argmax(1)
    places = range(len(task.classes)) if len(task.classes) > 2 else (task.positive,)
    judged = [place for place in places if 0 < (truth == place).sum() < len(truth)]
    means = [
        (
            roc_auc(truth == place, predicted[:, place]),
            average_precision(truth == place, predicted[:, place]),
            f1(truth == place, chosen == place),
        )
        for place in judged
    ]
    found = np.mean(means, axis=0) if means else np.full(3, np.nan)
    return dict(zip(("roc_auc", "average_precision", "f1"), map(float, found), strict=True))


def average_precision(truth: NDArray[np.bool_], predicted: Values) -> float:
    from sklearn.metrics import average_precision_score

    return float(average_precision_score(truth, predicted))


def f1(truth: NDArray[np.bool_], chosen: NDArray[np.bool_]) -> float:
    both = int((truth & chosen).sum())
    return 2 * both / (int(truth.sum()) + int(chosen.sum())) if both else 0.0
