"""What each column was taken for, in a line for people."""

from __future__ import annotations

import shlex
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from sparring.kinds.tables.data.cells import Taken, shown
from sparring.kinds.tables.data.classes import FEW
from sparring.kinds.tables.data.column import CHOICES, NUMBERS, Column
from sparring.kinds.tables.data.spelling import spell

MANY = 40
"""Columns beyond which they share lines."""
FEW_LEVELS = 6


def about_columns(taken: Sequence[Taken]) -> list[str]:
    """A line for each column; of many, one for each kind, and lines for what needs a person's eye."""
    if len(taken) <= MANY:
        return [f"{one.column.name}: {about(one)}" for one in taken]
    lines = []
    kinds = dict.fromkeys(one.column.kind for one in taken)
    for kind in kinds:
        names = [one.column.name for one in taken if one.column.kind == kind]
        some = ", ".join(names[:8]) + (f" and {len(names) - 8} more" if len(names) > 8 else "")
        lines.append(f"{kind}{_fate(kind)}: {len(names)} columns ({some})")
    gaps = [one for one in taken if one.absent]
    if gaps:
        most = max(gaps, key=lambda one: one.absent)
        lines.append(f"missing values: in {len(gaps)} columns, most in {most.column.name} ({_percent(most.absent)})")
    return lines + [f"{one.column.name}: {'; '.join(one.remarks)}" for one in taken if one.remarks]


def about(taken: Taken) -> str:
    """What a column is, but for its name."""
    column = taken.column
    parts = [_nature(column)]
    if taken.absent:
        gap = column.writing.get("missing", "").strip()
        parts.append(f"{_percent(taken.absent)} missing ({repr(gap) if gap else 'empty'})")
    blanks = {key: column.writing[key] for key in ("before", "after") if key in column.writing}
    for key, text in blanks.items():
        where = "leading" if key == "before" else "trailing"
        count = "a" if len(text) == 1 else str(len(text))
        parts.append(f"written with {count} {where} blank{'s' * (len(text) > 1)}")
    return ", ".join(parts) + "".join(f"; {remark}" for remark in taken.remarks)


def about_target(column: Column, values: NDArray[np.float64]) -> str:
    """What is predicted, in a line; of few numbers, how they become classes."""
    if column.kind in CHOICES:
        return f"target: {column.name}, one of {len(column.categories):,} classes"
    few = len(np.unique(values[~np.isnan(values)]))
    kind = "a date and time" if column.kind == "datetime" else "a number"
    otherwise = f" of {few} values; {as_choice(column.name)} makes it classes" if few <= FEW else ""
    return f"target: {column.name}, {kind}{otherwise}"


def as_choice(name: str) -> str:
    """The override that makes a column a choice, as it is written on the command line."""
    return shlex.quote(f"{name}=category")


def _nature(column: Column) -> str:
    if column.kind in NUMBERS:
        low, high = (text.strip() for text in spell(column, np.array([column.low, column.high]), {}))
        name = {"integer": "integer", "datetime": "date and time"}.get(column.kind, f"float, {_decimals(column)}")
        if column.kind == "datetime" and "between" not in column.writing:
            name = "date"
        return f"{name}, {low} to {high}"
    if column.kind == "boolean":
        return f"boolean, {' and '.join(map(_short, column.categories))}"
    if column.kind == "ordered" and len(column.categories) <= FEW_LEVELS:
        return f"ordered, {' < '.join(map(_short, column.categories))}"
    if column.kind in ("category", "ordered"):
        count = len(column.categories)
        return f"{column.kind}, {count:,} value{'s' * (count > 1)}"
    if column.kind == "constant":
        return f"constant, {shown(column.categories[0])}"
    return ("identifier" if column.kind == "identifier" else "free text") + _fate(column.kind)


def _decimals(column: Column) -> str:
    if column.decimals > 15:
        return "all digits"
    return f"{column.decimals} decimal{'s' * (column.decimals != 1)}"


def _fate(kind: str) -> str:
    return {"identifier": " (made anew in samples)", "text": " (left empty in samples)"}.get(kind, "")


def _short(word: str) -> str:
    return shown(word, 20)[1:-1]


def _percent(share: float) -> str:
    return f"{share:.1%}".replace("%", " %") if share >= 0.0005 else "under 0.1 %"
