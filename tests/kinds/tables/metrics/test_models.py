"""`two_sample`, `utility` and `utility_reverse`."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
from sklearn.metrics import r2_score, roc_auc_score
from sklearn.model_selection import cross_val_score

from sparring.base.draws import Key
from sparring.kinds.scores import metric
from sparring.kinds.tables.metrics.columns import ColumnView, TableView
from sparring.kinds.tables.metrics.models import MOST_CATEGORIES, Inputs
from sparring.kinds.tables.metrics.rows import Rows
from sparring.metrics import Score, Views
from tests.kinds.tables.metrics.made import COLUMNS, features, people, plain, shuffled, table_views

HELD, SEEN = people(800, 1), people(800, 2)


def of(name: str, fake: Rows, real: Rows = HELD, train: Rows | None = SEEN, **more: TableView) -> Score:
    return metric(name)(table_views(real, fake, train, **more))


def test_rows_of_one_distribution_cannot_be_told_apart() -> None:
    found = of("two_sample", people(800, 3))
    assert found.interval[0] <= 0.5 <= found.interval[1]
    assert found.protocol["rows_a_side"] == found.n == 800
    values = [of("two_sample", people(200, 2 * seed), people(200, 2 * seed + 1)).value for seed in range(12)]
    assert abs(np.mean(values) - 0.5) < 0.02, "biased"


def test_shuffled_and_shifted_rows_are_told_apart() -> None:
    assert of("two_sample", shuffled(people(800, 3))).interval[0] > 0.6
    shifted = people(800, 3) + np.array([100, 0, 0, 0, 0])
    assert of("two_sample", shifted).value == 1.0


def test_two_sample_is_about_what_scikit_learn_says() -> None:
    """Its own folds of the same model on the same rows."""
    fake = shuffled(people(800, 3))
    model = HistGradientBoostingClassifier(early_stopping=False, categorical_features=[2, 4])
    rows, labels = np.concatenate((HELD, fake)), np.repeat([0, 1], 800)
    expected = cross_val_score(model, rows, labels, cv=5, scoring="roc_auc").mean()
    assert of("two_sample", fake).value == pytest.approx(expected, abs=0.02)


def test_as_many_of_either_side_are_taken() -> None:
    found = of("two_sample", people(3000, 3), HELD[:100])
    assert found.protocol["rows_a_side"] == 100
    assert 0.3 < found.value < 0.7


def test_rare_categories_are_lumped() -> None:
    column = ColumnView("name", "category", 2000)
    codes = np.concatenate((np.repeat(np.arange(300.0), 3), np.arange(2000.0), [np.nan]))[:, None]
    shown = Inputs([column], codes).of(codes)(codes)
    assert np.unique(shown[~np.isnan(shown)]).tolist() == list(range(MOST_CATEGORIES))
    assert np.isnan(shown[-1, 0])
    most = shown[900:2900, 0]
    assert (most[MOST_CATEGORIES - 1 :] == MOST_CATEGORIES - 1).all()
    assert len(np.unique(most[: MOST_CATEGORIES - 1])) == MOST_CATEGORIES - 1
    source = np.random.default_rng(0)
    real, fake = (source.integers(0, 2000, (300, 1)).astype(float) for _ in range(2))
    assert 0.3 < of("two_sample", fake, real, None, table=TableView((column,))).value < 0.7


def test_training_rows_are_as_useful_as_training_rows() -> None:
    found = of("utility", SEEN)
    assert found.value == pytest.approx(found.protocol["training_data"], abs=0.02)
    assert found.protocol["linear"] == pytest.approx(found.protocol["linear_training_data"], abs=0.02)
    assert found.protocol["trained_on"] == found.protocol["trained_on_real"] == 800
    assert of("utility", SEEN, train=None).protocol.keys().isdisjoint({"training_data", "trained_on_real"})


def test_utility_is_scikit_learns() -> None:
    model = HistGradientBoostingClassifier(early_stopping=False, categorical_features=[2])
    model.fit(SEEN[:, :4], SEEN[:, 4])
    expected = roc_auc_score(HELD[:, 4], model.predict_proba(HELD[:, :4])[:, 1])
    assert of("utility", SEEN).value == pytest.approx(expected, abs=0.01)
    reversed_score = roc_auc_score(SEEN[:, 4], HistGradientBoostingClassifier(
        early_stopping=False, categorical_features=[2]
    ).fit(HELD[:, :4], HELD[:, 4]).predict_proba(SEEN[:, :4])[:, 1])  # fmt: skip
    assert of("utility_reverse", SEEN, train=HELD).value == pytest.approx(reversed_score, abs=0.01)


def test_numbers_are_predicted_with_r2() -> None:
    table = TableView(COLUMNS, target=1)
    there = [rows[~np.isnan(rows[:, 1])] for rows in (SEEN, HELD)]
    (x, y), (tested, truth) = ((np.delete(rows, 1, 1), rows[:, 1]) for rows in there)
    model = HistGradientBoostingRegressor(early_stopping=False, categorical_features=[1, 3]).fit(x, y)
    found = of("utility", SEEN, table=table)
    assert found.value == pytest.approx(r2_score(truth, model.predict(tested)), abs=0.02)
    assert found.protocol["measure"] == "R2"
    assert of("utility", shuffled(SEEN), table=table).value < 0.1


def test_many_classes_are_each_told_from_the_rest() -> None:
    table = TableView(COLUMNS, target=2)
    found = of("utility", people(800, 3), table=table)
    assert found.protocol["measure"] == "ROC AUC, macro mean of 5 classes"
    assert 0.7 < found.value < 1
    one_only = people(800, 3)
    one_only[:, 2] = 1
    assert of("utility", one_only, table=table).value == 0.5


def test_shuffled_rows_teach_nothing() -> None:
    for name in ("utility", "utility_reverse"):
        found = of(name, shuffled(people(800, 3)))
        assert found.value < 0.6 < found.protocol["training_data"] - 0.1


def test_fakes_without_the_target_teach_nothing() -> None:
    blank = people(100, 3)
    blank[:, 4] = np.nan
    assert of("utility", blank).value == 0.5
    reverse = of("utility_reverse", blank)
    assert reverse.value == 0
    assert reverse.note == "no row has the target among the fakes"
    assert of("utility", people(100, 3) * [1, np.nan, 1, 1, 1], table=TableView(COLUMNS, target=1)).value == 0


def test_what_they_need_is_told() -> None:
    views = table_views(HELD, SEEN, table=TableView(COLUMNS))
    assert metric("utility").missing(views) == "needs a target: data.table.target=COLUMN"
    assert metric("utility_reverse").missing(table_views(HELD, SEEN)) is not None
    one = HELD.copy()
    one[:, 4] = 0
    assert metric("utility").missing(table_views(one, SEEN)) == "needs held-out rows that differ in likes"
    alone = table_views(HELD[:, 4:], SEEN[:, 4:], table=TableView(COLUMNS[4:], target=0))
    assert metric("utility").missing(alone) == "needs a table of at least 2 columns"
    images = Views(heldout=features(HELD), fake=features(SEEN), key=Key(0))
    assert metric("two_sample").missing(images) == "needs rows of a table"


@pytest.mark.parametrize("count", [10, 12, 33])
def test_small_tables_are_scored(count: int) -> None:
    for name in ("two_sample", "utility", "utility_reverse"):
        found = of(name, people(count, 3), people(count, 4), people(count, 5))
        assert np.isfinite(found.value)


def test_columns_that_are_missing_throughout() -> None:
    holes = SEEN.copy()
    holes[:, [1, 2]] = np.nan
    for name in ("two_sample", "utility", "utility_reverse"):
        assert np.isfinite(of(name, holes, train=holes).value)
    assert (
        of(
            "utility", np.full((40, 3), np.nan), np.random.default_rng(0).normal(size=(40, 3)), None, table=plain(3, 0)
        ).value
        == 0
    )
