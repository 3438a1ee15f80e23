"""One run of a study, or the next part of it, in its own run directory."""

from __future__ import annotations

import functools
from pathlib import Path

import torch

from sparring import kinds
from sparring.base.checking import no_link
from sparring.base.errors import RequestError, TrainingError
from sparring.base.rundir import RunDir
from sparring.data import DataSet, Rows
from sparring.engine import Plan, choose_plan
from sparring.gan.match import Match
from sparring.pages.console import Talk
from sparring.recipe import Recipe
from sparring.recipe.build import as_far_as_possible, can_join, fitted
from sparring.recipe.recorded import must_be_same, read_recipe_of
from sparring.runs.controllers import Controllers
from sparring.runs.job import Job, built, draw_picture, enough_disk, enough_memory
from sparring.runs.observers import Log, Observer, Pictures
from sparring.runs.session import found
from sparring.runs.trainer import Keeping, Trainer
from sparring.runs.tuning import Choice
from sparring.studies.answers.records import RunRecord
from sparring.studies.design import Arm, Design
from sparring.studies.judge import Judge, Standard, best, noted, points
from sparring.studies.sequence import Task


def run_name(arm: Arm, seed: int) -> str:
    """The name of a run's folder."""
    return f"{arm.slug}-{seed}"


class Player:
    """Plays a study's tasks, one after the other, in this process."""

    def __init__(self, design: Design, folder: Path, plan: Plan) -> None:
        self.design = design
        self.folder = folder
        self.plan = plan
        self._recipes = {arm.name: design.recipe(arm, 0) for arm in design.arms}
        asked = design._replace(images=None).recipe(design.arms[0], 0)  # with the scores that runs go without
        self.yardstick = Standard(asked, design.metric, torch.device(plan.device))
        self._data = functools.lru_cache(maxsize=2)(lambda arm: self._recipes[arm].data.load())

    def play(self, task: Task) -> RunRecord | None:
        """Plays up to the task's last point, from wherever the run stands; None where the user stopped it."""
        arm = self.design.arm(task.arm)
        recipe = self._recipes[task.arm].model_copy(update={"seed": task.seed})
        data = self._data(next(name for name, one in self._recipes.items() if one.data == recipe.data))
        recipe = fitted(recipe, data, {})
        run = RunDir(no_link(self.folder / "runs" / run_name(arm, task.seed)))
        with enough_disk(run):
            run.create()
        with run.owned():
            job = Job(run, recipe, data, self._plan(run, recipe, data), {}, Talk(quiet=True))
            with enough_memory(job):
                match = built(job)
            # What controllers steer by, runs are selected by too; never what answers are drawn from
            match.heldout = Rows(data, self.yardstick.numbers["selection"], match.engine.device, heldout=True)
            try:
                return self._played(job, match, task)
            except TrainingError as error:
                return self._record(job, match, task, why=str(error))

    def _plan(self, run: RunDir, recipe: Recipe, data: DataSet) -> Plan:
        """The study's plan, as far as it is this arm's mathematics too; a run that was begun keeps its own."""
        if run.exists:
            must_be_same(run, read_recipe_of(run), recipe)
            recorded = run.read_environment()
            if recorded["data"]["fingerprint"] != data.fingerprint:
                raise RequestError(f"out: {run.path} was trained on other data; take another directory for the study")
            return Plan(**recorded["plan"])._replace(device=self.plan.device)
        plan, images = self.plan, data.codec.maps
        own = choose_plan(plan.device, recipe.precision, images=images, deterministic=recipe.deterministic)
        return as_far_as_possible(plan, recipe, {})._replace(
            precision=plan.precision if recipe.precision == "auto" else own.precision,
            deterministic=own.deterministic,
            joined=plan.joined and can_join(recipe, data, {}),
        )

    def _played(self, job: Job, match: Match, task: Task) -> RunRecord | None:
        run, recipe = job.run, job.recipe
        if not run.exists:
            with enough_disk(run):
                found(job, match, Choice(job.plan, why="the study's plan"))
        marks = self.design.marks(recipe)
        judge = Judge(run, self.yardstick, marks, match.engine.device)
        controllers = Controllers(run, augmentations=kinds.of(recipe.game, recipe.data).against_overfitting)
        pictures = Pictures(recipe.sample_every or recipe.steps, lambda match: draw_picture(run, recipe, match))
        observers: list[Observer] = [controllers, judge, Log(run, recipe.log_every), pictures, judge.resumed]
        trainer = Trainer(match, run, observers, Keeping(last=recipe.keep), lambda _: None)
        with enough_memory(job), enough_disk(run):
            if not trainer.train(until=marks[task.until - 1]):
                return None
        return self._record(job, match, task)

    def _record(self, job: Job, match: Match, task: Task, why: str = "") -> RunRecord:
        """What the run has come to."""
        notes, curve = noted(match), points(match.notes)[: task.until]
        chosen = best(curve, self.yardstick.metric.better)
        step_s = notes["seconds"] / max(1, notes["steps"])
        state = "failed" if why else "finished" if task.until == self.design.points else "stopped"
        return RunRecord(
            arm=task.arm,
            overrides=self.design.arm(task.arm).overrides,
            seed=task.seed,
            stage=task.stage,
            state=state,  # type: ignore[arg-type]
            metric=self.yardstick.metric.name,
            selection=None if chosen is None else chosen.selection,
            score=None if chosen is None or why else chosen.report,
            curve=tuple(curve),
            step_ms=1000 * step_s,
            peak_mb=notes["peak"] / 2**20,
            seconds=step_s * min(match.step, self.design.marks(job.recipe)[task.until - 1]),
            directory=str(job.run.path.relative_to(self.folder)),
            why=why,
            beside={} if chosen is None or why else dict(notes.get("beside", {})),
        )
