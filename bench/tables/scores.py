"""How good synthetic rows are, by the models they make, by how easily they are told apart, and by copies."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pandas as pd
from encoding import Features
from numpy.typing import NDArray
from sets import TableSet, Typing
from shapes import missing_off, pairs, shapes
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import f1_score, r2_score, roc_auc_score
from sklearn.model_selection import StratifiedKFold

FOLDS = 5
MOST_ROWS = 20_000
"""Rows a side that are told apart, at most."""
ROWS_IN_ALL = 1000
"""On fewer held-out rows telling apart is repeated until about so many were looked at, ten times at most."""

Frame = pd.DataFrame


def scored(
    table: TableSet, typing: Typing, synthetic: Frame, train: Frame, held: Frame, seed: int
) -> dict[str, float | None]:
    """All scores of one system's rows; all three tables are typed."""
    return {
        **useful(table, typing, synthetic, held, seed),
        "told_apart": told_apart(synthetic, held, typing, seed),
        "shapes": shapes(synthetic, held, typing),
        "pairs": pairs(synthetic, held, train, typing),
        "missing_off": missing_off(synthetic, held),
        "copies": copies(synthetic, train),
        "copies_held": copies(held, train),
    }


def useful(table: TableSet, typing: Typing, synthetic: Frame, held: Frame, seed: int) -> dict[str, float]:
    """Trained on synthetic rows, tested on held-out ones: gradient boosting and a linear model."""
    features = Features(typing, table.target)
    rows = synthetic[synthetic[table.target].notna()]
    truth = held[table.target].to_numpy()
    found: dict[str, float] = {}
    models = {
        "boosted": features.boosted(seed, numeric=table.numeric),
        "linear": features.linear(numeric=table.numeric),
    }
    for name, model in models.items():
        if table.numeric:
            model.fit(features.matrix(rows), rows[table.target].to_numpy())
            found[f"{name}_r2"] = float(r2_score(truth, model.predict(features.matrix(held))))
            continue
        shares = chances(
            model, features.matrix(rows), rows[table.target].to_numpy(), features.matrix(held), typing, table
        )
        found[f"{name}_auc"] = auc(truth, shares, typing.categories[table.target])
        found[f"{name}_f1"] = f1(truth, shares, typing.categories[table.target])
    return found


def chances(
    model: Any,
    inputs: NDArray[np.float64],
    labels: NDArray[np.object_],
    asked: NDArray[np.float64],
    typing: Typing,
    table: TableSet,
) -> NDArray[np.float64]:
    """A class's probability for each row asked for; classes that were not trained on have none."""
    classes = typing.categories[table.target]
    known = [one for one in classes if (labels == one).any()]
    shares = np.zeros((len(asked), len(classes)))
    if len(known) < 2:  # nothing to tell apart: the same for all
        shares[:, [classes.index(one) for one in known]] = 1.0
        return shares
    there = np.isin(labels.astype(str), known)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        model.fit(inputs[there], labels[there].astype(str))
    shares[:, [classes.index(one) for one in model.classes_]] = model.predict_proba(asked)
    return shares


def auc(truth: NDArray[np.object_], shares: NDArray[np.float64], classes: tuple[str, ...]) -> float:
    """Area under the ROC curve; of more than two classes each against the rest, their mean."""
    sides = [(truth == one, shares[:, at]) for at, one in enumerate(classes)]
    if len(classes) == 2:
        sides = sides[1:]
    return float(np.mean([roc_auc_score(side, share) for side, share in sides if 0 < side.sum() < len(side)]))


def f1(truth: NDArray[np.object_], shares: NDArray[np.float64], classes: tuple[str, ...]) -> float:
    """Of the rarer of two classes; of more classes, their mean."""
    said = np.array(classes)[shares.argmax(1)]
    truth = truth.astype(str)
    if len(classes) > 2:
        return float(f1_score(truth, said, average="macro", zero_division=0))
    rarer = min(classes, key=lambda one: int((truth == one).sum()))
    return float(f1_score(truth, said, pos_label=rarer, zero_division=0))


def told_apart(synthetic: Frame, held: Frame, typing: Typing, seed: int) -> float:
    """How well gradient boosting tells synthetic rows from as many held-out ones: the AUC, at best .5.

    Cross-validated: the mean over folds, and on few rows over repeats with other synthetic rows and folds.
    """
    count = min(len(synthetic), len(held), MOST_ROWS)
    features, source = Features(typing), np.random.default_rng(seed)
    labels = np.repeat([0, 1], count)
    found = []
    for repeat in range(int(np.clip(ROWS_IN_ALL // count, 1, 10))):
        sides = [one.iloc[source.permutation(len(one))[:count]] for one in (held, synthetic)]
        inputs = np.concatenate([features.matrix(side) for side in sides])
        for train, test in StratifiedKFold(FOLDS, shuffle=True, random_state=repeat).split(inputs, labels):
            model = features.boosted(seed).fit(inputs[train], labels[train])
            found.append(roc_auc_score(labels[test], model.predict_proba(inputs[test])[:, 1]))
    return float(np.mean(found))


def copies(rows: Frame, train: Frame) -> float:
    """The share of rows that equal a training row in every column, missing ones included."""
    known, asked = (pd.util.hash_pandas_object(plain(one), index=False) for one in (train, rows))
    return float(np.isin(asked, known).mean())


def plain(frame: Frame) -> Frame:
    """With one spelling of what is missing, so that equal rows have equal hashes."""
    return frame.apply(lambda column: column.fillna("\0missing") if column.dtype == object else column + 0.0)
