"""Another table's rows in terms of a known table's columns."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from sparring.base.errors import RequestError, nearest
from sparring.kinds.tables.data.column import CHOICES, Column, Sheet


def aligned(sheet: Sheet, columns: Sequence[Column], name: str) -> NDArray[np.float64]:
    """The values of a sheet, [rows, columns], as the columns of another count them; what is not learned is 0.

    Raises RequestError where a column is not there, or shows a choice that the other's never did."""
    there = [column.name for column in sheet.columns]
    values = np.zeros((len(sheet.values), len(columns)))
    for place, column in enumerate(columns):
        if not column.learned:
            continue
        if column.name not in there:
            raise RequestError(f"data: {name} has no column '{column.name}'; {nearest(column.name, there)}")
        own = sheet.columns[there.index(column.name)]
        values[:, place] = sheet.values[:, there.index(column.name)]
        if column.kind in CHOICES:
            values[:, place] = _recoded(values[:, place], own, column, name)
        if np.isnan(values[:, place]).any() and not column.missing:
            raise RequestError(f"data: {name}: '{column.name}' has missing values, which the run has never seen")
    return values


def _recoded(codes: NDArray[np.float64], own: Column, wanted: Column, name: str) -> NDArray[np.float64]:
    """Codes of a column's categories as another column counts them."""
    known = {category: float(code) for code, category in enumerate(wanted.categories)}
    table = np.array([*(known.get(category, -1.0) for category in own.categories), np.nan])
    found = table[np.where(np.isnan(codes), len(own.categories), codes).astype(np.int64)]
    if (found == -1).any():
        word = own.categories[int(codes[np.flatnonzero(found == -1)[0]])]
        raise RequestError(f"data: {name}: '{wanted.name}' shows '{word}'; {nearest(word, wanted.categories)}")
    return found
