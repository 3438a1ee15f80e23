"""Dates and times as people write them, and as seconds since 1970."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

DAY = 86_400
EPOCH = date(1970, 1, 1).toordinal()
STEPS = (DAY, 3600, 60, 1)
MOST_DECIMALS = 6
"""Of seconds: what 64 bits of floating point hold."""
DATE = r"([0-9]{1,4})([-/.])([0-9]{1,2})\2([0-9]{1,4})"
TIME = r"([T ])([0-9]{1,2}):([0-9]{2})(?::([0-9]{2})(?:\.([0-9]{1,9}))?)?( ?[AaPp][Mm])?"
ZONE = r"( ?Z| ?UTC|[+-][0-9]{2}:?[0-9]{2})?"
PATTERN = re.compile(rf"{DATE}(?:{TIME}{ZONE})?")
COMPACT = re.compile(r"([0-9]{4})([0-9]{2})([0-9]{2})")


class Dates(NamedTuple):
    """Words, read as dates and times."""

    values: NDArray[np.float64]
    """Seconds since 1970."""
    writing: dict[str, Any]
    decimals: int
    exact: bool
    remark: str


def read_dates(words: Sequence[str], *, compact: bool = False) -> Dates | None:
    """Words as dates and times, and how these were written; None where one is none. `compact` reads 20240131 too."""
    if compact and all(map(COMPACT.fullmatch, words)):
        words = [f"{word[:4]}-{word[4:6]}-{word[6:]}" for word in words]
        found = read_dates(words)
        return found and found._replace(writing=found.writing | {"mark": ""})
    if not all(map(PATTERN.fullmatch, words[:50])):
        return None
    parts = [match.groups() if (match := PATTERN.fullmatch(word)) else None for word in words]
    fields = list(zip(*(part for part in parts if part is not None), strict=True))
    if len(fields) == 0 or len(fields[0]) != len(words) or not _alike(fields):
        return None
    days = _days(fields)
    if days is None:
        return None
    order, numbers, remark = days
    times = _times(fields)
    if times is None:
        return None
    seconds, decimals, clock = times
    short = {*fields[2], *(fields[3] if order == "Ymd" else fields[0])}
    dated = {"order": order, "mark": fields[1][0], "padded": all(len(text) == 2 for text in short)}
    values = numbers * float(DAY) + seconds
    writing = dated | clock | {"step": step_of(values)}
    exact = spell_dates(values, writing) == list(words)
    if clock.get("varied"):
        remark = "; ".join(filter(None, (remark, f"offsets vary, written with {clock['zone']}")))
    return Dates(values, writing, decimals, exact, remark)


def _alike(fields: Sequence[tuple[str, ...]]) -> bool:
    """Whether all dates have the year at the same end and the same marks, and all times the same parts."""
    first, last = ({len(text) for text in set(fields[place])} for place in (0, 3))
    year_at_one_end = (first == {4} and max(last) <= 2) or (last == {4} and max(first) <= 2)
    same_marks = len(set(fields[1])) == 1 and len(set(fields[4])) == 1
    same_parts = all(len({text is None for text in fields[place]}) == 1 for place in (5, 7, 9, 10))
    return year_at_one_end and same_marks and same_parts


def _days(fields: Sequence[tuple[str, ...]]) -> tuple[str, NDArray[np.float64], str] | None:
    """The order of day, month and year, each date's number of days since 1970, and a remark."""
    triples = list(zip(fields[0], fields[2], fields[3], strict=True))
    known = set(triples)
    orders = ["Ymd"] if len(fields[0][0]) == 4 else ["dmY", "mdY"]
    read = {order: table for order in orders if (table := _table(known, order)) is not None}
    if fields[9][0] is not None and len(read) == 2:  # AM and PM go with the month first
        read.pop("dmY")
    if not read:
        return None
    order = next(iter(read))
    remark = "taken as day, month, year; month, day, year fits too" if len(read) == 2 and fields[1][0] != "." else ""
    return order, np.fromiter(map(read[order].__getitem__, triples), dtype=np.float64, count=len(triples)), remark


def _table(triples: set[tuple[str, str, str]], order: str) -> dict[tuple[str, str, str], int] | None:
    table = {}
    for triple in triples:
        named = dict(zip(order, map(int, triple), strict=True))
        try:
            table[triple] = date(named["Y"], named["m"], named["d"]).toordinal() - EPOCH
        except ValueError:
            return None
    return table


def _times(fields: Sequence[tuple[str, ...]]) -> tuple[NDArray[np.float64], int, dict[str, Any]] | None:
    """Seconds within the day, their decimals, and how they are written."""
    between, hours, minutes, seconds, fractions, halves, zones = fields[4:]
    count = len(hours)
    if hours[0] is None:
        return np.zeros(count), 0, {}
    hour = np.array(hours, dtype=np.int64)
    minute = np.array(minutes, dtype=np.int64)
    with_seconds = seconds[0] is not None
    second = np.array(seconds, dtype=np.int64) if with_seconds else np.zeros(count, np.int64)
    writing: dict[str, Any] = {
        "between": between[0],
        "seconds": with_seconds,
        "hours_padded": min(map(len, hours)) == 2,
    }
    if halves[0] is not None:
        late = np.array([half.strip().lower() == "pm" for half in halves])
        if hour.min() < 1 or hour.max() > 12:
            return None
        hour = hour % 12 + 12 * late
        writing["half"] = halves[0][:-2] + ("am" if halves[0][-1] == "m" else "AM")
    if hour.max() > 23 or minute.max() > 59 or second.max() > 59:
        return None
    values = (hour * 3600 + minute * 60 + second).astype(np.float64)
    lengths = {len(fraction) if fraction else 0 for fraction in fractions}
    if max(lengths):
        values += np.array([float(f"0.{fraction}") if fraction else 0.0 for fraction in fractions])
        writing["fraction"] = max(lengths)
        if lengths == {0, max(lengths)}:
            writing["whole"] = "bare"
        elif len(lengths) > 1:
            writing["whole"] = "trimmed"
    offsets = Counter(zones)
    zone = offsets.most_common(1)[0][0]
    if zone is not None:
        writing["zone"] = zone
    if len(offsets) > 1:
        writing["varied"] = True
        values += np.array([_offset(zone) - _offset(other) for other in zones])
    return values, min(max(lengths), MOST_DECIMALS), writing


def _offset(zone: str | None) -> float:
    """An offset from UTC in seconds."""
    if zone is None or zone[0] not in "+-":
        return 0.0
    seconds = int(zone[1:3]) * 3600.0 + int(zone[-2:]) * 60.0
    return -seconds if zone[0] == "-" else seconds


def step_of(values: NDArray[np.float64]) -> int:
    """The longest of day, hour, minute and second that all times are whole numbers of; 0 for parts of seconds."""
    return next((step for step in STEPS if not np.any(np.remainder(values, step))), 0)


def spell_dates(values: NDArray[np.float64], writing: Mapping[str, Any]) -> list[str]:
    """Finite seconds since 1970 as text, in a way of writing."""
    micros = np.rint(values * 1e6).astype(np.int64)
    seconds, parts = np.divmod(micros, 1_000_000)
    days, clock = np.divmod(seconds, DAY)
    known, places = np.unique(days, return_inverse=True)
    dates = np.array([_date(int(day), writing) for day in known], dtype=object)[places]
    if "between" not in writing:
        return list(dates)
    known, places = np.unique(clock, return_inverse=True)
    times = np.array([_time(int(second), writing) for second in known], dtype=object)[places]
    tail = _half_and_zone(clock, writing)
    if "fraction" in writing:
        fractions = [_fraction(part, writing) for part in parts.tolist()]
        return [day + time + part + end for day, time, part, end in zip(dates, times, fractions, tail, strict=True)]
    return [day + time + end for day, time, end in zip(dates, times, tail, strict=True)]


def _date(day: int, writing: Mapping[str, Any]) -> str:
    when = date.fromordinal(max(1, min(day + EPOCH, date.max.toordinal())))
    short = "02d" if writing["padded"] else "d"
    texts = {"Y": f"{when.year:04d}", "m": format(when.month, short), "d": format(when.day, short)}
    return str(writing["mark"].join(texts[part] for part in writing["order"]))


def _time(second: int, writing: Mapping[str, Any]) -> str:
    hour, rest = divmod(second, 3600)
    if "half" in writing:
        hour = (hour - 1) % 12 + 1
    text = f"{writing['between']}{hour:02d}" if writing["hours_padded"] else f"{writing['between']}{hour}"
    return f"{text}:{rest // 60:02d}" + (f":{rest % 60:02d}" if writing["seconds"] else "")


def _half_and_zone(clock: NDArray[np.int64], writing: Mapping[str, Any]) -> list[str]:
    zone = writing.get("zone", "")
    if "half" not in writing:
        return [zone] * len(clock)
    early = writing["half"]
    late = early.replace("a", "p").replace("A", "P")
    return [(late if second >= DAY // 2 else early) + zone for second in clock.tolist()]


def _fraction(micros: int, writing: Mapping[str, Any]) -> str:
    whole = writing.get("whole")
    if micros == 0 and whole:
        return ""
    text = f"{micros:06d}".ljust(writing["fraction"], "0")[: writing["fraction"]]
    return "." + (text.rstrip("0") if whole == "trimmed" else text)
