"""Databases are read and never written, and other addresses than SQLite's are followed only where a person said them."""

from __future__ import annotations

import os
import shutil
import sqlite3
import sys
import types
from pathlib import Path
from typing import Any

import pytest
import yaml

import sparring
from sparring.kinds.tables.data.database import SAID
from sparring.kinds.tables.data.reading import read_sheet
from sparring.kinds.tables.data.source import Table
from tests.house import make

pytest.importorskip("sqlalchemy")
FOREIGN = "duckdb:///{}"


@pytest.fixture(autouse=True)
def nothing_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(SAID, "")


@pytest.fixture
def people(tmp_path: Path) -> Path:
    path = tmp_path / "the people.db"
    with sqlite3.connect(path) as database:
        database.execute("create table people (age integer, name text)")
        database.executemany("insert into people values (?, ?)", [(age, "ab"[age % 2]) for age in range(40)])
    database.close()
    return path


def refused(address: str) -> str:
    with pytest.raises(sparring.RequestError) as told:
        read_sheet(address)
    return str(told.value)


@pytest.mark.parametrize(
    "address",
    [
        "sqlite:///file:{}/new.db?mode=rwc&uri=true",
        "sqlite+pysqlite:///file:{}/new.db?mode=rwc&uri=true",
        "sqlite:///file://{}/new.db?mode=rwc&uri=true&cache=shared",
        "sqlite:///{}/new.db",
        "sqlite:///file:{}%2Fnew.db?uri=true&mode=rwc&vfs=unix",
        "sqlite:///file:memory?mode=memory&uri=true",
        "sqlite://",
        "sqlite:///:memory:",
    ],
)
def test_no_address_makes_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, address: str) -> None:
    monkeypatch.chdir(tmp_path)
    told = refused(address.format(tmp_path))
    assert any(words in told for words in ("no such file", "names no file", "is no path"))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("address", ["sqlite:///{}", "sqlite:///file:{}?mode=rwc&uri=true", "sqlite+pysqlite:///{}"])
@pytest.mark.parametrize("ahead", [False, True])
def test_a_database_is_read_and_left_as_it_is(people: Path, address: str, ahead: bool) -> None:
    if ahead:
        database = sqlite3.connect(people)
        database.execute("pragma journal_mode=wal")
        database.close()
    before = people.read_bytes()
    assert len(read_sheet(address.format(people)).values) == 40
    assert people.read_bytes() == before
    assert [p.name for p in people.parent.iterdir()] == [people.name]


def test_what_others_are_about_to_write_is_read_too(people: Path) -> None:
    database = sqlite3.connect(people)
    database.execute("pragma journal_mode=wal")
    database.execute("insert into people values (99, 'c')")
    database.commit()
    assert len(read_sheet(f"sqlite:///{people}").values) == 41
    database.close()


def test_a_view_writes_nothing(people: Path) -> None:
    with sqlite3.connect(people) as database:
        database.execute("create view old as select * from people where age > 9")
    database.close()
    assert len(read_sheet(f"sqlite:///{people}", table="old").values) == 30


def test_a_pipe_is_not_opened(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.db")
    assert "a pipe, which is never opened" in refused(f"sqlite:///{tmp_path / 'pipe.db'}")


class Driver:
    """Counts how often a driver is asked for a connection, in SQLAlchemy's place."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.asked: list[str] = []
        found = types.ModuleType("strangers")
        found.connect = self.connect  # type: ignore[attr-defined]
        monkeypatch.setitem(sys.modules, "strangers", found)
        from sparring.kinds.tables.data import source

        monkeypatch.setattr(source, "read_sheet", self.connect)

    def connect(self, address: str, **_: Any) -> Any:
        self.asked.append(address)
        raise sparring.RequestError("data: asked")


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A table's run whose recipe names a stranger's database, with a secret of whoever opens it."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TOKEN", "secret")
    make.unpack("table")
    recipe = Path("run/recipe.yaml")
    fields = yaml.safe_load(recipe.read_text())
    fields["data"]["table"]["path"] = ADDRESS
    recipe.write_text(yaml.safe_dump(fields))
    return Path("run")


ADDRESS = "postgresql://me:$TOKEN@strangers.example/people"


def test_a_strangers_recipe_connects_to_nothing(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    driver = Driver(monkeypatch)
    sparring.report(run)  # without the data
    shutil.copy(run / "recipe.yaml", "theirs.yaml")
    for verb in (
        lambda: sparring.evaluate(run, device="cpu"),
        lambda: sparring.train(out=run, for_="13steps", device="cpu", quiet=True),
        lambda: sparring.train("theirs.yaml", out="new", device="cpu", quiet=True),
        lambda: sparring.plan("theirs.yaml", device="cpu"),
    ):
        with pytest.raises(sparring.RequestError, match=r"only a recipe names the database postgresql://\.\.\.@str"):
            verb()
    assert driver.asked == []


def test_a_person_may_say_the_address(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    driver = Driver(monkeypatch)
    wanted = ADDRESS.replace("$TOKEN", "secret")
    for count, verb in enumerate(
        (
            lambda: sparring.evaluate(run, ADDRESS, device="cpu"),
            lambda: sparring.train(data=ADDRESS, out="new", device="cpu", quiet=True),
            lambda: sparring.train("table", f"data.table.path={ADDRESS}", out="other", device="cpu", quiet=True),
        ),
        1,
    ):
        monkeypatch.setenv(SAID, "")
        with pytest.raises(sparring.RequestError, match="asked"):
            verb()
        assert driver.asked == [wanted] * count


def test_processes_that_train_along_go_by_what_was_said(monkeypatch: pytest.MonkeyPatch) -> None:
    driver = Driver(monkeypatch)
    source = Table(path="oracle://host/x")
    with pytest.raises(sparring.RequestError, match="only a recipe"):
        source.load()
    source.trusted()
    with pytest.raises(sparring.RequestError, match="asked"):
        source.load()
    assert driver.asked == ["oracle://host/x"]
    assert os.environ[SAID].splitlines() == ["oracle://host/x"]


def test_the_runs_own_place_said_again_is_its_own_data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """So that a run of a database can be scored as others are: with its scores kept."""
    monkeypatch.chdir(tmp_path)
    make.unpack("table")
    recipe, scores = Path("run/recipe.yaml"), Path("run/scores.jsonl")
    recipe.write_text(recipe.read_text().replace("data/rows.csv", str(tmp_path / "data" / "rows.csv")))
    before = len(scores.read_text().splitlines())
    sparring.evaluate("run", "data/rows.csv", metrics="column_shapes", device="cpu")
    assert len(scores.read_text().splitlines()) == before + 1
    Path("copy.csv").write_bytes(Path("data/rows.csv").read_bytes())
    sparring.evaluate("run", "copy.csv", metrics="column_shapes", device="cpu")
    assert len(scores.read_text().splitlines()) == before + 1
