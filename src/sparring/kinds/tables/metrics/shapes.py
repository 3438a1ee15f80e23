"""`column_shapes`: whether each column alone is distributed like the real one."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from sparring.kinds.tables.metrics import needs as own
from sparring.kinds.tables.metrics.columns import ColumnView
from sparring.kinds.tables.metrics.estimates import DISJOINT, INTERVAL, Influence, by_halves, standard_error
from sparring.kinds.tables.metrics.rows import Rows, rows_of, table_of
from sparring.metrics import Metric, Reading, Views, needs
from sparring.metrics.intervals import generator, within

WORST = 5
"""Columns, or pairs of them, that a protocol names."""


class Similarity(NamedTuple):
    """How alike two sets of rows are in some respect, with what each row adds to that."""

    value: float
    """From 0, nothing in common, to 1, equal."""
    real: Influence
    fake: Influence


class Averaged(NamedTuple):
    """The mean of similarities, its standard error, and each by its name."""

    value: float
    error: float
    values: dict[str, float]


def shape(column: ColumnView, real: Influence, fake: Influence) -> Similarity:
    """How alike two sets of values of a column are distributed."""
    if column.is_choice:
        return shares_alike(codes(real, column.categories), codes(fake, column.categories), column.categories + 1)
    return steps_alike(real, fake)


def codes(values: Influence, categories: int) -> NDArray[np.int64]:
    """Choices as integers; a missing one is a choice of its own, the last."""
    return np.where(np.isnan(values), categories, values).astype(np.int64)


def shares_alike(real: NDArray[np.int64], fake: NDArray[np.int64], count: int) -> Similarity:
    """1 less the total variation distance of two sets of codes below `count`: half the sum of what their shares differ
    by."""
    of_real, of_fake = (np.bincount(side, minlength=count) / len(side) for side in (real, fake))
    sign = np.sign(of_real - of_fake)
    value = 1 - 0.5 * float(np.abs(of_real - of_fake).sum())
    return Similarity(value, -0.5 * (sign[real] - sign @ of_real), 0.5 * (sign[fake] - sign @ of_fake))


def steps_alike(real: Influence, fake: Influence) -> Similarity:
    """1 less the Kolmogorov-Smirnov distance of two sets of numbers: the most that their distribution functions differ
    by. A missing value counts as one below all others."""
    real, fake = (np.where(np.isnan(side), -np.inf, side) for side in (real, fake))
    steps = np.unique(np.concatenate((real, fake)))
    of_real, of_fake = (np.searchsorted(np.sort(side), steps, "right") / len(side) for side in (real, fake))
    apart = of_real - of_fake
    at = int(np.abs(apart).argmax())
    sign = np.sign(apart[at])
    ups, downs = ((side <= steps[at]) - share[at] for side, share in ((real, of_real), (fake, of_fake)))
    return Similarity(1 - float(abs(apart[at])), -sign * ups, sign * downs)


def averaged(found: Iterable[tuple[str, Similarity]], counts: tuple[int, int]) -> Averaged:
    """The mean of several similarities of the same rows, so many real ones and fakes; 1 of none. What rows add to each
    is not kept."""
    values: dict[str, float] = {}
    of_real, of_fake = np.zeros(counts[0]), np.zeros(counts[1])
    for name, one in found:
        values[name] = one.value
        of_real += one.real
        of_fake += one.fake
    mean = float(np.mean(list(values.values()))) if values else 1.0
    return Averaged(mean, standard_error(of_real, of_fake) / max(len(values), 1), values)


def error_of(
    views: Views, found: Averaged, real: Rows, fake: Rows, value: Callable[[Rows, Rows], float], name: str
) -> tuple[float, str]:
    """The standard error of a mean of similarities, and what it is from, in words: parts, or of few rows influences."""
    halved = None
    if views.intervals:
        halved = by_halves(real, fake, value, generator(views.key, name), max(len(found.values), 1))
    return (found.error, INTERVAL) if halved is None else (halved, DISJOINT)


def worst(values: dict[str, float]) -> dict[str, float]:
    """The least of them, the least first."""
    return dict(sorted(values.items(), key=lambda item: item[1])[:WORST])


def _column_shapes(views: Views) -> Reading:
    real, fake = rows_of(views.heldout), rows_of(views.fake)
    columns = table_of(views).columns

    def of(real: Rows, fake: Rows) -> Averaged:
        each = ((one.name, shape(one, real[:, place], fake[:, place])) for place, one in enumerate(columns))
        return averaged(each, (len(real), len(fake)))

    found = of(real, fake)
    error, how = error_of(views, found, real, fake, lambda real, fake: of(real, fake).value, "column_shapes")
    protocol = {
        "columns": len(found.values),
        "numbers": "1 - Kolmogorov-Smirnov distance, missing values lowest",
        "choices": "1 - total variation distance, missing a choice of its own",
        "worst_columns": worst(found.values),
        "interval": how,
    }
    return Reading(found.value, within(found.value, error), protocol)


COLUMN_SHAPES = Metric(
    "column_shapes",
    "higher",
    (0.0, 1.0),
    _column_shapes,
    (own.table, needs.samples(2)),
    like_the_data=True,
    sets="unequal",
)
"""The mean over columns of how alike their distributions are, each by itself; 1 where all are equal. Of samples, even
of one distribution, it is a little below. Without missing values these are SDMetrics' KSComplement and TVComplement."""
