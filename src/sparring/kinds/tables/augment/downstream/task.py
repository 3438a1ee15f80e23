"""What is to be predicted of a table, from what, and which rows are held out."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sparring.base.errors import RequestError
from sparring.kinds.augmenting import splitting
from sparring.kinds.augmenting.splitting import Places
from sparring.kinds.tables.data.column import CHOICES, Column, Sheet
from sparring.kinds.tables.data.matching import find_column

Values = NDArray[np.float64]


@dataclass(frozen=True)
class Task:
    """One column to predict from the others."""

    columns: tuple[Column, ...]
    target: int
    inputs: tuple[int, ...]
    """Places of the columns that networks learn, without the target; the others say nothing of a new row."""
    classes: tuple[int, ...] = ()
    """Codes of the target that occur; none for numbers."""
    positive: int = 0
    """Of two classes the rarer one's place in `classes`."""

    @property
    def classifies(self) -> bool:
        return bool(self.classes)

    def truth(self, values: Values) -> Values:
        """The target of rows: places in `classes`, or numbers."""
        column = values[:, self.target]
        return np.searchsorted(self.classes, column).astype(np.float64) if self.classes else column


def task_of(sheet: Sheet, target: int | str) -> Task:
    """The task to predict a column. Raises RequestError where it is not there, says nothing, or nothing is left to
    predict it from."""
    try:
        place = find_column(target, sheet.columns) if isinstance(target, str) else target
    except RequestError as error:
        raise RequestError(f"target: {error}") from None
    column = sheet.columns[place]
    if not column.learned:
        raise RequestError(f"target: '{column.name}' is of kind {column.kind}; nothing can be learned to predict it")
    inputs = tuple(other for other, one in enumerate(sheet.columns) if one.learned and other != place)
    if not inputs:
        raise RequestError(f"target: no column but '{column.name}' is there to predict it from")
    there = sheet.values[:, place]
    found, counts = np.unique(there[~np.isnan(there)], return_counts=True)
    if column.kind not in CHOICES:
        if len(found) < 2:
            raise RequestError(f"target: '{column.name}' has one value only; there is nothing to predict")
        return Task(sheet.columns, place, inputs)
    names = [f"'{column.categories[int(code)]}'" for code in found]
    if len(found) < 2:
        only = f"one class, {names[0]}" if names else "no class"
        raise RequestError(f"target: '{column.name}' has {only}; a classifier takes two")
    if (counts > 1).sum() < 2:
        rare = ", ".join(name for name, count in zip(names, counts, strict=True) if count < 2)
        raise RequestError(f"target: '{column.name}' has one row each of {rare}; two classes need two rows or more")
    return Task(sheet.columns, place, inputs, tuple(int(code) for code in found), int(np.argmin(counts)))


def with_target(values: Values, task: Task) -> Values:
    """The rows whose target is not missing and, of classes, one that occurs."""
    column = values[:, task.target]
    return values[np.isin(column, task.classes) if task.classifies else np.isfinite(column)]


def splits(
    values: Values, task: Task, seeds: int, held_out: float, rows: int | None
) -> tuple[list[tuple[Places, Places]], float]:
    """For each seed the places of training and of held-out rows, each class in its proportion (`splitting.splits`)."""
    labels = task.truth(values) if task.classifies else np.zeros(len(values))
    return splitting.splits(labels, seeds, held_out, rows, of="rows with a target")
