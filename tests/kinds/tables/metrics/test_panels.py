from __future__ import annotations

import json
from dataclasses import asdict

import numpy as np
import pytest
from scipy.stats.contingency import association, crosstab

from sparring.kinds.scores import metric
from sparring.kinds.tables.metrics.columns import ColumnView, TableView
from sparring.kinds.tables.metrics.panels import (
    MOST_SHARES,
    REST,
    associations,
    column_shape,
    correlation_ratio,
    cramers_v,
    table_panel,
)
from tests.kinds.tables.metrics.made import COLUMNS, TABLE, complete, people, shuffled, table_views

REAL, FAKE = people(500, 1), shuffled(people(400, 2))


def test_every_column_is_shown_with_its_shares() -> None:
    panel = table_panel(REAL, FAKE, TABLE)
    assert panel.rows == (500, 400)
    assert [one.name for one in panel.columns] == [one.name for one in COLUMNS]
    for place, one in enumerate(panel.columns):
        for told, rows, outside in zip((one.real, one.synthetic), (REAL, FAKE), one.outside, strict=True):
            assert sum(told) + outside == pytest.approx(1)
            assert np.isnan(rows[:, place]).mean() in one.missing
    worst = metric("column_shapes")(table_views(REAL, FAKE)).protocol["worst_columns"]
    assert {one.name: one.similarity for one in panel.columns} == pytest.approx(worst)
    json.dumps(asdict(panel), allow_nan=False)


def test_choices_are_by_their_frequency_and_ordered_ones_in_order() -> None:
    job, grade = (column_shape(COLUMNS[place], REAL[:, place], FAKE[:, place]) for place in (2, 3))
    total = [a + b for a, b in zip(job.real, job.synthetic, strict=True)]
    assert total == sorted(total, reverse=True)
    assert dict(zip(job.labels, job.real, strict=True))["clerk"] == pytest.approx(
        np.mean(REAL[~np.isnan(REAL[:, 2]), 2] == 0)
    )
    assert grade.labels == ["low", "middling", "high", "highest"]


@pytest.mark.parametrize(("count", "shown"), [(12, 12), (13, 13), (14, 13), (500, 13)])
def test_rare_choices_are_the_rest(count: int, shown: int) -> None:
    column = ColumnView("town", "category", count, labels=tuple(f"t{place}" for place in range(count)))
    values = np.random.default_rng(0).integers(0, count, 3000).astype(float)
    one = column_shape(column, values, values[::2])
    assert len(one.labels) == len(one.real) == len(one.synthetic) == shown
    assert (one.labels[-1] == REST) == (count > MOST_SHARES + 1)
    assert (sum(one.real), sum(one.synthetic)) == pytest.approx((1, 1))


def test_whole_numbers_have_bins_of_as_many_each() -> None:
    one = column_shape(ColumnView("n", "integer"), np.arange(5.0).repeat(10), np.arange(5.0))
    assert one.edges == [-0.5, 0.5, 1.5, 2.5, 3.5, 4.5]
    assert one.real == one.synthetic == pytest.approx([0.2] * 5)
    assert one.labels == ["0", "4"]
    widths = np.diff(column_shape(COLUMNS[0], REAL[:, 0], FAKE[:, 0]).edges)
    assert set(widths) == {widths[0]}
    assert widths[0] == int(widths[0])


def test_far_values_do_not_squeeze_the_others() -> None:
    real = np.concatenate((np.random.default_rng(0).normal(size=1000), [1e6]))
    one = column_shape(ColumnView("x", "float"), real, real)
    assert one.edges[-1] < 10
    assert one.outside[0] == pytest.approx(0.01, abs=0.005)


@pytest.mark.parametrize("kind", ["integer", "float", "datetime"])
def test_odd_columns_are_shown(kind: str) -> None:
    column = ColumnView("x", kind)  # type: ignore[arg-type]
    nothing, one_value, huge = np.full(5, np.nan), np.full(5, 7.0), np.array([0.0, 1e17, -1e17, 1.0])
    for real, fake in ((nothing, one_value), (one_value, nothing), (one_value, one_value), (huge, one_value)):
        found = column_shape(column, real, fake)
        assert len(found.edges) == len(found.real) + 1
        assert found.missing == (float(np.isnan(real).mean()), float(np.isnan(fake).mean()))


def test_dates_are_written_as_dates() -> None:
    seconds = np.arange(0, 365 * 86_400, 86_400.0)
    assert column_shape(ColumnView("born", "datetime"), seconds, seconds).labels == ["1970-01-01", "1970-12-31"]


def test_associations_are_what_others_say() -> None:
    rows = complete(300, 1)
    found = associations(rows, COLUMNS)
    assert found[0][1] == pytest.approx(np.corrcoef(rows[:, 0], rows[:, 1])[0, 1])
    for a, b in ((2, 3), (2, 4), (3, 4)):
        expected = association(crosstab(rows[:, a].astype(int), rows[:, b].astype(int)).count, method="cramer")
        assert found[a][b] == found[b][a] == pytest.approx(expected)
    groups = [rows[rows[:, 2] == job, 0] for job in range(5)]
    between = sum(len(of) * (of.mean() - rows[:, 0].mean()) ** 2 for of in groups)
    assert found[0][2] == pytest.approx(np.sqrt(between / (rows[:, 0].var() * len(rows))))
    assert all(found[place][place] == 1 for place in range(5))


def test_choices_that_tell_each_other_and_that_do_not() -> None:
    x = np.arange(120) % 4
    assert cramers_v(x, x // 2) == cramers_v(x, 3 - x) == pytest.approx(1)
    assert cramers_v(x, np.arange(120) // 4 % 3) == pytest.approx(0, abs=1e-9)
    assert correlation_ratio(x, x**2.0) == pytest.approx(1)
    assert correlation_ratio(x, np.arange(120) // 4 % 3 * 1.0) == pytest.approx(0, abs=1e-9)


def test_pairs_that_differ_most_come_first() -> None:
    trends = table_panel(complete(500, 1), shuffled(complete(500, 1)), TABLE).trends
    assert trends is not None
    first = trends.apart[0]
    assert (first.names, first.rows) == (("income", "grade"), (500, 500))
    assert first.real > 0.5 > 0.2 > first.synthetic
    assert trends.difference[1][3] == pytest.approx(first.synthetic - first.real)
    differences = [abs(value) for row in trends.difference for value in row if value is not None]
    assert max(differences) == pytest.approx(first.real - first.synthetic)
    sizes = [abs(one.real - one.synthetic) for one in trends.apart]
    assert sizes == sorted(sizes, reverse=True)
    flat = np.full((50, 5), 1.0)
    none = table_panel(REAL, flat, TABLE).trends
    assert none is not None
    assert none.apart == []
    assert none.difference[0][1] is None


def test_of_many_columns_the_first_are_shown() -> None:
    table = TableView(tuple(ColumnView(f"x{place}", "float") for place in range(33)))
    rows = np.random.default_rng(0).normal(size=(30, 33))
    trends = table_panel(rows, rows, table).trends
    assert trends is not None
    assert (len(trends.names), trends.left_out) == (30, 3)
    assert table_panel(rows[:, :1], rows[:, :1], TableView(table.columns[:1])).trends is None
