"""Numbers that are classes, words that are values, and how a person says otherwise."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import sparring
from sparring.base.errors import RequestError
from sparring.base.rundir import RunDir
from sparring.base.words import read_yaml
from sparring.kinds.tables.augment.synthesis import settled
from sparring.kinds.tables.data.conditions import parse_conditions
from sparring.kinds.tables.data.source import Table
from sparring.recipe import validated
from sparring.recipe.recorded import must_be_same
from tests.kinds.tables.data.files import table_fields

CODES = {"1 and 2": [1, 2], "three": [1, 2, 3], "seven": [0, 3, 4, 5, 6, 7, 9]}


def table(folder: Path, form: str = "csv", rows: int = 60, **columns: Any) -> str:
    """A table of these columns, repeated to so many rows, and a number."""
    made = {name: [values[row % len(values)] for row in range(rows)] for name, values in columns.items()}
    frame = pd.DataFrame(made | {"size": np.linspace(1, 2, rows).round(3)})
    path = folder / f"rows.{form}"
    frame.to_csv(path, index=False) if form == "csv" else frame.to_parquet(path)
    return str(path)


def taken(path: str, name: str, **options: Any) -> tuple[str, tuple[str, ...], str]:
    """What a column is taken for, its choices, and the line about it."""
    data = Table(path=path, **options)
    sheet = data.sheet()
    column = sheet.columns[sheet.place(name)]
    line = next(note for note in sheet.notes if note.startswith(f"{name}: "))
    return column.kind, column.categories, line


@pytest.mark.parametrize("form", ["csv", "parquet"])
@pytest.mark.parametrize("codes", CODES)
@pytest.mark.parametrize("name", ["class", "pclass", "Glass type", "bloodGroup", "risk_CLASS"])
def test_few_whole_numbers_named_like_a_class_are_a_choice(form: str, codes: str, name: str, tmp_path: Path) -> None:
    path = table(tmp_path, form, rows=63, **{name: CODES[codes]})
    kind, categories, line = taken(path, name, classes="named")
    assert (kind, categories) == ("category", tuple(map(str, CODES[codes])))
    assert "whole numbers, taken for classes; " in line
    assert f"{name}=integer" in line
    assert taken(path, name)[0] == "integer"  # as runs of before have it
    assert taken(path, name, classes="named", kinds={name: "integer"})[0] == "integer"


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("rooms", [1, 2, 3]),  # not named like one
        ("classes taken", [1, 2, 3]),
        ("class", list(range(1, 13))),  # too many
        ("class", [1.5, 2.0, 3.0]),  # no whole numbers
        ("price class", [100 + row for row in range(60)]),
    ],
)
def test_other_numbers_stay_numbers(name: str, values: list[float], tmp_path: Path) -> None:
    assert taken(table(tmp_path, **{name: values}), name, classes="named")[0] in ("integer", "float")


def test_a_target_of_two_numbers_is_a_choice_and_what_is_predicted_is_told(tmp_path: Path) -> None:
    path = table(tmp_path, late=[1, 2], rooms=[1, 2, 3])
    told = {
        ("late", "named"): "target: late, one of 2 classes",
        ("late", "said"): "target: late, a number of 2 values; late=category makes it classes",
        ("rooms", "named"): "target: rooms, a number of 3 values; rooms=category makes it classes",
        ("size", "named"): "target: size, a number",
    }
    for (target, classes), line in told.items():
        found = Table(path=path, target=target, classes=classes).load().found  # type: ignore[arg-type]
        assert line in found.notes
    assert Table(path=path, classes="named").sheet().columns[0].kind == "integer"  # where it is no target


def test_the_recipes_of_tables_have_it_and_runs_of_before_go_on(tmp_path: Path) -> None:
    path = table(tmp_path, group=[1, 2, 3])
    shown = read_yaml(sparring.show(data=path), "shown")
    assert shown["data"]["table"]["classes"] == "named"
    before, now = (validated(table_fields(Path(path), table={"classes": how})) for how in ("said", "named"))
    must_be_same(RunDir(tmp_path / "run"), before, now)
    other = validated(table_fields(Path(path), table={"limit": 30}))
    with pytest.raises(RequestError, match=r"holds a run with data.table.limit=None, not 30"):
        must_be_same(RunDir(tmp_path / "run"), before, other)


def test_none_is_told_as_missing_can_be_asked_for_and_can_be_kept(tmp_path: Path) -> None:
    path = table(tmp_path, guard=["dog", "alarm", "None", "dog"])
    kind, categories, line = taken(path, "guard")
    assert (kind, categories) == ("category", ("alarm", "dog"))
    assert "25.0 % missing ('None'); 'None' is read as missing; data.table.values=[None] keeps it as a value" in line
    sheet = Table(path=path).sheet()
    for word, count in {"guard=none": 15, "guard='None'": 15, "guard != none": 45, "guard=dog": 30}.items():
        assert parse_conditions([word], sheet.columns).holds(sheet.values).sum() == count
    with pytest.raises(RequestError, match="no row can meet it together with guard=none"):
        parse_conditions(["guard=none", "guard=dog"], sheet.columns)
    kept = Table(path=path, values="none").sheet()  # type: ignore[arg-type]
    assert kept.columns[0].categories == ("alarm", "dog", "None")
    assert not kept.columns[0].missing
    assert parse_conditions(["guard=None"], kept.columns).holds(kept.values).sum() == 15
    assert 'data.table.values=["none"]' in settled(Table(path=path, values=("none",)), kept.columns)


def test_other_words_can_be_kept_too_and_numbers_say_nothing_of_none(tmp_path: Path) -> None:
    path = table(tmp_path, region=["EU", "NA", "AS"], price=["1.5", "none", "2.5"])
    assert taken(path, "region", values=("NA",))[1] == ("AS", "EU", "NA")
    assert taken(path, "region")[1] == ("AS", "EU")
    kind, _, line = taken(path, "price")
    assert (kind, "read as missing" in line, "missing ('none')" in line) == ("float", False, True)
