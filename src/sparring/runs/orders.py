"""What the first process of several tells the others to do with it."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from sparring.engine import Plan, ranks
from sparring.recipe import Recipe
from sparring.runs.job import Job, enough_memory
from sparring.runs.planning import Cost, measure


class Task(NamedTuple):
    """A share of a training, or of a probe."""

    path: Path
    recipe: Recipe
    plan: Plan
    fingerprint: str
    """Of the data."""
    seconds: float | None
    """To measure for so long; None to train."""
    paced: bool
    """Whether the first process goes by the clock."""


def tell(job: Job, seconds: float | None = None, *, paced: bool = False) -> None:
    """Has the other processes, where there are some, measure for so many seconds, or train."""
    if ranks.is_first():
        task = Task(job.run.path.absolute(), job.recipe, job.plan, job.data.fingerprint, seconds, paced)
        ranks.from_first(lambda: task)


def measured(job: Job, seconds: float) -> Cost:
    """What a step costs here, from a probe of so many seconds."""
    tell(job, seconds)
    with enough_memory(job):
        return measure(job.recipe, job.data, job.plan, job.own, seconds)
