"""Numbers as people read them, and recipes in brief."""

from __future__ import annotations

from typing import Any

import pytest

from sparring.pages.recipes import in_brief, recipe_differences
from sparring.pages.wording import duration, exact, flat, interval, is_number, megabytes, number, one_of, plain


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "0"),
        (-0.0, "0"),
        (0.427731, "0.4277"),
        (1.0, "1"),
        (999.96, "1,000"),
        (12345.6, "12,346"),
        (0.0000232, "2.32e−5"),
        (-0.00156, "−0.00156"),
        (1e-3, "0.001"),
        (3e9, "3e9"),
        (180, "180"),
    ],
)
def test_number(value: float, text: str) -> None:
    assert number(value) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.0, "0 s"),
        (7.058, "7.06 s"),
        (59.4, "59.4 s"),
        (60, "1 min 0 s"),
        (3599.7, "1 h 0 min"),
        (1e6, "277 h 46 min"),
    ],
)
def test_duration(seconds: float, text: str) -> None:
    assert duration(seconds) == text


def test_small_words() -> None:
    assert megabytes(441.8) == "442 MB"
    assert megabytes(20480) == "20.0 GB"
    assert interval([1, 2.5]) == "1 to 2.5"
    assert interval([1, float("nan")]) == interval(None) == interval([1]) == ""
    assert [is_number(value) for value in (1, 1.5, True, None, "1", float("nan"), 10**400)] == [True, True] + [
        False
    ] * 5


def test_plain_and_exact() -> None:
    value: dict[str, Any] = {"a": None, "b": [True, 0.123456], "c": {"d": "x"}}
    assert plain(value) == "{a: none, b: [yes, 0.1235], c: {d: x}}"
    assert exact(value) == "{a: none, b: [yes, 0.123456], c: {d: x}}"
    assert flat({"a": {"b": 1, "c": {}}, "d": [1]}) == {"a.b": 1, "a.c": {}, "d": [1]}


def test_recipe_in_brief() -> None:
    text = """
objective: {hinge: {margin: 1}}
generator: {net: resnet}
discriminator: {net: {dense: {}}, surgery: {dropout: {rate: {adaptive: {most: 0.5}}}, spectral_norm: {}}}
augment: {ada: {}}
batch: 64
"""
    assert in_brief(text) == [
        ("Objective", "hinge"),
        ("Generator", "resnet"),
        ("Discriminator", "dense, dropout (rate adaptive), spectral_norm"),
        ("Augmentation", "ada"),
        ("Batch", "64"),
    ]


@pytest.mark.parametrize("text", ["", "- 1", "a: [", "objective: 3\ngenerator: 4\naugment: [1]", "a: 2001-99-99"])
def test_no_text_is_too_odd(text: str) -> None:
    assert isinstance(in_brief(text), list)
    assert isinstance(recipe_differences([text, "b: 1"]), list)


def test_differences_of_recipes() -> None:
    found = recipe_differences(
        ["a: {b: 1, c: {}}\nlr: 2e-4", "a: {b: 1, c: {d: 5}}\nlr: 0.0002\ne: null", "a: {b: 2}\nlr: 2e-4"]
    )
    assert [(one.key, one.values) for one in found] == [
        ("a.b", ["1", "1", "2"]),
        ("a.c.d", ["–", "5", "–"]),
        ("e", ["–", "none", "–"]),
    ]


@pytest.mark.parametrize(("unit", "one"), [("images", "image"), ("rows", "row"), ("melodies", "melody")])
def test_one_of_several(unit: str, one: str) -> None:
    assert one_of(unit) == one
