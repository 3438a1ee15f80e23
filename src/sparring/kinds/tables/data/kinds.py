"""What a column of texts is taken for, unless a person says so."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sparring.base.errors import RequestError
from sparring.kinds.tables.data import classes, missing
from sparring.kinds.tables.data.cells import Cells, Habits, Taken, misfit, shown
from sparring.kinds.tables.data.column import CHOICES, Column, Kind
from sparring.kinds.tables.data.dates import Dates, read_dates
from sparring.kinds.tables.data.frametypes import choice_type, number_type
from sparring.kinds.tables.data.identifiers import counting_on, pattern_of, whole_keys
from sparring.kinds.tables.data.numerals import FULL, INFINITE, Numerals, read_numerals

TRUTHS = ({"false", "true"}, {"no", "yes"}, {"n", "y"}, {"f", "t"}, {"0", "1"})
"""Pairs of words that are booleans, in lower case, the false one first when sorted."""
FEW_TEXTS = 50
"""Up to so many distinct names are a category, however few rows each has."""
NATURAL = re.compile(r"([0-9]+)")


@dataclass(frozen=True)
class Words:
    """A column's words without blanks, and which of them say that there is no value."""

    cells: Cells
    bare: list[str]
    gone: NDArray[np.bool_]

    @cached_property
    def present(self) -> list[str]:
        """The words that are values, one for each such cell's spelling."""
        return [word for word, gone in zip(self.bare, self.gone, strict=True) if not gone]

    @cached_property
    def rows(self) -> int:
        """How many rows have a value."""
        return int(self.cells.counts()[~self.gone].sum())

    @property
    def missing(self) -> bool:
        return bool(self.gone.any())

    def without(self, gone: NDArray[np.bool_]) -> Words:
        return Words(self.cells, self.bare, gone)

    def spread(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Values of the present words, as values of all rows."""
        table = np.full(len(self.bare), np.nan)
        table[~self.gone] = values
        return table[self.cells.codes]

    def place_of(self, number: int) -> str:
        """Where the present word of a number is first met."""
        return self.cells.place_of(int(np.flatnonzero(~self.gone)[number]))


def take(cells: Cells, habits: Habits, forced: Kind | None = None) -> Taken:
    """What a column of texts is, or is to be. Raises RequestError where it has no values, or does not fit."""
    bare = [word.strip() for word in cells.words]
    words = Words(cells, bare, missing.absent(bare, habits.values))
    more: tuple[str, ...] = ()
    numeric = None
    if forced in ("integer", "float", "datetime"):
        numeric = _forced(words, forced, habits)
    elif forced is None and words.present and not _choice_at_once(words):
        numeric = _dated(words) or _numbered(words, habits)
        if numeric is not None and _are_classes(words, numeric[0], numeric[1], habits):
            numeric, more = None, (classes.remark(cells.name),)
    if numeric is not None:
        return _finished(words, *numeric)
    gone, remark = missing.absent_choices(bare, habits.missing, habits.values)
    words = words.without(gone)
    if not words.present:
        raise RequestError(
            f"column '{cells.name}': all values are missing; data.table.without=[{cells.name}] leaves it out"
        )
    kind = forced or ("category" if more else _named_kind(words))
    column, values, *others = _NAMED[kind](words, kind, habits)
    told = remark if kind in CHOICES or "taken for a value" in remark else ""
    return _finished(words, column, values, *filter(None, (told, *more, *others)))


def _finished(words: Words, column: Column, values: NDArray[np.float64], *remarks: str) -> Taken:
    """With its missing cells and blanks."""
    cells = words.cells
    writing = dict(cells.writing) | dict(column.writing)
    before, after, varies = missing.padding(cells.words, words.bare)
    writing |= {key: blanks for key, blanks in (("before", before), ("after", after)) if blanks}
    remarks = (*remarks, "blanks around values vary and are left off") if varies else remarks
    counts = cells.counts()
    absent = 0.0
    if words.missing:
        spelled = Counter[str]()
        for number in np.flatnonzero(words.gone):
            spelled[cells.words[number]] += int(counts[number])
        writing["missing"] = max(spelled, key=lambda word: spelled[word])
        absent = sum(spelled.values()) / len(cells.codes)
        if len(spelled) > 1:
            others = ", ".join(shown(word) for word in spelled if word != writing["missing"])
            remarks = (*remarks, f"missing also as {others}")
    fields = column.to_json() | {"missing": words.missing or column.kind == "text", "writing": writing}
    found = Column.from_json(fields)
    spread = words.spread(values) if found.learned else np.zeros(len(cells.codes))
    return Taken(found, spread, absent, remarks)


def _choice_at_once(words: Words) -> bool:
    """Whether words are one, or a pair of truths, so that they are no numbers even if they look so."""
    known = set(words.present)
    return (len(known) == 1) or (len(known) == 2 and {word.lower() for word in known} in TRUTHS)


def _are_classes(words: Words, column: Column, values: NDArray[np.float64], habits: Habits) -> bool:
    return column.kind == "integer" and classes.are_classes(column.name, values, words.rows, habits)


def _named_kind(words: Words) -> Kind:
    """What words are that are neither numbers nor dates."""
    present = words.present
    known = set(present)
    if len(known) == 1:
        return "category" if words.missing else "constant"
    if len(known) == 2 and {word.lower() for word in known} in TRUTHS:
        return "boolean"
    all_distinct = len(known) == words.rows
    if all_distinct and not words.missing and pattern_of(present) is not None:
        return "identifier"
    if len(known) > FEW_TEXTS and len(known) > words.rows / 2:
        return "text"
    several = sum(len(word.split()) > 2 for word in known) > len(known) / 2
    return "text" if several and len(known) > max(9, 0.9 * words.rows) else "category"


def _dated(words: Words, *, compact: bool = False) -> tuple[Any, ...] | None:
    found = read_dates(words.present, compact=compact)
    if found is None:
        return None
    return _date_column(words, found), found.values, *filter(None, (found.remark, _inexact(found)))


def _date_column(words: Words, found: Dates) -> Column:
    writing = found.writing | {"dtype": "datetime64[ns]"}
    low, high = float(found.values.min()), float(found.values.max())
    return Column(words.cells.name, "datetime", (), low, high, found.decimals, writing=writing)


def _numbered(words: Words, habits: Habits, forced: Kind | None = None) -> tuple[Any, ...] | None:
    found = read_numerals(words.present, comma=habits.comma, zeros=forced is not None)
    if found is None or not len(found.values):
        return None
    endless = np.flatnonzero(~np.isfinite(found.values))
    if len(endless):
        name, word = words.cells.name, words.present[endless[0]]
        raise RequestError(f"{words.place_of(int(endless[0]))}: '{word}' in column '{name}' is infinite")
    whole = found.decimals == 0
    plain = forced is None and not words.missing and found.writing == {"style": "integer"}
    if plain and whole_keys(words.cells.name, found.values, words.rows):
        key = counting_on(int(found.values.max()))
        column = Column(words.cells.name, "identifier", writing={"key": key, "dtype": "int64"})
        return column, np.zeros(len(words.present))
    kind = forced or ("integer" if whole else "float")
    return _number_column(words, kind, found), found.values, *filter(None, (_inexact(found),))


def _number_column(words: Words, kind: Kind, found: Numerals) -> Column:
    dtype = number_type(kind, found.writing, missing=words.missing)
    low, high = float(found.values.min()), float(found.values.max())
    return Column(words.cells.name, kind, (), low, high, found.decimals, writing=found.writing | {"dtype": dtype})


def _inexact(found: Numerals | Dates) -> str:
    if found.exact:
        return ""
    full = found.decimals == FULL and found.writing.get("style") not in ("trimmed", "repr")
    return "more digits than numbers hold" if full else "written in more than one way"


def _forced(words: Words, kind: Kind, habits: Habits) -> tuple[Any, ...]:
    """Numbers or dates, because a person says so. Raises RequestError where a value is none."""
    name = words.cells.name
    if not words.present:
        raise misfit(name, f"{kind}, and all values are missing; data.table.without=[{name}] leaves it out")
    found = _dated(words, compact=True) if kind == "datetime" else _numbered(words, habits, kind)
    if found is not None and kind == "integer" and found[0].decimals:
        odd = int(np.flatnonzero(np.rint(found[1]) != found[1])[0])
        raise misfit(name, f"{words.place_of(odd)}: '{words.present[odd]}' is no integer; did you mean 'float'?")
    if found is not None:
        return found
    for number, word in enumerate(words.present):
        if (read_dates([word], compact=True) if kind == "datetime" else _one_number(word, habits)) is None:
            what = "no date that is read here (2024-01-31, 31/1/2024, ...)" if kind == "datetime" else "no number"
            raise misfit(name, f"{words.place_of(number)}: {shown(word)} is {what}")
    why = "dates are written in more than one way" if kind == "datetime" else "numbers are not all written in one way"
    raise misfit(name, f"{why} (first {shown(words.present[0])})")


def _one_number(word: str, habits: Habits) -> Numerals | None:
    return read_numerals([word], comma=habits.comma, zeros=True) if word.lower().lstrip("+-") not in INFINITE else None


def natural(word: str) -> tuple[Any, ...]:
    """A key to sort words by in which 9 comes before 10."""
    parts = [part for part in NATURAL.split(word) if part]
    return tuple((0, int(part), "") if NATURAL.fullmatch(part) else (1, 0, part.lower()) for part in parts), word


def in_order(words: Sequence[str]) -> list[str]:
    """Distinct words: numbers by size, others as people sort them."""
    known = sorted(set(words))
    numerals = read_numerals(known, zeros=True)
    if numerals is not None:
        return [known[place] for place in np.argsort(numerals.values, kind="stable")]
    return sorted(known, key=natural)


def _choices(words: Words, kind: Kind, habits: Habits) -> tuple[Any, ...]:
    categories = in_order(words.present)
    if kind == "boolean":
        if len(categories) != 2:
            count = f"{len(categories)} value" + "s" * (len(categories) != 1)
            raise misfit(words.cells.name, f"boolean takes two values, and the column has {count}; try 'category'")
        categories.sort(key=str.lower)
    places = {category: code for code, category in enumerate(categories)}
    codes = np.fromiter(map(places.__getitem__, words.present), dtype=np.float64, count=len(words.present))
    writing = choice_type(categories, words.missing, ordered=kind == "ordered")
    column = Column(words.cells.name, kind, tuple(categories), writing=writing)
    return column, codes, _nearly_numbers(words, habits)


def _texts(words: Words, kind: Kind, habits: Habits) -> tuple[Any, ...]:
    remark = ""
    if sum(len(word.split()) > 2 for word in words.present[:1000]) * 2 <= len(words.present[:1000]):
        remark = f"{len(set(words.present)):,} different words; {words.cells.name}=category keeps them"
    zeros = np.zeros(len(words.present))
    return Column(words.cells.name, "text", writing={"dtype": "text"}), zeros, remark, _nearly_numbers(words, habits)


def _nearly_numbers(words: Words, habits: Habits) -> str:
    """A remark where all but a few cells are numbers."""
    some = words.present[:200]
    if len(set(words.present)) < 20 or sum(_one_number(word, habits) is not None for word in some) < 0.9 * len(some):
        return ""
    odd = next((place for place, word in enumerate(words.present) if _one_number(word, habits) is None), None)
    return "" if odd is None else f"nearly all numbers, but {shown(words.present[odd])} is none"


def _keys(words: Words, kind: Kind, habits: Habits) -> tuple[Any, ...]:
    key = pattern_of(sorted(set(words.present)), sure=True)
    whole = key is not None and not any(key.get(part, "") for part in ("before", "after", "width"))
    counted = whole and key is not None and key["form"] == "count"
    writing = {"key": key, "dtype": "int64" if counted else "text"}
    return Column(words.cells.name, "identifier", writing=writing), np.zeros(len(words.present))


def _constants(words: Words, kind: Kind, habits: Habits) -> tuple[Any, ...]:
    known = sorted(set(words.present))
    if len(known) > 1:
        raise misfit(words.cells.name, f"constant, and the column has {len(known)} values")
    writing = choice_type(known, words.missing, ordered=False)
    return Column(words.cells.name, "constant", tuple(known), writing=writing), np.zeros(len(words.present))


_NAMED = {
    "category": _choices,
    "ordered": _choices,
    "boolean": _choices,
    "identifier": _keys,
    "text": _texts,
    "constant": _constants,
}
