"""Who is ahead: only among scores of the same protocol, and only where the intervals are apart."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sparring.pages.glossary import limited
from sparring.pages.readings import Course, Reading
from sparring.pages.wording import exact, plain

ABSENT = "not stated"


@dataclass(frozen=True)
class Entry:
    """An entry of the protocols of one score."""

    name: str
    values: list[str]
    """One for each run; empty where the run has no such score."""
    differs: bool
    """Whether it makes the scores incomparable."""


@dataclass(frozen=True)
class Verdict:
    """What may be said of one score of several runs."""

    text: str
    best: int | None = None
    """The place of the run that is ahead of all others."""
    tied: frozenset[int] = frozenset()
    """Places of runs ahead of the rest that cannot be told apart."""
    differences: tuple[str, ...] = ()
    """Names of the protocols' entries that make the scores incomparable."""


def differences(readings: Sequence[Reading | None]) -> tuple[str, ...]:
    """The entries in which the protocols differ, without those that are results."""
    present = [reading.conditions for reading in readings if reading is not None]
    names = dict.fromkeys(name for one in present for name in one)
    return tuple(name for name in names if any(one.get(name, ...) != present[0].get(name, ...) for one in present))


def protocol_table(readings: Sequence[Reading | None]) -> list[Entry]:
    """All that the protocols say, those entries first that make the scores incomparable."""
    unlike = differences(readings)
    told = [{} if one is None else {**one.conditions, **one.protocol} for one in readings]
    names = dict.fromkeys((*unlike, *(name for one in told for name in one)))
    return [Entry(name, [_told(name, one, name in unlike) for one in told], name in unlike) for name in names]


def _told(name: str, protocol: dict[str, Any], differs: bool) -> str:
    if name not in protocol:
        return ABSENT if protocol else ""
    return exact(protocol[name]) if differs else plain(protocol[name])


def judge(readings: Sequence[Reading | None], names: Sequence[str]) -> Verdict:
    """Compares one score of several runs."""
    present = [place for place, reading in enumerate(readings) if reading is not None]
    if len(present) < 2:
        return Verdict(f"only of {names[present[0]]}" if present else "")
    unlike = differences(readings)
    if unlike:
        return Verdict("not comparable", differences=unlike)
    better = next(reading.better for reading in readings if reading is not None)
    if better not in ("lower", "higher"):
        return Verdict("no verdict: it is not stated which direction is better")
    spans = {place: span for place in present if (span := _span(readings[place])) is not None}
    if len(spans) < len(present):
        return Verdict("no verdict: without an interval nothing can be told apart")
    return _ranked(spans, names)


def _ranked(spans: dict[int, tuple[float, float, float]], names: Sequence[str]) -> Verdict:
    """The verdict on values and intervals turned so that more is better."""
    first = max(spans, key=lambda place: spans[place][0])
    # Touching intervals are not apart either
    group = frozenset(place for place, span in spans.items() if span[2] >= spans[first][1])
    if len(group) == 1:
        return Verdict(f"{names[first]} is best", best=first)
    if len(group) == len(spans):
        return Verdict("cannot be told apart")
    ahead = [names[place] for place in sorted(group)]
    return Verdict(f"{', '.join(ahead[:-1])} and {ahead[-1]} are ahead and cannot be told apart", tied=group)


def _span(reading: Reading | None) -> tuple[float, float, float] | None:
    """Value, lower and upper end, turned so that more is better, as far as they are merit."""
    if reading is None or reading.interval is None:
        return None
    value, low, high = (limited(reading, number) for number in (reading.value, *reading.interval))
    return (value, low, high) if reading.better == "higher" else (-value, -high, -low)


def matched(runs: Sequence[Sequence[Course]]) -> list[list[Course | None]]:
    """Rows of a comparison: for each metric the protocols that all runs with this metric share, or where they share
    none, each run's newest."""
    rows: list[list[Course | None]] = []
    for metric in dict.fromkeys(history.newest.metric for histories in runs for history in histories):
        own = [[history for history in histories if history.newest.metric == metric] for histories in runs]
        by_key = [{history.newest.key: history for history in histories} for histories in own]
        having = [keys for keys in by_key if keys]
        shared = [key for key in having[0] if all(key in keys for keys in having)]
        if shared:
            rows += [[keys.get(key) for keys in by_key] for key in shared]
        else:
            rows.append([histories[0] if histories else None for histories in own])
    return rows
