"""Columns and pairs are told apart where more than chance makes them differ, and hardly ever elsewhere."""

from __future__ import annotations

from functools import partial

import numpy as np
import pytest

from sparring.kinds.tables.metrics.columns import ColumnView, TableView
from sparring.kinds.tables.metrics.noise import LEVEL, column_chance, pair_is_apart
from sparring.kinds.tables.metrics.panels import cramers_v, table_panel
from sparring.kinds.tables.metrics.rows import Rows

WIDTH = 12
KINDS = (
    ColumnView("bell", "float"),
    ColumnView("many", "category", 30),
    ColumnView("heavy", "float"),
    ColumnView("few", "boolean", 2),
    ColumnView("steps", "integer"),
    ColumnView("odd", "category", 6),
)
MIXED = TableView(tuple(KINDS[place % 6] for place in range(WIDTH)))


def drawn(count: int, seed: int, lean: float = 0.7) -> Rows:
    """Columns that go together a little, with rare choices, ties, heavy tails, and some that are hardly there."""
    source = np.random.default_rng(seed)
    lying = source.normal(size=(count, 1)) * lean + source.normal(size=(count, WIDTH))
    rows = lying.copy()
    for place, view in enumerate(MIXED.columns):
        x = lying[:, place]
        if view.name == "heavy":
            rows[:, place] = np.exp(2 * x)
        elif view.name == "steps":
            rows[:, place] = np.rint(2 * x)
        elif view.is_choice:
            rows[:, place] = np.minimum(np.floor(np.exp(x + 0.5)), view.categories - 1)
    rows[source.random(count) < 0.1, 0] = np.nan
    rows[source.random(count) < 0.8, 7] = np.nan
    return rows


@pytest.mark.parametrize(("real", "made"), [(25, 25), (100, 100), (100, 300)])
def test_of_one_distribution_columns_and_pairs_are_told_apart_as_rarely_as_is_said(real: int, made: int) -> None:
    tries, coloured, named, unlike = 25, 0, 0, 0
    for seed in range(tries):
        panel = table_panel(drawn(real, seed), drawn(made, 1000 + seed), MIXED)
        coloured += any(one.chance < LEVEL for one in panel.columns)
        unlike += sum(one.similarity < 0.9 for one in panel.columns)
        assert panel.trends is not None
        named += bool(panel.trends.apart)
    assert coloured <= 4  # 5 % of 25 is 1.25: more than 4 once in 130
    assert named <= 4
    assert unlike > tries  # where a limit alone colours some in every table


def test_what_differs_is_told() -> None:
    real, made = drawn(300, 1), drawn(300, 2)
    made[:, 2] *= 3
    made[:, 5] = 0
    made[:, 6] = np.random.default_rng(0).permutation(made[:, 6])
    panel = table_panel(real, made, MIXED)
    assert [place for place, one in enumerate(panel.columns) if one.chance < LEVEL] == [2, 5]
    assert panel.trends is not None
    assert {one.names for one in panel.trends.apart} <= {
        ("bell", other) if place > 6 else (other, "bell") for place, other in enumerate(v.name for v in MIXED.columns)
    }
    first = panel.trends.apart[0]
    assert "bell" in first.names
    assert all(count > 200 for count in first.rows)


def test_missing_values_alone_can_tell_columns_apart() -> None:
    for view in (KINDS[0], KINDS[5]):
        real = np.random.default_rng(0).integers(0, 6, 200).astype(float)
        made = real.copy()
        assert column_chance(view, real, made) > 0.99
        made[:60] = np.nan
        assert column_chance(view, real, made) < 1e-4


def test_choices_of_few_rows_are_never_apart_by_their_number_alone() -> None:
    """Of few rows Cramér's V is far above 0 whatever they are."""
    source = np.random.default_rng(0)
    few, many = (source.integers(0, 5, (count, 2)).astype(float) for count in (15, 2000))

    def strength(x: Rows, y: Rows) -> float:
        return cramers_v(x.astype(np.int64), y.astype(np.int64))

    assert strength(*few.T) > 0.3 > 0.1 > strength(*many.T)
    assert not pair_is_apart(partial(strength), few, many, 1)
    same = np.repeat(many[:, :1], 2, axis=1)
    assert pair_is_apart(strength, many, same, 435)
    assert not pair_is_apart(strength, many[:1], same, 1)
