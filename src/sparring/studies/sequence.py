"""Which runs a study is to have, given those it has: screening and confirming, as pure functions of the records."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from statistics import fmean
from typing import NamedTuple

from sparring.base.forms import Whole
from sparring.metrics import Better
from sparring.studies.answers.records import RunRecord, Stage
from sparring.studies.design import Design

FEWEST = 2
"""Arms that screening leaves, at least."""


class Task(NamedTuple):
    """A run, or a part of one: one arm with one seed, up to one of the points at which it is scored."""

    arm: str
    seed: int
    stage: Stage
    until: int
    """How many points, of the whole run's."""


TaskForm = tuple[str, Whole, Stage, Whole]
"""A `Task` as the queue has it."""


def rungs(points: int) -> tuple[int, int]:
    """The points after which screening stops arms: the first at or after a third of the run, and after two thirds."""
    return math.ceil(points / 3), math.ceil(2 * points / 3)


def survivors(scores: Mapping[str, Sequence[float | None]], better: Better) -> list[str]:
    """The better half of the arms (Jamieson and Talwalkar 2016, https://arxiv.org/abs/1502.07943) by their mean score,
    at least two, and the first arm, in the order given. `scores` are each arm's best so far by seed, None for a run
    that failed: arms with fewer failures come first."""
    sign = 1 if better == "lower" else -1

    def rank(arm: str) -> tuple[int, float]:
        there = [score for score in scores[arm] if score is not None]
        return len(scores[arm]) - len(there), sign * fmean(there) if there else 0.0

    kept = set(sorted(scores, key=rank)[: max(FEWEST, math.ceil(len(scores) / 2))])
    return [arm for place, arm in enumerate(scores) if arm in kept or place == 0]


def due(design: Design, done: Mapping[Task, RunRecord], better: Better) -> list[Task]:
    """The tasks that are done or can be done by now, in the order in which they are worth doing."""
    arms = [arm.name for arm in design.arms]
    tasks: list[Task] = []
    if design.screened:
        for until in rungs(design.points):
            rung = [Task(arm, seed, "screen", until) for seed in design.screen_seeds for arm in arms]
            tasks += rung
            if any(task not in done for task in _going(tasks, done)):
                return _going(tasks, done)
            arms = survivors({arm: [_best(done, task) for task in rung if task.arm == arm] for arm in arms}, better)
        tasks += [Task(arm, seed, "screen", design.points) for seed in design.screen_seeds for arm in arms]
        tasks = _going(list(dict.fromkeys(tasks)), done)
    return tasks + [Task(arm, seed, "final", design.points) for seed in range(design.seeds) for arm in arms]


def records(design: Design, done: Mapping[Task, RunRecord], better: Better) -> list[RunRecord]:
    """One record a run, of its last part; of runs that are to go on, none yet."""
    latest = {(task.arm, task.seed, task.stage): task for task in sorted(done, key=lambda task: task.until)}
    waiting = {(task.arm, task.seed, task.stage) for task in due(design, done, better) if task not in done}
    return [
        done[task]
        for key, task in sorted(latest.items(), key=lambda item: _place(design, item[1]))
        if key not in waiting
    ]


def _place(design: Design, task: Task) -> tuple[int, int, int]:
    arms = [arm.name for arm in design.arms]
    return task.stage == "final", task.seed, arms.index(task.arm)


def _going(tasks: Sequence[Task], done: Mapping[Task, RunRecord]) -> list[Task]:
    """Without what would go on with a run that failed."""
    failed = {(task.arm, task.seed): task.until for task, record in done.items() if record.state == "failed"}
    return [task for task in tasks if task.until <= failed.get((task.arm, task.seed), task.until)]


def _best(done: Mapping[Task, RunRecord], task: Task) -> float | None:
    """A run's best score by then; None where it failed, then or before."""
    for until in range(task.until, 0, -1):
        record = done.get(task._replace(until=until))
        if record is not None:
            return None if record.state == "failed" else record.selection
    return None
