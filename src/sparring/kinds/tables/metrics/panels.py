"""What a data-quality panel shows, as plain values: each column's distribution, and how columns go together."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sparring.kinds.tables.metrics.columns import ColumnView, TableView
from sparring.kinds.tables.metrics.noise import Apart, both_there, column_chance, pair_is_apart
from sparring.kinds.tables.metrics.pairs import edges
from sparring.kinds.tables.metrics.rows import Rows
from sparring.kinds.tables.metrics.shapes import codes, shape
from sparring.kinds.tables.metrics.verdicts import Level, Written, privacy_verdict, quality_verdict
from sparring.metrics.inference import holm

BINS = 24
MOST_SHARES = 12
"""Choices that are shown; all others are the rest."""
MOST_TOGETHER = 30
"""Columns of which it is shown how they go together."""
MOST_PAIRS = 8
"""Pairs of columns that are named because they differ."""
REST = "all others"
SPREAD = 0.005
"""A histogram leaves out values beyond these quantiles of the real ones where they would squeeze the others."""


@dataclass(frozen=True)
class ColumnShape:
    """A column's distribution, real and synthetic."""

    name: str
    kind: str
    similarity: float
    """As `column_shapes` has it."""
    real: list[float]
    """Shares of the values that are not missing: of bins or choices."""
    synthetic: list[float]
    missing: tuple[float, float]
    """Shares of all rows, real and synthetic."""
    labels: list[str]
    """Of choices, the most frequent first (ordered ones in their order); of numbers, the two ends of the bins."""
    edges: list[float] = field(default_factory=list)
    """Of bins, one more than there are; of numbers alone."""
    outside: tuple[float, float] = (0.0, 0.0)
    """Shares of values beyond the bins, real and synthetic."""
    chance: float = 1.0
    """That two sets of real rows are as unlike: a p-value, corrected for all columns of the table (Holm)."""


@dataclass(frozen=True)
class PairTrends:
    """How strongly each two columns go together: Pearson's correlation of two numbers, Cramér's V of two choices, the
    correlation ratio of one of either. None where it cannot be told."""

    names: list[str]
    real: list[list[float | None]]
    synthetic: list[list[float | None]]
    left_out: int
    """Columns beyond those shown."""
    apart: list[Apart] = field(default_factory=list)
    """The pairs that differ beyond chance, those that differ most first, at most `MOST_PAIRS`."""

    @property
    def pairs(self) -> int:
        """How many there are."""
        return len(self.names) * (len(self.names) - 1) // 2

    @property
    def difference(self) -> list[list[float | None]]:
        """Synthetic less real."""
        return [
            [None if a is None or b is None else b - a for a, b in zip(first, second, strict=True)]
            for first, second in zip(self.real, self.synthetic, strict=True)
        ]


@dataclass(frozen=True)
class TablePanel:
    """All that a report shows of how like the real ones a table's rows are."""

    rows: tuple[int, int]
    """How many are compared, real and synthetic."""
    columns: list[ColumnShape]
    trends: PairTrends | None
    """None of a table of one column."""
    quality: tuple[Level, str]
    privacy: tuple[Level, str]
    sdmetrics: dict[str, Any]
    """As `sdmetrics_reports` gives it, or empty."""


def table_panel(
    real: Rows,
    synthetic: Rows,
    table: TableView,
    scores: Mapping[str, Written] | None = None,
    sdmetrics: Mapping[str, Any] | None = None,
) -> TablePanel:
    """The panel of real rows that training never saw and synthetic ones, float64 [n, columns], at least one of
    either; its verdicts are by the scores, as `Score.to_json` writes them."""
    known = dict(scores or {})
    shapes = [column_shape(one, real[:, at], synthetic[:, at]) for at, one in enumerate(table.columns)]
    chances = [column_chance(one, real[:, at], synthetic[:, at]) for at, one in enumerate(table.columns)]
    shapes = [replace(one, chance=chance) for one, chance in zip(shapes, holm(chances), strict=True)]
    return TablePanel(
        rows=(len(real), len(synthetic)),
        columns=shapes,
        trends=pair_trends(real, synthetic, table.columns) if len(shapes) > 1 else None,
        quality=quality_verdict(known),
        privacy=privacy_verdict(known),
        sdmetrics=dict(sdmetrics or {}),
    )


def column_shape(column: ColumnView, real: Rows, synthetic: Rows) -> ColumnShape:
    """A column's distributions, side by side."""
    missing = tuple(float(np.isnan(side).mean()) for side in (real, synthetic))
    present = [side[~np.isnan(side)] for side in (real, synthetic)]
    told = _shares(column, *present) if column.is_choice else _histograms(column, *present)
    similarity = shape(column, real, synthetic).value
    return ColumnShape(
        name=column.name, kind=column.kind, similarity=similarity, missing=(missing[0], missing[1]), **told
    )


def _shares(column: ColumnView, real: Rows, synthetic: Rows) -> dict[str, Any]:
    count = column.categories
    shares = [np.bincount(side.astype(np.int64), minlength=count) / max(len(side), 1) for side in (real, synthetic)]
    order = np.argsort(-(shares[0] + shares[1]), kind="stable")
    kept = order if count <= MOST_SHARES + 1 else order[:MOST_SHARES]  # a rest of one is no rest
    if column.kind == "ordered":
        kept = np.sort(kept)
    names = [column.labels[code] if code < len(column.labels) else str(code) for code in kept]
    found = [[float(side[code]) for code in kept] for side in shares]
    if len(kept) < count:
        names.append(REST)
        for side, told in zip(shares, found, strict=True):
            told.append(max(0.0, float(side.sum()) - sum(told)))
    return {"labels": names, "real": found[0], "synthetic": found[1]}


def _histograms(column: ColumnView, real: Rows, synthetic: Rows) -> dict[str, Any]:
    both = np.concatenate((real, synthetic))
    bins = _bins(column, real if len(real) else both)
    sizes = [max(len(side), 1) for side in (real, synthetic)]
    counts = [np.histogram(side, bins)[0] for side in (real, synthetic)]
    shares = [count / size for count, size in zip(counts, sizes, strict=True)]
    outside = [(len(real) - int(counts[0].sum())) / sizes[0], (len(synthetic) - int(counts[1].sum())) / sizes[1]]
    half = 0.5 if column.kind == "integer" else 0.0
    return {
        "labels": [_written(column, bins[0] + half), _written(column, bins[-1] - half)],
        "edges": bins.tolist(),
        "real": shares[0].tolist(),
        "synthetic": shares[1].tolist(),
        "outside": (outside[0], outside[1]),
    }


def _bins(column: ColumnView, values: Rows) -> NDArray[np.float64]:
    """Over the real values' range, or its bulk where a few lie far out; whole numbers in bins of as many each."""
    if len(values):
        low, high = np.quantile(values, [SPREAD, 1 - SPREAD])
        if values.max() - values.min() > 4 * (high - low) > 0:
            values = values[(values >= low) & (values <= high)]
    if column.kind != "integer" or not len(values):
        return edges(values, BINS)
    low, high = float(values.min()), float(values.max())
    width = float(np.ceil((high - low + 1) / BINS))
    return np.arange(low - 0.5, high + 0.5 + width, width)


def _written(column: ColumnView, value: float) -> str:
    """An end of the bins, for people."""
    if column.kind == "datetime":
        try:
            return (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=value)).strftime("%Y-%m-%d")
        except OverflowError:
            return f"{value:.4g} s"
    return f"{value:,.0f}" if column.kind == "integer" or abs(value) >= 1000 else f"{value:.3g}"


def pair_trends(real: Rows, synthetic: Rows, columns: tuple[ColumnView, ...]) -> PairTrends:
    """How the first columns go together."""
    shown = columns[:MOST_TOGETHER]
    found = [associations(side[:, : len(shown)], shown) for side in (real, synthetic)]
    trends = PairTrends([one.name for one in shown], found[0], found[1], len(columns) - len(shown))
    return replace(trends, apart=_apart(trends, real, synthetic, shown))


def _apart(trends: PairTrends, real: Rows, synthetic: Rows, columns: tuple[ColumnView, ...]) -> list[Apart]:
    """Those that differ most, looked for among the pairs in this order, until there are enough."""
    differences = trends.difference
    order = [
        (abs(far), a, b) for a, b in combinations(range(len(columns)), 2) if (far := differences[a][b]) is not None
    ]
    found: list[Apart] = []
    for _, a, b in sorted(order, key=lambda one: -one[0]):
        first, second = trends.real[a][b], trends.synthetic[a][b]
        there, made = (both_there(side, (a, b)) for side in (real, synthetic))
        strength = partial(_association, columns[a], columns[b])
        if first is not None and second is not None and pair_is_apart(strength, there, made, trends.pairs):
            found.append(Apart((columns[a].name, columns[b].name), first, second, (len(there), len(made))))
        if len(found) == MOST_PAIRS:
            break
    return found


def associations(rows: Rows, columns: tuple[ColumnView, ...]) -> list[list[float | None]]:
    """How strongly each two columns go together, over the rows that have both; 1 with itself."""
    found: list[list[float | None]] = [[1.0] * len(columns) for _ in columns]
    for a, b in combinations(range(len(columns)), 2):
        both = ~np.isnan(rows[:, [a, b]]).any(1)
        value = _association(columns[a], columns[b], rows[both, a], rows[both, b])
        found[a][b] = found[b][a] = value
    return found


def _association(one: ColumnView, other: ColumnView, x: Rows, y: Rows) -> float | None:
    if len(x) < 2 or x.min() == x.max() or y.min() == y.max():
        return None
    if one.is_choice and other.is_choice:
        return cramers_v(codes(x, one.categories), codes(y, other.categories))
    if one.is_choice:
        return correlation_ratio(codes(x, one.categories), y)
    if other.is_choice:
        return correlation_ratio(codes(y, other.categories), x)
    return float(np.corrcoef(x - x.mean(), y - y.mean())[0, 1])


def cramers_v(x: NDArray[np.int64], y: NDArray[np.int64]) -> float:
    """Of two choices that both vary: 0 if they have nothing to do with each other, 1 if one tells the other."""
    (_, x), (_, y) = (np.unique(side, return_inverse=True) for side in (x, y))
    rows, columns = np.bincount(x), np.bincount(y)
    cells, counts = np.unique(x * len(columns) + y, return_counts=True)  # few of all that may be
    squared = (counts**2 / (rows[cells // len(columns)] * columns[cells % len(columns)])).sum() - 1
    return float(np.sqrt(max(0.0, squared) / (min(len(rows), len(columns)) - 1)))


def correlation_ratio(choice: NDArray[np.int64], value: Rows) -> float:
    """Of a choice and a number that varies: the root of the share of the number's variance that is between choices."""
    apart = value - value.mean()
    counts = np.bincount(choice)
    sums = np.bincount(choice, apart)
    between = (sums[counts > 0] ** 2 / counts[counts > 0]).sum()
    return float(np.sqrt(min(1.0, between / (apart**2).sum())))
