"""Tables from end to end: trained from every kind of source, sampled under conditions, scored, compared, explored."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import yaml

import sparring
from sparring.data import TableCodec
from sparring.data.tables.column import Column
from sparring.run import Run
from tests.data.tables.files import table_fields, write_mixed

KIND_OF_COLUMNS = {"size": "float", "hours": "integer", "town": "category", "tall": "boolean", "day": "datetime", "id": "identifier"}  # fmt: skip


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
    return train(tmp_path_factory.mktemp("trained"), made, steps=30)


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
    if source in ("parquet", "frame"):
        frame["town"] = frame["town"].astype("category")
        frame["hours"] = frame["hours"].astype("Int64")
    given = SOURCES[source](frame, tmp_path)
    run = train(tmp_path, given, *(["data.table.table=people"] if source == "database" else []), steps=2)
    assert {column.name: column.kind for column in columns_of(run)} == KIND_OF_COLUMNS
    new = run.sample(40)
    assert list(new.columns) == list(frame.columns)
    if source in ("parquet", "frame"):
        assert dict(new.dtypes) == dict(frame.dtypes)
    if source == "csv":
        sparring.sample(run, 40, to=tmp_path / "new.csv")
        again = pd.read_csv(tmp_path / "new.csv")
        assert dict(again.dtypes) == dict(pd.read_csv(given).dtypes)
        pd.testing.assert_frame_equal(again["size"].to_frame(), new["size"].to_frame())
