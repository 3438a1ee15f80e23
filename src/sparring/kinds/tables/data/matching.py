"""Columns and values that a person names, and what a column is in a person's words."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

from sparring.base.errors import RequestError, nearest
from sparring.kinds.tables.data.column import CHOICES, Column


def find_column(name: str, columns: Sequence[Column]) -> int:
    """The place of the column of a name, or of its only spelling without regard to case. Raises RequestError."""
    names = [column.name for column in columns]
    if name in names:
        return names.index(name)
    alike = [place for place, known in enumerate(names) if known.strip().casefold() == name.strip().casefold()]
    if len(alike) == 1:
        return alike[0]
    raise RequestError(f"no column '{name}'; {nearest(name, names)}")


def match_category(given: str, column: Column) -> int:
    """The code of a category: spelled alike, else without regard to padding, else to case. Raises RequestError where
    there is none, or more than one."""
    ways: tuple[Callable[[str], str], ...] = (str, str.strip, lambda text: text.strip().casefold())
    for way in ways:
        found = [code for code, name in enumerate(column.categories) if way(name) == way(given)]
        if len(found) == 1:
            return found[0]
        if found:
            names = " or ".join(f"'{column.categories[code]}'" for code in found)
            raise RequestError(f"'{given}' of '{column.name}' can be {names}; write it as it is in the data")
    near = nearest(given, column.categories)
    if len(near) > 200:
        near = near[:200] + "..."
    raise RequestError(f"'{column.name}' has no value '{given}'; {near}")


def chosen(column: Column) -> bool:
    """Whether a column's values are names: choices, and a constant's only one."""
    return column.kind in CHOICES or column.kind == "constant"


def kind_of(column: Column) -> str:
    names = {
        "integer": "a whole number",
        "float": "a number",
        "category": "a category",
        "ordered": "an ordered category",
        "boolean": "a boolean",
        "datetime": "a date and time",
        "identifier": "an identifier",
        "text": "free text",
        "constant": "constant",
    }
    return names[column.kind]


def range_of(column: Column) -> str:
    """What values a column has, in words."""
    gone = "" if column.missing else ", none missing"
    if chosen(column):
        names = ", ".join(column.categories[:8]) + (", ..." if len(column.categories) > 8 else "")
        return f"'{column.name}' has {names}{gone}"
    if column.kind == "datetime":
        epoch = datetime(1970, 1, 1)
        low, high = (
            (epoch + timedelta(seconds=end)).isoformat(sep=" ").removesuffix(" 00:00:00")
            for end in (column.low, column.high)
        )
        return f"'{column.name}' goes from {low} to {high}{gone}"
    decimals = "" if column.kind == "integer" else f", with {column.decimals} decimals"
    return f"'{column.name}' goes from {column.low:.15g} to {column.high:.15g}{decimals}{gone}"
