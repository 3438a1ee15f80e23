"""Tables from end to end: trained from every kind of source, sampled under conditions, scored, compared, explored."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml

import sparring
from sparring.api import evaluate, explore, plan, study
from sparring.base.files import read_lines
from sparring.base.rundir import RunDir
from sparring.doctor import Finding
from sparring.doctor.remedies import remedies
from sparring.kinds.tables.data.codec import TableCodec
from sparring.kinds.tables.data.column import Column
from sparring.runs.run import Run
from tests.kinds.tables.data.files import table_fields, table_recipe, write_mixed
from tests.pages.samples import assert_well_formed_and_offline, read
from tests.runs.test_training import assert_same_state, final_state

KINDS = {"size": "float", "hours": "integer", "town": "category", "tall": "boolean", "day": "datetime", "id": "identifier"}  # fmt: skip


def recipe_file(folder: Path, **changes: Any) -> str:
    """A small recipe of tables whose data are still to be said."""
    fields = table_fields(folder / "none.csv", **changes) | {"data": "table"}
    path = folder / "small.yaml"
    path.write_text(yaml.safe_dump(fields))
    return str(path)


def train(folder: Path, data: Any, *overrides: str, out: str = "run", **changes: Any) -> Run:
    return sparring.train(recipe_file(folder, **changes), *overrides, data=data, out=folder / out, quiet=True)


def columns_of(run: Run) -> tuple[Column, ...]:
    assert isinstance(run.codec, TableCodec)
    return run.codec.columns


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_mixed(tmp_path_factory.mktemp("tables") / "made.csv")


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory, made: Path) -> Run:
    """A run of 60 steps, scored and reported on, with a target."""
    return train(
        tmp_path_factory.mktemp("trained"), made, "data.table.target=tall", steps=60, batch=32, score={}, save_every=20
    )


def as_csv(frame: pd.DataFrame, folder: Path) -> Path:
    frame.to_csv(folder / "rows.csv", index=False)
    return folder / "rows.csv"


def as_tsv(frame: pd.DataFrame, folder: Path) -> Path:
    frame.to_csv(folder / "rows.tsv", index=False, sep="\t")
    return folder / "rows.tsv"


def as_parquet(frame: pd.DataFrame, folder: Path) -> Path:
    pytest.importorskip("pyarrow")
    frame.to_parquet(folder / "rows.parquet")
    return folder / "rows.parquet"


def as_frame(frame: pd.DataFrame, folder: Path) -> pd.DataFrame:
    pytest.importorskip("pyarrow")
    return frame


def as_database(frame: pd.DataFrame, folder: Path) -> str:
    pytest.importorskip("sqlalchemy")
    with sqlite3.connect(folder / "rows.db") as database:
        frame.to_sql("people", database, index=False)
    return f"sqlite:///{folder / 'rows.db'}"


SOURCES: dict[str, Callable[[pd.DataFrame, Path], Any]] = {
    "csv": as_csv, "tsv": as_tsv, "parquet": as_parquet, "frame": as_frame, "database": as_database,
}  # fmt: skip


@pytest.mark.parametrize("source", SOURCES)
def test_rows_come_back_as_every_source_has_them(source: str, made: Path, tmp_path: Path) -> None:
    frame = pd.read_csv(made, parse_dates=["day"]).head(120)
    typed = source in ("parquet", "frame")
    if typed:
        frame = frame.astype({"town": "category", "hours": "Int64"})
    given = SOURCES[source](frame, tmp_path)
    run = train(tmp_path, given, *(["data.table.table=people"] if source == "database" else []), steps=2)
    assert {column.name: column.kind for column in columns_of(run)} == KINDS
    new = run.sample(40)
    assert list(new.columns) == list(frame.columns)
    read = frame if typed else pd.read_sql("people", given) if source == "database" else None
    if read is not None and source != "database":  # in which dates were texts
        assert dict(new.dtypes) == dict(read.dtypes)
    if source in ("csv", "tsv"):
        between = "\t" if source == "tsv" else ","
        to = tmp_path / f"new.{source}"
        sparring.sample(run, 40, to=to)
        again, real = pd.read_csv(to, sep=between), pd.read_csv(given, sep=between)
        assert dict(again.dtypes) == dict(real.dtypes)
        assert to.read_text().splitlines()[0] == given.read_text().splitlines()[0]
        np.testing.assert_array_equal(again["size"], new["size"])


def test_a_run_leaves_rows_like_the_tables_own(run: Run, made: Path) -> None:
    files = sorted((run.path / "samples").iterdir())
    assert [file.name for file in files][-1] == "step-0000060.csv"
    assert {file.suffix for file in files} == {".csv"}
    real = pd.read_csv(made)
    for file in files:
        rows = pd.read_csv(file)
        assert list(rows.columns) == list(real.columns)
        assert dict(rows.dtypes) == dict(real.dtypes)
        for name in ("size", "hours"):
            assert rows[name].min() >= real[name].min()
            assert rows[name].max() <= real[name].max()
        assert set(rows["town"].dropna()) <= set(real["town"].dropna())
        assert rows["day"].between(real["day"].min(), real["day"].max()).all()
        assert rows["id"].is_unique
        assert not set(rows["id"]) & set(real["id"])
    assert set(run.scores) >= {"column_pairs", "two_sample", "column_shapes", "utility", "copies", "membership"}
    assert (run.path / "report.html").exists()


def test_a_report_tells_each_score_once_and_leaves_latents_to_explore(run: Run) -> None:
    tree = read((run.path / "report.html").read_text())
    assert_well_formed_and_offline(tree)
    assert sorted(name.text for name in tree.all("span", class_="metric")) == sorted(run.scores)
    assert [section.attributes["id"] for section in tree.all("section")][:2] == ["rows", "table"]
    assert not tree.all("section", id="learned")


@pytest.mark.parametrize("ending", ["csv", "tsv", "parquet", "csv.gz"])
def test_files_of_rows_are_the_frame(ending: str, run: Run, tmp_path: Path) -> None:
    if ending == "parquet":
        pytest.importorskip("pyarrow")
    to = tmp_path / "deep" / f"rows.{ending}"
    assert sparring.sample(run, 50, to=to, seed=3) == 1
    frame = run.sample(50, seed=3)
    if ending == "parquet":
        read = pd.read_parquet(to)
        read = read.where(read.notna(), np.nan)
    else:
        read = pd.read_csv(to, parse_dates=["day"], sep="\t" if ending == "tsv" else ",")
    pd.testing.assert_frame_equal(read, frame, check_dtype=ending != "parquet")
    assert [p.name for p in to.parent.iterdir()] == [to.name]


def test_equal_seeds_give_equal_rows_and_others_others(run: Run) -> None:
    first = run.sample(80, seed=5)
    pd.testing.assert_frame_equal(first, run.sample(80, seed=5))
    pd.testing.assert_frame_equal(first.drop(columns="id").head(30), run.sample(30, seed=5).drop(columns="id"))
    assert not first.equals(run.sample(80, seed=6))


MEETS: dict[str, Callable[[pd.DataFrame], Any]] = {
    "town=Bonn": lambda rows: rows["town"] == "Bonn",
    "town in Bonn,Kiel": lambda rows: rows["town"].isin(["Bonn", "Kiel"]),
    "town is missing": lambda rows: rows["town"].isna(),
    "tall!=no": lambda rows: rows["tall"] == "yes",
    "size>6.5": lambda rows: rows["size"] > 6.5,
    "hours<=40": lambda rows: rows["hours"] <= 40,
    "hours is missing": lambda rows: rows["hours"].isna(),
    "hours is not missing": lambda rows: rows["hours"].notna(),
    "day>=2012-05-01": lambda rows: rows["day"] >= "2012-05-01",
}


@pytest.mark.parametrize("word", MEETS)
def test_all_rows_meet_a_condition(word: str, run: Run) -> None:
    rows = run.sample(60, where=[word])
    assert len(rows) == 60
    assert MEETS[word](rows).all()


def test_several_conditions_and_a_balance_hold_together(run: Run) -> None:
    rows = run.sample(90, where=["size>3", "hours is not missing"], balance="town")
    assert rows["town"].value_counts().to_dict() == {"Ulm": 30, "Bonn": 30, "Kiel": 30}
    assert (rows["size"] > 3).all()
    assert rows["hours"].notna().all()
    assert rows["id"].is_unique
    some = run.sample(3, where=["town in Ulm,Kiel"], balance="town")
    assert sorted(some["town"].value_counts()) == [1, 2]
    assert len(run.sample(1, balance="town")) == 1


def write_sums(path: Path, rows: int = 200) -> Path:
    draw = np.random.default_rng(0)
    begin, length = draw.integers(0, 50, rows), draw.integers(1, 30, rows)
    frame = pd.DataFrame(
        {"begin": begin, "length": length, "end": begin + length, "number": draw.permutation(rows * 9)[:rows]}
    )
    frame["note"] = [f"said {draw.integers(1e9)} things of number {row}" for row in range(rows)]
    frame.to_csv(path, index=False)
    return path


def test_constraints_hold_in_every_row(tmp_path: Path) -> None:
    rules = ["begin <= end", "begin + length == end", "unique number"]
    said = f"data.table.constraints={json.dumps(rules)}"
    run = train(tmp_path, write_sums(tmp_path / "sums.csv"), said, "number=integer", steps=4, score={})
    assert run.recipe.data.constraints == tuple(rules)  # type: ignore[union-attr]
    frames = [run.sample(300), run.sample(40, where=["end>30"])]
    frames += [pd.read_csv(file) for file in (run.path / "samples").iterdir()]
    for rows in frames:
        assert (rows["begin"] + rows["length"] == rows["end"]).all()
        assert (rows["begin"] <= rows["end"]).all()
        assert rows["number"].is_unique
        assert rows["note"].isna().all()  # free text is left empty
    assert (frames[1]["end"] > 30).all()
    assert "column_pairs" in run.scores


@pytest.mark.parametrize("condition", ["rows", "sampling", "none"])
def test_a_run_that_was_stopped_ends_as_one_that_was_not(condition: str, made: Path, tmp_path: Path) -> None:
    more: dict[str, Any] = {"game": {"table": {"condition": condition, "pack": 2}}, "ema": {"half_life": 100}}
    whole = train(tmp_path, made, out="whole", **more)
    train(tmp_path, made, "steps=5", out="parts", **more)
    rest = sparring.train(recipe_file(tmp_path, **more), data=made, out=tmp_path / "parts", for_="12steps", quiet=True)
    assert rest.step == whole.step == 12
    assert_same_state(final_state(whole.path), final_state(rest.path))
    pd.testing.assert_frame_equal(whole.sample(20), rest.sample(20))


def test_a_run_that_was_killed_ends_as_one_that_was_not(made: Path, tmp_path: Path) -> None:
    steps: dict[str, Any] = {"steps": 200, "save_every": 10, "game": {"table": {"condition": "sampling"}}}
    name = recipe_file(tmp_path, **steps)
    words = [sys.executable, "-m", "sparring", "train", name, "--data", str(made), "--out", str(tmp_path / "killed")]
    killed = RunDir(tmp_path / "killed")
    process = subprocess.Popen(words, stderr=subprocess.DEVNULL, start_new_session=True)
    for _ in range(600):
        if killed.path.exists() and max(killed.saved_steps(), default=0) >= 20:
            break
        assert process.poll() is None
        time.sleep(0.05)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    assert 20 <= killed.saved_steps()[-1] < 200
    rest = sparring.train(name, data=made, out=killed.path, quiet=True)
    whole = sparring.train(name, data=made, out=tmp_path / "whole", quiet=True)
    assert_same_state(final_state(whole.path), final_state(rest.path))


def test_the_doctor_leaves_no_trace(made: Path, tmp_path: Path) -> None:
    states = []
    for doctor in ("advise", "off"):
        run = train(tmp_path, made, f"doctor={doctor}", out=doctor, steps=55)
        assert (run.path / "probes.jsonl").exists() == (doctor == "advise")
        states.append(final_state(run.path))
    one, other = ({name: part for name, part in state.items() if name != "notes"} for state in states)
    assert_same_state(one, other)


def test_scores_against_another_table(run: Run, tmp_path: Path) -> None:
    """Its columns may stand in another order, beside others, and show fewer values."""
    frame = pd.read_csv(write_mixed(tmp_path / "other.csv", 300, seed=5))
    frame[[*frame.columns[::-1]]].assign(more=1).to_csv(tmp_path / "turned.csv", index=False)
    frame[frame["tall"] == "yes"].to_csv(tmp_path / "some.csv", index=False)
    metrics = "column_shapes,two_sample,copies"
    values = [
        {name: score["value"] for name, score in evaluate(run, tmp_path / name, metrics)["scores"].items()}
        for name in ("other.csv", "turned.csv", "some.csv")
    ]
    assert values[0] == values[1]
    assert values[2]["column_shapes"] < values[0]["column_shapes"]


def test_every_kind_of_score_fits_a_table(run: Run) -> None:
    found = evaluate(run, metrics="fid,kid,precision,coverage,diversity,memorisation,two_sample,copies,robustness")
    scores = found["scores"]
    assert set(scores) >= {"fid", "two_sample", "copies", "latent_similarity_drop", "attack_pgd", "path_length"}
    for score in scores.values():
        low, high = score["interval"]
        assert np.isfinite([low, score["value"], high]).all()
        assert low <= score["value"] <= high
    assert scores["latent_similarity_drop"]["protocol"]["mean_distance"] > 0


def test_a_table_is_diagnosed_explored_and_planned_for(run: Run, made: Path, tmp_path: Path) -> None:
    told = sparring.diagnose(run)
    assert json.loads(json.dumps(told))["verdict"] in ("healthy", "sick")
    assert {line.get("data_training") for line in read_lines(run.path / "probes.jsonl")} >= {360.0}
    assert not [line for line in read_lines(run.path / "probes.jsonl") if "data_constant" in line]
    found = explore(run, tmp_path / "learned.html", directions=2)
    assert len(found["sefa"]) == 2
    page = (tmp_path / "learned.html").read_text()
    assert_well_formed_and_offline(read(page))
    assert page.count('<table class="rows">') == 4  # two directions of either kind
    assert page.count('<td class="strong">') > 4  # in which rows change
    cost = plan(recipe_file(tmp_path), data=made, seconds=0.2)
    assert cost["unit"] == "rows"
    assert cost["images_per_s"] > 0
    assert (sparring.compare(run, run, out=tmp_path / "both.html")).exists()


def test_a_study_on_a_table(made: Path, tmp_path: Path) -> None:
    rules = 'data.table.constraints=["size <= 20"]'
    found = study(
        recipe_file(tmp_path, score={}),
        rules,
        vary={"discriminator.surgery.dropout.rate": [0, 0.3]},
        data=made,
        seeds=2,
        points=2,
        for_="10steps",
        out=tmp_path / "study",
        jobs=1,
        quiet=True,
    )
    assert found["finished"]
    assert found["metric"] == "column_pairs"
    assert (tmp_path / "study" / "report.html").exists()


SHORTHAND = ["batch=float", "per.week=integer", "name=category", "Städte und Orte=ordered"]


def test_columns_may_be_called_anything(made: Path, tmp_path: Path) -> None:
    """Like a key of the recipe, with dots, blanks, signs and other alphabets."""
    names = {"size": "batch", "hours": "per.week", "town": "Städte und Orte", "tall": "name", "day": "a=b"}
    frame = pd.read_csv(made, dtype={"hours": "Int64"}).rename(columns=names)
    frame.to_csv(tmp_path / "odd.csv", index=False)
    run = train(tmp_path, tmp_path / "odd.csv", *SHORTHAND, "data.table.target=Städte und Orte", steps=3)
    kinds = [column.kind for column in columns_of(run)]
    assert kinds == ["float", "integer", "ordered", "category", "datetime", "identifier"]
    assert list(run.sample(3).columns) == list(frame.columns)
    rows = run.sample(30, where=["a=b>2005-01-01", "per.week>=20", "batch<9", "name=no"], balance="Städte und Orte")
    assert (rows["a=b"] > "2005-01-01").all()
    assert (rows["per.week"] >= 20).all()
    assert rows["Städte und Orte"].value_counts().to_dict() == {"Ulm": 10, "Bonn": 10, "Kiel": 10}


PARTS: dict[str, list[str]] = {
    "spectral norm": ["discriminator.surgery.spectral_norm={}"],
    "dropout of both": ["discriminator.surgery.dropout.rate=0.3", "generator.surgery.dropout.rate=0.1"],
    "controlled dropout": ["discriminator.surgery.dropout.rate={adaptive: {}}"],
    "clipped weights": ["discriminator.surgery.clip_weights={}", "objective=wasserstein"],
    "r1 and r2": ["discriminator.terms.r1.weight=1", "discriminator.terms.r2.weight=1", "objective=relativistic"],
    "gradient penalty": ["discriminator.terms.gradient_penalty.weight=1", "objective=wasserstein"],
    "dragan": ["discriminator.terms.dragan.weight=1"],
    "consistency": ["discriminator.terms.consistency.weight=1", "discriminator.surgery.dropout.rate=0.3"],
    "weights": ["discriminator.terms.l2.weight=0.1", "generator.terms.l1.weight=0.1"],
    "no average": ["ema=null"],
    "both at once": ["update=simultaneous", "objective=hinge"],
    "in parts": ["microbatch=8", "game.table.pack=2", "discriminator.terms.r1.weight=1"],
    "half precision": ["precision=bf16"],
}


@pytest.mark.parametrize("part", PARTS)
def test_every_part_takes_rows(part: str, made: Path, tmp_path: Path) -> None:
    run = train(tmp_path, made, *PARTS[part], steps=3)
    assert run.step == 3
    assert len(run.sample(5, where=["tall=yes"])) == 5


def test_the_doctor_finds_no_fault_in_rare_choices_and_equal_rows(tmp_path: Path) -> None:
    """Of 300 names most are not in every row, and half of the rows are others' equals."""
    draw = np.random.default_rng(0)
    names = [f"name {number}" for number in draw.integers(0, 300, 500)]
    frame = pd.DataFrame({"name": names, "kind": draw.choice(["a", "b"], 500)})
    pd.concat([frame, frame]).to_csv(tmp_path / "rare.csv", index=False)
    run = train(tmp_path, tmp_path / "rare.csv", "name=category", steps=50)
    found = sparring.diagnose(run)["findings"]
    assert not [one for one in found if one["symptom"] == "data_fault"]


def test_what_helps_against_overfitting_can_be_done_to_rows(made: Path) -> None:
    recipe = table_recipe(made)
    for symptom in ("discriminator_overfitting", "memorisation"):
        words = remedies(Finding(symptom, 0, 0.9, {}), recipe)
        assert words
        assert not [word for word in words if word.startswith("augment")]


def test_people_are_told_of_rows(made: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    sparring.train(recipe_file(tmp_path, steps=9), data=made, out=tmp_path / "run")
    told = capfd.readouterr().err
    assert "made.csv: 400 rows x 6 columns" in told
    assert "rows/s" in told
    assert "images" not in told
    page = (tmp_path / "run" / "report.html").read_text()
    assert "rows/s" in page
    assert "images/s" not in page


def test_constraints_hold_in_rows_to_augment_with(tmp_path: Path) -> None:
    """Those of learned columns; and what a recipe's file says of columns that are left out is no hindrance."""
    rules = ["begin + length == end", "unique key"]
    path = write_sums(tmp_path / "sums.csv", 60)
    frame = pd.read_csv(path).drop(columns="number").assign(key=[f"K-{row:04d}" for row in range(60)])
    frame["late"] = frame["begin"] > 20
    frame.to_csv(path, index=False)
    recipe = Path(recipe_file(tmp_path))
    table = {"without": ["note"], "constraints": rules}
    recipe.write_text(yaml.safe_dump(yaml.safe_load(recipe.read_text()) | {"data": {"table": table}}))
    sparring.augment(
        str(recipe), data=path, target="late", to=tmp_path / "more.csv", out=tmp_path / "runs", seeds=2, mixes=(1,),
        models=("linear",), for_="3steps", quiet=True,
    )  # fmt: skip
    more = pd.read_csv(tmp_path / "more.csv")
    assert list(more.columns) == list(frame.columns)
    assert len(more) == 120
    assert more["note"].isna().sum() == 60
    assert (more["begin"] + more["length"] == more["end"]).all()
    assert more["key"].is_unique
