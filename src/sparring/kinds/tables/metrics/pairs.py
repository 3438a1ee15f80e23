"""`column_pairs`: whether two columns at a time go together as they do in real rows."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from sparring.kinds.tables.metrics import needs as own
from sparring.kinds.tables.metrics.columns import ColumnView
from sparring.kinds.tables.metrics.estimates import Influence
from sparring.kinds.tables.metrics.rows import Rows, rows_of, table_of
from sparring.kinds.tables.metrics.shapes import Averaged, Similarity, averaged, codes, error_of, shares_alike, worst
from sparring.metrics import Metric, Reading, Views, needs
from sparring.metrics.intervals import within

BINS = 10
"""A column of numbers that is compared with choices is cut into so many equal parts of the real values' range."""
MOST_CELLS = 1 << 20
"""Of a larger contingency table only the cells that hold a row are counted."""


def correlation_alike(real: Rows, fake: Rows) -> Similarity | None:
    """1 less half the difference of Pearson's correlations of two columns of numbers, [n, 2] each, over the rows that
    have both; None where the real ones have none. Fakes that do not vary are uncorrelated."""
    of_real, of_fake = _correlation(real), _correlation(fake)
    if of_real is None:
        return None
    first, real_influence = of_real
    second, fake_influence = of_fake or (0.0, np.zeros(len(fake)))
    sign = np.sign(first - second)
    return Similarity(1 - abs(first - second) / 2, -sign / 2 * real_influence, sign / 2 * fake_influence)


def _correlation(rows: Rows) -> tuple[float, Influence] | None:
    """Pearson's correlation of two columns, and what each row adds to it."""
    both = ~np.isnan(rows).any(1)
    if both.sum() < 2:
        return None
    apart = rows[both] - rows[both].mean(0)
    size = np.abs(apart).max(0)
    if (size <= 1e-12 * np.abs(rows[both]).max(0)).any():  # but for rounding, one value
        return None
    scaled = apart / size  # of large numbers, dates say, squares lose digits
    scaled /= np.sqrt((scaled**2).mean(0))
    value = float(np.clip((scaled[:, 0] * scaled[:, 1]).mean(), -1, 1))
    influence = np.zeros(len(rows))
    influence[both] = (scaled[:, 0] * scaled[:, 1] - value * (scaled**2).sum(1) / 2) * (len(rows) / both.sum())
    return value, influence


def contingency_alike(first: Coded, second: Coded) -> Similarity:
    """1 less the total variation distance of the shares of all combinations of two columns' codes."""
    real = first.real * second.count + second.real
    fake = first.fake * second.count + second.fake
    cells = first.count * second.count
    if cells > MOST_CELLS:
        _, inverse = np.unique(np.concatenate((real, fake)), return_inverse=True)
        real, fake = inverse[: len(real)], inverse[len(real) :]
        cells = int(inverse.max()) + 1
    return shares_alike(real, fake, cells)


class Coded:
    """A column of real rows and of fakes as codes below `count`; missing is the last."""

    def __init__(self, column: ColumnView, real: Influence, fake: Influence) -> None:
        if column.is_choice:
            self.count = column.categories + 1
            self.real, self.fake = codes(real, column.categories), codes(fake, column.categories)
        else:
            inner = edges(real, BINS)[1:-1]
            self.count = BINS + 1
            self.real, self.fake = _binned(real, inner), _binned(fake, inner)


def edges(values: Influence, bins: int) -> Influence:
    """Of so many equal parts of the range of values, [bins + 1]."""
    present = values[~np.isnan(values)]
    low, high = (float(present.min()), float(present.max())) if len(present) else (0.0, 1.0)
    return np.linspace(low, high, bins + 1) if high > low else np.linspace(low - 0.5, high + 0.5, bins + 1)


def _binned(values: Influence, inner: Influence) -> NDArray[np.int64]:
    return np.where(np.isnan(values), BINS, np.searchsorted(inner, values, "right")).astype(np.int64)


def pair_similarities(columns: tuple[ColumnView, ...], real: Rows, fake: Rows) -> Iterator[tuple[str, Similarity]]:
    """Of each two columns, by their names: of numbers by their correlation, of others by their contingency table. Two
    columns of numbers of which one never varies are left out."""
    coded = [Coded(column, real[:, place], fake[:, place]) for place, column in enumerate(columns)]
    for a, b in combinations(range(len(columns)), 2):
        if columns[a].is_choice or columns[b].is_choice:
            one: Similarity | None = contingency_alike(coded[a], coded[b])
        else:
            one = correlation_alike(real[:, [a, b]], fake[:, [a, b]])
        if one is not None:
            yield f"{columns[a].name}, {columns[b].name}", one


def _column_pairs(views: Views) -> Reading:
    real, fake = rows_of(views.heldout), rows_of(views.fake)
    columns = table_of(views).columns

    def of(real: Rows, fake: Rows) -> Averaged:
        return averaged(pair_similarities(columns, real, fake), (len(real), len(fake)))

    found = of(real, fake)
    error, how = error_of(views, found, real, fake, lambda real, fake: of(real, fake).value, "column_pairs")
    protocol = {
        "pairs": len(found.values),
        "two_numbers": "1 - |difference of Pearson's correlations| / 2",
        "others": f"1 - total variation distance of the contingency tables, numbers in {BINS} bins",
        "worst_pairs": worst(found.values),
        "interval": how,
    }
    note = None if found.values else "no two columns can be compared"
    return Reading(found.value, within(found.value, error), protocol, note)


COLUMN_PAIRS = Metric(
    "column_pairs",
    "higher",
    (0.0, 1.0),
    _column_pairs,
    (own.two_columns, needs.samples(2)),
    like_the_data=True,
    sets="unequal",
)
"""The mean over pairs of columns of how alike they go together: SDMetrics' CorrelationSimilarity and
ContingencySimilarity, over all pairs (its quality report takes those alone that are strongly associated)."""
