"""Constraints that no row can keep, told before a row is drawn."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from sparring.base.errors import RequestError
from sparring.kinds.tables.data.column import Column
from sparring.kinds.tables.data.expressions import Expression, Linear

Comparison = tuple[str, Expression, str, Expression]
"""As it was written, and what it compares."""
Range = tuple[float, float]

ROUNDS = 50
"""How often bounds are narrowed by each other; two constraints a step apart could go on for long."""
SLACK = 1e-9
"""Of the size of bounds: rounding, which must not make a contradiction."""


def refuse_contradictions(comparisons: Sequence[Comparison], columns: Sequence[Column]) -> None:
    """Raises RequestError where the comparisons cannot hold: because of a column's own bounds, because orders run in a
    circle, or because what some of them leave of a column is too little for another. Not every contradiction of
    several sums is found."""
    ranges = {place: (column.low, column.high) for place, column in enumerate(columns)}
    for word, left, operator, right in comparisons:
        rounding = _rounding(left.columns | right.columns, columns)
        if not _can_hold(left.between(ranges), operator, right.between(ranges), rounding):
            bounds = ", ".join(
                f"'{columns[place].name}' goes from {columns[place].low:.15g} to {columns[place].high:.15g}"
                for place in sorted(left.columns | right.columns)
            )
            raise RequestError(f"constraint '{word}': no row can keep it; {bounds}")
    circle = _circle(comparisons, columns)
    if circle:
        raise RequestError(f"constraint '{circle[0]}': contradicts {_listed(circle[1:])}")
    _narrow(comparisons, columns, ranges)


def _rounding(places: Iterable[int], columns: Sequence[Column]) -> float:
    """By how much the sides of an equality may differ: what is computed is rounded to be written."""
    return max(10.0 ** -columns[place].decimals for place in places)


def _can_hold(left: Range, operator: str, right: Range, rounding: float) -> bool:
    if operator in (">", ">="):
        left, operator, right = right, operator.replace(">", "<"), left
    if operator == "<":
        return left[0] < right[1]
    if operator == "<=":
        return left[0] <= right[1] + _slack(left[0], right[1])
    return max(left[0], right[0]) <= min(left[1], right[1]) + rounding


def _slack(first: float, second: float) -> float:
    size = abs(first) + abs(second)
    return SLACK * size if size < float("inf") else 0.0


def _listed(words: Sequence[str]) -> str:
    return " and ".join(f"'{word}'" for word in dict.fromkeys(words)) or "itself"


def _circle(comparisons: Sequence[Comparison], columns: Sequence[Column]) -> list[str]:
    """The words of orders between single columns that run in a circle with a strict one among them; else none."""
    steps: list[tuple[int, int, bool, str]] = []  # from the lesser to the greater
    for word, left, operator, right in comparisons:
        if left.lone is None or right.lone is None:
            continue
        strict = operator in ("<", ">")
        if operator == "==" and columns[left.lone].decimals != columns[right.lone].decimals:
            continue  # equal but for rounding
        if operator in ("<", "<=", "=="):
            steps.append((left.lone, right.lone, strict, word))
        if operator in (">", ">=", "=="):
            steps.append((right.lone, left.lone, strict, word))
    for lesser, greater, strict, word in steps:
        if strict:
            back = _path(greater, lesser, steps)
            if back is not None:
                return [word, *back]
    return []


def _path(start: int, end: int, steps: Sequence[tuple[int, int, bool, str]]) -> list[str] | None:
    """The words on the way up from one column to another; None where there is none."""
    reached: dict[int, list[str]] = {start: []}
    queue = [start]
    for place in queue:
        for lesser, greater, _, word in steps:
            if lesser == place and greater not in reached:
                reached[greater] = [*reached[place], word]
                queue.append(greater)
    return reached.get(end)


def _narrow(comparisons: Sequence[Comparison], columns: Sequence[Column], ranges: dict[int, Range]) -> None:
    """Narrows each column by what every sum leaves of it, until nothing moves. Raises RequestError where nothing is
    left."""
    sums = [
        (word, one, strict)
        for word, left, operator, right in comparisons
        for one, strict in _below_zero(left, operator, right, _rounding(left.columns | right.columns, columns))
    ]
    reasons: dict[int, list[str]] = {place: [] for place in ranges}
    for _ in range(ROUNDS):
        moved = False
        for word, one, strict in sums:
            lowest = one.constant + sum(_low(weight, ranges[place]) for place, weight in one.weights.items())
            size = abs(one.constant) + sum(abs(weight) * max(map(abs, ranges[p])) for p, weight in one.weights.items())
            if lowest > SLACK * size or (strict and lowest >= 0 and not _fuzzy(one, ranges)):
                others = [reason for place in one.weights for reason in reasons[place] if reason != word]
                raise RequestError(f"constraint '{word}': contradicts {_listed(others)} within the columns' bounds")
            for place, weight in one.weights.items():
                end = ranges[place][0 if weight > 0 else 1] - lowest / weight
                low, high = ranges[place]
                step = SLACK * size / abs(weight) + 10.0 ** -columns[place].decimals / 2
                if weight > 0 and end < high - step:
                    ranges[place] = (low, max(end, low))
                elif weight < 0 and end > low + step:
                    ranges[place] = (min(end, high), high)
                else:
                    continue
                moved = True
                reasons[place].append(word)
        if not moved:
            return


def _below_zero(left: Expression, operator: str, right: Expression, rounding: float) -> Iterator[tuple[Linear, bool]]:
    """A comparison as sums that are to be at most 0, or below it; none where columns are multiplied."""
    first, second = left.linear(), right.linear()
    if first is None or second is None:
        return
    strict = operator in ("<", ">")
    room = Linear(rounding if operator == "==" else 0.0)
    if operator in ("<", "<=", "=="):
        yield first.plus(second, -1.0).plus(room, -1.0), strict
    if operator in (">", ">=", "=="):
        yield second.plus(first, -1.0).plus(room, -1.0), strict


def _low(weight: float, bounds: Range) -> float:
    return weight * bounds[0 if weight > 0 else 1]


def _fuzzy(one: Linear, ranges: dict[int, Range]) -> bool:
    """Whether what a sum comes to is rounded: then an exact 0 means nothing."""
    numbers = [one.constant, *one.weights.values(), *(end for place in one.weights for end in ranges[place])]
    return any(number != round(number) for number in numbers)
