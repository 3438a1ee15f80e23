"""The tables' benchmark: the same splits and reading for all, systems that keep their word, scores known in advance."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest

sys.path.insert(0, str(Path(__file__).parents[2] / "bench" / "tables"))

import autoencoder
import baselines
import comparing
import costs
import facts
import making
import scores
import sets
import shapes
import systems
import verdicts

BENCH = Path(__file__).parents[2] / "bench"
CLASSES = sets.TableSet("people", "grade")
NUMBER = sets.TableSet("people", "wage", numeric=True)


def people(rows: int = 400, seed: int = 0) -> pd.DataFrame:
    """A made-up table: `grade` and `wage` lean on `age`; `age` and `town` have missing values."""
    source = np.random.default_rng(seed)
    age = np.round(40 + 10 * source.standard_normal(rows), 1)
    grade = np.where(age + 3 * source.standard_normal(rows) > 45, "high", "low")
    town = source.choice(["north", "south", "west"], rows, p=[0.6, 0.3, 0.1])
    return pd.DataFrame(
        {
            "age": np.where(source.random(rows) < 0.1, np.nan, age),
            "town": pd.Series(town).where(source.random(rows) > 0.2, None),
            "grade": grade,
            "wage": np.round(1000 + 50 * age + 20 * source.standard_normal(rows)).astype(int),
        }
    )


def typing_of(frame: pd.DataFrame, table: sets.TableSet = CLASSES) -> sets.Typing:
    return sets.Typing.of(frame, table.target, numeric=table.numeric)


def parts(table: sets.TableSet = CLASSES) -> tuple[sets.Typing, pd.DataFrame, pd.DataFrame]:
    """Typing, training and held-out rows of the made-up table."""
    frame = people(600)
    typing = typing_of(frame, table)
    train, held = (typing.typed(frame.iloc[rows]) for rows in sets.split(len(frame), 0))
    return typing, train, held


# Splits and reading -------------------------------------------------------------------------------------------------


def test_a_fifth_is_held_out_in_the_files_order() -> None:
    for rows, seed in ((344, 0), (891, 3)):
        train, held = sets.split(rows, seed)
        order = np.random.default_rng(seed).permutation(rows)
        assert len(held) == round(rows / 5)
        assert set(held) == set(order[: len(held)])
        assert sorted({*train, *held}) == list(range(rows))
        assert (np.diff(train) > 0).all()
        assert (np.diff(held) > 0).all()
    assert not np.array_equal(sets.split(344, 0)[1], sets.split(344, 1)[1])


def test_tables_are_read_alike_whatever_they_are_spelled_like(tmp_path: Path) -> None:
    path = tmp_path / "table.csv"
    path.write_text("n,word,flag,y\n 1.50, ab,True,1\n2,?,False,0\n,c d ,True,1\n")
    typing = sets.Typing.of(sets.read_plain(path), "y")
    assert typing.numbers == ("n",)
    assert typing.categories == {"word": ("ab", "c d"), "flag": ("False", "True"), "y": ("0", "1")}
    assert typing.decimals == {"n": 1}
    spelled = pd.DataFrame(
        {
            "y": [1.0, 0.0, 1.0],
            "n": ["1.5", "2.00", ""],
            "word": ["ab ", "missing", " c d"],
            "flag": [True, False, True],
        }
    )
    expected = pd.DataFrame(
        {
            "n": [1.5, 2.0, np.nan],
            "word": ["ab", None, "c d"],
            "flag": ["True", "False", "True"],
            "y": ["1", "0", "1"],
        }
    )
    for frame in (sets.read_plain(path), sets.read_raw(path), spelled):
        pd.testing.assert_frame_equal(typing.typed(frame), expected)
    with pytest.raises(ValueError, match="columns"):
        typing.typed(expected.drop(columns="n"))


def test_what_systems_train_on_is_spelled_as_the_file_was(tmp_path: Path) -> None:
    text = "a,b,alive\n" + "".join(f" {n}.50, ?,x\n" for n in range(10))
    (tmp_path / "small.csv").write_text(text)
    splits = comparing.Splits(sets.TableSet("small", "b", ("alive",)), tmp_path)
    csv = splits.write(0, tmp_path / "out")
    train, _ = sets.split(10, 0)
    assert csv.read_text().splitlines() == ["a,b", *(f" {n}.50, ?" for n in train)]
    assert list(systems.Task(csv, tmp_path, 0).plain["a"]) == [n + 0.5 for n in train]


def test_data_are_looked_for_and_missed_in_words(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "tabular").mkdir()
    monkeypatch.setenv("SPARRING_DATA", str(tmp_path))
    with pytest.raises(SystemExit, match="--data: no adult.csv"):
        sets.data_folder(None)
    (tmp_path / "tabular" / "titanic.csv").write_text("a\n1\n")
    assert sets.data_folder(None) == tmp_path / "tabular"
    with pytest.raises(SystemExit, match="nowhere"):
        sets.data_folder(tmp_path / "nowhere")


def test_the_real_sets_have_their_targets(shared: Path) -> None:
    for table in sets.SETS.values():
        if table.small:
            splits = comparing.Splits(table, shared / "tabular")
            assert len(splits.typing.categories[table.target]) in (2, 3)
            assert "alive" not in splits.typing.columns


# Systems ------------------------------------------------------------------------------------------------------------


def short_tvae(frame: pd.DataFrame, seed: int) -> autoencoder.Autoencoder:
    made = autoencoder.Autoencoder(frame, seed, width=64, latent=16, batch=200, epochs=1, least_steps=400)
    assert made.train() > 0
    return made


@pytest.mark.parametrize("make", [baselines.Independent, baselines.Copula, short_tvae])
def test_a_baseline_makes_rows_like_those_it_saw(make: Any) -> None:
    typing, train, _ = parts()
    rows = make(train, 0).sample(300)
    assert list(rows) == list(train)
    assert len(rows) == 300
    pd.testing.assert_frame_equal(rows, make(train, 0).sample(300))
    typed = typing.typed(rows)
    for name in typing.categories:
        assert set(typed[name].dropna()) <= set(typing.categories[name])
    assert typed["age"].min() >= train["age"].min()
    assert typed["age"].max() <= train["age"].max()
    assert typed["age"].dropna().round(1).equals(typed["age"].dropna())
    assert (typed["wage"] % 1 == 0).all()
    for name in train:
        assert abs(typed[name].isna().mean() - train[name].isna().mean()) < 0.08
    assert shapes.shapes(typed, train, typing) > 0.85


def test_what_lies_between_columns_is_lost_by_one_and_kept_by_others() -> None:
    _, train, _ = parts()
    train = train.dropna()
    real = shapes.rank_correlation(train["age"], train["wage"])
    assert real > 0.9
    found = {make: make(train, 0).sample(1000) for make in (baselines.Independent, baselines.Copula, short_tvae)}
    kept = {make: shapes.rank_correlation(rows["age"], rows["wage"]) for make, rows in found.items()}
    assert abs(kept[baselines.Independent]) < 0.2
    assert kept[baselines.Copula] > 0.9
    assert kept[short_tvae] > 0.5


def test_modes_code_numbers_and_come_back() -> None:
    column = pd.Series([*np.random.default_rng(0).normal([-50, 50], 1, (300, 2)).round(2).ravel(), np.nan])
    modes = autoencoder.Modes(column, np.random.default_rng(0))
    places, chosen = modes.encode(column)
    assert np.abs(places).max() < 1
    back = modes.decode(places, chosen)
    assert np.isnan(back[-1])
    np.testing.assert_allclose(back[:-1], column[:-1], atol=0.02)
    assert len(set(chosen[column < 0]) & set(chosen[column > 0])) == 0, "each side has modes of its own"


def test_choices_code_values_and_come_back() -> None:
    for column in (pd.Series(["b", None, "a", "b"]), pd.Series([2.0, np.nan, 1.0, 2.0])):
        choice = autoencoder.Choice(column)
        back = choice.decode(*choice.encode(column))
        assert pd.Series(back, dtype=column.dtype).equals(column)


def test_the_ceiling_is_the_training_rows(tmp_path: Path) -> None:
    csv = tmp_path / "train.csv"
    people(50).to_csv(csv, index=False)
    task = systems.Task(csv, tmp_path, 0)
    pd.testing.assert_frame_equal(systems.real(task).sample(50), task.typed)


def test_ctgan_gets_medians_and_words_for_what_is_missing() -> None:
    plain = pd.DataFrame(
        {
            "age": [1.5, np.nan, 2.5, 30.0],
            "word": ["a", None, "b", "a"],
            "flag": [True, False, True, True],
            "few": [1, 2, 1, 3],
            "many": [0.1, 0.2, 0.3, 0.4],
        }
    )
    frame, discrete = systems.prepared(plain)
    assert discrete == ["word", "flag", "few"]
    assert list(frame["age"]) == [1.5, 2.5, 2.5, 30.0]
    assert list(frame["word"]) == ["a", "missing", "b", "a"]
    assert list(frame["flag"]) == ["True", "False", "True", "True"]
    assert plain["age"].isna().sum() == 1, "the rows given stay as they are"


@pytest.mark.filterwarnings("ignore")
def test_ctgan_makes_rows(tmp_path: Path) -> None:
    pytest.importorskip("ctgan")
    csv = tmp_path / "train.csv"
    people(60).to_csv(csv, index=False)
    task = systems.Task(csv, tmp_path, 0)
    first, again = (systems.ctgan(task, epochs=1, batch_size=20).sample(30) for _ in range(2))
    assert list(first) == list(task.plain)
    assert len(first) == 30
    pd.testing.assert_frame_equal(first, again)


def test_sparring_is_asked_by_its_public_names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: dict[str, Any] = {}
    finished = True

    def train(*words: str, **options: Any) -> Any:
        asked.update(words=words, **options)
        options["out"].mkdir()
        log = [{"step": n, "images_per_s": 10.0 * n} for n in range(1, 6)] + [{"step": 6}]
        return SimpleNamespace(seconds=2.5, log=log, sample=people, step=6, finished=finished)

    monkeypatch.setattr("sparring.train", train, raising=False)
    task = systems.Task(tmp_path / "train.csv", tmp_path, 7, "5m", ("batch=100",))
    for _ in range(2):  # a run of an earlier try is put away
        fitted = systems.sparring(task)
    assert asked["words"] == ("score.metrics=[]", "batch=100")
    assert (asked["data"], asked["seed"], asked["for_"]) == (task.csv, 7, "5m")
    assert fitted.facts == {"loop": 2.5, "rows_per_s": 40.0}
    pd.testing.assert_frame_equal(fitted.sample(9), people(9, 7))
    finished = False
    with pytest.raises(SystemExit, match="stopped at step 6"):
        systems.sparring(task)


# Scores -------------------------------------------------------------------------------------------------------------


def test_rows_that_say_something_make_a_model() -> None:
    typing, train, held = parts()
    good = scores.useful(CLASSES, typing, train, held, 0)
    shuffled = train.assign(grade=train["grade"].sample(frac=1, random_state=0).to_numpy())
    bad = scores.useful(CLASSES, typing, shuffled, held, 0)
    assert sorted(good) == ["boosted_auc", "boosted_f1", "linear_auc", "linear_f1"]
    for name, value in good.items():
        assert value > 0.7 > bad[name], name
    typing, train, held = parts(NUMBER)
    numbers = scores.useful(NUMBER, typing, train, held, 0)
    assert sorted(numbers) == ["boosted_r2", "linear_r2"]
    assert numbers["linear_r2"] > 0.8
    assert scores.useful(NUMBER, typing, train.assign(wage=7.0), held, 0)["linear_r2"] <= 0


def test_rows_of_one_class_make_no_model() -> None:
    typing, train, held = parts()
    found = scores.useful(CLASSES, typing, train.assign(grade="low"), held, 0)
    assert found == {"boosted_auc": 0.5, "boosted_f1": 0, "linear_auc": 0.5, "linear_f1": 0}


def test_a_class_that_was_never_made_is_never_said() -> None:
    truth = np.array(["a", "b", "c", "c"], dtype=object)
    shares = np.array([[0.9, 0.1, 0.0], [0.2, 0.8, 0.0], [0.6, 0.4, 0.0], [0.3, 0.7, 0.0]])
    assert scores.auc(truth, shares, ("a", "b", "c")) == pytest.approx((1 + 1 + 0.5) / 3)
    assert scores.f1(truth, shares, ("a", "b", "c")) == pytest.approx((2 / 3 + 2 / 3 + 0) / 3)


def test_f1_is_of_the_rarer_class() -> None:
    truth = np.array(["a", "b", "b", "b"], dtype=object)
    shares = np.array([[0.9, 0.1], [0.8, 0.2], [0.1, 0.9], [0.1, 0.9]])
    assert scores.f1(truth, shares, ("a", "b")) == pytest.approx(2 / 3)


def test_real_rows_are_not_told_apart_and_moved_ones_are(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scores, "ROWS_IN_ALL", 300)
    typing, train, held = parts()
    assert 0.4 < scores.told_apart(train, held, typing, 0) < 0.6
    assert scores.told_apart(train.assign(age=train["age"] + 100), held, typing, 0) > 0.95
    assert scores.told_apart(train.assign(town=None), held, typing, 0) > 0.8, "missing ones count"


def test_copies_are_equal_in_every_column() -> None:
    train = pd.DataFrame({"a": [1.0, np.nan, 0.0], "b": ["x", None, "y"]})
    rows = pd.DataFrame({"a": [1.0, 1.0, np.nan, -0.0], "b": ["x", "y", None, "y"]})
    assert scores.copies(rows, train) == 0.75
    assert scores.copies(train, train) == 1


def test_shapes_are_known() -> None:
    real = pd.DataFrame({"n": [1.0, 2.0, 3.0, np.nan], "c": ["a", "a", "b", None]})
    made = pd.DataFrame({"n": [1.0, 1.0, 1.0, 1.0], "c": ["a", "a", "a", "a"]})
    typing = sets.Typing.of(real)
    assert shapes.shapes(real, real, typing) == 1
    assert shapes.shape(made["n"], real["n"], typing) == pytest.approx(1 / 3)
    assert shapes.shape(made["c"], real["c"], typing) == pytest.approx(1 / 2)
    assert shapes.shape(made["n"] * np.nan, real["n"], typing) == 0
    assert shapes.missing_off(made, real) == 0.25
    assert shapes.missing_off(made, made) is None


def test_pairs_are_known() -> None:
    real = pd.DataFrame({"n": [1.0, 2.0, 3.0, 4.0], "m": [1.0, 2.0, 3.0, 4.0], "c": ["a", "a", "b", "b"]})
    typing = sets.Typing.of(real)
    assert shapes.pairs(real, real, real, typing) == pytest.approx(1)
    turned = real.assign(m=[4.0, 3.0, 2.0, 1.0])
    # n with m: correlations 1 and -1; n with c: as it was; m with c: no cell in common
    assert shapes.pairs(turned, real, real, typing) == pytest.approx((0 + 1 + 0) / 3)
    assert shapes.pairs(real[["n"]], real[["n"]], real[["n"]], sets.Typing.of(real[["n"]])) is None


# Making and keeping -------------------------------------------------------------------------------------------------


def test_an_order_is_made_once_in_a_process_of_its_own(tmp_path: Path) -> None:
    csv = tmp_path / "train.csv"
    people(50).to_csv(csv, index=False)
    order = making.Order("independent", csv, 0, 20)
    found = making.made(order, tmp_path / "one", threads=1)
    assert len(pd.read_csv(tmp_path / "one" / "made.csv")) == 20
    assert found["wall"] >= 0
    assert found["threads"] == "1"
    assert 10 < found["train_peak_mb"] <= found["peak_mb"]
    csv.unlink()
    assert making.made(order, tmp_path / "one") == found
    with pytest.raises(SystemExit, match="another --out"):
        making.made(order._replace(count=30), tmp_path / "one")
    with pytest.raises(SystemExit, match="independent ended with status 1"):
        making.made(order, tmp_path / "two")


@pytest.fixture
def comparison(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> comparing.Comparison:
    """The made-up table as a data set, and what CTGAN is said to have made of it."""
    people(300).to_csv(tmp_path / "people.csv", index=False)
    monkeypatch.setattr(comparing, "SETS", {"people": CLASSES})
    reference = tmp_path / "reference"
    reference.mkdir()
    people(240, seed=5).to_csv(reference / "people-0.csv", index=False)
    (reference / "people-0.json").write_text(json.dumps({"wall": 9.0, "cpu": 8.0, "sample": 0.5, "rows": 240}))
    return comparing.Comparison(tmp_path, tmp_path / "out", ["people"], 1, 1, ["ctgan", "real"], reference, 1)


def test_results_are_kept_and_found_again(comparison: comparing.Comparison, monkeypatch: pytest.MonkeyPatch) -> None:
    results = list(comparing.compared(comparison))
    assert [one["system"] for one in results] == ["ctgan", "real"]
    theirs, real = results
    assert (theirs["training"], theirs["heldout"], theirs["made"]["wall"]) == (240, 60, 9.0)
    assert theirs["made"]["reference"]
    assert real["scores"]["copies"] == 1
    assert theirs["scores"]["copies"] < 0.02
    assert theirs["scores"]["boosted_auc"] > 0.8
    monkeypatch.setattr(comparing, "scored", None)
    monkeypatch.setattr(making, "subprocess", None)
    assert list(comparing.compared(comparison)) == results
    assert "240 training rows, 60 held out" in verdicts.table_of(results, "people")


# Verdicts -----------------------------------------------------------------------------------------------------------


def told(system: str, seed: int, auc: float, apart: float, wall: float, copied: float = 0.0) -> dict[str, Any]:
    return {
        "set": "adult",
        "seed": seed,
        "system": system,
        "training": 80,
        "heldout": 20,
        "made": {"wall": wall, "cpu": wall, "sample": 1.0},
        "scores": {"boosted_auc": auc, "told_apart": apart, "copies": copied, "copies_held": 0.1, "missing_off": None},
    }


def both(ours: tuple[float, ...], apart: float = 0.8, wall: float = 30.0, copied: float = 0.0) -> list[dict[str, Any]]:
    theirs = [told("ctgan", seed, 0.8, 0.9, 100.0) for seed in range(len(ours))]
    return theirs + [told("sparring", seed, auc, apart, wall, copied) for seed, auc in enumerate(ours)]


def held(results: list[dict[str, Any]]) -> list[bool | None]:
    return [one.holds for one in verdicts.verdicts(results)]


def test_the_verdict_is_open_where_nothing_was_measured() -> None:
    assert held([told("ctgan", 0, 0.8, 0.9, 100)]) == [None] * 5
    assert held(both((0.9,))) == [None, True, True, True, True], "one seed has no interval"


def test_the_verdict_holds_and_fails() -> None:
    assert held(both((0.85, 0.86, 0.87))) == [True] * 5
    assert held(both((0.75, 0.76, 0.77))) == [False, False, True, True, True]
    assert held(both((0.70, 0.79, 0.87))) == [True, False, True, True, True], "worse by chance, perhaps"
    assert held(both((0.85, 0.86, 0.87), apart=0.95, wall=34.0, copied=0.2)) == [True, True, False, False, False]


def test_differences_are_paired_by_seed() -> None:
    results = [told("sparring", seed, 0.5 + seed / 10, 0.9, 1) for seed in range(3)]
    results += [told("ctgan", seed, 0.4 + seed / 10, 0.9, 1) for seed in (2, 1, 0)]
    found = verdicts.paired(results, "adult", "boosted_auc")
    assert found == pytest.approx((0.1, 0.1, 0.1))
    assert verdicts.paired(results[:2] + results[5:], "adult", "boosted_auc") == pytest.approx(
        (0.1, np.nan, np.nan), nan_ok=True
    )
    assert verdicts.paired(results, "adult", "missing_off") is None


def test_students_interval() -> None:
    assert verdicts.student([1.0, 2.0, 3.0]) == pytest.approx((2.0, 2 - 2.4841, 2 + 2.4841), abs=1e-4)


# Costs and facts ----------------------------------------------------------------------------------------------------


def test_made_up_tables_have_the_size_asked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(costs, "AT_ONCE", 40)
    frame = sets.read_plain(costs.written(100, 20, tmp_path / "table.csv"))
    assert frame.shape == (100, 20)
    assert frame["leans0"].isna().any()
    assert len(sets.Typing.of(frame).numbers) == 10
    assert not frame["money0"].equals(frame["money10"])
    with pytest.raises(SystemExit, match="tens"):
        costs.written(100, 15, tmp_path / "other.csv")


def test_cost_is_told_for_each_size(tmp_path: Path) -> None:
    rows = list(costs.measured(["independent"], [(100, 10), (200, 10)], tmp_path, "1s", 1, ()))
    assert [(one["rows"], one["train_rows_per_s"]) for one in rows] == [(100, None), (200, None)]
    assert all(one["sample_rows_per_s"] > 0 and one["peak_mb"] > 10 for one in rows)
    assert not list(tmp_path.rglob("made.csv"))
    assert len(costs.told(rows).splitlines()) == 3


def test_facts_hold_of_the_table_itself_and_fail_of_others() -> None:
    rows = facts.made_up(0)
    found = facts.looked_at(rows)
    assert found["categories"] == pytest.approx(facts.CATEGORY)
    assert found["modes"] == pytest.approx({str(mode): share for mode, share in facts.MODES.items()}, abs=1e-3)
    assert found["categories_hold"]
    assert found["modes_hold"]
    lost = facts.looked_at(rows[(rows["kind"] != "scarce") & (rows["number"] < 5)])
    assert not lost["categories_hold"]
    assert not lost["modes_hold"]
    smeared = facts.looked_at(rows.assign(number=np.linspace(-13, 18, len(rows))))
    assert smeared["between"] > facts.BETWEEN
    assert not smeared["modes_hold"]


def test_facts_are_found_of_a_system(tmp_path: Path) -> None:
    found = list(facts.found(["real"], 1, tmp_path, None, 1, ()))
    assert [(one["system"], one["categories_hold"], one["modes_hold"]) for one in found] == [("real", True, True)]
    assert "95.00%, 2.50%, 2.50%: holds" in facts.told(found)


@pytest.mark.parametrize(("words", "why"), [(["--only", "adults"], "adults"), (["facts", "--systems", "gan"], "gan")])
def test_unknown_names_end_in_one_line(tmp_path: Path, words: list[str], why: str) -> None:
    command = [sys.executable, str(BENCH / "tables.py"), "--out", str(tmp_path), *words]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode != 0
    assert len(done.stderr.splitlines()) == 1
    assert f"no '{why}'" in done.stderr
