"""Rows of intervals on one axis: effects against a baseline, scores by arm with their single seeds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sparring.pages.axes import Axis

SIDE = 1000
REACH = 1.5
"""An interval is cut off where it leaves the values by so many times their range; the text beside has all of it."""


@dataclass(frozen=True)
class Row:
    """What a row is to show; without a value it has only words."""

    label: str
    value: float | None
    interval: tuple[float, float] | None
    words: str
    kind: str = ""
    """A class of the style sheet: a verdict, or nothing."""
    singles: Sequence[float] = ()


@dataclass(frozen=True)
class Drawn:
    """A row as paths on a field of 1000 by 100."""

    label: str
    words: str
    kind: str
    bar: str
    dot: str
    singles: str
    cut: tuple[bool, bool]
    """Whether the interval goes on below, and above."""


@dataclass(frozen=True)
class Forest:
    """Everything that the template needs."""

    rows: list[Drawn]
    ticks: list[tuple[float, str]]
    unit: str
    zone: str
    """The area of what counts as equivalent, a path or nothing."""
    origin: float | None
    """Where 0 lies on [0, 1], if it is to be marked."""


def forest(
    rows: Sequence[Row], unit: str, zone: tuple[float, float] | None = None, from_zero: bool = False
) -> Forest | None:
    """The rows on one linear axis, None where none has a value. `from_zero` takes 0 in and marks it."""
    values = [value for row in rows for value in (row.value, *row.singles) if value is not None]
    if not values:
        return None
    if from_zero:
        values += [0.0, *(zone or ())]
    low, high = min(values), max(values)
    room = REACH * ((high - low) or abs(high) or 1.0)
    ends = [min(max(end, low - room), high + room) for row in rows for end in row.interval or ()]
    low, high = min([low, *ends]), max([high, *ends])
    pad = 0.03 * ((high - low) or abs(high) or 1.0)
    axis = Axis(low - pad, high + pad)
    return Forest(
        rows=[_drawn(row, axis) for row in rows],
        ticks=axis.ticks(5),
        unit=unit,
        zone=_area(zone, axis) if zone else "",
        origin=axis.at(0.0) if from_zero else None,
    )


def _drawn(row: Row, axis: Axis) -> Drawn:
    if row.value is None:
        return Drawn(row.label, row.words, row.kind, "", "", _dots(row.singles, axis), (False, False))
    bar, cut = "", (False, False)
    if row.interval is not None:
        low, high = row.interval
        cut = (low < axis.low, high > axis.high)
        bar = f"M{_place(max(low, axis.low), axis)} 50H{_place(min(high, axis.high), axis)}"
    return Drawn(row.label, row.words, row.kind, bar, _dots([row.value], axis), _dots(row.singles, axis), cut)


def _dots(values: Sequence[float], axis: Axis) -> str:
    return "".join(f"M{_place(value, axis)} 50h0" for value in values)


def _area(zone: tuple[float, float], axis: Axis) -> str:
    low, high = (_place(end, axis) for end in zone)
    return f"M{low} 0H{high}V100H{low}Z"


def _place(value: float, axis: Axis) -> str:
    return f"{axis.at(value) * SIDE:.1f}".removesuffix(".0")
