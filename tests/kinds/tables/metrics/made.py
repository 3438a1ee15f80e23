"""Tables made up for tests: what depends on what in them is known."""

from __future__ import annotations

import numpy as np
import torch

from sparring.base.draws import Key
from sparring.kinds.tables.metrics.columns import ColumnView, TableView
from sparring.kinds.tables.metrics.rows import Rows
from sparring.metrics import Features, Views

COLUMNS = (
    ColumnView("age", "integer", low=17, high=90),
    ColumnView("income", "float", low=0, high=200),
    ColumnView("job", "category", 5, labels=("clerk", "cook", "judge", "nurse", "smith")),
    ColumnView("grade", "ordered", 4, labels=("low", "middling", "high", "highest")),
    ColumnView("likes", "boolean", 2, labels=("no", "yes")),
)
TABLE = TableView(COLUMNS, target=4)


def people(count: int, seed: int) -> Rows:
    """Rows of `COLUMNS`: income rises with age and grade, jobs with grades; some incomes and jobs are missing."""
    source = np.random.default_rng(seed)
    grade = source.choice(4, count, p=[0.4, 0.3, 0.2, 0.1])
    age = np.clip(source.normal(40 + 4 * grade, 12, count).round(), 17, 90)
    income = np.exp(source.normal(3 + age / 60 + grade / 4, 0.3, count)).round(2)
    job = (grade + source.choice(3, count, p=[0.7, 0.2, 0.1])) % 5
    likes = source.random(count) < 1 / (1 + np.exp(2.5 - income / 25 - (job == 2)))
    rows: Rows = np.stack([age, income, job, grade, likes], 1).astype(float)
    rows[source.random(count) < 0.08, 1] = np.nan
    rows[source.random(count) < 0.05, 2] = np.nan
    return rows


def complete(count: int, seed: int) -> Rows:
    """The same without missing values, so that hardly any two rows are equal."""
    rows = people(2 * count, seed)
    return rows[~np.isnan(rows).any(1)][:count]


def shuffled(rows: Rows, seed: int = 0) -> Rows:
    """Each column in another random order: alone as before, together nothing."""
    source = np.random.default_rng(seed)
    return np.stack([source.permutation(column) for column in rows.T], 1)


def features(rows: Rows) -> Features:
    samples = torch.from_numpy(rows.copy())
    return Features(samples.nan_to_num(0.0).float(), None, samples)


def table_views(real: Rows, fake: Rows, train: Rows | None = None, *, table: TableView = TABLE, seed: int = 0) -> Views:
    seen = None if train is None else features(train)
    return Views(heldout=features(real), fake=features(fake), train=seen, key=Key(seed), about=table)


def numbers(count: int, width: int, seed: int) -> Rows:
    rows: Rows = np.random.default_rng(seed).normal(size=(count, width))
    return rows


def plain(width: int, target: int | None = None) -> TableView:
    """A table of so many columns of numbers."""
    return TableView(tuple(ColumnView(f"x{place}", "float", low=-5, high=5) for place in range(width)), target)
