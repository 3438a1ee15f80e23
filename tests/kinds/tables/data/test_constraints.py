"""Constraints hold in the rows they say, compute what they can, and are refused where no row can keep them."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from sparring.base.errors import RequestError
from sparring.kinds.tables.data.column import Column
from sparring.kinds.tables.data.constraints import parse_constraints

NAN = float("nan")


def number(name: str, low: float = 0, high: float = 100, decimals: int = 1) -> Column:
    return Column(name, "float", low=low, high=high, decimals=decimals, missing=True)


COLUMNS = (
    number("a"),
    number("b"),
    number("c", high=200),
    number("unit price", decimals=2),
    number("x-ray"),
    Column("kind", "category", categories=("u", "v")),
    Column("id", "identifier"),
    Column("note", "text"),
    Column("start", "datetime", low=0, high=2e9, decimals=6),
    Column("end", "datetime", low=0, high=2e9, decimals=6),
)
PLACES = {column.name: place for place, column in enumerate(COLUMNS)}


def rows(*given: dict[str, float]) -> np.ndarray:
    values = np.zeros((len(given), len(COLUMNS)))
    for row, fields in enumerate(given):
        for name, value in fields.items():
            values[row, PLACES[name]] = value
    return values


@pytest.mark.parametrize(
    ("word", "row", "held"),
    [
        ("a <= b", {"a": 3, "b": 3}, True),
        ("a < b", {"a": 3, "b": 3}, False),
        ("a > b", {"a": 3.1, "b": 3}, True),
        ("a >= b", {"a": 2.9, "b": 3}, False),
        ("a <= b", {"a": 3.04, "b": 3}, True),  # both are written as 3.0
        ("a + b <= 0.3", {"a": 0.1, "b": 0.2}, True),
        ("a + b < 0.3", {"a": 0.1, "b": 0.2}, False),
        ("a + b == c", {"a": 0.1, "b": 0.2, "c": 0.3}, True),
        ("a + b = c", {"a": 0.1, "b": 0.2, "c": 0.4}, False),
        ("c == a + b", {"a": 0.1, "b": 0.2, "c": 0.3}, True),
        ("2*a <= b", {"a": 2, "b": 4}, True),
        ("2*a <= b - 1", {"a": 2, "b": 4}, False),
        ("-a + 5 >= (b - 1) / 2", {"a": 2, "b": 7}, True),
        ("c == a * b", {"a": 0.3, "b": 0.7, "c": 0.2}, True),  # .21 at one decimal
        ("c == a * b", {"a": 0.3, "b": 0.7, "c": 0.3}, False),
        ("c == a / b", {"a": 1, "b": 3, "c": 0.3}, True),
        ("c == a / b", {"a": 1, "b": 0, "c": 0.3}, False),
        ("c >= a / b", {"a": 0, "b": 0, "c": 0.3}, False),
        ("a < b < c", {"a": 1, "b": 2, "c": 3}, True),
        ("a < b < c", {"a": 1, "b": 2, "c": 2}, False),
        ("unit price <= x-ray - a", {"unit price": 1, "x-ray": 3, "a": 2}, True),
        ("`unit price` * 2 <= 'x-ray'", {"unit price": 2, "x-ray": 3}, False),
        ("a <= b", {"a": 3, "b": NAN}, True),
        ("a + b == c", {"a": NAN, "b": 2, "c": 3}, True),
        ("start < end", {"start": 1.6e9, "end": 1.6e9 + 1e-6}, True),
        ("end - start <= 86400", {"start": 1.6e9, "end": 1.6e9 + 86401}, False),
    ],
)
def test_a_comparison_holds_where_it_says(word: str, row: dict[str, float], held: bool) -> None:
    assert parse_constraints([word], COLUMNS).holds(rows(row)).tolist() == [held]


@given(st.integers(0, 1000), st.integers(0, 1000), st.sampled_from([1, 2, 3]))
def test_sums_of_decimals_are_exact(first: int, second: int, decimals: int) -> None:
    by = 10**decimals
    columns = tuple(number(name, 0, 5000, decimals) for name in "abc")
    values = np.array([[first / by, second / by, (first + second + more) / by] for more in (0, 1, -1)])
    assert parse_constraints(["a + b == c"], columns).holds(values).tolist() == [True, False, False]
    assert parse_constraints(["a + b >= c"], columns).holds(values).tolist() == [True, False, True]
    assert parse_constraints(["a + b > c"], columns).holds(values).tolist() == [False, False, True]


TREES = st.recursive(
    st.sampled_from(["a", "b", "c", "2", "0.5"]),
    lambda inner: st.tuples(inner, st.sampled_from("+-*/"), inner).map(lambda one: f"({one[0]} {one[1]} {one[2]})"),
    max_leaves=6,
)


@given(TREES, st.lists(st.integers(1, 999), min_size=3, max_size=3))
def test_expressions_come_to_what_python_says(text: str, tenths: list[int]) -> None:
    names = dict(zip("abc", (tenth / 10 for tenth in tenths), strict=True))
    assume(any(name in text for name in names))
    try:
        true = eval(text, {}, names)  # of this test's own making
    except ZeroDivisionError:
        assume(False)
    columns = tuple(number(name, -1e9, 1e9) for name in "abc")
    low, high = (
        parse_constraints([f"{text} {sign} {edge!r}"], columns)
        for sign, edge in ((">=", true - 1e-9 - 1e-9 * abs(true)), ("<=", true + 1e-9 + 1e-9 * abs(true)))
    )
    row = np.array([list(names.values())])
    assert low.holds(row).all()
    assert high.holds(row).all()


def test_equalities_compute_a_column() -> None:
    constraints = parse_constraints(["a + b == c", "unit price == a / 3"], COLUMNS)
    assert set(constraints.derived) == {PLACES["c"], PLACES["unit price"]}
    values = rows(
        {"a": 1.26, "b": 2, "c": 77}, {"a": NAN, "b": 1, "c": 5}, {"a": 1, "b": 1, "c": NAN}, {"a": 90, "b": 20}
    )
    made = constraints.complete(values)
    assert made[0, PLACES["c"]] == 3.3
    assert made[0, PLACES["unit price"]] == 0.43
    assert made[1, PLACES["c"]] == 5  # of what is missing nothing is computed
    assert np.isnan(made[2, PLACES["c"]])
    assert constraints.holds(made).all()
    assert values[0, PLACES["c"]] == 77


def test_rows_whose_computed_value_is_out_of_bounds_do_not_hold() -> None:
    constraints = parse_constraints(["b == a * 3"], COLUMNS)
    made = constraints.complete(rows({"a": 30}, {"a": 40}))
    assert made[:, PLACES["b"]].tolist() == [90, 120]
    assert constraints.holds(made).tolist() == [True, False]


@pytest.mark.parametrize(
    ("words", "computed"),
    [
        (["a + b == c"], ["c"]),
        (["c == a + b"], ["c"]),
        (["a + b == 100"], ["b"]),
        (["a == b"], ["a"]),
        (["a == b", "b == a * 1"], ["a"]),
        (["c == a + b", "a == c - b"], ["c"]),
        (["c == a + b", "a == 2 * b"], ["c", "a"]),
        (["2 * a == 3 * b"], []),
        (["a * b == c * c"], []),
        (["a <= b"], []),
    ],
)
def test_no_column_is_computed_twice_or_from_itself(words: list[str], computed: list[str]) -> None:
    constraints = parse_constraints(words, COLUMNS)
    assert {COLUMNS[place].name for place in constraints.derived} == set(computed)
    before: set[int] = set()
    for place, derived in constraints.derived.items():
        assert not (derived.inputs & set(constraints.derived)) - before
        before.add(place)


def test_chains_are_computed_in_order() -> None:
    constraints = parse_constraints(["c == b * 2", "b == a + 1"], COLUMNS)
    made = constraints.complete(rows({"a": 3}))
    assert made[0, PLACES["c"]] == 8
    assert constraints.holds(made).all()


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["a <= d"], "constraint 'a <= d': no column 'd'; "),
        (["unit prise <= a"], "no column 'unit'; did you mean 'unit price'?"),
        (["a <= `unit prise`"], "no column 'unit prise'; did you mean 'unit price'?"),
        (["kind <= a"], "'kind' is of kind category, and this takes numbers"),
        (["id <= a"], "'id' is of kind identifier"),
        (["a <="], "cannot be read; write <=, <, >=, > or =="),
        (["a + b"], "compares nothing"),
        (["a != b"], "cannot be read"),
        (["a <= b ** 2"], "cannot be read"),
        (["a <= b if c else a"], "no column 'if'"),
        (["a <= __import__('os').getpid()"], "no column 'os'"),
        (["a <= True"], "no column 'True'"),
        (["3 <= 4"], "names no column"),
        (["a <= b" + " + b" * 1000], "longer than 2000 characters"),
        (["a <= " + "(" * 500 + "b" + ")" * 500], "cannot be read"),
        (["unique"], "names no column"),
        (["unique nothing"], "no column 'nothing'; did you mean 'note'?"),
        (["unique note"], "'note' is text, the same in every row made"),
        (["a < b", "b < a"], "constraint 'a < b': contradicts 'b < a'"),
        (["a < b", "b <= c", "c <= a"], "contradicts 'b <= c' and 'c <= a'"),
        (["a == b", "b < a"], "contradicts"),
        (["a < a"], "contradicts itself"),
        (["a <= -5"], "no row can keep it; 'a' goes from 0 to 100"),
        (["a + b >= 200.5"], "no row can keep it"),
        (["a * b == -1"], "no row can keep it"),
        (["a + b <= 10", "a >= 8", "b >= 3"], "within the columns' bounds"),
        (["c == a + b", "c >= 150", "a <= 20"], "contradicts"),
        (["a > 100"], "no row can keep it"),
        (["a < 0"], "no row can keep it"),
    ],
)
def test_what_cannot_be_is_told_in_a_line(words: list[str], told: str) -> None:
    with pytest.raises(RequestError) as caught:
        parse_constraints(words, COLUMNS)
    assert told in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "words",
    [
        ["a <= b", "b <= a"],
        ["a <= b", "b <= c", "c <= a"],
        ["a >= 100"],
        ["a <= 0"],
        ["a + b == c", "c >= 100", "a <= 50"],
        ["c == a / 3", "c >= 33.3"],  # 33.333 is written as 33.3
        ["a + 0.1 <= b", "b <= 0.1"],
        ["start < end"],
    ],
)
def test_what_can_be_is_not_refused(words: list[str]) -> None:
    assert parse_constraints(words, COLUMNS).relations


def test_a_column_rounded_to_fewer_decimals_contradicts_nothing() -> None:
    columns = (number("a", 1.4, 1.4, 1), number("b", 1, 1, 0))
    constraints = parse_constraints(["b == a", "b < a"], columns)
    assert constraints.holds(np.array([[1.4, 1.0]])).all()


@given(
    st.lists(st.sampled_from(["a < b", "b < c", "c <= a", "a == b", "a + b <= c", "c <= 3", "a >= 2", "b - a >= 2"]))
)
def test_no_word_is_refused_that_a_row_keeps(words: list[str]) -> None:
    columns = tuple(number(name, 0, 4, 0) for name in "abc")
    every = np.array(np.meshgrid(*[range(5)] * 3)).reshape(3, -1).T.astype(float)
    try:
        constraints = parse_constraints(words, columns)
    except RequestError:
        tests = {
            "a < b": every[:, 0] < every[:, 1],
            "b < c": every[:, 1] < every[:, 2],
            "c <= a": every[:, 2] <= every[:, 0],
            "a == b": every[:, 0] == every[:, 1],
            "a + b <= c": every[:, 0] + every[:, 1] <= every[:, 2],
            "c <= 3": every[:, 2] <= 3,
            "a >= 2": every[:, 0] >= 2,
            "b - a >= 2": every[:, 1] - every[:, 0] >= 2,
        }
        assert not np.logical_and.reduce([tests[word] for word in words]).any()
    else:
        assert constraints.holds(every).shape == (125,)


def test_real_rows_that_break_one_are_told_by_line() -> None:
    values = rows(*({"a": 1, "b": 2} for _ in range(15)), {"a": 3, "b": 2}, {"a": 1, "b": 2}, {"a": 9, "b": 2})
    constraints = parse_constraints(["a >= 0", "a <= b"], COLUMNS)
    with pytest.raises(RequestError, match="constraint 'a <= b': 2 rows break it, the first on line 17"):
        constraints.check(values)
    constraints.check(values[:15])
    with pytest.raises(RequestError, match="constraint 'unique a, kind': 1 row breaks it, on line 4"):
        parse_constraints(["unique a, kind"], COLUMNS).check(rows({"a": 1}, {"a": 1, "kind": 1}, {"a": 1}))


def test_unique_keys_are_seen_over_several_batches() -> None:
    constraints = parse_constraints(["unique a", "unique b, kind"], COLUMNS)
    assert constraints.unique_groups == ((PLACES["a"],), (PLACES["b"], PLACES["kind"]))
    taken: set[bytes] = set()
    first = rows({"a": 1, "b": 1}, {"a": 2, "b": 1, "kind": 1}, {"a": 1.04, "b": 3}, {"a": 4, "b": 1})
    assert constraints.repeats(first, taken).tolist() == [False, False, True, True]
    second = rows(
        {"a": 4, "b": 4},
        {"a": 2, "b": 5},
        {"a": NAN, "b": 6},
        {"a": NAN, "b": 7},
        {"a": -0.0, "b": 3},
        {"a": 0.0, "b": 8},
    )
    assert constraints.repeats(second, taken).tolist() == [False, True, False, False, False, True]


def test_a_key_with_an_identifier_is_unique_by_itself() -> None:
    constraints = parse_constraints(["unique id", "unique a, id"], COLUMNS)
    assert constraints.unique_groups == ()
    assert not constraints.repeats(rows({}, {}), set()).any()
