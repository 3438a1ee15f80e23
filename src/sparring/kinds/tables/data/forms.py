"""The form of a table's codec in a checkpoint, which may be damaged, or have come from somebody else."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal, NotRequired

import numpy as np
from pydantic import ConfigDict, Field, with_config
from typing_extensions import TypedDict

from sparring.base.checking import checked
from sparring.base.forms import Finite, Whole
from sparring.kinds.tables.data.coding import Choice, Code
from sparring.kinds.tables.data.column import CHOICES, Column, Kind
from sparring.kinds.tables.data.spelling import spelled

LOOSE = ConfigDict(extra="allow", strict=True)
EXACT = ConfigDict(extra="forbid", strict=True)
Digits = Annotated[int, Field(strict=True, ge=0, le=400)]
Short = Annotated[str, Field(max_length=10_000)]


@with_config(LOOSE)
class KeyForm(TypedDict):
    """How identifiers are made."""

    form: Literal["count", "code", "uuid", "mail", "hash"]
    before: NotRequired[Short]
    after: NotRequired[Short]
    width: NotRequired[Digits]
    length: NotRequired[Annotated[int, Field(ge=1, le=10_000)]]
    template: NotRequired[Annotated[list[Short], Field(min_length=1)]]


@with_config(LOOSE)
class WritingForm(TypedDict):
    """How values of a column are spelled."""

    dtype: Short
    then: NotRequired[Short]
    header: NotRequired[Short]
    missing: NotRequired[Short]
    before: NotRequired[Short]
    after: NotRequired[Short]
    mark: NotRequired[Short]
    between: NotRequired[Short]
    zone: NotRequired[Short]
    half: NotRequired[Annotated[Short, Field(min_length=2)]]
    width: NotRequired[Digits]
    shown: NotRequired[Digits]
    fraction: NotRequired[Digits]
    parts: NotRequired[Annotated[int, Field(ge=0, le=6)]]
    step: NotRequired[Whole]
    values: NotRequired[list[str | bool | int | float | None]]
    levels: NotRequired[list[str | bool | int | float | None]]
    key: NotRequired[KeyForm]


@with_config(EXACT)
class ColumnForm(TypedDict):
    """A column."""

    name: str
    kind: Kind
    categories: list[str]
    low: Finite
    high: Finite
    decimals: Annotated[int, Field(ge=-400, le=400)]
    missing: bool
    writing: WritingForm


@with_config(EXACT)
class ChoiceForm(TypedDict):
    """How networks see a choice."""

    count: Annotated[int, Field(ge=0, le=10**9)]
    missing: bool


@with_config(EXACT)
class NumberForm(TypedDict):
    """How networks see a number."""

    spikes: list[Finite]
    missing: bool
    means: list[Finite]
    deviations: list[Annotated[Finite, Field(gt=0)]]
    weights: list[Annotated[Finite, Field(ge=0)]]
    knots: list[Finite]


@with_config(EXACT)
class CodeForm(TypedDict, total=False):
    """One of the two."""

    choice: ChoiceForm
    number: NumberForm


@with_config(LOOSE)
class DialectForm(TypedDict, total=False):
    """How the whole was written."""

    ending: Short
    separator: Annotated[str, Field(min_length=1, max_length=1)]
    encoding: Short
    line_end: Annotated[str, Field(min_length=1, max_length=2)]
    schema: str


@with_config(EXACT)
class TableForm(TypedDict):
    """A table's codec."""

    kind: str
    columns: list[ColumnForm]
    codes: list[Annotated[CodeForm, Field(min_length=1, max_length=1)]]
    views: list[list[Finite]]
    dialect: DialectForm
    target: Whole | None


def check_form(fields: Mapping[str, Any]) -> None:
    """Raises ValueError where fields are not those of a table's codec."""
    checked(dict(fields), TableForm)


def check_codec(
    columns: Sequence[Column],
    codes: Sequence[Code],
    views: Sequence[Sequence[float]],
    dialect: Mapping[str, Any],
    target: int | None,
) -> None:
    """Raises ValueError where the parts of a codec do not go together, or a row cannot be spelled."""
    learned = [column for column in columns if column.learned]
    if not len(learned) == len(codes) == len(views):
        raise ValueError(f"{len(learned)} columns that are learned, {len(codes)} codes and {len(views)} views")
    if target is not None and target >= len(columns):
        raise ValueError(f"target: {target} of {len(columns)} columns")
    if len({column.name for column in columns}) < len(columns):
        raise ValueError("two columns of one name")
    for column, code in zip(learned, codes, strict=True):
        if isinstance(code, Choice) != (column.kind in CHOICES):
            raise ValueError(f"column '{column.name}' is a {column.kind}, and its code is not of one")
        if isinstance(code, Choice) and code.count != len(column.categories):
            raise ValueError(f"column '{column.name}' has {len(column.categories)} choices, and its code {code.count}")
        if not isinstance(code, Choice) and not len(code.means) == len(code.deviations) == len(code.weights):
            raise ValueError(f"column '{column.name}': means, deviations and weights are not as many")
        if column.low > column.high:
            raise ValueError(f"column '{column.name}': its lowest value is above its highest")
    try:
        row = spelled(columns, np.array([[column.low for column in columns]]))
        "".join(texts[0] for texts in row).encode(dialect.get("encoding", "utf-8"), "replace")
    except (LookupError, TypeError, ValueError, ArithmeticError, AttributeError) as error:
        told = f"no {error}" if isinstance(error, KeyError) else error
        raise ValueError(f"a row cannot be written ({told})") from None
