"""When a finding is told while a run trains: it opens once several readings in a row show it, and closes once several
in a row do not."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, Literal, NamedTuple

from sparring.doctor.findings import Finding
from sparring.doctor.history import History, is_number
from sparring.doctor.walk import Line, standing

OPENS = 3
"""Readings in a row that show a finding before it is told."""
CLOSES = 3
"""Readings in a row that do not show it any more before that is told."""


class Event(NamedTuple):
    """A finding that opens or closes."""

    finding: Finding
    """As it was last found."""
    event: Literal["opened", "closed"]

    def to_json(self, step: int) -> dict[str, Any]:
        """A line of `findings.jsonl`."""
        return self.finding.to_json() | {"event": self.event, "at_step": step}


def follow(cases: dict[str, Any], found: Sequence[Finding]) -> list[Event]:
    """Takes in what a reading has found, and gives what it opens and closes. Illnesses alone are followed.

    `cases` holds each illness that was found lately, as plain values by its name; it is changed in place, and saved
    with the run, so that a resumed one goes on where it was.
    """
    now = {finding.symptom: finding for finding in found if finding.kind == "illness"}
    events = []
    for symptom, finding in now.items():
        case = cases.setdefault(symptom, {"open": False, "seen": 0})
        case |= {"seen": case["seen"] + 1, "missed": 0, "finding": finding.to_json()}
        if not case["open"] and case["seen"] >= OPENS:
            case["open"] = True
            events.append(Event(finding, "opened"))
    for symptom in [symptom for symptom in cases if symptom not in now]:
        case = cases[symptom]
        case |= {"seen": 0, "missed": case["missed"] + 1}
        if case["open"] and case["missed"] < CLOSES:
            continue
        if case["open"]:
            events.append(Event(Finding.from_json(case["finding"]), "closed"))
        del cases[symptom]
    return events


def replayed(history: History, judge: Callable[[History], Sequence[Finding]]) -> list[tuple[int, Event]]:
    """The events of a history as they would have been told while it was made, with their steps."""
    cases: dict[str, Any] = {}
    return [(step, event) for step in history.steps for event in follow(cases, judge(history.until(step)))]


def events_of(told: Iterable[Line]) -> list[Line]:
    """The openings and closings among the lines of `findings.jsonl`, by rising step. Of steps that were walked again (a
    resume, a return to a checkpoint) the later walk counts."""
    found: list[Line] = []
    for line in standing(told):
        here, back = line.get("at_step"), line.get("back_to_step")
        if line.get("event") in ("opened", "closed") and is_number(here):
            found = [one for one in found if one["at_step"] < here or _beside(one, line)]
            found.append(dict(line))
        elif is_number(back):
            found = [one for one in found if one["at_step"] <= back]
    return found


def _beside(one: Line, other: Line) -> bool:
    """Whether two lines tell of different findings at the same step."""
    return bool(one["at_step"] == other["at_step"] and one.get("symptom") != other.get("symptom"))
