"""A budget of time, from the command's first line to its last: what is prepared and rehearsed before the first step."""

from __future__ import annotations

import math
from collections.abc import Mapping
from functools import partial
from typing import Any, NamedTuple

import torch

from sparring import kinds
from sparring.base import clock
from sparring.base.files import write_file
from sparring.base.progress import Limit, TooLong, heard_by
from sparring.base.rundir import RunDir
from sparring.gan.trained import Trained
from sparring.pages import render_run
from sparring.pages.wording import about
from sparring.recipe import Recipe, to_yaml
from sparring.recipe.clocked import Clocked
from sparring.recipe.recorded import read_recipe_of
from sparring.runs.job import Job, enough_memory
from sparring.runs.orders import measured
from sparring.runs.pace import Pace, Paced
from sparring.runs.planning import Budget, Cost, parse_budget
from sparring.runs.reporting import page_of
from sparring.runs.run import Run
from sparring.runs.scoring import Scorer

NETWORK_SHARE, SCORES_SHARE = 0.4, 0.25
"""Of a budget, what the feature network may take, where there is none yet, and what the scores may."""
MOST_BEFORE = 0.4
"""Of a budget that may be gone before scores are even thought of."""
FEW, SOME = 100, 400
"""Samples that scores are rehearsed with."""
MARGIN, REST_S = 1.05, 0.5
"""On what was rehearsed."""


class Asked(NamedTuple):
    """What `--for` says, and when the command began."""

    text: str
    began: float

    @property
    def budget(self) -> Budget:
        return parse_budget(self.text)

    @property
    def seconds(self) -> float | None:
        """About how long the training takes, where a time was said."""
        return self.budget.amount if self.budget.timed else None

    def leaves(self, state: Mapping[str, Any]) -> bool:
        """Whether a budget of time is more than a run in this state has spent."""
        spent = {"s": state.get("spent", 0.0), "cpu": state.get("processor", 0.0)}
        return self.budget.amount > float(spent.get(self.budget.unit, math.inf))


def asked_now(for_: str | None) -> Asked | None:
    """`--for` of the command at hand. Raises RequestError for what is no budget."""
    if for_ is None:
        return None
    parse_budget(for_)
    return Asked(for_, clock.began())


def with_length(recipe: Recipe, asked: Asked | None, done: int = 0) -> Recipe:
    """The recipe for what was asked for, of a run that stands at step `done`; how many steps a time is shows on the
    way. Without `--for`, a new run does what the clock decided before, if it did."""
    if asked is None:
        return recipe if done else recipe.model_copy(update={"budget": None})
    budget = asked.budget
    if budget.timed:
        return recipe.model_copy(update={"budget": asked.text} | ({} if done else {"clocked": None}))
    steps = max(1, round(budget.amount if budget.unit == "steps" else budget.amount / recipe.batch))
    kept = None if recipe.clocked is None or not done else recipe.clocked.until(done).lasting(steps, done)
    return recipe.model_copy(update={"steps": steps, "budget": None, "clocked": kept})


def paced(job: Job, scorer: Scorer, asked: Asked | None) -> tuple[Job, Pace]:
    """Who keeps the time of a training; under a budget of time, after all that can be done before the first step."""
    if asked is None or not asked.budget.timed:
        return job, Pace(job.recipe.clocked, clock.began() if asked is None else asked.began)
    budget, run = asked.budget, Run(job.run.path, own=job.own)
    prepared, after_s = clock.now(), 0.0
    if budget.unit == "s":
        with enough_memory(job):
            after_s = _rehearsed(run, job, scorer, budget.amount, asked.began)
    cost = measured(job, min(10.0, max(1.0, 0.03 * budget.amount)))
    step_s = cost.cpu_s if budget.unit == "cpu" else cost.seconds(job.recipe, 1000) / 1000
    pace = Paced(budget, asked.began, step_s, after_s, job.recipe.clocked, partial(_keep, job.run, job.recipe))
    job.talk.say(_in_words(job, asked, cost, clock.now() - prepared, after_s))
    return job, pace


def _in_words(job: Job, asked: Asked, cost: Cost, before_s: float, after_s: float) -> str:
    unit = kinds.of(job.recipe.game, job.recipe.data).unit
    speed = f"{asked.text}: a step takes {cost.step_s * 1000:.3g} ms ({job.recipe.batch / cost.step_s:,.0f} {unit}/s)"
    if asked.budget.unit == "cpu":
        return f"{speed}, {cost.cpu_s * 1000:.3g} ms of processors"
    return f"{speed}; preparing took {about(before_s)}, scores and report will take about {about(after_s)}"


def _keep(run: RunDir, recipe: Recipe, clocked: Clocked) -> None:
    """Writes down what the clock decided, in the recipe as it is now: a treatment may have changed it."""
    present = read_recipe_of(run) if run.exists else recipe
    wanted = present.model_copy(update={"steps": clocked.steps, "clocked": clocked})
    if wanted != present:
        write_file(run.recipe, to_yaml(wanted))


def _rehearsed(run: Run, job: Job, scorer: Scorer, amount: float, before: float) -> float:
    """Seconds that scores and report will take, by doing both with the networks as they are; scores that would take too
    much of the budget are of fewer samples, or left out."""
    trained, scores_s = run.trained(job.plan.device), 0.0
    spent = clock.now() - before
    if spent > MOST_BEFORE * amount:
        scorer.leave_out(f"{about(spent)} of {about(amount)} had gone when there were data{_hint(scorer)}")
    else:
        scores_s = _scores_s(trained, scorer, amount)
    began = clock.now()
    render_run(page_of(run, job.data, scorer.extractor))
    return (scores_s + clock.now() - began) * MARGIN + REST_S


def _hint(scorer: Scorer) -> str:
    return f"; sparring evaluate {scorer.run.path} takes that time"


def _scores_s(trained: Trained, scorer: Scorer, amount: float) -> float:
    if scorer.recipe.score.metrics == ():
        return 0.0
    try:
        with heard_by(Limit(NETWORK_SHARE * amount)):
            if not scorer.prepare(torch.device(trained.device)):
                return 0.0
    except TooLong as error:
        scorer.leave_out(f"the feature network alone takes about {about(error.seconds)}{_hint(scorer)}")
        return 0.0

    def takes(count: int) -> float:
        began = clock.now()
        scorer.rehearse(trained, count)
        return clock.now() - began

    most, share = scorer.most(trained), SCORES_SHARE * amount
    some = min(FEW, most)
    measured_s = takes(some)  # with all that is done once
    each = measured_s / max(some, 1)  # at most
    if measured_s * SOME / FEW <= share / 2:  # else to find out more would take much of the budget itself
        some = min(SOME, most)
        measured_s = takes(some)
        each = max(measured_s - takes(FEW), 0.0) / (SOME - FEW) if most > some else 0.0
    whole = measured_s + each * (most - some)
    if whole <= share:
        return whole
    fits = some + int((share - measured_s) / each) if each else 0
    if fits < FEW:
        scorer.leave_out(f"they take about {about(whole)}{_hint(scorer)}")
        return 0.0
    scorer.lower(fits)
    return measured_s + each * (fits - some)
