"""Whatever the cells are: read and written again as they were, or refused in a line."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sparring.base.errors import RequestError
from sparring.kinds.tables.data.column import KINDS, Sheet
from sparring.kinds.tables.data.reading import read_sheet
from sparring.kinds.tables.data.spelling import spelled
from sparring.kinds.tables.data.writing import to_frame, write_table

ODD = [
    "", "?", "-", ".", "NA", "None", "<NA>", "1", "0", "-1", "1.5", "1,5", "1.234,5", "1,234", "$5", "5 %", "$-", "%",
    "inf", "nan", "1e5", "1e999", "-0", "00", "007", "2020-01-01", "01/02/2020", "31/12/2020", "2020-13-01", "0000-00-00",
    "12:30", "2020-01-01T10:00:00Z", "2020-01-01 25:00", "2020-01-01T10:00:00.123456789+05:30", "1/1/2020 1:00 PM",
    "1/1/2020 13:00 PM", "True", "no", "yes", "é", "a b c d", "\x0b", "\u2028", "'", '"', 'a"b', "²", "١٢٣", "１２",
    "9007199254740993", "99999999999999999999999", "+5", "--5", "5-", "1e", "e5", "..", "1.", "AB-01", "user@x.org",
    "\t", "\xa0x", "x ", " x", "=1+1", "0x1F", "1_000", "True ", "∞",
]  # fmt: skip
BY_VALUE = ("in more than one way", "blanks around", "missing also", "offsets vary", "more digits")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("any")


def read_or_refused(path: Path, kinds: dict[str, str]) -> Sheet | None:
    """What is read; None where it is refused, which takes one line."""
    try:
        return read_sheet(path, kinds=kinds)
    except RequestError as error:
        refusal = str(error)
    assert "\n" not in refusal
    return None


@settings(deadline=None, max_examples=400)
@given(st.data())
def test_any_cells(folder: Path, data: st.DataObject) -> None:
    width, length = data.draw(st.integers(1, 4)), data.draw(st.integers(2, 12))
    few = [data.draw(st.lists(st.sampled_from(ODD), min_size=1, max_size=3)) for _ in range(width)]
    rows = [[data.draw(st.sampled_from(pool)) for pool in few] for _ in range(length)]
    names = [f"h{place}" for place in range(width)]
    path = folder / "any.csv"
    with path.open("w", newline="", encoding="utf-8") as file:
        quoting = data.draw(st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]))
        csv.writer(file, delimiter=data.draw(st.sampled_from(",;\t|")), quoting=quoting).writerows([names, *rows])
    kinds = data.draw(st.dictionaries(st.sampled_from(names), st.sampled_from(KINDS), max_size=1))
    sheet = read_or_refused(path, kinds)
    if sheet is None:
        return
    json.dumps([column.to_json() for column in sheet.columns], allow_nan=False)
    cells = spelled(sheet.columns, sheet.values)
    if len(cells[0]) == length:  # else a row of blanks was passed over
        for place, column in enumerate(sheet.columns):
            note = next(line for line in sheet.notes if line.startswith(f"{column.name}: "))
            if column.learned and not any(told in note for told in BY_VALUE):
                assert cells[place] == [row[place] for row in rows]
    made = sheet.values + np.random.default_rng(0).normal(size=sheet.values.shape) * 10
    to_frame(sheet.columns, made, sheet.dialect)
    write_table(folder / "out.csv", sheet.columns, made, sheet.dialect)


@settings(deadline=None, max_examples=300)
@given(st.binary(max_size=60), st.sampled_from(["a.csv", "a.tsv", "a.csv.gz", "a.parquet"]))
def test_any_bytes(folder: Path, content: bytes, name: str) -> None:
    (folder / name).write_bytes(content)
    read_or_refused(folder / name, {})
