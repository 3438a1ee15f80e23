"""The rows of a table that a metric looks at."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sparring.base.draws import Key, permutation
from sparring.kinds.tables.metrics.columns import TableView
from sparring.metrics import Features, Views

Rows = NDArray[np.float64]

MOST = 10_000
"""Rows a side that models are trained on, or neighbours looked for among."""


def rows_of(features: Features | None) -> Rows:
    """The rows behind features, float64 [n, columns]."""
    assert features is not None  # `needs` saw to it
    assert features.samples is not None
    rows: Rows = features.samples.double().cpu().numpy()
    return rows


def table_of(views: Views) -> TableView:
    assert isinstance(views.about, TableView)  # `needs` saw to it
    return views.about


def some(rows: Rows, count: int, key: Key) -> Rows:
    """So many rows at most, drawn without putting back, in their order."""
    chosen: Rows = rows[permutation(key, len(rows))[:count].sort().values.numpy()]
    return chosen
