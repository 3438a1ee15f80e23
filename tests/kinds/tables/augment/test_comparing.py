"""Whether synthetic rows help: told right where the truth is known."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable

import numpy as np
import pytest
from scipy import stats

from sparring.base.errors import RequestError
from sparring.kinds.augmenting.answers import (
    CHOSEN,
    REAL,
    SMOTE,
    SYNTHETIC,
    WEIGHTS,
    Setting,
    conclude,
    mixed,
    short,
)
from sparring.kinds.tables.augment.comparing import study_augmentation
from sparring.kinds.tables.augment.downstream import (
    MODELS,
    balanced_weights,
    predictions,
    score,
    smote_rows,
    splits,
    task_of,
)
from sparring.kinds.tables.augment.downstream.features import FlatFeatures, TreeFeatures
from sparring.kinds.tables.data.column import Column, Sheet
from sparring.metrics.resampled import corrected, judge_splits

NUMBERS = 12
CLASSES = ("no", "yes", "maybe")


def columns(classes: int) -> tuple[Column, ...]:
    target = (
        Column("y", "category", categories=CLASSES[:classes])
        if classes
        else Column("y", "float", low=-99, high=99, decimals=3)
    )
    return (
        Column("id", "identifier"),
        *(Column(f"x{place}", "float", low=-9, high=9, decimals=3, missing=place == 0) for place in range(NUMBERS)),
        Column("colour", "category", categories=("red", "green", "blue"), missing=True),
        target,
    )


def drawn(count: int, seed: int, classes: int = 2, gaps: float = 0.0) -> np.ndarray:
    """Rows of a known distribution: the target hangs on all columns."""
    source = np.random.default_rng([seed, 77])
    x = source.normal(size=(count, NUMBERS))
    colour = source.integers(0, 3, count)
    said = x @ np.where(np.arange(NUMBERS) % 2, 0.6, -0.6) + 0.8 * (colour - 1) + source.logistic(size=count)
    if classes:
        edges = np.quantile(said, np.linspace(0, 1, classes + 1)[1:-1]) if classes > 2 else np.array([0.7])
        said = np.searchsorted(edges, said).astype(float)
    rows = np.column_stack([np.zeros(count), x, colour, said])
    rows[source.random(count) < gaps, 1] = np.nan
    rows[source.random(count) < gaps, -2] = np.nan
    return rows


def sheet(count: int, classes: int = 2, gaps: float = 0.0) -> Sheet:
    return Sheet(columns(classes), drawn(count, 0, classes, gaps))


def oracle(part: Sheet, seed: int) -> Callable[[int], np.ndarray]:
    """New rows of the true distribution, which no synthesiser can do better."""
    classes = len(part.columns[-1].categories)
    return lambda count: drawn(count, 1000 + seed, classes)


def copies(part: Sheet, seed: int) -> Callable[[int], np.ndarray]:
    """The training rows again: nothing new."""

    def make(count: int) -> np.ndarray:
        return part.values[np.random.default_rng(seed).integers(0, len(part.values), count)]

    return make


def shuffled(part: Sheet, seed: int) -> Callable[[int], np.ndarray]:
    """The training rows with the target of another."""

    def make(count: int) -> np.ndarray:
        rows = copies(part, seed)(count)
        rows[:, -1] = np.random.default_rng(seed).permutation(rows[:, -1])
        return rows

    return make


def test_rows_of_the_truth_help_where_real_ones_are_few() -> None:
    said: list[str] = []
    found = study_augmentation(
        sheet(3000), "y", oracle, rows=60, mixes=(1.0, 10.0), models=("linear", "dense"), say=said.append
    )
    assert found.verdict == "helps"
    assert found.overall.mix == 10
    low, high = found.overall.judgement.interval
    assert 0 < low < found.overall.judgement.difference < high
    assert found.overall.words.startswith("helps by .")
    assert found.setting.training_rows == 60
    assert found.setting.held_out_rows == 369
    assert found.setting.overlap == 0
    assert len(said) == 7
    assert said[1].startswith("seed 2 of 2, to choose by: 60 real rows")
    assert said[6] == "seed 5 of 5: 60 real rows to train with, 368 held out"
    take = found.lines()[-4]
    assert take.startswith("take: linear, trained on real + 10 synthetic (the best of 2 models on the choosing seeds: ")
    assert take.endswith(f"ROC AUC, {short(found.overall.judgement.difference)} above real rows alone)")


def test_copies_make_no_difference() -> None:
    found = study_augmentation(sheet(3000), "y", copies, mixes=(1.0,), models=("linear",))
    assert found.verdict == "no difference"
    assert found.setting.overlap == pytest.approx(0.2)
    assert "makes no difference (within ±.010" in found.overall.words
    (take,) = [line for line in found.lines() if line.startswith("take: ")]
    why = f"({short(found.overall.against)} ROC AUC, and synthetic rows add nothing to it)"
    assert take == f"take: linear, trained on real rows alone {why}"


def test_shuffled_rows_harm() -> None:
    found = study_augmentation(sheet(600), "y", shuffled, mixes=(4.0,), models=("dense",))
    assert found.verdict == "harms"
    assert found.overall.words.endswith(": don't")
    assert any(line.startswith("take: dense") and "take from it)" in line for line in found.lines())
    alone = next(one for one in found.arms if one.arm == SYNTHETIC)
    assert alone.mean == pytest.approx(0.5, abs=0.1)
    assert alone.judgement.verdict == "harms"


def test_all_arms_and_models_are_scored_and_written() -> None:
    found = study_augmentation(sheet(200, gaps=0.1), "y", oracle, seeds=2, choosing=1, mixes=(1.0,))
    arms = [REAL, mixed(1.0), SYNTHETIC, WEIGHTS, SMOTE]
    assert set(found.scores) == set(arms)
    for by_model in found.scores.values():
        assert set(by_model) == set(MODELS)
        for scores in by_model.values():
            assert [set(one) for one in scores] == [{"roc_auc", "average_precision", "f1"}] * 2
            assert all(0.4 < one["roc_auc"] <= 1 for one in scores)
    written = json.loads(json.dumps(found.to_json()))
    assert written["verdict"] == found.verdict
    assert written["setting"]["held_out_rows"] == 40
    assert {(one["model"], one["arm"]) for one in written["arms"]} == set(itertools.product(MODELS, arms[1:]))
    lines = "\n".join(found.lines())
    assert all(arm in lines for arm in arms)
    assert "overall, the best with synthetic rows" in lines


def test_the_same_words_come_to_the_same_numbers() -> None:
    first, second = (
        study_augmentation(sheet(100), "y", oracle, seeds=2, choosing=1, mixes=(1.0,), models=("linear", "dense"))
        for _ in range(2)
    )
    assert first.to_json() == second.to_json()


def test_several_classes_of_which_one_is_rare() -> None:
    table = sheet(300, classes=3)
    codes = table.values[:, -1]
    few = np.concatenate([np.flatnonzero(codes < 2), np.flatnonzero(codes == 2)[:3]])
    found = study_augmentation(
        Sheet(table.columns, table.values[few]),
        "y",
        copies,
        seeds=3,
        choosing=1,
        mixes=(1.0,),
        models=("linear", "dense"),
    )
    assert 0.6 < found.scores[REAL]["linear"][0]["roc_auc"] <= 1
    assert SMOTE in found.scores
    assert not found.notes


def test_a_class_of_one_row_trains_and_is_not_scored() -> None:
    table = sheet(200, classes=3)
    codes = table.values[:, -1]
    few = np.concatenate([np.flatnonzero(codes < 2), np.flatnonzero(codes == 2)[:1]])
    found = study_augmentation(
        Sheet(table.columns, table.values[few]), "y", copies, seeds=2, mixes=(1.0,), models=("linear",)
    )
    assert SMOTE not in found.scores
    assert found.notes == (
        "class 'maybe' has one row, which trains and is not scored",
        "no arm with SMOTE: SMOTE takes two training rows of each class, and 'maybe' has one",
    )


def test_numbers_are_predicted_too() -> None:
    found = study_augmentation(sheet(2000, classes=0), 14, oracle, rows=60, mixes=(8.0,), models=("linear", "dense"))
    assert set(found.scores) == {REAL, mixed(8.0), SYNTHETIC}
    assert set(found.scores[REAL]["linear"][0]) == {"r2", "rmse"}
    assert found.setting.metric == "r2"
    assert found.verdict == "helps"


def test_rows_without_a_target_are_left_out() -> None:
    table = sheet(200)
    table.values[:20, -1] = np.nan
    found = study_augmentation(table, "Y", copies, seeds=2, mixes=(1.0,), models=("linear",))
    assert found.notes[0] == "20 rows without a value of 'y' were left out"
    assert found.setting.training_rows + found.setting.held_out_rows == 180


def test_the_synthesiser_sees_training_rows_alone() -> None:
    table = sheet(200)
    seen: list[np.ndarray] = []

    def spy(part: Sheet, seed: int) -> Callable[[int], np.ndarray]:
        seen.append(part.values)
        return copies(part, seed)

    study_augmentation(table, "y", spy, seeds=3, mixes=(1.0,), models=("linear",))
    task = task_of(table, "y")
    parts, _ = splits(table.values, task, 5, 0.2, None)
    for rows, (train, held) in zip(seen, parts, strict=True):
        assert np.array_equal(rows, table.values[train])
        assert not set(rows[:, 1]) & set(table.values[held, 1])


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"target": "yy"}, "target: no column 'yy'; did you mean 'y'?"),
        ({"target": "id"}, "target: 'id' is of kind identifier"),
        ({"seeds": 1}, "seeds: 1; differences take 2 or more"),
        ({"choosing": 0}, "choosing: 0; it takes a seed"),
        ({"mixes": (0.0,)}, "mixes: [0.0]"),
        ({"mixes": ()}, "mixes: []"),
        ({"models": ("boost",)}, "models: no model 'boost'; did you mean 'boosted'?"),
        ({"held_out": 1.0}, "held_out: 1.0"),
        ({"margin": 0}, "margin: 0"),
        ({"rows": 500}, "rows: 500 to train with; it can be 10 to 80"),
        ({"rows": 5}, "rows: 5 to train with"),
        ({"held_out": 0.01}, "100 rows with a target, 1 to hold out"),
    ],
)
def test_what_cannot_be_is_told_in_a_line(options: dict, told: str) -> None:
    with pytest.raises(RequestError) as caught:
        study_augmentation(sheet(100), **({"target": "y", "synthesise": copies} | options))
    assert told in str(caught.value)


def test_targets_that_say_nothing() -> None:
    one = sheet(100)
    one.values[:, -1] = 1
    with pytest.raises(RequestError, match="target: 'y' has one class, 'yes'; a classifier takes two"):
        task_of(one, "y")
    one.values[0, -1] = 0
    with pytest.raises(RequestError, match="one row each of 'no'"):
        task_of(one, "y")
    one.values[:, -1] = np.nan
    with pytest.raises(RequestError, match="no class"):
        task_of(one, "y")
    flat = sheet(100, classes=0)
    flat.values[:, -1] = 3
    with pytest.raises(RequestError, match="'y' has one value only"):
        task_of(flat, "y")
    with pytest.raises(RequestError, match="no column but 'y'"):
        task_of(Sheet((columns(2)[0], columns(2)[-1]), sheet(9).values[:, [0, -1]]), "y")


def test_splits_keep_classes_and_seeds_apart() -> None:
    table = sheet(1000)
    task = task_of(table, "y")
    share = table.values[:, -1].mean()
    whole, overlap = splits(table.values, task, 4, 0.2, None)
    assert overlap == 0.2
    for train, held in whole:
        assert np.array_equal(np.sort(np.concatenate([train, held])), np.arange(1000))
        assert table.values[held, -1].mean() == pytest.approx(share, abs=0.01)
    apart, overlap = splits(table.values, task, 4, 0.2, 50)
    assert overlap == 0
    every = np.concatenate([np.concatenate(pair) for pair in apart])
    assert len(every) == len(set(every)) == 1000
    assert [len(train) for train, _ in apart] == [50] * 4
    beside, overlap = splits(table.values, task, 4, 0.2, 200)
    assert overlap == 0.2
    assert [(len(train), len(held)) for train, held in beside] == [(200, 200)] * 4


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("classes", [0, 2, 3])
def test_models_learn_what_there_is_to_learn(name: str, classes: int) -> None:
    table = sheet(1500, classes, gaps=0.05)
    task = task_of(table, "y")
    train, held = table.values[:1000], table.values[1000:]
    truth = task.truth(held)
    found = {strength: score(task, truth, said) for strength, said in predictions(name, task, train, held)}
    assert max(one["roc_auc" if classes else "r2"] for one in found.values()) > (0.75 if classes else 0.4)
    constant = np.concatenate([train[:1]] * 5)
    if classes:
        assert set(dict(predictions(name, task, constant, held))) == set(found)


def test_scores_are_scikit_learns() -> None:
    from sklearn import metrics

    source = np.random.default_rng(0)
    for classes in (2, 3):
        table = sheet(200, classes)
        task = task_of(table, "y")
        truth = task.truth(table.values)
        said = np.round(source.dirichlet(np.ones(classes), 200), 1)
        said /= said.sum(1, keepdims=True)
        mine = score(task, truth, said)
        if classes == 2:
            positive = truth == task.positive
            assert mine["roc_auc"] == pytest.approx(metrics.roc_auc_score(positive, said[:, task.positive]))
            assert mine["f1"] == pytest.approx(metrics.f1_score(truth, said.argmax(1), pos_label=task.positive))
        else:
            assert mine["roc_auc"] == pytest.approx(metrics.roc_auc_score(truth, said, multi_class="ovr"))
            assert mine["f1"] == pytest.approx(metrics.f1_score(truth, said.argmax(1), average="macro"))


def test_features_come_from_training_rows_alone() -> None:
    table = sheet(100, gaps=0.1)
    task = task_of(table, "y")
    train, other = table.values[:50], table.values[50:].copy()
    train[:, -2] = np.where(np.isnan(train[:, -2]), np.nan, np.minimum(train[:, -2], 1))
    flat, trees = FlatFeatures(task, train), TreeFeatures(task, train)
    other[:, 1] = 1e9
    other[:, -2] = 2  # a category that training has not seen
    assert np.isfinite(flat.of(other)).all()
    assert np.abs(flat.of(other)).max() <= 8
    assert flat.of(other).shape[1] == flat.of(train).shape[1]
    assert set(trees.of(other)[:, -1]) == {2.0}
    assert np.isnan(trees.of(train)).sum() == np.isnan(train[:, 1:-1]).sum()


def test_ten_thousand_categories_make_a_hundred_features() -> None:
    codes = np.concatenate([np.arange(10_000.0), np.zeros(500)])
    wide = (
        Column("town", "category", categories=tuple(map(str, range(10_000)))),
        Column("y", "category", categories=("a", "b")),
    )
    values = np.stack([codes, codes % 2], 1)
    task = task_of(Sheet(wide, values), "y")
    assert FlatFeatures(task, values).of(values).shape[1] == 100
    assert TreeFeatures(task, values).of(values).max() == 249


def test_weights_even_classes_out() -> None:
    table = sheet(300)
    task = task_of(table, "y")
    weights = balanced_weights(task, table.values)
    truth = task.truth(table.values)
    assert weights[truth == 0].sum() == pytest.approx(weights[truth == 1].sum()) == pytest.approx(150)


@pytest.mark.parametrize("kinds", ["mixed", "numbers", "categories"])
def test_smote_evens_classes_out_and_keeps_what_columns_are(kinds: str) -> None:
    pytest.importorskip("imblearn")
    keep = {"mixed": range(15), "numbers": [*range(2, 13), 14], "categories": [13, 14]}[kinds]
    whole = sheet(200, gaps=0.5 if kinds == "mixed" else 0.0)
    table = Sheet(tuple(whole.columns[place] for place in keep), whole.values[:, list(keep)])
    task = task_of(table, "y")
    made = smote_rows(task, table.values, 0)
    assert np.array_equal(made[:200], table.values, equal_nan=True)
    counts = np.bincount(made[:, -1].astype(int))
    assert counts[0] == counts[1]
    new = made[200:]
    assert np.all(new[:, -1] == task.classes[task.positive])
    if kinds != "numbers":
        assert set(new[~np.isnan(new[:, -2]), -2]) <= {0.0, 1.0, 2.0}
    if kinds == "mixed":
        assert 0 < np.isnan(new[:, 1]).mean() < 1
        assert np.nanmin(new[:, 1]) >= np.nanmin(table.values[:, 1])


def test_without_the_extra_smote_is_left_out_with_a_word(monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "imblearn.over_sampling", None)
    found = study_augmentation(sheet(100), "y", copies, seeds=2, mixes=(1.0,), models=("linear",))
    assert SMOTE not in found.scores
    assert "pip install 'sparring[tables]'" in found.notes[0]


def test_the_corrected_interval_is_nadeau_and_bengios() -> None:
    differences = np.array([0.012, 0.004, 0.021, 0.009, 0.015])
    train, held = 800, 200
    error = np.sqrt((1 / 5 + held / train) * differences.var(ddof=1))
    low, high = stats.t.interval(0.95, 4, loc=differences.mean(), scale=error)
    spread = corrected(differences, held / (train + held), 1.0)
    assert spread.interval == pytest.approx((low, high))
    first = judge_splits([(0.8 + differences, np.full(5, 0.8))], 0.2, 0.01)[0]
    assert first.p_holm == pytest.approx(2 * stats.t.sf(differences.mean() / error, 4))
    assert first.p_equivalent == pytest.approx(stats.t.cdf((differences.mean() - 0.01) / error, 4))
    plain = judge_splits([(0.8 + differences, np.full(5, 0.8))], 0.0, 0.01)[0]
    assert plain.p_holm == pytest.approx(stats.ttest_1samp(differences, 0).pvalue)


def test_equals_over_splits_that_overlap_are_seldom_told_apart() -> None:
    """Mean differences of a held-out fifth of the same 500 rows, of which none is truly different."""
    source = np.random.default_rng(1)
    naive = told = 0
    for _ in range(600):
        rows = source.normal(size=500)
        means = np.array([rows[source.permutation(500)[:100]].mean() for _ in range(10)])
        told += judge_splits([(means, np.zeros(10))], 0.2, 1e-9)[0].verdict != "cannot tell"
        naive += stats.ttest_1samp(means, 0).pvalue <= 0.05
    assert told / 600 < 0.08
    assert naive / 600 > 0.15


def graded(setting: Setting, by_arm: dict[str, np.ndarray]) -> dict:
    """A grid of one model at one strength."""
    return {
        arm: {"linear": {"only": {seed: {"roc_auc": float(value)} for seed, value in enumerate(row)}}}
        for arm, row in by_arm.items()
    }


def test_the_best_of_many_equal_mixes_does_not_win() -> None:
    """Choosing by the scores that are reported would let the best of 20 seem better; choosing by seeds of its own
    does not."""
    source = np.random.default_rng(2)
    mixes = tuple(float(place) for place in range(1, 21))
    setting = Setting("y", "roc_auc", mixes, ("linear",), 5, 2, 80, 20, 0.0, 1e-9)
    gains, best, told = [], [], 0
    for _ in range(300):
        rows = {arm: 0.8 + 0.01 * source.normal(size=7) for arm in (REAL, *map(mixed, mixes))}
        found = conclude(setting, graded(setting, rows))
        gains.append(found.overall.judgement.difference)
        best.append(max(row[2:].mean() for row in rows.values()) - 0.8)
        told += found.verdict in ("helps", "harms")
    assert abs(np.mean(gains)) < 0.0015
    assert np.mean(best) > 0.006
    assert told / 300 < 0.08


def test_a_mix_that_is_better_is_chosen_and_reported_whole() -> None:
    setting = Setting("y", "roc_auc", (0.5, 1.0), ("linear",), 4, 1, 80, 20, 0.2, 0.01)
    wiggle = np.array([0.0, 0.001, -0.001, 0.0005, -0.0005])
    found = conclude(
        setting, graded(setting, {REAL: np.full(5, 0.8), mixed(0.5): 0.8 + wiggle, mixed(1.0): 0.85 + wiggle})
    )
    assert found.overall.mix == 1.0
    assert found.models[0].arm == CHOSEN
    assert found.overall.judgement.difference == pytest.approx(0.05)
    assert found.overall.words == "helps by .050 (.048 to .052)"


def test_equal_scores_make_no_difference_and_few_alike_differences_tell_nothing() -> None:
    same, apart = judge_splits([(np.ones(3), np.ones(3)), (np.ones(3), np.ones(3) - 0.5)], 0.2, 0.01)
    assert same.verdict == "no difference"
    assert apart.verdict == "cannot tell"


@pytest.mark.parametrize(
    ("value", "sign", "told"),
    [(0.0124, False, ".012"), (-0.0042, True, "-.004"), (0.0042, True, "+.004"), (-0.0001, True, ".000"), (0.9999, False, "1.000"), (-12.345, False, "-12.35"), (0.8, False, ".800")],
)  # fmt: skip
def test_numbers_are_short(value: float, sign: bool, told: str) -> None:
    assert short(value, sign) == told
