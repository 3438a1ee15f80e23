"""From numbers to texts that read like the table's own."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from sparring.kinds.tables.data.column import CHOICES, NUMBERS, Column
from sparring.kinds.tables.data.dates import spell_dates
from sparring.kinds.tables.data.identifiers import fresh_identifiers
from sparring.kinds.tables.data.numerals import rounded, spell_numbers

Keys = Mapping[str, Sequence[str]]
"""New identifiers for each row, by their column."""


def settled(column: Column, values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Values as the column may have them: rounded, within its bounds, places of its categories. Missing ones stay."""
    if column.kind in CHOICES:
        return np.clip(np.rint(values), 0, len(column.categories) - 1)
    if column.kind not in NUMBERS:
        return np.zeros(len(values))
    step = column.writing.get("step", 0) if column.kind == "datetime" else 0
    near = np.rint(values / step) * step if step else rounded(values, column.decimals)
    bounded: NDArray[np.float64] = np.clip(near, column.low, column.high)
    return bounded


def keys_for(columns: Sequence[Column], rows: int, seed: int, taken: Mapping[str, Collection[str]] = {}) -> Keys:
    """New identifiers for rows of a table; `taken` has, by column, some that they must not be."""
    return {
        column.name: fresh_identifiers(column, rows, seed, taken.get(column.name, ()))
        for column in columns
        if column.kind == "identifier"
    }


def spelled(
    columns: Sequence[Column],
    values: NDArray[np.float64],
    *,
    seed: int = 0,
    taken: Mapping[str, Collection[str]] = {},
) -> list[list[str]]:
    """Values [rows, columns] as texts, one list for each column; new identifiers are a function of `seed`."""
    keys = keys_for(columns, len(values), seed, taken)
    return [spell(column, values[:, place], keys) for place, column in enumerate(columns)]


def spell(column: Column, values: NDArray[np.float64], keys: Keys) -> list[str]:
    """A column's values as texts."""
    before, after = column.writing.get("before", ""), column.writing.get("after", "")
    gap = column.writing.get("missing", "")
    if column.kind == "text":
        return [gap] * len(values)
    if column.kind == "identifier":
        return [before + key + after for key in keys[column.name]]
    near = settled(column, values)
    if column.kind in NUMBERS:
        given = ~np.isnan(near)
        texts = _numbers(column, near[given])
        if before or after:
            texts = [before + text + after for text in texts]
        if given.all():
            return texts
        whole = np.full(len(values), gap, dtype=object)
        whole[given] = texts
        return list(whole)
    table = np.array([*(before + word + after for word in column.categories), gap], dtype=object)
    return list(table[np.where(np.isnan(near), len(column.categories), near).astype(np.int64)])


def _numbers(column: Column, values: NDArray[np.float64]) -> list[str]:
    if column.kind == "datetime":
        return spell_dates(values, column.writing)
    return spell_numbers(values, column.writing)
