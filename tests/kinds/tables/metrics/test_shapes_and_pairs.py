from __future__ import annotations

import numpy as np
import pytest

from sparring.kinds.scores import metric
from sparring.kinds.tables.metrics.columns import ColumnView, TableView
from sparring.kinds.tables.metrics.pairs import Coded, contingency_alike, correlation_alike, pair_similarities
from sparring.kinds.tables.metrics.rows import Rows
from sparring.kinds.tables.metrics.shapes import shape
from sparring.metrics import Score
from tests.kinds.tables.metrics.made import COLUMNS, TABLE, complete, people, shuffled, table_views


def scored(name: str, real: Rows, fake: Rows, table: TableView = TABLE) -> Score:
    return metric(name)(table_views(real, fake, table=table))


def test_equal_rows_are_alike() -> None:
    rows = people(500, 1)
    for name in ("column_shapes", "column_pairs"):
        assert scored(name, rows, rows[::-1].copy()).value == pytest.approx(1.0)


def test_shuffled_columns_keep_their_shapes_and_lose_their_pairs() -> None:
    rows = people(2000, 1)
    assert scored("column_shapes", rows, shuffled(rows)).value == pytest.approx(1.0)
    pairs = scored("column_pairs", rows, shuffled(rows))
    assert pairs.value < 0.9
    assert next(iter(pairs.protocol["worst_pairs"])) == "job, grade"


@pytest.mark.parametrize("place", range(5))
def test_a_columns_shape_is_sdmetrics(place: int) -> None:
    single = pytest.importorskip("sdmetrics.single_column")
    real, fake = complete(400, 1)[:, place], (complete(300, 2) * 1.1).round()[:, place]
    judge = single.TVComplement if COLUMNS[place].is_choice else single.KSComplement
    assert shape(COLUMNS[place], real, fake).value == pytest.approx(judge.compute(real, fake))


def test_missing_values_are_compared() -> None:
    rows = people(1000, 1)
    whole, holes = rows.copy(), rows.copy()
    whole[:, 1] = np.nan_to_num(whole[:, 1], nan=30.0)
    holes[:, 1] = np.where(np.arange(1000) % 2, np.nan, whole[:, 1])
    assert shape(COLUMNS[1], whole[:, 1], holes[:, 1]).value == pytest.approx(0.5, abs=1e-9)
    job = rows[:, 2].copy()
    job[np.flatnonzero(~np.isnan(job))[:100]] = np.nan
    assert shape(COLUMNS[2], rows[:, 2], job).value == pytest.approx(0.9)
    worst = scored("column_shapes", whole, holes).protocol["worst_columns"]
    assert next(iter(worst)) == "income"


@pytest.mark.parametrize(("first", "second"), [(0, 1), (0, 2), (2, 1), (2, 3), (3, 4), (1, 4)])
def test_pairs_are_sdmetrics(first: int, second: int) -> None:
    """With missing values among them."""
    pd = pytest.importorskip("pandas")
    pairs = pytest.importorskip("sdmetrics.column_pairs")
    both = [first, second]
    real, fake = people(500, 1)[:, both], shuffled(people(400, 2), 1)[:, both]
    frames = [pd.DataFrame(rows, columns=["a", "b"]) for rows in (real, fake)]
    columns = tuple(COLUMNS[place] for place in both)
    continuous = [name for name, column in zip("ab", columns, strict=True) if not column.is_choice]
    ((_, one),) = pair_similarities(columns, real, fake)
    if len(continuous) == 2:
        expected = pairs.CorrelationSimilarity.compute(*frames)
    else:
        expected = pairs.ContingencySimilarity.compute(*frames, continuous_column_names=continuous or None)
    assert one.value == pytest.approx(expected)


def test_both_are_what_sdmetrics_quality_report_says() -> None:
    """Its thresholds off, and both sides of one range: it bins fakes by their own."""
    pd = pytest.importorskip("pandas")
    reports = pytest.importorskip("sdmetrics.reports")
    real, fake = complete(600, 1), shuffled(complete(600, 2), 3)
    low, high = real[:, :2].min(0), real[:, :2].max(0)
    for rows in (real, fake):
        rows[:, :2] = rows[:, :2].clip(low, high - 1e-6)  # its last bin is for the highest value alone
        rows[0, :2], rows[1, :2] = low, high - 1e-6
    names = [column.name for column in COLUMNS]
    frames = [pd.DataFrame(rows, columns=names) for rows in (real, fake)]
    kinds = {c.name: {"sdtype": "categorical" if c.is_choice else "numerical"} for c in COLUMNS}
    report = reports.QualityReport()
    report.real_correlation_threshold = report.real_association_threshold = 0
    report.generate(*({"rows": frame} for frame in frames), {"tables": {"rows": {"columns": kinds}}}, verbose=False)
    told = report.get_properties().set_index("Property")["Score"]
    assert scored("column_shapes", real, fake).value == pytest.approx(told["Column Shapes"])
    assert scored("column_pairs", real, fake).value == pytest.approx(told["Column Pair Trends"], abs=0.005)


def test_correlations_of_large_numbers_keep_their_digits() -> None:
    """Seconds since 1970, some of which differ by one."""
    source = np.random.default_rng(0)
    x = source.integers(0, 50, 300).astype(float)
    rows = np.stack((x + 1.7e9, x + source.integers(0, 30, 300)), 1)
    expected = np.corrcoef(x, rows[:, 1])[0, 1]
    found = correlation_alike(rows, np.stack((x, x), 1))
    assert found is not None
    assert found.value == pytest.approx(1 - (1 - expected) / 2, abs=1e-9)


def test_numbers_that_never_vary() -> None:
    """Real ones cannot be compared; fakes that stopped varying are uncorrelated."""
    real = np.random.default_rng(0).normal(size=(100, 1)).repeat(2, 1)
    flat = np.full((100, 2), 1e9)
    assert correlation_alike(flat, real) is None
    collapsed = correlation_alike(real, flat)
    assert collapsed is not None
    assert collapsed.value == pytest.approx(0.5)
    table = TableView((ColumnView("a", "float"), ColumnView("b", "float")))
    assert scored("column_pairs", flat, real, table).note == "no two columns can be compared"


def test_many_categories_take_no_more_memory_than_rows() -> None:
    source = np.random.default_rng(0)
    columns = ColumnView("a", "category", 10_000), ColumnView("b", "category", 10_000)
    rows = source.integers(0, 10_000, (500, 2)).astype(float)
    one, other = (Coded(column, rows[:, place], rows[::2, place]) for place, column in enumerate(columns))
    few = [Coded(ColumnView("a", "category", 20), side, side[::2]) for side in (rows[:, 0] % 20, rows[:, 1] % 20)]
    assert contingency_alike(one, other).value == pytest.approx(0.5)
    assert 0.5 < contingency_alike(*few).value < 1


@pytest.mark.parametrize("name", ["column_shapes", "column_pairs"])
def test_intervals_are_as_wide_as_scores_vary(name: str) -> None:
    """Of fakes that differ from real rows."""
    found = [
        scored(name, people(300, 2 * seed), shuffled(people(300, 2 * seed + 1) * 1.15).clip(0, None))
        for seed in range(60)
    ]
    spread = np.std([one.value for one in found])
    half = np.mean([one.interval[1] - one.value for one in found]) / 1.96
    assert half == pytest.approx(spread, rel=0.3)
