"""Which lines belong to a run that diverged, was treated, or was treated in vain."""

from __future__ import annotations

from typing import Any

from sparring.doctor import events_of
from sparring.doctor.walk import standing, walked

FALL = {"symptom": "diverged", "since_step": 320, "attempt": 1, "back_to_step": 250}
TREATED = {"event": "treated", "symptom": "oscillation", "at_step": 700, "back_to_step": 300, "attempt": 2}
KEPT = {"event": "kept", "symptom": "oscillation", "at_step": 700}
UNDONE = {"event": "undone", "at_step": 700, "back_to_step": 300, "attempt": 1, "treated_attempt": 2}


def line(step: int, attempt: int, **more: Any) -> dict[str, Any]:
    return {"step": step, "attempt": attempt, **more}


def test_what_was_given_up_is_left_out() -> None:
    first = [line(step, 0) for step in (0, 100, 200, 250, 300)]
    again = [line(step, 1) for step in (300, 400)]
    assert walked(first, []) == first
    assert walked(first, [FALL]) == first[:-1], "also where no step was walked again yet"
    assert walked([*first, *again], [FALL]) == [*first[:-1], *again]
    later = FALL | {"attempt": 2, "back_to_step": 0}
    assert walked([*first, *again, line(50, 2)], [FALL, later]) == [first[0], line(50, 2)]


def test_lines_that_say_too_little_stay() -> None:
    lines = [{"data_least": 0.0}, {"step": 400}, {"attempt": 0}, {"step": "x", "attempt": 0}, {"ended_at_step": 400}]
    assert walked(lines, [FALL]) == lines
    assert walked([line(400, 7)], [FALL]) == [line(400, 7)], "of an attempt whose beginning was not recorded"
    assert walked([line(400, 0)], [{"symptom": "diverged", "since_step": 400}]) == [line(400, 0)], "it gave up here"


def test_an_undone_treatment_leaves_the_run_as_it_was() -> None:
    before = [line(step, 1) for step in (300, 400, 700)]
    during = [line(step, 2) for step in (400, 700)]
    after = [line(800, 1)]
    assert walked([*before, *during], [FALL, TREATED]) == [before[0], *during]
    assert walked([*before, *during], [FALL, TREATED, KEPT]) == [before[0], *during]
    undone = [FALL, TREATED, FALL | {"attempt": 3}, UNDONE]
    assert standing(undone) == [FALL]
    assert walked([*before, *during, line(400, 3), *after], undone) == [*before, *after]
    assert standing([UNDONE]) == []


def test_events_go_the_same_way() -> None:
    def told(step: int, event: str) -> dict[str, Any]:
        return {"symptom": "oscillation", "event": event, "at_step": step}

    before, during = [told(250, "opened"), told(650, "closed")], [told(450, "closed")]
    assert events_of([*before, TREATED, *during]) == [before[0], *during]
    assert events_of([*before, TREATED, *during, KEPT]) == [before[0], *during]
    assert events_of([*before, TREATED, *during, UNDONE]) == before
