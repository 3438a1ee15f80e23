"""What a column of a table was taken for, and a table as numbers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

Kind = Literal["integer", "float", "category", "ordered", "boolean", "datetime", "identifier", "text", "constant"]
KINDS: tuple[Kind, ...] = (
    "integer",
    "float",
    "category",
    "ordered",
    "boolean",
    "datetime",
    "identifier",
    "text",
    "constant",
)
NUMBERS: frozenset[Kind] = frozenset({"integer", "float", "datetime"})
CHOICES: frozenset[Kind] = frozenset({"category", "ordered", "boolean"})
LEARNED = NUMBERS | CHOICES
"""The kinds that networks learn; of the others, identifiers are made anew, text is left empty, constants stay."""


@dataclass(frozen=True)
class Column:
    """One column: what it was taken for, and all it takes to write its values as they were written.

    As numbers (float64, NaN for a missing value) an integer or a float is itself, a date and time is seconds since 1970
    (as if in UTC), a choice is its place in `categories`; identifiers, texts and constants are 0.
    """

    name: str
    kind: Kind
    categories: tuple[str, ...] = ()
    """Of choices, in the order of their codes (an ordered one's own order); a constant's only value."""
    low: float = 0.0
    high: float = 0.0
    """The lowest and the highest number."""
    decimals: int = 0
    """Digits after the point, at most; of a date and time, of its seconds."""
    missing: bool = False
    """Whether some values are missing."""
    writing: Mapping[str, Any] = field(default_factory=dict)
    """How values are spelled, plain JSON values."""

    @property
    def learned(self) -> bool:
        return self.kind in LEARNED

    def to_json(self) -> dict[str, Any]:
        return asdict(self) | {"categories": list(self.categories), "writing": dict(self.writing)}

    @staticmethod
    def from_json(fields: Mapping[str, Any]) -> Column:
        return Column(**(dict(fields) | {"categories": tuple(fields["categories"])}))


@dataclass(frozen=True)
class Sheet:
    """A table as numbers, with what it takes to write it again."""

    columns: tuple[Column, ...]
    values: NDArray[np.float64]
    """[rows, columns], as `Column` says."""
    dialect: Mapping[str, Any] = field(default_factory=dict)
    """How the whole was written (separator, quotes, encoding, ...), plain JSON values."""
    notes: tuple[str, ...] = ()
    """What reading showed, a line for people each."""

    def place(self, name: str) -> int:
        """Where the column of a name is. Raises KeyError where there is none."""
        return {column.name: place for place, column in enumerate(self.columns)}[name]
