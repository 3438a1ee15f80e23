"""What --where says holds in the rows it says, and is refused in one line where no row can meet it."""

from __future__ import annotations

import operator
from datetime import UTC, datetime

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sparring.base.errors import RequestError
from sparring.kinds.tables.data.column import Column
from sparring.kinds.tables.data.conditions import parse_conditions


def seconds(*when: int) -> float:
    return datetime(*when, tzinfo=UTC).timestamp()


COLUMNS = (
    Column("age", "integer", low=17, high=90, missing=True),
    Column("income", "category", categories=("<=50K", ">50K")),
    Column("sex", "category", categories=(" Male", " Female", "FEMALE X"), missing=True),
    Column("hours-per-week", "float", low=0, high=99.5, decimals=1),
    Column("day", "datetime", low=seconds(2019, 1, 1), high=seconds(2021, 12, 31)),
    Column("size", "ordered", categories=("S", "M", "L", "XL")),
    Column("id", "identifier"),
    Column("note", "text"),
    Column("country", "constant", categories=("NL",)),
    Column("town, state", "category", categories=("Reno, NV", "Troy, NY", "x", "X")),
)
NAN = float("nan")


def table(name: str, values: list[float]) -> np.ndarray:
    rows = np.zeros((len(values), len(COLUMNS)))
    rows[:, [column.name for column in COLUMNS].index(name)] = values
    return rows


@pytest.mark.parametrize(
    ("word", "name", "values", "held"),
    [
        ("age>60", "age", [60, 61, NAN, 60.4], [0, 1, 0, 0]),
        ("age >= 60", "age", [59, 60, 61, NAN], [0, 1, 1, 0]),
        ("age<30", "age", [29, 30, NAN], [1, 0, 0]),
        ("age<=30.5", "age", [30, 31, NAN], [1, 0, 0]),
        ("age!=40", "age", [39, 40, 41, NAN], [1, 0, 1, 0]),
        ("age = 40", "age", [39, 40, NAN], [0, 1, 0]),
        ("age in 20, 30,31", "age", [20, 25, 30, 31, NAN], [1, 0, 1, 1, 0]),
        ("age not in (20, 30)", "age", [20, 25, 30, NAN], [0, 1, 0, 0]),
        ("AGE>60", "age", [60, 61], [0, 1]),
        ("age is missing", "age", [20, NAN], [0, 1]),
        ("age IS NOT missing", "age", [20, NAN], [1, 0]),
        ("income=>50K", "income", [0, 1], [0, 1]),
        ("income='>50K'", "income", [0, 1], [0, 1]),
        ("income==>50k", "income", [0, 1], [0, 1]),
        ("income=<=50K", "income", [0, 1], [1, 0]),
        ("income!=>50K", "income", [0, 1], [1, 0]),
        ("sex in Male,Female", "sex", [0, 1, 2, NAN], [1, 1, 0, 0]),
        ("sex=female", "sex", [0, 1, 2], [0, 1, 0]),
        ('sex in ["Male", "female x"]', "sex", [0, 1, 2], [1, 0, 1]),
        ("hours-per-week>40", "hours-per-week", [40, 40.04, 40.1], [0, 0, 1]),
        ("'hours-per-week'=0.3", "hours-per-week", [0.1 + 0.2, 0.2], [1, 0]),
        ("day>=2020-01-31", "day", [seconds(2020, 1, 30, 23), seconds(2020, 1, 31), NAN], [0, 1, 0]),
        ("day=2020-01-31", "day", [seconds(2020, 1, 30), seconds(2020, 1, 31, 17), seconds(2020, 2, 1)], [0, 1, 0]),
        ("day!=2020-01-31", "day", [seconds(2020, 1, 31, 17), seconds(2020, 2, 1)], [0, 1]),
        ("day>2020-01-31", "day", [seconds(2020, 1, 31, 17), seconds(2020, 2, 1)], [0, 1]),
        ("day<=2020-01-31", "day", [seconds(2020, 1, 31, 17), seconds(2020, 2, 1)], [1, 0]),
        ("day>2020-01-31T16:00", "day", [seconds(2020, 1, 31, 16), seconds(2020, 1, 31, 17)], [0, 1]),
        ("size>=M", "size", [0, 1, 2, 3], [0, 1, 1, 1]),
        ("size<m", "size", [0, 1, 2, 3], [1, 0, 0, 0]),
        ("country=NL", "country", [0], [1]),
        ("town, state=Reno, NV", "town, state", [0, 1], [1, 0]),
        ("town, state in Reno, NV", "town, state", [0, 1], [1, 0]),
        ("town, state in 'Reno, NV','Troy, NY'", "town, state", [0, 1, 2], [1, 1, 0]),
        ("town, state=X", "town, state", [2, 3], [0, 1]),
    ],
)
def test_a_condition_holds_where_it_says(word: str, name: str, values: list[float], held: list[int]) -> None:
    found = parse_conditions([word], COLUMNS).holds(table(name, values))
    assert found.dtype == bool
    assert found.tolist() == [bool(one) for one in held]


def test_several_words_are_all_to_hold() -> None:
    conditions = parse_conditions(["age>20", "age!=25", "income=>50K", "age<30"], COLUMNS)
    rows = table("age", [20, 21, 25, 29, 30, 29])
    rows[:, 1] = [1, 1, 1, 1, 1, 0]
    assert conditions.holds(rows).tolist() == [False, True, False, True, False, False]


def test_choices_are_the_codes_of_restricted_columns() -> None:
    words = ["income=>50K", "sex != Male", "size > S", "size < XL", "age>60"]
    assert parse_conditions(words, COLUMNS).choices() == {1: (1,), 2: (1, 2), 5: (1, 2)}
    assert parse_conditions(["sex is missing"], COLUMNS).choices() == {2: (3,)}
    assert parse_conditions(["sex is not missing"], COLUMNS).choices() == {2: (0, 1, 2)}
    assert parse_conditions([], COLUMNS).choices() == {}


def test_a_list_may_name_the_word_for_a_missing_value() -> None:
    columns = (
        Column("guard", "category", categories=("dog", "wall"), missing=True, writing={"missing": "none"}),
        Column("age", "integer", low=17, high=90, missing=True, writing={"missing": "?"}),
        Column("lock", "category", categories=("none", "bolt"), missing=True, writing={"missing": "none"}),
    )

    def held(*words: str) -> list[list[float]]:
        rows = np.array([[a, b, c] for a in (0, 1, NAN) for b in (20, 30, NAN) for c in (0, 1, NAN)])
        kept = rows[parse_conditions(words, columns).holds(rows)]
        return [sorted(set(np.nan_to_num(column, nan=-1).tolist())) for column in kept.T]

    every = [[-1, 0, 1], [-1, 20, 30], [-1, 0, 1]]
    assert held() == every
    assert held("guard in None, wall")[0] == [-1, 1]
    assert held("guard not in none,wall")[0] == [0]
    assert held("guard in (none)")[0] == [-1]
    assert held("age in 20,?")[1] == [-1, 20]
    assert held("age in 20,?", "age is missing")[1] == held("age is missing", "age in 20,?")[1] == [-1]
    assert held("age in 20,?", "age!=?")[1] == [20]
    assert held("age in 20,?", "age in 30,?")[1] == [-1]
    assert held("lock in none,bolt")[2] == [0, 1], "where it is a choice it is no missing value"
    assert parse_conditions(["guard in none,wall"], columns).choices() == {0: (1, 2)}
    with pytest.raises(RequestError, match="age in 20: no row can meet it together with age in 30"):
        held("age in 30,?", "age in 20")


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["agee>3"], "where: agee>3: no column 'agee'; did you mean 'age'?"),
        (["income=>50k+"], "'income' has no value '>50k+'; did you mean '>50K'?"),
        (["sex=Mal"], "did you mean ' Male'?"),
        (["town, state=reno, nevada"], "has no value 'reno, nevada'; did you mean 'Reno, NV'?"),
        (["sex>3"], "'sex' is a category, which has no order; write = or in"),
        (["income>50K"], "did you mean income='>50K'?"),
        (["age>old"], "'old' is no number, and 'age' is a whole number; 'age' goes from 17 to 90"),
        (["age>nan"], "'nan' is no number"),
        (["day>31/01/2020"], "'31/01/2020' is no date; 'day' takes one such as 2020-01-31"),
        (["age>200"], "no row can meet it; 'age' goes from 17 to 90"),
        (["age>=90.5"], "no row can meet it"),
        (["age=40.5"], "no row can meet it"),
        (
            ["hours-per-week=3.14"],
            "no row can meet it; 'hours-per-week' goes from 0 to 99.5, with 1 decimals, none missing",
        ),
        (["age>60", "age<30"], "where: age<30: no row can meet it together with age>60"),
        (["age>60", "age<62", "age!=61"], "together with age>60 and age<62"),
        (["age is missing", "age>60"], "together with age is missing"),
        (["income is missing"], "no row can meet it; 'income' has <=50K, >50K, none missing"),
        (["sex!=Male", "sex=Male"], "together with sex!=Male"),
        (["income!=>50K", "income!=<=50K"], "together with income!=>50K"),
        (["size<S"], "no row can meet it; 'size' has S, M, L, XL"),
        (["day>2030-01-01"], "'day' goes from 2019-01-01 to 2021-12-31"),
        (["id=3"], "'id' is an identifier; it takes no condition"),
        (["note=x"], "'note' is free text"),
        (["country=BE"], "'country' has no value 'BE'"),
        (["country!=NL"], "no row can meet it"),
        (["age"], "'age' is no condition; write column=value"),
        (["age 60"], "is no condition"),
        (["age="], "no value behind '='"),
        (["age is gone"], "'is gone' is no comparison"),
        (["age in"], "is no list of values"),
        (["age in 1,,2"], "is no list of values"),
        ([""], "is no condition"),
        ([">3"], "is no condition"),
    ],
)
def test_what_cannot_be_is_told_in_a_line(words: list[str], told: str) -> None:
    with pytest.raises(RequestError) as caught:
        parse_conditions(words, COLUMNS)
    assert told in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_value_that_can_be_two_is_told() -> None:
    columns = (Column("a", "category", categories=("Yes", "YES", "no")),)
    with pytest.raises(RequestError, match="'yes' of 'a' can be 'Yes' or 'YES'"):
        parse_conditions(["a=yes"], columns)


SIGNS = {
    ">": operator.gt,
    ">=": operator.ge,
    "<": operator.lt,
    "<=": operator.le,
    "=": operator.eq,
    "!=": operator.ne,
}


@given(
    st.lists(st.tuples(st.sampled_from(sorted(SIGNS)), st.integers(-40, 40)), max_size=4),
    st.sampled_from([0, 1]),
)
def test_words_are_refused_exactly_where_no_value_meets_them(said: list[tuple[str, int]], decimals: int) -> None:
    column = Column("a", "float", low=-2.0, high=2.0, decimals=decimals)
    there = np.arange(-2 * 10**decimals, 2 * 10**decimals + 1)
    meets = np.ones(len(there), dtype=bool)
    for sign, tenths in said:
        meets &= SIGNS[sign](there * 10 ** (1 - decimals), tenths)
    words = [f"a{sign}{tenths / 10}" for sign, tenths in said]
    if meets.any():
        conditions = parse_conditions(words, (column,))
        assert conditions.holds(there[:, None] / 10**decimals).tolist() == meets.tolist()
    else:
        with pytest.raises(RequestError, match="no row can meet it"):
            parse_conditions(words, (column,))


def test_adult_rows_are_counted_as_pandas_counts_them(shared) -> None:
    pandas = pytest.importorskip("pandas")
    frame = pandas.read_csv(shared / "tabular" / "adult.csv")
    incomes = tuple(sorted(frame["income"].unique()))
    columns = (
        Column("age", "integer", low=17, high=90),
        Column("income", "category", categories=incomes),
    )
    values = np.stack([frame["age"], frame["income"].map(incomes.index)], 1).astype(float)
    held = parse_conditions(["age>60", "income=>50K"], columns).holds(values)
    assert held.sum() == len(frame.query("age > 60 and income == ' >50K'")) > 500
