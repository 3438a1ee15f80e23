"""When findings open and close."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from sparring.doctor import Finding, events_of
from sparring.doctor.cases import CLOSES, OPENS, follow


def sick(symptom: str = "mode_collapse", step: int = 100) -> Finding:
    return Finding(symptom, step, 0.8, {"spread": 0.1}, ("spread",))


def walk(readings: str, cases: dict[str, object] | None = None) -> list[tuple[int, str]]:
    """Which readings (x: found, .: not) open or close a finding."""
    cases = {} if cases is None else cases
    found = []
    for place, reading in enumerate(readings):
        for event in follow(cases, [sick(step=100 + place)] if reading == "x" else []):
            found.append((place, event.event))
    return found


def test_three_in_a_row_open_and_three_without_close() -> None:
    assert (OPENS, CLOSES) == (3, 3)
    assert walk("xx.xx..x") == []
    assert walk("xxx") == [(2, "opened")]
    assert walk("xxxxx..x..x") == [(2, "opened")], "two readings without it close nothing"
    assert walk("xxx...") == [(2, "opened"), (5, "closed")]
    assert walk("xxx......xx.xxx") == [(2, "opened"), (5, "closed"), (14, "opened")]


def test_findings_are_followed_apart_and_notices_not_at_all() -> None:
    cases: dict[str, object] = {}
    for _ in range(2):
        assert follow(cases, [sick(), sick("oscillation"), sick("converged")]) == []
    (event,) = follow(cases, [sick(), sick("converged")])
    assert (event.finding.symptom, event.event) == ("mode_collapse", "opened")
    assert set(cases) == {"mode_collapse"}


def test_what_is_kept_is_plain_and_closes_as_it_was_last_found() -> None:
    cases: dict[str, object] = {}
    walk("xxxx", cases)
    taken_up = json.loads(json.dumps(cases))
    assert walk("..", taken_up) == []
    (event,) = follow(taken_up, [])
    assert (event.event, event.finding) == ("closed", sick(step=103))
    assert event.to_json(250) == sick(step=103).to_json() | {"event": "closed", "at_step": 250}
    assert taken_up == {}


@given(st.text(alphabet="x.", max_size=60), st.integers(0, 60))
def test_going_on_from_what_was_kept_is_going_through(readings: str, place: int) -> None:
    cases: dict[str, object] = {}
    first = walk(readings[:place], cases)
    second = walk(readings[place:], json.loads(json.dumps(cases)))
    assert first + [(place + at, event) for at, event in second] == walk(readings) or place > len(readings)
    events = [event for _, event in walk(readings)]
    assert events == ["opened", "closed"] * (len(events) // 2) + ["opened"] * (len(events) % 2)


def line(step: int, event: str = "opened", symptom: str = "mode_collapse") -> dict[str, object]:
    return {"symptom": symptom, "event": event, "at_step": step}


def test_events_of_steps_walked_again_are_told_once() -> None:
    other = line(200, symptom="oscillation")
    fall = {"symptom": "diverged", "since_step": 320, "attempt": 1, "back_to_step": 250}
    assert events_of([line(200), other, line(300, "closed")]) == [line(200), other, line(300, "closed")]
    # killed after step 300, went on from step 100
    assert events_of([line(200), line(300, "closed"), line(200), line(300, "closed")]) == [
        line(200),
        line(300, "closed"),
    ]
    # fell, and in the next attempt the finding stayed open for longer
    assert events_of([line(200), line(300, "closed"), fall]) == [line(200)]
    assert events_of([line(200), line(300, "closed"), fall, line(400, "closed")]) == [line(200), line(400, "closed")]
    assert events_of([fall, {"symptom": "controller_saturated", "since_step": 5}]) == []
    assert events_of([line(200), {"event": "opened"}, {"event": "opened", "at_step": "x"}]) == [line(200)]
