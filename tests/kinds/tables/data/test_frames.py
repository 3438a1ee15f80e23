"""Data frames, Parquet and databases come back with the types they had."""

from __future__ import annotations

import datetime
import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from sparring.kinds.tables.data.column import Column
from sparring.kinds.tables.data.reading import read_sheet
from sparring.kinds.tables.data.spelling import spelled
from sparring.kinds.tables.data.writing import to_frame, write_table

N = 30
SOURCE = np.random.default_rng(0)
COLUMNS: dict[str, tuple[Any, str]] = {
    "int8": (SOURCE.integers(-5, 5, N).astype("int8"), "integer"),
    "uint8": (SOURCE.integers(0, 255, N).astype("uint8"), "integer"),
    "Int64": (pd.array([None, *range(2, N + 1)], dtype="Int64"), "integer"),
    "float32": (SOURCE.normal(size=N).astype("float32"), "float"),
    "float64": (SOURCE.normal(size=N), "float"),
    "cents": (np.arange(N) / 4, "float"),
    "whole": ([np.nan, *map(float, range(1, N))], "integer"),
    "zero": ([0, 1] * 15, "boolean"),
    "one": ([5.0, np.nan] * 15, "category"),
    "bool": (SOURCE.random(N) < 0.5, "boolean"),
    "bool or None": ([None, True, False] * 10, "boolean"),
    "boolean": (pd.array([None, True, False] * 10, dtype="boolean"), "boolean"),
    "category": (pd.Categorical(["x", "y", None] * 10, categories=["y", "x", "unused"]), "category"),
    "ordered": (pd.Categorical(["lo", "hi", "mid"] * 10, ["lo", "mid", "hi", "top"], ordered=True), "ordered"),
    "numbers": (pd.Categorical([3, 1, 2] * 10), "category"),
    "days": (pd.date_range("2020-01-01", periods=N), "datetime"),
    "times": (pd.date_range("2020-01-01 00:00:01.5", periods=N, freq="7h"), "datetime"),
    "zone": (pd.date_range("2020-01-01", periods=N, freq="h", tz="Europe/Paris"), "datetime"),
    "far": (pd.Series([datetime.datetime(9999, 12, 31), datetime.datetime(2020, 1, 1)] * 15, dtype="datetime64[us]"), "datetime"),
    "date": ([datetime.date(2020, 1, 1 + day) for day in range(N)], "datetime"),
    "same day": ([pd.Timestamp("2020-01-01")] * N, "constant"),
    "decimal": ([Decimal(number) / 4 for number in range(N)], "float"),
    "words": (["a", "b", None] * 10, "category"),
    "string": (pd.array(["a", "b", None] * 10, dtype="string"), "category"),
    "padded": ([" a", " b", " ?"] * 10, "category"),
    "days as text": ([f"2020-01-{day + 1:02d}" for day in range(N)], "datetime"),
    "numbers as text": ([f"{number}.50" for number in range(N)], "float"),
    "objects": (pd.Series([None, *range(2, N + 1)], dtype=object), "integer"),
}  # fmt: skip


@pytest.mark.parametrize("name", COLUMNS)
def test_types_are_kept(name: str) -> None:
    values, kind = COLUMNS[name]
    frame = pd.DataFrame({name: values, 7: range(5, N + 5)})
    sheet = read_sheet(frame)
    assert sheet.columns[0].kind == kind
    columns = [Column.from_json(json.loads(json.dumps(column.to_json()))) for column in sheet.columns]
    again = to_frame(columns, sheet.values, json.loads(json.dumps(dict(sheet.dialect))))
    pd.testing.assert_frame_equal(again, frame, check_exact=True)


def test_an_ordered_categorical_keeps_its_order_and_only_its_used_values() -> None:
    frame = pd.DataFrame({"size": COLUMNS["ordered"][0]})
    sheet = read_sheet(frame)
    assert sheet.columns[0].categories == ("lo", "mid", "hi")
    assert sheet.values[:3, 0].tolist() == [0, 2, 1]
    assert sheet.notes[1] == "size: ordered, lo < mid < hi"
    said = read_sheet(pd.DataFrame({"size": ["9", "10", "9"]}), kinds={"size": "ordered"})
    frame = to_frame(said.columns, said.values, said.dialect)
    assert frame["size"].cat.categories.tolist() == ["9", "10"]
    assert frame["size"].cat.ordered


@pytest.mark.parametrize(("kind", "dtype"), [("category", "int8"), ("ordered", "int8"), ("float", "int8")])
def test_numbers_taken_for_something_else_stay_numbers(kind: str, dtype: str) -> None:
    frame = pd.DataFrame({"a": COLUMNS["int8"][0]})
    sheet = read_sheet(frame, kinds={"a": kind})
    assert sheet.columns[0].kind == kind
    pd.testing.assert_frame_equal(to_frame(sheet.columns, sheet.values, sheet.dialect), frame)


def test_whole_numbers_too_long_for_floats_lose_no_digits() -> None:
    keys = np.arange(N) ** 2 + 2**60
    sheet = read_sheet(pd.DataFrame({"a": keys, "b": [2**60, 2**60 + 1] * 15}))
    assert [column.kind for column in sheet.columns] == ["identifier", "category"]
    frame = to_frame(sheet.columns, sheet.values, sheet.dialect)
    assert frame["a"].tolist() == [int(keys.max()) + 1 + place for place in range(N)]
    assert frame["b"].tolist() == [2**60, 2**60 + 1] * 15


def test_frames_are_written_as_pandas_writes_them(tmp_path: Path) -> None:
    names = ["int8", "float64", "whole", "bool", "category", "days", "times", "words", "string", "cents"]
    frame = pd.DataFrame({name: COLUMNS[name][0] for name in names})
    sheet = read_sheet(frame)
    write_table(tmp_path / "ours.csv", sheet.columns, sheet.values, sheet.dialect)
    frame.to_csv(tmp_path / "theirs.csv", index=False)
    assert (tmp_path / "ours.csv").read_text() == (tmp_path / "theirs.csv").read_text()


def test_parquet_keeps_its_schema(tmp_path: Path) -> None:
    parquet = pytest.importorskip("pyarrow.parquet")
    frame = pd.DataFrame({name: values for name, (values, _) in COLUMNS.items()})
    frame.to_parquet(tmp_path / "in.parquet")
    sheet = read_sheet(tmp_path / "in.parquet", without=["int8"])
    assert sheet.notes[0] == f"in.parquet: {N} rows x {len(COLUMNS) - 1} columns"
    assert sheet.notes[-1] == "left out: int8"
    write_table(tmp_path / "out.parquet", sheet.columns, sheet.values, sheet.dialect)
    before, after = parquet.read_table(tmp_path / "in.parquet"), parquet.read_table(tmp_path / "out.parquet")
    for name in after.column_names:
        assert after[name].equals(before[name]), name


def test_a_text_file_written_as_parquet(tmp_path: Path) -> None:
    pytest.importorskip("pyarrow")
    (tmp_path / "a.csv").write_text("n,x,when,c\n1,1.5,2020-01-01,?\n2,,2020-01-02,b\n3,2.5,2020-01-03,b\n")
    sheet = read_sheet(tmp_path / "a.csv")
    write_table(tmp_path / "a.parquet", sheet.columns, sheet.values, sheet.dialect)
    frame = pd.read_parquet(tmp_path / "a.parquet")
    assert list(map(str, frame.dtypes)) == ["int64", "float64", "datetime64[ns]", "object"]
    assert spelled(sheet.columns, read_sheet(tmp_path / "a.parquet").values)[1] == ["1.5", "", "2.5"]


def test_a_table_of_a_database(tmp_path: Path) -> None:
    sqlalchemy = pytest.importorskip("sqlalchemy")
    frame = pd.DataFrame(
        {"id": range(1, N + 1), "x": COLUMNS["float64"][0], "when": COLUMNS["times"][0], "s": ["a", None, "b"] * 10}
    )
    engine = sqlalchemy.create_engine(f"sqlite:///{tmp_path}/a.db")
    frame.to_sql("people", engine, index=False)
    engine.dispose()
    sheet = read_sheet(f"sqlite:///{tmp_path}/a.db")
    assert [column.kind for column in sheet.columns] == ["identifier", "float", "datetime", "category"]
    assert sheet.notes[0].endswith(f"a.db people: {N} rows x 4 columns")
    again = to_frame(sheet.columns, sheet.values, sheet.dialect)
    pd.testing.assert_frame_equal(again[["x", "when", "s"]], frame[["x", "when", "s"]])


def test_arrow_and_sparse_columns() -> None:
    pytest.importorskip("pyarrow")
    frame = pd.DataFrame(
        {
            "a": pd.array([None, *range(2, N + 1)], dtype="int64[pyarrow]"),
            "s": pd.array([0.0, 1.5, 2.0] * 10, dtype="Sparse[float]"),
        }
    )
    sheet = read_sheet(frame)
    assert [column.kind for column in sheet.columns] == ["integer", "float"]
    pd.testing.assert_frame_equal(to_frame(sheet.columns, sheet.values, sheet.dialect), frame)


def test_values_of_several_types_are_texts() -> None:
    sheet = read_sheet(pd.DataFrame({"a": ["a", 1, 2.5] * 10}))
    assert sheet.columns[0].categories == ("1", "2.5", "a")
    assert "values of several types, taken as texts" in sheet.notes[1]


def test_a_named_index_is_left_out_and_told_of() -> None:
    frame = pd.DataFrame({"a": [1, 2]}, index=pd.Index(["x", "y"], name="key"))
    assert "the index 'key' is left out; reset_index() makes it a column" in read_sheet(frame).notes
