"""What is read is written again, cell by cell, and row by row in the original's dialect."""

from __future__ import annotations

import csv
import gzip
import json
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sparring.base.errors import RequestError
from sparring.kinds.tables.data.cells import Cells, Habits, Numbering, Taken
from sparring.kinds.tables.data.column import Column, Kind
from sparring.kinds.tables.data.kinds import take
from sparring.kinds.tables.data.missing import is_missing_word
from sparring.kinds.tables.data.reading import read_sheet
from sparring.kinds.tables.data.spelling import spell, spelled
from sparring.kinds.tables.data.writing import to_frame, write_table


def taken(words: list[str], kind: Kind | None = None, *, comma: bool = False, name: str = "x") -> Taken:
    numbering = Numbering()
    codes = numbering.codes(words)
    return take(Cells(name, list(numbering), codes, lambda row: f"row {row + 1}"), Habits(comma=comma), kind)


def again(words: list[str], kind: Kind | None = None, *, comma: bool = False) -> list[str]:
    found = taken(words, kind, comma=comma)
    column = Column.from_json(json.loads(json.dumps(found.column.to_json())))  # as a run's files keep it
    return spell(column, found.values, {})


@pytest.mark.parametrize("name", ["adult", "titanic", "penguins", "diamonds"])
def test_real_tables_are_written_to_the_byte(shared: Path, tmp_path: Path, name: str) -> None:
    path = shared / "tabular" / f"{name}.csv"
    sheet = read_sheet(path)
    with path.open(newline="") as file:
        rows = list(csv.reader(file))[1:]
    assert [list(row) for row in zip(*spelled(sheet.columns, sheet.values), strict=True)] == rows
    write_table(tmp_path / "out.csv", sheet.columns, sheet.values, sheet.dialect)
    assert (tmp_path / "out.csv").read_bytes() == path.read_bytes()
    pd.testing.assert_frame_equal(to_frame(sheet.columns, sheet.values, sheet.dialect), pd.read_csv(path))


NUMBERS = [
    ["1", "20", "-3", "400"],
    ["1.50", "22.05", "-0.75", "100.00"],
    ["55", "61.5", "-2.25", "0.5"],
    ["22.0", "0.42", "80.0", "14.5"],
    ["1e-05", "0.001", "22.0", "3.5"],
    ["0.00001", "0.001", "22", "3.5"],
    ["1.234560e-03", "2.000000e+10", "-1.500000e+00", "0.000000e+00"],
    ["1.5E-03", "2.0E+10", "9.1E+00", "0.0E+00"],
    [".5", "1.25", "-.75", ".25"],
    ["1,234", "12", "1,234,567", "-999,999"],
    ["$1,200.50", "$0.10", "-$55.25", "$9.00"],
    ["$1.50", "$-2.50", "$3.25", "$4.00"],
    ["12 %", "100 %", "-3 %", "0 %"],
    ["12.5%", "1.0%", "3.5%", "0.5%"],
    ["3 €", "15 €", "7 €", "100 €"],
    ["USD 3.10", "USD 15.20", "USD 7.00", "USD 9.99"],
    ["1 234,5", "12,5", "1 234 567,0", "999,1"],
    ["1'234.5", "12.5", "1'234'567.0", "999.1"],
    ["-0.0", "1.5", "2.0", "0.0"],
    ["1", "2", "", "4"],
    [" 1.5", " 2.5", " ?", " 10.0"],
    ["NA", "3", "4", "5"],
    ["1e+300", "2.5e-300", "3.25", "1.0"],
]


@pytest.mark.parametrize("words", NUMBERS, ids=lambda words: words[0])
def test_numbers_keep_their_spelling(words: list[str]) -> None:
    assert taken(words).column.kind in ("integer", "float")
    assert again(words) == words


@pytest.mark.parametrize(
    "words", [["1,5", "2,25", "-0,5"], ["1.234,50", "0,50", "12.345.678,00"], ["1,234", "2,500", "3,125"]]
)
def test_a_semicolon_file_has_decimal_commas(words: list[str]) -> None:
    found = taken(words, comma=True)
    assert found.column.kind == "float"
    assert found.values[0] == float(words[0].replace(".", "").replace(",", "."))
    assert again(words, comma=True) == words


def test_mixed_spellings_are_kept_by_value() -> None:
    words = ["1.5", "1.50", "2", "1e1", "0.00001"]
    found = taken(words)
    assert found.column.kind == "float"
    assert found.remarks == ("written in more than one way",)
    assert list(map(float, again(words))) == list(map(float, words))


@settings(deadline=None, max_examples=150)
@given(
    st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=3, max_size=30, unique=True), st.integers(0, 3)
)
def test_any_floats(values: list[float], style: int) -> None:
    write = (repr, "{:.3f}".format, "{:.6e}".format, lambda value: repr(value).removesuffix(".0"))[style]
    words = [write(value) for value in values]
    if len({word.lstrip("-") for word in words}) < 3:
        return
    found = taken(words, "float")
    whole = all("." not in word and "e" not in word for word in words)
    assert not whole or found.column.kind == "float"
    assert [float(word) for word in again(words, "float")] == [float(word) for word in words]
    if style in (0, 1):
        assert again(words, "float") == words


@settings(deadline=None, max_examples=100)
@given(
    st.lists(st.integers(-(2**53), 2**53), min_size=3, max_size=30, unique=True),
    st.sampled_from(["{}", "{:,}", "{} %", "€{}"]),
)
def test_any_integers(values: list[int], pattern: str) -> None:
    words = [pattern.format(value) for value in values]
    found = taken(words, "integer", comma=False)
    if pattern == "{:,}" and max(map(abs, values)) < 1000:
        return
    assert again(words, "integer") == words
    assert found.values.tolist() == [float(value) for value in values]


FORMATS = [
    "%Y-%m-%d", "%Y/%m/%d", "%d/%m/%Y", "%m/%d/%Y", "%d.%m.%Y", "%d-%m-%Y", "%Y-%m-%d %H:%M", "%Y-%m-%dT%H:%M:%S",
    "%Y-%m-%dT%H:%M:%SZ", "%Y-%m-%d %H:%M:%S+02:00", "%Y-%m-%dT%H:%M:%S.%f", "%Y-%m-%d %H:%M:%S.%f-0530",
    "%m/%d/%Y %I:%M:%S %p", "%d.%m.%Y %H:%M",
]  # fmt: skip


@settings(deadline=None, max_examples=200)
@given(
    st.lists(st.datetimes(datetime(1000, 1, 1), datetime(9000, 1, 1)), min_size=3, max_size=30),
    st.sampled_from(FORMATS),
)
def test_any_dates(values: list[datetime], pattern: str) -> None:
    clear = [datetime(2020, 1, 31, 15, 4, 5), datetime(1999, 12, 25)]  # one day over 12: no doubt of the order
    values = [value.replace(microsecond=value.microsecond % 1000 * 1000) for value in values]
    words = [value.strftime(pattern) for value in [*values, *clear]]
    found = taken(words)
    assert found.column.kind == "datetime"
    assert again(words) == words
    first = datetime.strptime(_bare(words[0]), _bare(pattern))  # the clock's own time, as if in UTC
    assert found.values[0] == pytest.approx((first - datetime(1970, 1, 1)) / timedelta(seconds=1), abs=1e-4)


def _bare(text: str) -> str:
    return text.removesuffix("Z").removesuffix("+02:00").removesuffix("-0530")


def test_dates_without_leading_zeros_and_in_doubt() -> None:
    words = ["1/2/2020 8:05", "12/3/2021 18:30", "", "3/11/2020 0:00"]
    found = taken(words)
    assert found.column.kind == "datetime"
    assert found.remarks == ("taken as day, month, year; month, day, year fits too",)
    assert again(words) == words
    assert taken(["1/2/2020 8:05 AM", "12/3/2021 6:30 PM"]).remarks == ()


def test_fractions_that_are_left_out_where_they_are_zero() -> None:
    words = ["2020-01-01 00:00:01", "2020-01-01 00:00:01.500000", "2020-01-02 10:00:00.000001"]
    assert again(words) == words
    words = ["2020-01-01T00:00:01.5", "2020-01-01T00:00:01.25", "2020-01-02T10:00:00.125"]
    assert again(words) == words


def test_offsets_that_vary_are_one_in_the_rows_that_are_written() -> None:
    words = ["2020-03-01T10:00:00+01:00", "2020-07-01T10:00:00+02:00", "2020-07-02T10:00:00+02:00"]
    found = taken(words)
    assert again(words) == ["2020-03-01T11:00:00+02:00", *words[1:]]
    assert "offsets vary" in found.remarks[0]


@settings(deadline=None, max_examples=150)
@given(st.data())
def test_any_categories_and_any_dialect(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    letters = st.text(
        st.characters(codec="utf-8", exclude_categories=("Cs", "Cc"), include_characters='\n",;\t'), max_size=8
    )
    words = data.draw(
        st.lists(
            letters.map(str.strip).filter(lambda text: any(map(str.isalpha, text)) and not is_missing_word(text)),
            min_size=2,
            max_size=5,
        )
    )
    separator, end = data.draw(st.sampled_from([",", ";", "\t", "|"])), data.draw(st.sampled_from(["\n", "\r\n"]))
    quoting = data.draw(st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]))
    path = tmp_path_factory.mktemp("any") / "any.csv"
    rows = [[word, str(number)] for number, word in enumerate(words * 3)]
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file, delimiter=separator, lineterminator=end, quoting=quoting).writerows(
            [["a name", "count"], *rows]
        )
    sheet = read_sheet(path, kinds={"a name": "category"})
    cells = spelled(sheet.columns, sheet.values)[0]
    assert cells == [row[0] for row in rows]
    out = path.with_name("out.csv")
    write_table(out, sheet.columns, sheet.values, sheet.dialect)
    with out.open(newline="", encoding="utf-8") as file:
        assert [row[0] for row in csv.reader(file, delimiter=separator)][1:] == cells


@pytest.mark.parametrize(
    ("name", "text", "encoding"),
    [
        ("plain.csv", "a,b\n1,x\n2,y\n1,x\n", "utf-8"),
        ("excel.csv", "a;b\r\n1,5;ä\r\n2,25;ö\r\n1,5;ä\r\n", "cp1252"),
        ("marked.csv", "a,b\n1,é\n2,y\n3,é\n", "utf-8-sig"),
        ("wide.csv", "a,b\n1,é\n2,y\n3,é\n", "utf-16"),
        ("tabs.tsv", "a\tb\n1\tx\n2\t\n3\tx\n", "utf-8"),
        ("bars.txt", "a|b\n1|x, y\n2|z\n3|z\n", "utf-8"),
        ("all.csv", '"a","b"\n"1","x"\n"2","y"\n"3","y"\n', "utf-8"),
        ("r.csv", '"a","b"\n1,"x"\n2,NA\n3,"y ""z"""\n4,"x"\n', "utf-8"),
        ("old.csv", "a,b\r1,x\r2,y\r3,y\r", "utf-8"),
        ("lines.csv", 'a,b\n1,"x\ny"\n2,"z"\n3,"z"\n', "utf-8"),
        ("headers.csv", " a ,\n1,x\n2,y\n3,y\n", "utf-8"),
        ("one.csv", 'a\nx\n""\ny\nx\n', "utf-8"),
        ("packed.csv.gz", "a,b\n1,x\n2,y\n3,y\n", "utf-8"),
    ],
)
def test_dialects_are_kept(tmp_path: Path, name: str, text: str, encoding: str) -> None:
    path, out = tmp_path / name, tmp_path / f"out-{name}"
    path.write_bytes(gzip.compress(text.encode(encoding)) if name.endswith("gz") else text.encode(encoding))
    sheet = read_sheet(path)
    json.dumps(dict(sheet.dialect))
    write_table(out, sheet.columns, sheet.values, sheet.dialect)
    written = gzip.decompress(out.read_bytes()) if name.endswith("gz") else out.read_bytes()
    assert written == text.encode(encoding)


def test_columns_of_which_nearly_every_row_differs(tmp_path: Path) -> None:
    source = np.random.default_rng(0)
    rows = 60_000  # more than are read at once
    missing = np.array(["", "NA", "", ""])[np.arange(rows) % 4]
    text = [
        repr(value) if value > -1.5 else gap
        for value, gap in zip(source.normal(size=rows).tolist(), missing, strict=True)
    ]
    frame = pd.DataFrame({"x": text, "few": source.integers(0, 5, rows), "key": [f"k{row:07x}" for row in range(rows)]})
    frame.to_csv(tmp_path / "a.csv", index=False)
    sheet = read_sheet(tmp_path / "a.csv")
    assert [column.kind for column in sheet.columns] == ["float", "integer", "identifier"]
    assert "missing (empty); missing also as 'NA'" in sheet.notes[1]
    cells = spelled(sheet.columns, sheet.values)
    assert cells[0] == [word.replace("NA", "") for word in text]
    assert cells[1] == frame["few"].map(str).tolist()


def test_values_that_networks_make_are_brought_into_line() -> None:
    table = pd.DataFrame(
        {"n": [1, 5, 9], "x": [0.25, 1.5, 3.75], "c": ["a", "b", "c"], "d": pd.date_range("2020-01-01", periods=3)}
    )
    sheet = read_sheet(table)
    made = np.array([[-7.0, 9.9, 7.2, 0.0], [4.6, 1.234, -1.0, 1577923200.0 + 50_000], [np.nan, 2.0, 1.4, 9e12]])
    frame = to_frame(sheet.columns, made, sheet.dialect)
    assert frame["n"].tolist()[:2] == [1, 5]
    assert np.isnan(frame["n"][2])
    assert frame["x"].tolist() == [3.75, 1.23, 2.0]
    assert frame["c"].tolist() == ["c", "a", "b"]
    assert frame["d"].dt.strftime("%Y-%m-%d").tolist() == ["2020-01-01", "2020-01-03", "2020-01-03"]
    assert spelled(sheet.columns, made)[3] == ["2020-01-01", "2020-01-03", "2020-01-03"]


def test_another_ending_has_its_own_separator(tmp_path: Path) -> None:
    (tmp_path / "in.csv").write_text("a;b\n1;x\n2;y\n")
    sheet = read_sheet(tmp_path / "in.csv")
    for name, separator in (("out.tsv", "\t"), ("out.csv", ";"), ("out.txt", ";")):
        write_table(tmp_path / name, sheet.columns, sheet.values, sheet.dialect)
        assert (tmp_path / name).read_text() == f"a{separator}b\n1{separator}x\n2{separator}y\n"
    assert sorted(one.name for one in tmp_path.iterdir()) == ["in.csv", "out.csv", "out.tsv", "out.txt"]


def test_a_file_that_cannot_be_written_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sheet = read_sheet(pd.DataFrame({"a": [1, 2], "b": ["x", "y"]}))
    (tmp_path / "out.csv").write_text("old")
    monkeypatch.setattr("sparring.kinds.tables.data.writing.spell", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        write_table(tmp_path / "out.csv", sheet.columns, sheet.values, sheet.dialect)
    assert (tmp_path / "out.csv").read_text() == "old"
    assert [one.name for one in tmp_path.iterdir()] == ["out.csv"]
    with pytest.raises(RequestError, match=r"ends in none of \.csv"):
        write_table(tmp_path / "out.xlsx", sheet.columns, sheet.values, sheet.dialect)
    (tmp_path / "file").write_text("")
    with pytest.raises(RequestError, match="cannot be written"):
        write_table(tmp_path / "file" / "out.csv", sheet.columns, sheet.values, sheet.dialect)
