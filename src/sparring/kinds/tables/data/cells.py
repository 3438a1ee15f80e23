"""A column as it lies in its source: distinct cells, and which of them each row has."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sparring.base.errors import RequestError
from sparring.kinds.tables.data.column import Column

Place = Callable[[int], str]
"""Where a row is, for people: 'people.csv: line 17'."""


MANY, NEARLY = 10_000, 0.9
"""Of so many rows so large a part that differs from all others makes a column one of different words."""


class Numbering(dict[str, int]):
    """Numbers words in the order they are first met."""

    def codes(self, column: Sequence[str]) -> NDArray[np.int32]:
        """The numbers of a column's words."""
        new = [word for word in dict.fromkeys(column) if word not in self]
        self.update(zip(new, range(len(self), len(self) + len(new)), strict=True))
        return np.fromiter(map(self.__getitem__, column), dtype=np.int32, count=len(column))


class Gathering:
    """A column on its way from a file: its words, numbered, unless nearly every row has another."""

    def __init__(self) -> None:
        self.known = Numbering()
        self.all: list[str] = []
        self.codes: list[NDArray[np.int32]] = []

    def add(self, column: Sequence[str]) -> None:
        """Takes some rows more; the first of them say whether numbering is worth its time."""
        begun = bool(self.codes)
        if self.all or (not begun and len(column) >= MANY and len(set(column)) > NEARLY * len(column)):
            self.codes.append(np.arange(len(self.all), len(self.all) + len(column), dtype=np.int32))
            self.all.extend(column)
        else:
            self.codes.append(self.known.codes(column))

    def cells(self, name: str, place: Place, writing: dict[str, Any]) -> Cells:
        """The whole column."""
        return Cells(name, self.all or list(self.known), np.concatenate(self.codes), place, writing)


@dataclass(frozen=True)
class Cells:
    """A column of texts."""

    name: str
    words: list[str]
    """The cells, exactly as written: each once, or, where nearly every row has another, each row's."""
    codes: NDArray[np.int32]
    """Which word each row has."""
    place: Place
    writing: dict[str, Any] = field(default_factory=dict)
    """What is known of its spelling before its values are looked at."""

    def counts(self) -> NDArray[np.int64]:
        return np.bincount(self.codes, minlength=len(self.words))

    def place_of(self, number: int) -> str:
        """Where a word is first met."""
        return self.place(int(np.argmax(self.codes == number)))


@dataclass(frozen=True)
class Habits:
    """What the whole of a file tells of how its cells are to be read."""

    comma: bool = False
    """Whether a decimal comma is likelier than commas between thousands."""
    missing: frozenset[str] = frozenset()
    """How missing cells are spelled, in lower case and without blanks."""
    values: frozenset[str] = frozenset()
    """Words that are values, though elsewhere they say that there is none; in lower case."""
    classes: bool = False
    """Whether few whole numbers are choices where the column is named like a class."""
    target: str | None = None
    """The column that models are to predict."""


@dataclass(frozen=True)
class Taken:
    """A column, once it is found what it is."""

    column: Column
    values: NDArray[np.float64]
    """[rows], as `Column` says."""
    absent: float = 0.0
    """Share of missing values."""
    remarks: tuple[str, ...] = ()
    """What else to tell of it."""

    def with_writing(self, writing: dict[str, Any]) -> Taken:
        """The same, spelled otherwise."""
        return replace(self, column=replace(self.column, writing=writing))


def misfit(name: str, why: str) -> RequestError:
    """The error for a column that cannot be what it is said to be."""
    return RequestError(f"data.table.kinds.{name}: {why}")


def shown(text: str, most: int = 40) -> str:
    """A cell as a message shows it: in quotes, short, in one line."""
    return repr(text if len(text) <= most else text[: most - 3] + "...")
