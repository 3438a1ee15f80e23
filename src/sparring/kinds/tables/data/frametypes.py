"""Which pandas types columns have: what pandas itself would read from a file, dates aside."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from math import isfinite
from typing import Any

INTEGERS = re.compile(r"[+-]?(?:0|[1-9][0-9]*)")
FLOATS = re.compile(r"[+-]?(?:(?:0|[1-9][0-9]*)(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
TRUTHS = {"True": True, "TRUE": True, "true": True, "False": False, "FALSE": False, "false": False}
NULLS = frozenset({"", "NA", "N/A", "n/a", "NaN", "nan", "NULL", "null", "None", "<NA>", "#N/A"})
"""Cells that pandas reads as missing."""


def number_type(kind: str, writing: Mapping[str, Any], *, missing: bool) -> str:
    """The type of a column of numbers."""
    return "int64" if kind == "integer" and writing.get("style") == "integer" and not missing else "float64"


def choice_type(words: Sequence[str], missing: bool, *, ordered: bool) -> dict[str, Any]:
    """The type of a column of choices, and their values in it where these are no texts."""
    values: list[Any] | None = None
    dtype = "text"
    if all(word in TRUTHS for word in words):
        values, dtype = [TRUTHS[word] for word in words], "object" if missing else "bool"
    elif all(map(INTEGERS.fullmatch, words)) and max(map(len, words)) < 16:
        values, dtype = list(map(int, words)), "float64" if missing else "int64"
    elif all(map(FLOATS.fullmatch, words)) and all(isfinite(float(word)) for word in words):
        values, dtype = list(map(float, words)), "float64"
    if ordered:
        dtype = "category"
    return {"dtype": dtype} | ({} if values is None else {"values": values})
