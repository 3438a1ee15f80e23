"""What readers of words and texts hold for any input: an answer within their promise, or a RequestError in one line."""

from __future__ import annotations

import math
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sparring.base import reading
from sparring.base.errors import RequestError
from sparring.base.numbers import LARGEST_WHOLE, exact, real, whole
from sparring.base.paths import given_path
from sparring.base.words import read_yaml
from sparring.engine.budget import amount
from sparring.gan.trained import Trained
from sparring.kinds.tables.data.column import Column
from sparring.kinds.tables.data.conditions import parse_conditions
from sparring.kinds.tables.data.expressions import comparisons
from sparring.kinds.tables.data.reading import read_sheet
from sparring.kinds.zoo import names, read_recipe
from sparring.recipe import override, validated
from sparring.runs.planning import parse_budget

few = settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
"""Of each; all of the deep search is in `guided.py`."""

WORDS = st.one_of(
    st.text(max_size=40),
    st.from_regex(r"[-+]?[0-9_.eE]{1,12}", fullmatch=True),
    st.sampled_from(
        ["²", "٣", "0x_", "1e400", "-0", "1_0", "9" * 30, "!!int x", "[" * 80, "&a [*a]", "~", "2024-13-45"]
    ),
)
PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=8,
)
COLUMNS = (
    Column("age", "integer", low=17.0, high=90.0),
    Column("sex", "category", categories=("F", "M")),
    Column("seen", "datetime", low=0.0, high=2e9),
    Column("hours", "float", low=0.5, high=99.5, decimals=1),
)


def answered(read: Callable[[], Any]) -> Any:
    """What a reader gives; None where it refuses, which is to take one line."""
    told = "nothing"
    try:
        return read()
    except RequestError as error:
        told = str(error)
    assert 0 < len(told.strip()) < 3000
    return None


@few
@given(WORDS)
def test_numbers_are_ascii_and_finite(word: str) -> None:
    number, exactly, count = real(word), exact(word), whole(word)
    assert number is None or math.isfinite(number)
    assert (number is None) == (exactly is None)
    assert count is None or abs(count) <= LARGEST_WHOLE
    assert word.isascii() or number is count is None
    found = amount(word)
    assert found is None or 0 <= found < 10**31
    told = answered(lambda: parse_budget(word))
    assert told is None or 0 < told[0] < 1e24


def plain(value: Any, depth: int = 0) -> bool:
    """Whether a value is of the types that a recipe has, and finite."""
    assert depth <= 64
    if isinstance(value, dict):
        return all(plain(part, depth + 1) for pair in value.items() for part in pair)
    if isinstance(value, list):
        return all(plain(part, depth + 1) for part in value)
    if isinstance(value, int) and not isinstance(value, bool):
        return abs(value) <= LARGEST_WHOLE
    return value is None or isinstance(value, bool | str) or (isinstance(value, float) and math.isfinite(value))


@few
@given(
    st.one_of(
        WORDS, st.text(alphabet="[]{}:,-&*a!|>'\"#%? \n\t0123", max_size=60), PLAIN.map(lambda one: yaml.safe_dump(one))
    )
)
def test_yaml_is_plain_values_or_refused(text: str) -> None:
    assert plain(answered(lambda: read_yaml(text, "key")))


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("!!float word", "is no number"), ("0b_", "is no whole number"), ("-9223372036854775809", "beyond 64 bits"), ("-1e999", "no finite number"),
        ("!!timestamp 2024-01-01", "no kind of value"), ("{a: " * 65 + "1" + "}" * 65, "nested deeper than 64"), ("? {a: b}\n: c", "a key is"), ("&x {y: [*x]}", "holds itself"),
        ('"\\udfff"', "lone surrogate"), ("- 1\n" * 1_001, "more than 1,000 values"), ("x" * 500_001, "500,001 characters"),
        ("\n".join(f"a{k}: &a{k} [{', '.join([f'*a{k - 1}'] * 9) if k else 'x'}]" for k in range(5)), "more than 1,000 values"),
    ],
)  # fmt: skip
def test_yaml_has_bounds(text: str, told: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "MOST_VALUES", 1000)
    with pytest.raises(RequestError, match=told):
        read_yaml(text, "key")


def test_dates_stay_words() -> None:
    assert read_yaml("[2024-02-30, 2024-01-01T00:00:00Z, on]", "key") == ["2024-02-30", "2024-01-01T00:00:00Z", "on"]


KEYS = st.sampled_from(["steps", "seed", "batch", "objective", "game", "data", "generator.net", "generator.surgery", "augment", "ema",
                        "discriminator.terms", "generator.optimiser.adam.betas", "score.metrics", "generator.net.dense.widths", "name"])  # fmt: skip


@few
@given(st.sampled_from(names()), KEYS, PLAIN)
def test_a_recipe_is_read_or_refused(recipe: str, key: str, value: Any) -> None:
    fields = read_recipe(recipe)
    fields.setdefault("data", {"digits": {}})
    *above, last = key.split(".")
    inside = fields
    for name in above:
        found = inside.get(name)
        inside[name] = inside = dict(found) if isinstance(found, dict) else {}
    inside[last] = value
    answered(lambda: validated(fields))


@few
@given(KEYS, st.text(max_size=12), WORDS)
def test_an_override_is_taken_or_refused(key: str, more: str, value: str) -> None:
    answered(lambda: validated(override(read_recipe("digits"), [f"{key}{more}={value}"])))


NAMES = st.sampled_from(["age", "sex", "seen", "hours", "nosuch", "Age"])
SIGNS = st.sampled_from(
    ["=", "==", "!=", ">", ">=", "<", "<=", " in ", " not in ", " is missing", " is not missing", ""]
)
VALUES = st.one_of(
    WORDS,
    st.floats().map(str),
    st.integers().map(str),
    st.sampled_from(["M", "F", "M,F", "'M'", "2020-01-01", "2020-99-99", "1e99999", "-inf"]),
)


@few
@given(st.lists(st.one_of(st.text(max_size=30), st.tuples(NAMES, SIGNS, VALUES).map("".join)), max_size=3))
def test_conditions_hold_for_some_rows_or_are_refused(words: list[str]) -> None:
    found = answered(lambda: parse_conditions(words, COLUMNS))
    if found is not None:
        rows = np.array([[30.0, 1.0, 1e9, 40.0], [np.nan, np.nan, np.nan, np.nan]])
        assert found.holds(rows).shape == (2,)
        assert all(not math.isnan(end) for one in found.allowed.values() for pair in one.stretches for end in pair)


TERMS = st.recursive(
    st.sampled_from(["age", "hours", "sex", "1", "0", "2.5", "1e300", "1e999", "-1", "²", "x"]),
    lambda inner: (
        st.tuples(inner, st.sampled_from(["+", "-", "*", "/", "**", "%"]), inner).map("".join)
        | inner.map(lambda one: f"({one})")
        | inner.map(lambda one: f"-{one}")
    ),
    max_leaves=12,
)


@few
@given(
    st.one_of(
        st.text(max_size=40), st.tuples(TERMS, st.sampled_from(["<=", "<", "=", ">", "!=", "<=1<"]), TERMS).map("".join)
    )
)
def test_expressions_compute_or_are_refused(text: str) -> None:
    found = answered(lambda: comparisons(text, COLUMNS))
    for left, _, right in found or []:
        for side in (left, right):
            assert not np.isnan(side.value(np.array([[30.0, 1.0, 1e9, 0.0]]))).any()
            side.linear()
            side.between(dict.fromkeys(side.columns, (0.0, 1.0)))


@settings(parent=few, max_examples=30)
@given(
    st.one_of(
        st.binary(max_size=300),
        st.lists(st.lists(WORDS, min_size=1, max_size=4), max_size=12).map(
            lambda rows: "\n".join(map(",".join, rows)).encode(errors="replace")
        ),
    )
)
def test_a_table_is_read_or_refused(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    path = tmp_path_factory.getbasetemp() / "table.csv"
    path.write_bytes(content)
    found = answered(lambda: read_sheet(path))
    assert found is None or found.values.shape[1] == len(found.columns)


@few
@given(st.one_of(st.text(max_size=60), st.sampled_from(["~nosuchuser/x", "a" * 5000, "\udcff", "\0", "/dev/zero", ""])))
def test_a_path_is_looked_up_or_refused(text: str) -> None:
    found = answered(lambda: given_path(text, "data"))
    assert found is None or found.is_file() or found.is_dir() or not found.exists()


@pytest.mark.parametrize("label", ["①", "١", "-1", "2", "1_0", "0x1", " 1", "9" * 30])
def test_a_label_is_a_name_or_its_number(label: str) -> None:
    named = cast(Trained, SimpleNamespace(label_names=["cat", "dog"]))
    assert Trained.label_number(named, "1") == 1
    with pytest.raises(RequestError, match="label: .* is not known"):
        Trained.label_number(named, label)
