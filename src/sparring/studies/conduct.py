"""Conducts a study: sees to its tasks until all are done, and draws the answers."""

from __future__ import annotations

import hashlib
import json
import socket
import time
from collections import Counter
from pathlib import Path
from typing import Any

import torch

from sparring.base.errors import RequestError
from sparring.base.system import interrupts_to
from sparring.engine import Engine, Plan, choose_plan
from sparring.pages.console import Talk
from sparring.pages.naming import titled
from sparring.recipe import to_yaml
from sparring.recipe.build import build, fitted
from sparring.recipe.recorded import difference
from sparring.runs.planning import parse_budget
from sparring.studies.answers.records import RunRecord
from sparring.studies.crews import Alone, Crew, End, Processes
from sparring.studies.design import Design, differs
from sparring.studies.folder import StudyDir
from sparring.studies.jobs import asked_for, each_arm, found
from sparring.studies.judge import Standard
from sparring.studies.runs import run_name
from sparring.studies.sequence import Task, due, records, rungs
from sparring.studies.storage import Queue

LOOK_S = 0.5
"""Seconds between looks at the queue while nothing ends."""
OTHERS_S = 30.0
"""Seconds between looks for tasks of others who are not heard of any more."""
KILLED = 3
"""How often a task's process may be killed before the run counts as failed."""


def conduct(
    design: Design, out: Path, *, device: str, storage: str | None, jobs: int | None, talk: Talk
) -> dict[str, Any]:
    """Goes on with the study in a directory, or begins it, to its end or until the user stops it; gives what
    `results.json` says. Raises RequestError for what is wrong with the request, the directory or the storage."""
    place = choose_plan(device, "fp32", images=False).device
    folder = StudyDir(out)
    if folder.exists:
        with folder.owned():
            _check_same(folder, design)
            design = design.in_order(list(folder.read_design()["asked"]["arms"]))  # which may be of another first arm
    if storage is not None and design.budget is not None and parse_budget(design.budget).timed:
        raise RequestError(f"for: {design.budget} would be another length on each machine that shares it; say 300kimg")
    yardstick = Standard(design.recipe(design.arms[0], 0), design.metric, torch.device(place), talk.say)
    if not folder.exists:
        _try_all(design)
    with folder.owned():
        design, plan, jobs = _begun(folder, design, yardstick, place, jobs, talk)
        queue = Queue(storage or f"sqlite:///{folder.queue}", _name(design, yardstick), _owner(folder))
        try:
            _check_agreed(queue, yardstick)
            study = _Study(design, folder, queue, yardstick, talk)
            finished = study.run(plan, jobs)
            return study.results(finished)
        finally:
            queue.close()


def _check_same(folder: StudyDir, design: Design) -> None:
    """Raises RequestError where the directory holds another study."""
    kept, asked = folder.read_design(), design.to_json()
    there = kept["asked"] | {"seeds": kept["design"]["seeds"]}
    for one in (there, asked):
        one["metric"] = one["metric"] or kept["design"]["metric"]  # which the data chose
    told = differs(there, asked)
    if told is not None:
        raise RequestError(f"out: {folder.path} holds a study {told}; take another directory")


def _check_agreed(queue: Queue, yardstick: Standard) -> None:
    """Raises RequestError where machines that share a study would score differently."""
    agreed = queue.agreed("protocol", yardstick.to_json())
    told = difference(agreed, yardstick.to_json())
    if told is not None:
        raise RequestError(
            f"storage: whoever began the study there scores with {told[0]}={told[1]}, here it is {told[2]}; "
            "let all machines have the same data and the same extractors in SPARRING_CACHE"
        )


def _try_all(design: Design) -> None:
    """Builds each arm once, so that whatever does not fit is said before anything is written."""
    for name, wanted, data in each_arm(design):
        try:
            recipe = fitted(wanted, data, {})
            build(recipe, data, Engine(choose_plan("cpu", "fp32", images=data.codec.maps)), {})
        except RequestError as error:
            raise RequestError(f"arm '{name}': {error}") from None


def _begun(
    folder: StudyDir, design: Design, yardstick: Standard, device: str, jobs: int | None, talk: Talk
) -> tuple[Design, Plan, int]:
    """The design with its length, the plan and the number of processes: as they were written, or found and written."""
    asked = design.to_json()
    design = design._replace(metric=yardstick.metric.name)
    if folder.exists:
        _check_same(folder, design)
        kept = folder.read_design()
        told = difference(kept["protocol"], yardstick.to_json())
        if told is not None:
            raise RequestError(
                f"out: {folder.path} was scored with {told[0]}={told[1]}, here it is {told[2]}; take another directory"
            )
        stored = kept["design"]
        lengths = tuple(stored.get("lengths", ()))
        design = design._replace(images=stored["images"], points=stored["points"], lengths=lengths)
        if stored["seeds"] != design.seeds:
            folder.write(folder.design, json.dumps(kept | {"design": design.to_json()}, indent=1))
        plan = Plan(**kept["plan"])._replace(device=device)
        if jobs is None or jobs == kept["jobs"]:
            return design, plan, kept["jobs"]
        count, threads = asked_for(jobs, plan, len(design.arms) * design.seeds)
        return design, plan._replace(threads=threads), count
    with talk.progress():
        way = found(design, yardstick.data, device, jobs)
    if way.why:
        talk.say(way.why)
    design = way.design
    kept = {
        "name": design.name,
        "asked": asked,
        "design": design.to_json(),
        "protocol": yardstick.to_json(),
        "plan": way.plan.to_json(),
        "jobs": way.jobs,
    }
    folder.write(folder.design, json.dumps(kept, indent=1))
    return design, way.plan, way.jobs


def _name(design: Design, yardstick: Standard) -> str:
    """What the study is called in a storage: the same on all machines that share it, whatever their seeds, and wherever
    the data lies on each."""
    told = design.to_json()
    told.pop("seeds")
    told["base"] = told["base"] | {"data": yardstick.data.fingerprint}
    return f"{design.name}-{hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()[:16]}"


def _owner(folder: StudyDir) -> str:
    return f"{socket.gethostname()}:{folder.path.resolve()}"


class _Study:
    """A study under way."""

    def __init__(self, design: Design, folder: StudyDir, queue: Queue, yardstick: Standard, talk: Talk) -> None:
        self.design = design
        self.folder = folder
        self.queue = queue
        self.yardstick = yardstick
        self.better = yardstick.metric.better
        self.named = titled(yardstick.metric.name, yardstick.extractor.name)
        self.of = yardstick.kind.unit
        self.talk = talk
        self.stopping = False
        self._given: dict[int, Task] = {}
        self._killed: Counter[Task] = Counter()
        self._said: set[Task] = set()

    def run(self, plan: Plan, jobs: int) -> bool:
        """Sees to tasks until all are done. False where the user stopped it."""
        queue = self.queue
        queue.take_back()
        done = queue.done()
        self._said = set(done)
        wanted = due(self.design, done, self.better)
        if all(task in done for task in wanted):
            return True
        self._tell_begin(wanted, done, jobs)
        crew: Crew = (
            Alone(self.design, self.folder.path, plan)
            if jobs == 1
            else Processes(jobs, self.design, self.folder.path, plan)
        )

        def stop(number: int) -> None:
            if self.stopping:
                raise KeyboardInterrupt
            self.stopping = True
            self.talk.say("stopping: what is under way is saved")
            crew.stop()

        try:
            with interrupts_to(stop), queue.beating():
                return self._seen_to(crew)
        finally:
            crew.close()
            for number in self._given:
                queue.give_up(number)

    def _seen_to(self, crew: Crew) -> bool:
        looked = time.monotonic()
        while True:
            done = self._exported()
            wanted = due(self.design, done, self.better)
            if all(task in done for task in wanted):
                return True
            if self.stopping and not self._given:
                return False
            if not self.stopping:
                self.queue.add(task for task in wanted if task not in done)
                while crew.free() and (claimed := self.queue.claim(self._order)):
                    number, task = claimed
                    self._given[number] = task
                    crew.give(number, task)
            for end in crew.wait(LOOK_S):
                self._ended(end)
            if time.monotonic() - looked > OTHERS_S:
                looked = time.monotonic()
                self.queue.reclaim()

    def _order(self, task: Task) -> int:
        """Runs that were begun here come first, those that others began last: they would be played from the start."""
        if (self.folder.runs / run_name(self.design.arm(task.arm), task.seed)).exists():
            return 0
        return 1 if task.stage == "final" or task.until == rungs(self.design.points)[0] else 2

    def _ended(self, end: End) -> None:
        task = self._given.pop(end.number)
        if end.record is not None:
            self.queue.finish(end.number, end.record)
            return
        if end.killed and not self.stopping:
            self._killed[task] += 1
            self.talk.say(f"{task.arm}, seed {task.seed}: its process {end.killed}; going on from its last checkpoint")
            if self._killed[task] >= KILLED:
                self.queue.finish(end.number, self._lost(task, f"its process {end.killed}, {KILLED} times"))
                return
        elif not end.killed:
            self.stopping = True  # the run was told to stop, by a signal that came to it
        self.queue.give_up(end.number)

    def _lost(self, task: Task, why: str) -> RunRecord:
        """The record of a run that left none."""
        arm = self.design.arm(task.arm)
        return RunRecord(
            arm=arm.name,
            overrides=arm.overrides,
            seed=task.seed,
            stage=task.stage,
            state="failed",
            metric=self.yardstick.metric.name,
            selection=None,
            score=None,
            curve=(),
            step_ms=0.0,
            peak_mb=0.0,
            seconds=0.0,
            directory=f"runs/{run_name(arm, task.seed)}",
            why=why,
        )

    def _exported(self) -> dict[Task, RunRecord]:
        """What is done, by whomever; the records as a file, where there are new ones."""
        done = self.queue.done()
        new = [task for task in done if task not in self._said]
        if new or not self.folder.records.exists():
            self.folder.write_records(records(self.design, done, self.better))
        for task in new:
            self._said.add(task)
            self._tell(task, done)
        return done

    def _tell_begin(self, wanted: list[Task], done: dict[Task, RunRecord], jobs: int) -> None:
        design, talk = self.design, self.talk
        how = "one process" if jobs == 1 else f"{jobs} processes"
        screened = f", screened on {len(design.screen_seeds)} seeds of their own" if design.screened else ""
        talk.say(
            f"{design.name}: {len(design.arms)} arms{screened}, {design.seeds} seeds, "
            f"{design.images:,} {self.of} a run{' of the first' if design.lengths else ''}, by {self.named}; {how}"
        )
        there = sum(task in done for task in wanted)
        if there:
            talk.say(f"going on: {there} of {len(wanted)} runs are done")

    def _tell(self, task: Task, done: dict[Task, RunRecord]) -> None:
        record = done[task]
        wanted = due(self.design, done, self.better)
        told = f"{sum(one in done for one in wanted)} of {len(wanted)}: {task.arm}, seed {task.seed}: "
        if record.state == "failed":
            told += f"failed ({record.why})"
        elif task.until < self.design.points:
            told += f"{self.named} {record.selection:.4g} so far (screening)"
        else:
            told += f"{self.named} {record.score:.4g} in {record.seconds:.3g} s"
        self.talk.say(told)

    def results(self, finished: bool) -> dict[str, Any]:
        """What is known, as results.json says it; written with the report where the study is finished."""
        done = self.queue.done()
        there = records(self.design, done, self.better)
        self.folder.write_records(there)
        head = {
            "study": self.design.name,
            "finished": finished,
            "images": self.design.images,
            "seeds": self.design.seeds,
            **self.yardstick.to_json(),
        }
        if not finished:
            wanted = due(self.design, done, self.better)
            count = sum(task in done for task in wanted)
            self.talk.say(
                f"stopped: {count} of {len(wanted)} runs are done; the same command goes on: {self.folder.path}"
            )
            return head | {"done": count, "of": len(wanted)}
        from sparring.studies.answers.statistics import analyse
        from sparring.studies.page import study_page  # with Jinja2 behind it, and SciPy behind the other

        baseline, extractor = self.design.arms[0].name, self.yardstick.extractor.name
        analysis = analyse(there, better=self.better, margin=self.design.margin, baseline=baseline, extractor=extractor)
        results = head | analysis.to_json()
        self.folder.write(self.folder.results, json.dumps(results, indent=1, allow_nan=False))
        recommended = None if analysis.recommended.arm is None else self._recipe_of(analysis.recommended.arm)
        if recommended is not None:
            self.folder.write(self.folder.recommended, recommended)
        page = study_page(self.folder.path, self.design.name, there, analysis, recommended)
        self.folder.write(self.folder.report, page)
        for line in analysis.lines():
            self.talk.say(line)
        self.talk.say(f"report: {self.folder.report}")
        return results

    def _recipe_of(self, name: str) -> str:
        """An arm's recipe, of the study's length, ready for `train`."""
        whole = self.design._replace(images=None).recipe(self.design.arm(name), 0)
        steps = self.design.recipe(self.design.arm(name), 0).steps
        return to_yaml(whole.model_copy(update={"steps": steps}))
