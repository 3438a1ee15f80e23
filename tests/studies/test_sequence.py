"""Which runs a study has: screening and confirming."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from sparring.studies.answers.records import Point, RunRecord
from sparring.studies.design import Design
from sparring.studies.sequence import Task, due, records, rungs, survivors
from tests.studies.test_design import RATE, small_design


def record(design: Design, task: Task, score: float | None, *, failed: bool = False) -> RunRecord:
    state = "failed" if failed else "finished" if task.until == design.points else "stopped"
    curve = () if score is None else (Point(100, score, score + 1),)
    report = None if score is None or failed else score + 1
    return RunRecord(
        task.arm, (), task.seed, task.stage, state, "fid", score, report, curve, 1.0, 1.0, 1.0, f"runs/{task.arm}"  # type: ignore[arg-type]
    )  # fmt: skip


def played(design: Design, score: Callable[[Task], float | None]) -> tuple[dict[Task, RunRecord], list[set[str]]]:
    """A study played out, and the arms that each round had."""
    done: dict[Task, RunRecord] = {}
    rounds = []
    while True:
        open_ = [task for task in due(design, done, "lower") if task not in done]
        if not open_:
            return done, rounds
        rounds.append({task.arm for task in open_})
        for task in open_:
            value = score(task)
            done[task] = record(design, task, value, failed=value is None)


def test_few_arms_all_run_on_all_seeds() -> None:
    design = small_design(seeds=3)
    assert not design.screened
    tasks = due(design, {}, "lower")
    assert tasks == [Task(arm.name, seed, "final", 6) for seed in range(3) for arm in design.arms]


def test_the_worse_half_is_stopped_at_a_third_and_at_two_thirds_and_the_rest_runs_on_fresh_seeds() -> None:
    design = small_design(f"{RATE}=0,0.1,0.2,0.3,0.4,0.5,0.6,0.7", seeds=3)
    rates = {arm.name: float(arm.name.removeprefix("rate=")) for arm in design.arms}
    done, rounds = played(design, lambda task: 100 - 100 * rates[task.arm])
    better = [{f"rate={rate}" for rate in row} for row in ((0.4, 0.5, 0.6, 0.7), (0.6, 0.7))]
    assert rounds == [set(rates), better[0] | {"rate=0"}, better[1] | {"rate=0", "rate=0.5"}]
    kept = records(design, done, "lower")
    final = [one for one in kept if one.stage == "final"]
    assert {one.seed for one in final} == {0, 1, 2}
    assert {one.arm for one in final} == {"rate=0", "rate=0.5", "rate=0.6", "rate=0.7"}
    screened = [one for one in kept if one.stage == "screen"]
    assert len(screened) == 16  # one record a run, of its last part
    assert {one.seed for one in screened} == {9000, 9001}
    assert {one.arm for one in screened if one.state == "stopped"} == {f"rate={r}" for r in (0.1, 0.2, 0.3, 0.4)}


def test_runs_that_are_to_go_on_have_no_record_yet() -> None:
    design = small_design(f"{RATE}=0,0.1,0.2,0.3,0.4", seeds=2)
    done: dict[Task, RunRecord] = {}
    first = due(design, done, "lower")
    for task in first[:-1]:
        done[task] = record(design, task, 5.0)
    assert due(design, done, "lower") == first
    done[first[-1]] = record(design, first[-1], 9.0)
    told = {(one.arm, one.state) for one in records(design, done, "lower")}
    assert told == {("rate=0.3", "stopped"), ("rate=0.4", "stopped")}


def test_late_overfitting_does_not_cost_an_arm_its_best_score() -> None:
    """What ranks arms is the best so far, which an arm's record has."""
    design = small_design(f"{RATE}=0,0.1,0.2,0.3,0.4", seeds=2, screen_seeds=1)
    best = {"rate=0": 50.0, "rate=0.1": 9.0, "rate=0.2": 5.0, "rate=0.3": 7.0, "rate=0.4": 8.0}
    _, rounds = played(design, lambda task: best[task.arm])
    assert rounds[1] == {"rate=0", "rate=0.2", "rate=0.3", "rate=0.4"}


def test_a_run_that_fails_is_not_gone_on_with_and_ranks_last() -> None:
    design = small_design(f"{RATE}=0,0.1,0.2,0.3,0.4,0.5", seeds=2)

    def score(task: Task) -> float | None:
        return None if task.arm == "rate=0.5" else 10.0 + float(task.arm.removeprefix("rate="))

    done, _ = played(design, score)
    fallen = [task for task in done if task.arm == "rate=0.5"]
    assert {task.until for task in fallen} == {2}
    assert [one.state for one in records(design, done, "lower") if one.arm == "rate=0.5"] == ["failed", "failed"]


def test_the_first_arm_is_among_the_finalists_even_if_it_fails() -> None:
    design = small_design(f"{RATE}=0,0.1,0.2,0.3,0.4", seeds=2)
    done, _ = played(design, lambda task: None if task.arm == "rate=0" else 3.0)
    assert {task.seed for task in done if task.arm == "rate=0" and task.stage == "final"} == {0, 1}


@pytest.mark.parametrize(("points", "stops"), [(6, (2, 4)), (3, (1, 2)), (4, (2, 3)), (9, (3, 6)), (10, (4, 7))])
def test_the_first_stop_is_not_before_a_third(points: int, stops: tuple[int, int]) -> None:
    assert rungs(points) == stops
    assert stops[0] >= points / 3


def test_higher_is_better_where_it_is() -> None:
    scores = {"a": [0.1], "b": [0.9], "c": [0.5], "d": [0.7]}
    assert survivors(scores, "higher") == ["a", "b", "d"]
    assert survivors(scores, "lower") == ["a", "c"]


def test_two_are_left_at_least() -> None:
    assert survivors({"a": [1.0], "b": [2.0]}, "lower") == ["a", "b"]
    assert survivors({"a": [1.0], "b": [None], "c": [3.0]}, "lower") == ["a", "c"]
    assert survivors({"a": [1.0, None], "b": [9.0, 9.0], "c": [8.0, 8.0]}, "lower") == ["a", "b", "c"]
