"""A table's columns, as metrics see them: what each row's numbers stand for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sparring.kinds.tables.data.column import CHOICES, Column, Kind


@dataclass(frozen=True)
class ColumnView:
    """A column of numbers (integers, floats, dates in seconds since 1970) or of choices, written as their codes."""

    name: str
    kind: Kind
    categories: int = 0
    """How many there are to choose from."""
    low: float = 0.0
    high: float = 0.0
    labels: tuple[str, ...] = ()
    """The choices as they were written, by code; nothing where they need not be shown."""

    @property
    def is_choice(self) -> bool:
        return self.kind in CHOICES

    @property
    def is_unordered(self) -> bool:
        """Whether codes that are close say nothing."""
        return self.is_choice and self.kind != "ordered"


@dataclass(frozen=True)
class TableView:
    """What the rows of `Features.samples` are: float64 [n, columns], NaN where a value is missing."""

    columns: tuple[ColumnView, ...]
    target: int | None = None
    """Which column models are to predict."""

    @staticmethod
    def of(columns: Sequence[Column], target: str | None = None) -> TableView:
        """The columns that networks learn, in their order: identifiers, texts and constants are not among them. A
        target that is not is a KeyError."""
        learned = [column for column in columns if column.learned]
        views = tuple(
            ColumnView(one.name, one.kind, len(one.categories), one.low, one.high, one.categories) for one in learned
        )
        places = {column.name: place for place, column in enumerate(learned)}
        return TableView(views, None if target is None else places[target])
