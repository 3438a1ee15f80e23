"""What is no table is refused in one line, which says where."""

from __future__ import annotations

import builtins
import gzip
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from sparring.base.errors import RequestError
from sparring.kinds.tables.data.reading import read_sheet

BAD: list[tuple[str, bytes, str]] = [
    ("empty.csv", b"", "empty; wanted a header and rows"),
    ("blank.csv", b" \n\n", "empty"),
    ("header.csv", b"a,b\n", "a header and no rows"),
    ("one.csv", b"a,b\n1,2\n", "one row; a table to learn from has more"),
    ("twice.csv", b"a,b, a\n1,2,3\n4,5,6\n", "columns 1 and 3 are both named 'a'"),
    ("short.csv", b"a,b\n1,2\n3\n4,5\n", "line 3: 1 cell, and the header has 2"),
    ("long.csv", b'a,b\n1,"x\ny"\n\n3,4,5\n', "line 5: 3 cells, and the header has 2"),
    ("broken.csv", "a,b\n1,é\n".encode() + b"2,\xe9\n", "line 3: byte 0xe9 is not UTF-8, though lines before it are"),
    ("neither.csv", b"a,b\n1,\x81\n2,c\n", "line 2: byte 0x81 is neither UTF-8 nor Windows-1252"),
    ("half.csv", "a,b\n1,é\n2,x\n".encode("utf-16")[:-1], "line 3: byte 0x0a is not UTF-16"),
    ("numbers.csv", b"1,2.5\n3,4\n5,6\n", "line 1: only numbers (1, 2.5); the first line has to name the columns"),
    ("zero.csv", b"a,b\n1,\x00\n2,3\n", "line 2: a zero byte; this is no text file"),
    ("sheet.csv", b"PK\x03\x04\x00\x00", "an .xlsx or .zip (save the sheet as .csv)"),
    ("columns.csv", b"PAR1\x15\x00", "but a .parquet: name it so"),
    (
        "cell.csv",
        b"a,b\n1,2\n3," + b"x" * 10_000_000 + b"\n4,5\n",
        "line 3: a cell of over 1,000,000 characters in column 2",
    ),
    ("open.csv", b'a,b\n1,"x\n2,3\n', "line 3: the file ends within a quoted cell"),
    ("quote.csv", b'a,b\n1,"x"y\n2,3\n', "line 2: a quote within a quoted cell is not doubled"),
    ("gone.csv", b"a,b\n1,NA\n2,\n", "column 'b': all values are missing; data.table.without=[b] leaves it out"),
    ("endless.csv", b"a,b\n1,2\n2,-inf\n3,1\n", "line 3: '-inf' in column 'b' is infinite"),
    ("huge.csv", b"a,b\n1,2\n2,1e999\n3,1.5\n", "line 3: '1e999' in column 'b' is infinite"),
    ("no.csv.gz", b"a,b\n1,2\n", "not a whole .gz file"),
    ("cut.csv.gz", gzip.compress(b"a,b\n1,2\n" * 100)[:20], "not a whole .gz file"),
    ("table.xls", b"a", "ends in none of .csv, .tsv"),
    ("no.parquet", b"PAR1", "not a readable Parquet file"),
]


def refused(*args: Any, **options: Any) -> str:
    with pytest.raises(RequestError) as caught:
        read_sheet(*args, **options)
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize(("name", "content", "told"), BAD, ids=[bad[0] for bad in BAD])
def test_bad_files(tmp_path: Path, name: str, content: bytes, told: str) -> None:
    (tmp_path / name).write_bytes(content)
    line = refused(tmp_path / name)
    assert line.startswith(str(tmp_path / name))
    assert told in line


def test_paths_that_are_no_files(tmp_path: Path) -> None:
    (tmp_path / "people.csv").write_text("a\n1\n2\n")
    assert "no such file; did you mean 'people.csv'?" in refused(tmp_path / "peopel.csv")
    assert "a folder; a table is a file" in refused(tmp_path)
    assert "no such file" in refused(tmp_path / "none" / "a.csv")


def test_a_long_cell_in_a_short_column_is_not_one(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("a,b\n" + "".join(f"{row},{'word ' * 40_000}{row}\n" for row in range(12)))
    assert read_sheet(tmp_path / "a.csv").columns[1].kind == "text"


REQUESTS: list[tuple[dict[str, Any], str]] = [
    ({"kinds": {"agee": "category"}}, "data.table.kinds: no column 'agee'; did you mean 'age'?"),
    ({"kinds": {"age": "categry"}}, "data.table.kinds.age: no kind 'categry'; did you mean 'category'?"),
    ({"kinds": {"name": "integer"}}, "line 2: 'x' is no number"),
    ({"kinds": {"age": "integer"}}, "line 5: '1.5' is no integer; did you mean 'float'?"),
    ({"kinds": {"name": "boolean"}}, "data.table.kinds.name: boolean takes two values, and the column has 3 values"),
    ({"kinds": {"name": "datetime"}}, "line 2: 'x' is no date"),
    ({"kinds": {"name": "constant"}}, "constant, and the column has 3 values"),
    ({"without": ["nam"]}, "data.table.without: no column 'nam'; did you mean 'name'?"),
    ({"without": ["age", "name"]}, "data.table.without: leaves no column"),
    ({"without": ["age"], "kinds": {"age": "float"}}, "data.table.kinds.age: the column is left out"),
    ({"table": "people"}, "data.table.table: 'people'"),
]


@pytest.mark.parametrize(("options", "told"), REQUESTS, ids=[request[1] for request in REQUESTS])
def test_requests_that_do_not_fit(tmp_path: Path, options: dict[str, Any], told: str) -> None:
    (tmp_path / "a.csv").write_text("age,name\n1,x\n2,y\n3,z\n1.5,z\n")
    assert told in refused(tmp_path / "a.csv", **options)


FRAMES: list[tuple[Any, str]] = [
    (pd.DataFrame({"a": [[1], [2]]}), "column 'a': mixed values cannot be learned; data.table.without=[a]"),
    (pd.DataFrame({"a": [1j, 2j]}), "column 'a': complex128 values"),
    (pd.DataFrame({"a": pd.to_timedelta([1, 2])}), "column 'a': timedelta64[ns] values"),
    (pd.DataFrame({"a": [b"x", b"y"]}), "column 'a': bytes values"),
    (pd.DataFrame({"a": [1.0, np.inf]}), "row 2: 'inf' in column 'a' is infinite"),
    (pd.DataFrame({"a": [None, None]}), "column 'a': all values are missing"),
    (pd.DataFrame({"a": [1]}), "one row"),
    (pd.DataFrame(), "no rows"),
    (pd.DataFrame([[1, 2], [3, 4]], columns=["a", "a"]), "two columns are named 'a'"),
    (pd.DataFrame({("a", "b"): [1, 2]}), "column names of several levels"),
    ([1, 2], "list is no table"),
]


@pytest.mark.parametrize(("frame", "told"), FRAMES, ids=[one[1] for one in FRAMES])
def test_bad_frames(frame: Any, told: str) -> None:
    assert told in refused(frame)


def test_nested_parquet(tmp_path: Path) -> None:
    pytest.importorskip("pyarrow")
    pd.DataFrame({"a": [1, 2], "b": [[1], [2, 3]]}).to_parquet(tmp_path / "a.parquet")
    assert "column 'b' is nested (list<" in refused(tmp_path / "a.parquet")
    assert read_sheet(tmp_path / "a.parquet", without=["b"]).columns[0].kind == "integer"


def test_databases(tmp_path: Path) -> None:
    sqlalchemy = pytest.importorskip("sqlalchemy")
    address = f"sqlite:///{tmp_path}/a.db"
    engine = sqlalchemy.create_engine(address)
    with engine.begin() as connection:
        connection.execute(sqlalchemy.text("create table people (id integer, name text)"))
        connection.execute(sqlalchemy.text("create table places (x float)"))
    engine.dispose()
    assert "which table? data.table.table= one of people, places" in refused(address)
    assert "no table 'peple'; did you mean 'people'?" in refused(address, table="peple")
    assert "people: no rows" in refused(address, table="people")
    assert "no such file; did you mean 'a.db'?" in refused(f"sqlite:///{tmp_path}/b.db")
    assert not (tmp_path / "b.db").exists()
    secret = refused("nothing://me:secret@nowhere/x", table="t")
    assert "cannot be read" in secret
    assert "secret" not in secret
    (tmp_path / "text.db").write_text("no database at all, " * 100)
    assert "file is not a database" in refused(f"sqlite:///{tmp_path}/text.db")


@pytest.mark.parametrize("package", ["pyarrow", "sqlalchemy"])
def test_extras_that_are_not_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, package: str) -> None:
    usual = builtins.__import__

    def without(name: str, *args: Any, **options: Any) -> Any:
        if name.split(".")[0] == package:
            raise ModuleNotFoundError(name)
        return usual(name, *args, **options)

    (tmp_path / "a.parquet").write_bytes(b"PAR1")
    monkeypatch.setattr(builtins, "__import__", without)
    source = tmp_path / "a.parquet" if package == "pyarrow" else "sqlite:///a.db"
    assert f"needs the package {package}: pip install 'sparring[tables]'" in refused(source)
