"""What columns are taken for, and what is told of them."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from uuid import UUID

import numpy as np
import pandas as pd
import pytest

from sparring.kinds.tables.data.cells import Cells, Habits, Numbering, Taken
from sparring.kinds.tables.data.column import Kind, Sheet
from sparring.kinds.tables.data.identifiers import fresh_identifiers
from sparring.kinds.tables.data.kinds import take
from sparring.kinds.tables.data.notes import about
from sparring.kinds.tables.data.reading import read_sheet
from sparring.kinds.tables.data.spelling import spell, spelled
from sparring.kinds.tables.data.writing import to_frame


def taken(words: list[str], kind: Kind | None = None, name: str = "x", missing: frozenset[str] = frozenset()) -> Taken:
    numbering = Numbering()
    codes = numbering.codes(words)
    return take(Cells(name, list(numbering), codes, lambda row: f"row {row + 1}"), Habits(missing=missing), kind)


R = range(60)
SEEN: list[tuple[str, list[str], str, str]] = [
    ("age", ["17", "90", "33"], "integer", "integer, 17 to 90"),
    ("price", ["0.50", "99.00", "1.25"], "float", "float, 2 decimals, 0.50 to 99.00"),
    ("work", [" a", " b", " ?", " a"], "category", "category, 2 values, 25.0 % missing ('?'), written with a leading blank"),
    ("yes", ["yes", "no", "yes"], "boolean", "boolean, no and yes"),
    ("yes", ["Y", "N", "", "N"], "boolean", "boolean, N and Y, 25.0 % missing (empty)"),
    ("zero", ["0", "1", "1"], "boolean", "boolean, 0 and 1"),
    ("sex", ["1", "2", "1"], "integer", "integer, 1 to 2"),
    ("flag", ["x", "", "x"], "category", "category, 1 value, 33.3 % missing (empty)"),
    ("same", ["x", "x"], "constant", "constant, 'x'"),
    ("day", ["2020-01-31", "2020-02-01"], "datetime", "date, 2020-01-31 to 2020-02-01"),
    ("day", ["31.1.2020 8:00", "1.2.2020 9:30"], "datetime", "date and time, 31.1.2020 8:00 to 1.2.2020 9:30"),
    ("not a day", ["31.02.2020", "01.02.2020"], "category", "category, 2 values"),
    ("zip", ["01234", "99999", "01234"], "category", "category, 2 values"),
    ("zip", [f"{i * 977:05d}" for i in R], "identifier", "identifier (made anew in samples)"),
    ("id", [str(i + 1) for i in R], "identifier", "identifier (made anew in samples)"),
    ("customerId", [str(15_000_000 + i * i * 7919) for i in R], "identifier", "identifier (made anew in samples)"),
    ("row", [str(i) for i in R], "identifier", "identifier (made anew in samples)"),
    ("row", [str(i * i) for i in R], "integer", "integer, 0 to 3481"),
    ("weight", [str(2000 + i * 50) for i in R], "integer", "integer, 2000 to 4950"),
    ("t", [str(i) for i in R], "integer", "integer, 0 to 59"),
    ("humid", [str(i) for i in R], "integer", "integer, 0 to 59"),
    ("x", [repr(i * 0.37) for i in R], "float", ""),
    ("tweet", [str(2**60 + i * i) for i in R], "identifier", ""),
    ("code", [f"AB-{i * i:05d}" for i in R], "identifier", ""),
    ("who", [str(UUID(int=i * 7**40 % 2**128)) for i in R], "identifier", ""),
    ("mail", [f"person{i}@firm.org" for i in R], "identifier", ""),
    ("said", [f"it was good for {i} days" for i in R], "text", "free text (left empty in samples)"),
    ("said", [f"it was good for {i} days" for i in range(12)], "text", "free text (left empty in samples)"),
    ("name", [chr(97 + i % 26) * (i // 26 + 2) for i in R], "text", "free text (left empty in samples); 60 different words; name=category keeps them"),
    ("name", [chr(97 + i % 26) * (i // 26 % 2 + 2) for i in range(200)], "category", "category, 52 values"),
    ("sign", ["+", "-", "+"], "category", "category, 2 values"),
    ("sign", ["a", "-", "b"], "category", "category, 2 values, 33.3 % missing ('-')"),
    ("x", ["1", ".", "N/A", "."], "category", "category, 1 value, 75.0 % missing ('.'); missing also as 'N/A'"),
    ("x", ["1", "2", "nan", "NULL", "NULL"], "integer", "integer, 1 to 2, 60.0 % missing ('NULL'); missing also as 'nan'"),
    ("odd", [*map(str, R), "unknown"], "text", "nearly all numbers, but 'unknown' is none"),
    ("x", ["  1", " 10", "100"], "integer", "integer, 1 to 100; blanks around values vary and are left off"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "words", "kind", "told"), SEEN, ids=[f"{one[0]} {one[1][0]}" for one in SEEN])
def test_what_columns_are_taken_for(name: str, words: list[str], kind: Kind, told: str) -> None:
    found = taken(words, name=name)
    assert found.column.kind == kind
    assert told in about(found)


def test_none_is_a_value_where_missing_cells_are_spelled_otherwise() -> None:
    words = ["None", "Basic", "None", "Pro"]
    assert taken(words).column.missing
    found = taken(words, missing=frozenset({"", "none"}))
    assert found.column.categories == ("Basic", "None", "Pro")
    assert "'None' is taken for a value (missing cells are empty)" in about(found)


def test_numbers_of_real_tables_are_no_identifiers(shared: Path) -> None:
    for table, column in (("adult", "fnlwgt"), ("penguins", "body_mass_g"), ("diamonds", "price")):
        sheet = read_sheet(shared / "tabular" / f"{table}.csv")
        assert sheet.columns[sheet.place(column)].kind == "integer"


FORCED: list[tuple[list[str], Kind, tuple[str, ...]]] = [
    (["10", "9", "9"], "category", ("9", "10")),
    (["10", "9", "1.5"], "ordered", ("1.5", "9", "10")),
    (["size 10", "size 9", "Size 1"], "ordered", ("Size 1", "size 9", "size 10")),
    (["b", "a", "b"], "boolean", ("a", "b")),
    (["00123", "00045", ""], "integer", ()),
    (["20200131", "20200201", ""], "datetime", ()),
    (["5", "5"], "constant", ("5",)),
    (["5", "6"], "float", ()),
]


@pytest.mark.parametrize(("words", "kind", "categories"), FORCED, ids=[f"{one[1]} {one[0][0]}" for one in FORCED])
def test_kinds_that_a_person_says(words: list[str], kind: Kind, categories: tuple[str, ...]) -> None:
    found = taken(words, kind)
    assert found.column.kind == kind
    assert found.column.categories == categories
    assert spell(found.column, found.values, {}) == words


def test_many_columns_share_lines(tmp_path: Path) -> None:
    names = [f"x{i}" for i in range(50)] + ["word"]
    rows = [",".join([*(str(i * row) for i in range(2, 52)), "b" if row else ""]) for row in range(5)]
    (tmp_path / "wide.csv").write_text("\n".join([",".join(names), *rows]))
    notes = read_sheet(tmp_path / "wide.csv").notes
    assert notes[0] == "wide.csv: 5 rows x 51 columns"
    assert "integer: 50 columns (x0, x1, x2, x3, x4, x5, x6, x7 and 42 more)" in notes
    assert "missing values: in 1 columns, most in word (20.0 %)" in notes


def identified(words: list[str], name: str = "code") -> tuple[Taken, list[str]]:
    found = taken(words, name=name)
    assert found.column.kind == "identifier"
    assert not found.values.any()
    told = repr(found.column.to_json())
    assert not any(repr(word) in told for word in words)  # no real key is kept
    new = fresh_identifiers(found.column, 500, seed=3)
    assert len(set(new)) == 500
    assert not set(new) & set(words)
    assert new == fresh_identifiers(found.column, 500, seed=3)
    return found, new


def test_keys_that_count_go_on() -> None:
    assert identified([str(i + 1) for i in R], "id")[1][:2] == ["61", "62"]
    assert identified([f"user_{i}" for i in R])[1][:2] == ["user_60", "user_61"]
    assert identified([f"AB-{i:05d}" for i in R])[1][0] == "AB-00060"


@pytest.mark.parametrize(
    ("words", "pattern"),
    [
        ([f"{'ABCDEFG'[i % 7]}{i * 37 % 10}{'XYZ'[i % 3]}-{i * i % 1000:03d}" for i in R], r"[A-Z][0-9][A-Z]-[0-9]{3}"),
        ([str(UUID(int=i * 7**40 % 2**128)) for i in R], r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"),
        ([f"{i * 7**30 % 2**128:032X}" for i in range(1, 60)], r"[0-9A-F]{32}"),
        ([f"person{i}@firm.org" for i in R], r"[0-9a-f]+@example\.com"),
        ([f"{i * 977:05d}" for i in R], r"[0-9]{5}"),
        ([f"{i * 7919 % 99991:05d}" for i in range(3000)], r"[0-9]{5}"),
    ],
    ids=["code", "uuid", "hash", "mail", "zip", "dense"],
)
def test_new_keys_are_of_the_same_make(words: list[str], pattern: str) -> None:
    _, new = identified(words)
    assert all(pd.Series(new).str.fullmatch(pattern))


def test_keys_without_room_become_longer() -> None:
    words = [f"{letter}{digit}" for letter in "ABCDEFGHIJKLMNOPQRSTUVWXYZ" for digit in "0123456789"]
    _, new = identified([word for place, word in enumerate(words) if place % 7])
    assert all(len(word) > 2 for word in new)


def test_taken_keys_are_left_alone() -> None:
    found, new = identified([f"{i * 977:05d}" for i in R])
    more = fresh_identifiers(found.column, 500, seed=3, taken=new)
    assert not set(more) & set(new)


def test_keys_texts_and_constants_in_rows(tmp_path: Path) -> None:
    rows = "".join(f"{i + 1},it was good for {i} days,k,{i % 3}\n" for i in R)
    (tmp_path / "a.csv").write_text("id,said,same,x\n" + rows)
    sheet = read_sheet(tmp_path / "a.csv")
    assert [column.kind for column in sheet.columns] == ["identifier", "text", "constant", "integer"]
    made = spelled(sheet.columns, sheet.values[:3])
    assert made[:3] == [["61", "62", "63"], ["", "", ""], ["k", "k", "k"]]
    frame = to_frame(sheet.columns, sheet.values[:3], sheet.dialect)
    assert frame["id"].tolist() == [61, 62, 63]
    assert frame["said"].isna().all()
    taken_too = to_frame(sheet.columns, sheet.values[:2], sheet.dialect, taken={"id": ["61"]})
    assert taken_too["id"].tolist() == [62, 63]


def read(frame: pd.DataFrame, **options: Any) -> tuple[Sheet, pd.DataFrame]:
    sheet = read_sheet(frame, **options)
    return sheet, to_frame(sheet.columns, sheet.values, sheet.dialect)


def test_padding_in_names_and_unnamed_columns(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text(",  age\n" + "".join(f"{i},{i % 7}\n" for i in R))
    sheet = read_sheet(tmp_path / "a.csv")
    assert [column.name for column in sheet.columns] == ["column_1", "age"]
    assert sheet.columns[0].kind == "identifier"
    assert "column 1 has no name: called column_1" in sheet.notes
    assert np.array_equal(sheet.values[:, sheet.place("age")], np.arange(60) % 7)
