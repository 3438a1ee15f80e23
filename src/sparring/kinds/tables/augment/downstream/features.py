"""From a table's rows to what each kind of model takes; fitted on the rows it trains with, and on no other."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sparring.kinds.tables.augment.downstream.task import Task, Values
from sparring.kinds.tables.data.column import CHOICES

MOST_CODES = 250
"""Categories that trees tell apart: they have 255 bins."""
MOST_COLUMNS = 100
"""Categories of a column with a feature of their own."""
QUANTILES = 200
FAR = 8.0
"""Standard deviations beyond which a number counts as this far."""


@dataclass(frozen=True)
class CodeBook:
    """A column's codes by how often they occur; the rarer ones share the last."""

    order: NDArray[np.intp]
    """For each code its place."""
    count: int

    @staticmethod
    def of(codes: Values, categories: int, most: int) -> CodeBook:
        counts = np.bincount(codes[~np.isnan(codes)].astype(int), minlength=max(categories, 1))
        order = np.empty(len(counts), dtype=np.intp)
        order[np.argsort(-counts, kind="stable")] = np.arange(len(counts))
        order[counts == 0] = len(counts)  # never seen: with the rare ones
        return CodeBook(np.minimum(order, most - 1), min(int((counts > 0).sum()) + 1, most))

    def places(self, codes: Values) -> Values:
        """Of each row; not a number where the value is missing."""
        known = np.isnan(codes)
        found = self.order[np.where(known, 0, codes).astype(int)].astype(np.float64)
        return np.where(known, np.nan, np.minimum(found, self.count - 1))


class TreeFeatures:
    """Numbers as they are, categories as codes, missing values as such."""

    def __init__(self, task: Task, values: Values) -> None:
        self.task = task
        self.books = {
            place: CodeBook.of(values[:, place], len(task.columns[place].categories), MOST_CODES)
            for place in task.inputs
            if task.columns[place].kind in CHOICES
        }
        self.categorical = [place in self.books for place in task.inputs]

    def of(self, values: Values) -> Values:
        columns = [
            self.books[place].places(values[:, place]) if place in self.books else values[:, place]
            for place in self.task.inputs
        ]
        return np.stack(columns, 1)


class FlatFeatures:
    """Numbers twice, standardised and by rank as a normal deviate, a mark for what is missing, categories one-hot."""

    def __init__(self, task: Task, values: Values) -> None:
        self.task = task
        self.books: dict[int, CodeBook] = {}
        self.numbers: dict[int, tuple[float, float, Values]] = {}
        self.gaps: set[int] = set()
        for place in task.inputs:
            column = values[:, place]
            there = column[~np.isnan(column)]
            if len(there) < len(column):
                self.gaps.add(place)
            if task.columns[place].kind in CHOICES:
                self.books[place] = CodeBook.of(column, len(task.columns[place].categories), MOST_COLUMNS)
            elif len(there) and there.std():
                edges = np.quantile(there, np.linspace(0, 1, QUANTILES + 1))
                self.numbers[place] = float(there.mean()), float(there.std()), edges

    def of(self, values: Values) -> NDArray[np.float32]:
        found: list[Values] = []
        for place in self.task.inputs:
            column = values[:, place]
            if place in self.gaps:
                found.append(np.isnan(column)[:, None].astype(np.float64))
            if place in self.books:
                book = self.books[place]
                found.append((book.places(column)[:, None] == np.arange(book.count)).astype(np.float64))
            elif place in self.numbers:
                found.append(_scaled(column, *self.numbers[place]))
        if not found:
            return np.zeros((len(values), 1), dtype=np.float32)
        return np.concatenate(found, 1).astype(np.float32)


def _scaled(column: Values, mean: float, deviation: float, edges: Values) -> Values:
    """Standardised, and the normal deviate of the rank; a missing value is in the middle."""
    from scipy.special import ndtri

    levels = np.linspace(0, 1, len(edges))
    # the mean of both ways round: a value that many rows share stands in the middle of its ranks
    rank = (np.interp(column, edges, levels) + 1 - np.interp(-column, -edges[::-1], levels)) / 2
    deviate = ndtri(np.clip(rank, 0.5 / len(edges), 1 - 0.5 / len(edges)))
    standard = np.clip((column - mean) / deviation, -FAR, FAR)
    return np.asarray(np.nan_to_num(np.stack([standard, deviate], 1)))
