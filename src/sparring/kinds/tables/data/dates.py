"""Dates and times as people write them, and as seconds since 1970."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sparring.kinds.tables.data.cells import Numbering

DAY = 86_400
EPOCH = date(1970, 1, 1).toordinal()
STEPS = (DAY, 3600, 60, 1)
MOST_DECIMALS = 6
"""Of seconds: what 64 bits of floating point hold."""
DATE = re.compile(r"([0-9]{1,4})([-/.])([0-9]{1,2})\2([0-9]{1,4})")
TIME = re.compile(
    r"([0-9]{1,2}):([0-9]{2})(?::([0-9]{2})(?:\.([0-9]{1,9}))?)?( ?[AaPp][Mm])?( ?Z| ?UTC|[+-][0-9]{2}:?[0-9]{2})?"
)
START = re.compile(rf"{DATE.pattern}(?:([T ])[0-9].*)?")
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
    begun = START.fullmatch(words[0])
    if begun is None or not all(map(START.fullmatch, words[:50])):
        return None
    between = begun[5]
    split = [word.partition(between) for word in words] if between else [(word, "", "") for word in words]
    days = _days([date for date, _, _ in split])
    times = _times([time for _, _, time in split], between) if between else (0.0, 0, {}, "")
    if days is None or times is None:
        return None
    dates, dated, in_doubt = days
    seconds, decimals, clock, offsets = times
    if "half" in clock and in_doubt:  # AM and PM go with the month first
        dates, dated, in_doubt = in_doubt[0], in_doubt[1], None
    values: NDArray[np.float64] = np.asarray(dates * float(DAY) + seconds, dtype=np.float64)
    writing = dated | clock | {"step": step_of(values)}
    doubt = "taken as day, month, year; month, day, year fits too" if in_doubt else ""
    exact = spell_dates(values, writing) == list(words)
    return Dates(values, writing, decimals, exact, "; ".join(filter(None, (doubt, offsets))))


Days = tuple[NDArray[np.int64], dict[str, Any]]
"""Days since 1970, and how they are written."""


def _days(texts: Sequence[str]) -> tuple[NDArray[np.int64], dict[str, Any], Days | None] | None:
    """Dates, and what else they could be."""
    numbering = Numbering()
    codes = numbering.codes(texts)
    parts = [match.groups() for match in map(DATE.fullmatch, numbering) if match]
    if len(parts) != len(numbering) or len({part[1] for part in parts}) != 1:
        return None
    first, last = ({len(part[place]) for part in parts} for place in (0, 3))
    if first == {4} and max(last) <= 2:
        orders = ["Ymd"]
    elif last == {4} and max(first) <= 2:
        orders = ["dmY", "mdY"]
    else:
        return None
    short = {text for part in parts for text in (part[2], part[3] if orders[0] == "Ymd" else part[0])}
    mark, padded = parts[0][1], all(len(text) == 2 for text in short)
    found: list[Days] = []
    for order in orders:
        table = _table([(part[0], part[2], part[3]) for part in parts], order)
        if table is not None:
            found.append((table[codes], {"order": order, "mark": mark, "padded": padded}))
    if not found:
        return None
    return *found[0], found[1] if len(found) > 1 and mark != "." else None


def _table(triples: Sequence[tuple[str, str, str]], order: str) -> NDArray[np.int64] | None:
    """The days of dates in an order of day, month and year; None where one is no date in it."""
    days = []
    for triple in triples:
        named = dict(zip(order, map(int, triple), strict=True))
        try:
            days.append(date(named["Y"], named["m"], named["d"]).toordinal() - EPOCH)
        except ValueError:
            return None
    return np.array(days, dtype=np.int64)


def _times(texts: Sequence[str], between: str) -> tuple[NDArray[np.float64], int, dict[str, Any], str] | None:
    """Seconds within the day, their decimals, how they are written, and a remark on offsets."""
    numbering = Numbering()
    codes = numbering.codes(texts)
    parts = [match.groups() for match in map(TIME.fullmatch, numbering) if match]
    if len(parts) != len(numbering) or not parts:
        return None
    hours, minutes, seconds, fractions, halves, zones = zip(*parts, strict=True)
    if any(len({text is None for text in found}) > 1 for found in (seconds, halves, zones)):
        return None
    hour, minute, second = (np.array([int(text or 0) for text in found]) for found in (hours, minutes, seconds))
    writing: dict[str, Any] = {"between": between, "seconds": seconds[0] is not None}
    writing["hours_padded"] = min(map(len, hours)) == 2
    if halves[0] is not None:
        if hour.min() < 1 or hour.max() > 12:
            return None
        hour = hour % 12 + 12 * np.array([half.strip().lower() == "pm" for half in halves])
        writing["half"] = halves[0][:-2] + ("am" if halves[0][-1] == "m" else "AM")
    if hour.max() > 23 or minute.max() > 59 or second.max() > 59:
        return None
    values = hour * 3600.0 + minute * 60.0 + second
    lengths = {len(fraction or "") for fraction in fractions}
    if max(lengths):
        values += np.array([float(f"0.{fraction or 0}") for fraction in fractions])
        writing["fraction"] = max(lengths)
        writing["parts"] = min(MOST_DECIMALS, max(len((fraction or "").rstrip("0")) for fraction in fractions))
        writing |= {"whole": "bare" if lengths == {0, max(lengths)} else "trimmed"} if len(lengths) > 1 else {}
    remark = ""
    if zones[0] is not None:
        counts = np.bincount(codes)
        writing["zone"] = zone = max(set(zones), key=lambda one: (_rows(one, zones, counts), one))
        if len(set(zones)) > 1:
            values += np.array([_offset(zone) - _offset(other) for other in zones])
            remark = f"offsets vary, written with {zone}"
    return values[codes], writing.get("parts", 0), writing, remark


def _rows(zone: str, zones: Sequence[str], counts: NDArray[np.int64]) -> int:
    """How many rows have an offset."""
    return int(sum(counts[place] for place, other in enumerate(zones) if other == zone))


def _offset(zone: str) -> float:
    """An offset from UTC in seconds."""
    if zone[0] not in "+-":
        return 0.0
    seconds = int(zone[1:3]) * 3600.0 + int(zone[-2:]) * 60.0
    return -seconds if zone[0] == "-" else seconds


def step_of(values: NDArray[np.float64]) -> int:
    """The longest of day, hour, minute and second that all times are whole numbers of; 0 for parts of seconds."""
    return next((step for step in STEPS if not np.any(np.remainder(values, step))), 0)


def spell_dates(values: NDArray[np.float64], writing: Mapping[str, Any]) -> list[str]:
    """Finite seconds since 1970 as text, in a way of writing."""
    unit = 10 ** writing.get("parts", 0)
    micros = np.rint(values * unit).astype(np.int64) * (1_000_000 // unit)
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
