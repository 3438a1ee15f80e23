"""What every row of a table is to keep: comparisons between columns, columns computed from others, unique keys."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from sparring.base.errors import RequestError
from sparring.kinds.tables.data.column import LEARNED, NUMBERS, Column
from sparring.kinds.tables.data.contradictions import refuse_contradictions
from sparring.kinds.tables.data.expressions import EPSILON, Expression, Linear, comparisons
from sparring.kinds.tables.data.matching import find_column

Values = NDArray[np.float64]
Mask = NDArray[np.bool_]

HALF = 0.5 * (1 + 1e-6)
"""Of the last decimal: by so much a number changes when it is rounded to be written, whichever way a half goes."""

_UNIQUE = re.compile(r"unique\b\s*(.*)", re.DOTALL | re.IGNORECASE)


@dataclass(frozen=True)
class Relation:
    """One comparison of two expressions."""

    word: str
    """As it was written."""
    left: Expression
    operator: str
    right: Expression
    unit: float = 0.0
    """Of an equality, the last decimal of what it computes, or the finest of its columns'."""

    @property
    def columns(self) -> frozenset[int]:
        return self.left.columns | self.right.columns

    def holds(self, values: Values) -> Mask:
        """Of each row, of values rounded to their decimals; a missing value makes it hold."""
        left, right = self.left.value(values), self.right.value(values)
        slack = np.zeros(len(values))
        if not (self.left.plain and self.right.plain):
            slack = np.nan_to_num(EPSILON * (self.left.size(values) + self.right.size(values)), posinf=0.0)
        with np.errstate(invalid="ignore"):
            held = {
                "<=": left <= right + slack,
                "<": left < right - slack,
                ">=": left >= right - slack,
                ">": left > right + slack,
                "==": np.abs(left - right) <= HALF * self.unit + slack,
            }[self.operator]
        return held | np.isnan(values[:, sorted(self.columns)]).any(1)


@dataclass(frozen=True)
class Derived:
    """A column that an equality computes from others."""

    relation: Relation
    target: int
    source: Expression | None
    """The other side, where the column stands alone; else the equality is solved for it."""
    sums: Linear | None = None

    @property
    def inputs(self) -> frozenset[int]:
        return self.relation.columns - {self.target}

    def value(self, values: Values) -> Values:
        if self.source is not None:
            return self.source.value(values)
        assert self.sums is not None
        found = np.full(len(values), self.sums.constant)
        for place, weight in self.sums.weights.items():
            found = found + weight * values[:, place]
        return found


@dataclass(frozen=True)
class Constraints:
    """What every row is to keep."""

    columns: tuple[Column, ...]
    words: tuple[str, ...] = ()
    relations: tuple[Relation, ...] = ()
    unique_groups: tuple[tuple[int, ...], ...] = ()
    """Places of the columns that together are to be different in every row."""
    derived: dict[int, Derived] = field(default_factory=dict)
    """By the place of the column that is computed, each after those it is computed from."""

    def complete(self, values: Values) -> Values:
        """Rows [n, columns] with the derived columns computed and rounded to their decimals. Where a value that goes
        into one is missing, or its own is, it stays as it was."""
        values = self._rounded(values)
        for place, derived in self.derived.items():
            found = np.round(derived.value(values), self.columns[place].decimals) + 0.0
            values[:, place] = np.where(np.isnan(found) | np.isnan(values[:, place]), values[:, place], found)
        return values

    def holds(self, values: Values) -> Mask:
        """Which rows keep all comparisons, with derived columns within their bounds. A missing value makes a comparison
        hold. Unique keys are not looked at: `repeats` does."""
        values = self._rounded(values)
        held = np.ones(len(values), dtype=bool)
        for relation in self.relations:
            held &= relation.holds(values)
        for place in self.derived:
            column = self.columns[place]
            with np.errstate(invalid="ignore"):
                held &= ~((values[:, place] < column.low) | (values[:, place] > column.high))
        return held

    def repeats(self, values: Values, taken: set[bytes]) -> Mask:
        """Which rows have a unique key that is in `taken` or in a row before; the keys of the others are put there. A
        key with a missing value repeats none."""
        repeated = np.zeros(len(values), dtype=bool)
        if not self.unique_groups:
            return repeated
        values = self._rounded(values)
        keys = [_keys(number, values[:, group]) for number, group in enumerate(self.unique_groups)]
        for row, of_row in enumerate(zip(*keys, strict=True)):
            known = [key for key in of_row if key]
            if any(key in taken for key in known):
                repeated[row] = True
            else:
                taken.update(known)
        return repeated

    def check(self, values: Values, first_line: int = 2) -> None:
        """Raises RequestError where rows of the data break a constraint, with how many and the first one's line."""
        rounded = self._rounded(values)
        for relation in self.relations:
            _refuse(relation.word, ~relation.holds(rounded), first_line)
        for group in self.unique_groups:
            alone = Constraints(self.columns, unique_groups=(group,))
            names = ", ".join(self.columns[place].name for place in group)
            _refuse(f"unique {names}", alone.repeats(rounded, set()), first_line)

    def _rounded(self, values: Values) -> Values:
        """A copy with numbers as they will be written."""
        values = np.array(values, dtype=np.float64)
        for place in {place for relation in self.relations for place in relation.columns} | {
            place for group in self.unique_groups for place in group
        }:
            if self.columns[place].kind in NUMBERS:
                values[:, place] = np.round(values[:, place], self.columns[place].decimals) + 0.0
        return values


def parse_constraints(words: Sequence[str], columns: Sequence[Column]) -> Constraints:
    """The constraints that words say of columns. Raises RequestError where a word cannot be read, names what is not
    there, or contradicts the columns' bounds or the other words."""
    relations: list[Relation] = []
    groups: list[tuple[int, ...]] = []
    for word in words:
        try:
            unique = _UNIQUE.fullmatch(word.strip())
            if unique and not re.search(r"[<>=]", unique[1]):
                groups += _group(unique[1], columns)
            else:
                relations += [Relation(word.strip(), *found) for found in comparisons(word, columns)]
        except RequestError as error:
            raise RequestError(f"constraint '{word}': {error}") from None
    refuse_contradictions([(one.word, one.left, one.operator, one.right) for one in relations], columns)
    derived = _derived(relations, columns)
    by_relation = {id(one.relation): one.target for one in derived.values()}
    finished = {id(one): _with_unit(one, by_relation.get(id(one)), columns) for one in relations}
    return Constraints(
        tuple(columns),
        tuple(words),
        tuple(finished[id(one)] for one in relations),
        tuple(groups),
        {place: Derived(finished[id(one.relation)], place, one.source, one.sums) for place, one in derived.items()},
    )


def _group(text: str, columns: Sequence[Column]) -> list[tuple[int, ...]]:
    """The key that `unique` names; none where an identifier, of which each is made once, makes it different anyway."""
    if not text.strip():
        raise RequestError("names no column; write 'unique a' or 'unique a, b'")
    known = {column.name for column in columns}
    names = [text.strip()] if text.strip() in known else [name.strip().strip("`'\"") for name in text.split(",")]
    places = tuple(dict.fromkeys(find_column(name, columns) for name in names))
    kinds = {columns[place].kind for place in places}
    if "identifier" in kinds:
        return []
    learned = tuple(place for place in places if columns[place].kind in LEARNED)
    if not learned:
        raise RequestError(f"'{columns[places[0]].name}' is {columns[places[0]].kind}, the same in every row made")
    return [learned]


def _with_unit(relation: Relation, target: int | None, columns: Sequence[Column]) -> Relation:
    if relation.operator != "==":
        return relation
    finest = max(columns[place].decimals for place in relation.columns)
    unit = 10.0 ** -(finest if target is None else columns[target].decimals)
    return Relation(relation.word, relation.left, relation.operator, relation.right, unit)


def _derived(relations: Sequence[Relation], columns: Sequence[Column]) -> dict[int, Derived]:
    """For each equality a column to compute, so that none is computed twice and none from itself; as many as can be,
    first come first served. The others are kept as comparisons."""
    chosen: dict[int, Derived] = {}
    for relation in relations:
        for candidate in _candidates(relation):
            if candidate.target not in chosen and _ordered({**chosen, candidate.target: candidate}) is not None:
                chosen[candidate.target] = candidate
                break
    return _ordered(chosen) or {}


def _candidates(relation: Relation) -> list[Derived]:
    """What an equality can compute, the likeliest first: a column alone on one side, then one of a sum."""
    if relation.operator != "==":
        return []
    pairs = [(relation.right, relation.left), (relation.left, relation.right)]
    if relation.left.lone is not None:  # `c == a + b`, and `b == a` as an assignment
        pairs.reverse()
    found = [
        Derived(relation, side.lone, other)
        for side, other in pairs
        if side.lone is not None and side.lone not in other.columns
    ]
    left, right = relation.left.linear(), relation.right.linear()
    if left is not None and right is not None:
        rest = left.plus(right, -1.0)
        for place, weight in reversed(list(rest.weights.items())):
            # only then the others' decimals are enough for it
            if abs(weight) == 1 and place not in {one.target for one in found}:
                others = rest.plus(Linear(0.0, {place: weight}), -1.0)
                found.append(Derived(relation, place, None, others.times(-1 / weight)))
    return found


def _ordered(derived: Mapping[int, Derived]) -> dict[int, Derived] | None:
    """In an order in which each column is there before it is needed; None where there is none."""
    left, order = dict(derived), {}
    while left:
        ready = [place for place, one in left.items() if not one.inputs & left.keys()]
        if not ready:
            return None
        for place in ready:
            order[place] = left.pop(place)
    return order


def _keys(number: int, values: Values) -> list[bytes]:
    """A key for each row; an empty one where a value is missing."""
    rows = np.ascontiguousarray(values + 0.0)
    missing = [bool(gone) for gone in np.atleast_1d(np.isnan(rows).any(axis=1))]
    head = number.to_bytes(2, "little")
    return [b"" if gone else head + row.tobytes() for row, gone in zip(rows, missing, strict=True)]


def _refuse(word: str, broken: Mask, first_line: int) -> None:
    count = int(broken.sum())
    if count:
        line = first_line + int(np.argmax(broken))
        rows = "1 row breaks it, on" if count == 1 else f"{count:,} rows break it, the first on"
        raise RequestError(f"constraint '{word}': {rows} line {line}")
