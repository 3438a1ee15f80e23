"""What `--where` says: conditions that all rows are to meet, each a word such as `age>60` or `sex in Male,Female`.

A condition leaves of its column a few stretches of units. The unit is the column's last decimal; of a choice, its code;
so that `>60` of whole numbers is `61 and above`, and nothing hangs on how a number is rounded.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import numpy as np
from numpy.typing import NDArray

from sparring.base.errors import RequestError
from sparring.base.numbers import exact
from sparring.kinds.tables.data.column import CHOICES, Column
from sparring.kinds.tables.data.matching import chosen, find_column, kind_of, match_category, range_of

Units = float
"""Whole numbers, or one of the two infinities."""
Stretch = tuple[Units, Units]
"""Both ends belong to it; it is empty where the first is above the second."""

WAYS = "write column=value, !=, >, >=, <, <=, 'column in A,B', 'column is missing' or 'column is not missing'"
SYMBOLS = ("!=", ">=", "<=", "==", "=", ">", "<")
LARGEST = 2.0**52
"""Units beyond it are no whole numbers of float64 any more."""

_OPERATOR = re.compile(r"\s*(?:!=|>=|<=|==|=|>|<)\s*|\s+(?:is|in|not\s+in)\b\s*", re.IGNORECASE)
_MISSING = re.compile(r"is\s+(not\s+)?missing", re.IGNORECASE)
_COMPARED = re.compile(r"(!=|==?)\s*(.*)", re.DOTALL)
_LIST = re.compile(r"(not\s+)?in\b(.*)", re.IGNORECASE | re.DOTALL)
_ITEM = re.compile(r"""\s*(?:'([^']*)'|"([^"]*)"|([^,]*?))\s*(?:,|$)""")


@dataclass(frozen=True)
class Allowed:
    """What is left of one column."""

    stretches: tuple[Stretch, ...] = ((-math.inf, math.inf),)
    """In rising order, apart from each other."""
    missing: bool = True
    """Whether the value may be missing as well."""
    words: tuple[str, ...] = ()
    """The conditions that left it."""


@dataclass(frozen=True)
class Conditions:
    """Conditions that are all to hold."""

    columns: tuple[Column, ...]
    words: tuple[str, ...] = ()
    allowed: dict[int, Allowed] = field(default_factory=dict)
    """By the column's place, where there is a condition."""

    def holds(self, values: NDArray[np.float64]) -> NDArray[np.bool_]:
        """Which rows of [n, columns] meet all conditions; a missing value meets no comparison but one that
        names it."""
        held = np.ones(len(values), dtype=bool)
        for place, allowed in self.allowed.items():
            column = values[:, place]
            gone = np.isnan(column)
            units = np.rint(column * scale(self.columns[place]))
            inside = np.zeros(len(values), dtype=bool)
            for low, high in allowed.stretches:
                inside |= (units >= low) & (units <= high)
            held &= np.where(gone, allowed.missing, inside)
        return held

    def choices(self) -> dict[int, tuple[int, ...]]:
        """The codes that restricted columns of choices may take; the one after the last is of a missing value."""
        return {
            place: _codes(allowed, self.columns[place])
            for place, allowed in self.allowed.items()
            if self.columns[place].kind in CHOICES
        }


def parse_conditions(words: Sequence[str], columns: Sequence[Column]) -> Conditions:
    """The conditions that words say of columns. Raises RequestError where a word cannot be read, names what is not
    there, or can never hold, by itself or with those before it."""
    allowed: dict[int, Allowed] = {}
    for word in words:
        place, rest = _split(word.strip(), columns)
        column = columns[place]
        if column.kind in ("identifier", "text"):
            raise RequestError(f"where: {word}: '{column.name}' is {kind_of(column)}; it takes no condition")
        said = _read(word, column, rest)
        before = allowed.get(place, Allowed())
        if not _possible(said, column):
            raise RequestError(f"where: {word}: no row can meet it; {range_of(column)}")
        both = Allowed(_meet(before.stretches, said.stretches), before.missing and said.missing, (*before.words, word))
        if not _possible(both, column):
            raise RequestError(f"where: {word}: no row can meet it together with {' and '.join(before.words)}")
        allowed[place] = both
    return Conditions(tuple(columns), tuple(words), allowed)


def scale(column: Column) -> float:
    """Units in 1: a power of ten, by the column's decimals, as far as float64 can count them."""
    size = max(abs(column.low), abs(column.high), 1.0)
    most = math.floor(math.log10(LARGEST / size))
    return 1.0 if chosen(column) else 10.0 ** max(0, min(column.decimals, most))


def _split(word: str, columns: Sequence[Column]) -> tuple[int, str]:
    """The column at the head of a word, and what follows. The longest name wins: names may hold signs and spaces."""
    places = sorted(range(len(columns)), key=lambda place: -len(columns[place].name))
    for same_case in (True, False):
        for place in places:
            name = columns[place].name
            for spelled in (name, f"'{name}'", f'"{name}"', f"`{name}`"):
                head, rest = word[: len(spelled)], word[len(spelled) :]
                alike = head == spelled if same_case else head.casefold() == spelled.casefold()
                if alike and _OPERATOR.match(rest):
                    return place, rest.strip()
    found = _OPERATOR.search(word)
    if found is None or found.start() == 0:
        raise RequestError(f"where: '{word}' is no condition; {WAYS}")
    try:
        return find_column(word[: found.start()].strip("'\"` "), columns), word[found.start() :].strip()
    except RequestError as error:
        raise RequestError(f"where: {word}: {error}") from None


def _read(word: str, column: Column, rest: str) -> Allowed:
    """What the part behind the column's name says."""
    missing = _MISSING.fullmatch(rest)
    if missing:
        return _present(word) if missing[1] else Allowed((), True, (word,))
    try:
        listed = _LIST.fullmatch(rest)
        if listed:
            whole = listed[2].strip()  # a name may hold commas
            items = [whole] if whole in column.categories else _items(whole)
            there = [item for item in items if not _is_missing(item, column)]
            stretches = _union([_value(item, column) for item in there])
            if listed[1]:
                return Allowed(_outside(stretches), False, (word,))
            return Allowed(stretches, len(there) < len(items), (word,))
        compared = _COMPARED.fullmatch(rest)
        if compared and _is_missing(compared[2], column):
            return _present(word) if compared[1] == "!=" else Allowed((), True, (word,))
        symbol, stretch = _comparison(column, rest)
    except RequestError as error:
        raise RequestError(f"where: {word}: {error}") from None
    return Allowed(_compared(symbol, stretch), False, (word,))


def _present(word: str) -> Allowed:
    """What a condition leaves that only refuses missing values."""
    return Allowed(missing=False, words=(word,))


def _is_missing(text: str, column: Column) -> bool:
    """Whether a value is the word that a column writes for a missing one, such as `none`, and no choice of it."""
    word, value = str(column.writing.get("missing", "")).strip(), _unquoted(text).strip()
    spelled = column.missing and word != "" and value.casefold() == word.casefold()
    return spelled and value not in column.categories


def _items(text: str) -> list[str]:
    """The values of a list, with or without brackets; quotes keep commas together."""
    text = text.strip()
    if text[:1] + text[-1:] in ("()", "[]"):
        text = text[1:-1]
    items: list[str] = []
    place = 0
    while place < len(text):
        found = _ITEM.match(text, place)
        if found is None:
            raise RequestError(f"'{text}' is no list of values; {WAYS}")
        items.append(next(group for group in found.groups() if group is not None))
        place = found.end()
    if not items or "" in items:
        raise RequestError(f"'{text}' is no list of values; {WAYS}")
    return items


def _comparison(column: Column, rest: str) -> tuple[str, Stretch]:
    """The sign and the value. Where a value can begin with a sign, the reading that names a category wins."""
    symbols = [symbol for symbol in SYMBOLS if rest.startswith(symbol)]
    if not symbols:
        raise RequestError(f"'{rest}' is no comparison; {WAYS}")
    if chosen(column):
        for symbol in symbols:
            value = rest[len(symbol) :].strip()
            if value in column.categories or _unquoted(value) in column.categories:
                symbols = [symbol]
                break
    symbol = symbols[0]
    value = rest[len(symbol) :].strip()
    if not value:
        raise RequestError(f"no value behind '{symbol}'; {WAYS}")
    if symbol not in ("=", "==", "!=") and chosen(column) and column.kind != "ordered":
        hint = f"; did you mean {column.name}='{rest}'?" if rest.strip() in column.categories else ""
        raise RequestError(f"'{column.name}' is {kind_of(column)}, which has no order{hint or '; write = or in'}")
    return symbol, _value(value, column)


def _value(text: str, column: Column) -> Stretch:
    """The units that a value stands for: one, or a whole day's, or none, where the column has no such decimals."""
    if chosen(column):
        code = match_category(text if text in column.categories else _unquoted(text), column)
        return float(code), float(code)
    text = _unquoted(text)
    if column.kind == "datetime":
        first, last = _moments(text, column)
    else:
        first = last = _number(text, column)
    by = Decimal(scale(column))
    if first == last:
        return float(math.ceil(first * by)), float(math.floor(first * by))
    return float(math.ceil(first * by)), float(math.ceil(last * by)) - 1


def _number(text: str, column: Column) -> Decimal:
    number = exact(text)
    if number is None:
        raise RequestError(f"'{text}' is no number, and '{column.name}' is {kind_of(column)}; {range_of(column)}")
    return number


def _moments(text: str, column: Column) -> tuple[Decimal, Decimal]:
    """A moment twice, or a day's first moment and the next day's."""
    try:
        if re.fullmatch(r"\d{4}-\d\d-\d\d", text):
            start = date.fromisoformat(text)
            days = (start - date(1970, 1, 1)).days
            return Decimal(days * 86400), Decimal((days + 1) * 86400)
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise RequestError(
            f"'{text}' is no date; '{column.name}' takes one such as 2020-01-31 or 2020-01-31T12:30; {range_of(column)}"
        ) from None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    micro = (moment - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)
    seconds = Decimal(micro) / 1_000_000
    return seconds, seconds


def _unquoted(text: str) -> str:
    return text[1:-1] if len(text) >= 2 and text[0] == text[-1] and text[0] in "'\"" else text


def _compared(symbol: str, value: Stretch) -> tuple[Stretch, ...]:
    """What a comparison leaves. Of a value between two units the stretch is empty, its ends around it."""
    low, high = value
    if symbol in ("=", "=="):
        return ((low, high),) if low <= high else ()
    if symbol == "!=":
        return _outside(((low, high),) if low <= high else ())
    ends = {">": (high + 1, math.inf), ">=": (low, math.inf), "<": (-math.inf, low - 1), "<=": (-math.inf, high)}
    return (ends[symbol],)


def _union(stretches: Sequence[Stretch]) -> tuple[Stretch, ...]:
    joined: list[Stretch] = []
    for low, high in sorted(stretch for stretch in stretches if stretch[0] <= stretch[1]):
        if joined and low <= joined[-1][1] + 1:
            joined[-1] = (joined[-1][0], max(joined[-1][1], high))
        else:
            joined.append((low, high))
    return tuple(joined)


def _outside(stretches: Sequence[Stretch]) -> tuple[Stretch, ...]:
    """What stretches leave out; they are in order and apart."""
    starts = [-math.inf, *(high + 1 for _, high in stretches)]
    ends = [*(low - 1 for low, _ in stretches), math.inf]
    return tuple((low, high) for low, high in zip(starts, ends, strict=True) if low <= high)


def _meet(first: Sequence[Stretch], second: Sequence[Stretch]) -> tuple[Stretch, ...]:
    both = [(max(a, c), min(b, d)) for a, b in first for c, d in second]
    return tuple(sorted(stretch for stretch in both if stretch[0] <= stretch[1]))


def _possible(allowed: Allowed, column: Column) -> bool:
    """Whether some value within the column's bounds is allowed, or a missing one where it has some."""
    if allowed.missing and column.missing:
        return True
    if chosen(column):
        return bool(_meet(allowed.stretches, [(0.0, len(column.categories) - 1.0)]))
    by = scale(column)
    bounds = (float(np.rint(column.low * by)), float(np.rint(column.high * by)))
    return bool(_meet(allowed.stretches, [bounds]))


def _codes(allowed: Allowed, column: Column) -> tuple[int, ...]:
    count = len(column.categories)
    within = _meet(allowed.stretches, [(0.0, count - 1.0)])
    codes = (code for low, high in within for code in range(int(low), int(high) + 1))
    return (*codes, count) if allowed.missing and column.missing else tuple(codes)
