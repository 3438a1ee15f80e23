"""A training from the request to the report: begin or go on, play, score."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from sparring import kinds
from sparring.base import clock
from sparring.base.errors import RequestError, TrainingError
from sparring.base.files import append_line, write_file
from sparring.base.rundir import RunDir
from sparring.data import DataSet
from sparring.doctor import Attending, closing_lines, diagnose, facts_of, remedies
from sparring.doctor.advice import advice
from sparring.engine import Engine, Plan, check_tracker, choose_plan, ranks
from sparring.engine.compiling import can_compile
from sparring.engine.machine import environment, out_of_memory, peak_memory
from sparring.gan.match import Match
from sparring.pages.console import Talk
from sparring.pages.wording import about
from sparring.recipe import Recipe, kind_left_open, override, to_yaml, validated
from sparring.recipe.build import OwnNets, build, fitted
from sparring.recipe.recorded import FREE_TO_CHANGE, must_be_same, read_recipe_of
from sparring.runs import reporting, treatment
from sparring.runs.controllers import Controllers
from sparring.runs.job import Job, built, draw_picture, enough_disk, enough_memory, take_weights
from sparring.runs.loading import load_state
from sparring.runs.observers import Bar, Log, Observer, Pictures
from sparring.runs.orders import Task, measured, tell
from sparring.runs.pace import Pace, Paced
from sparring.runs.run import Run
from sparring.runs.scoring import Scorer
from sparring.runs.timing import Asked, paced, with_length
from sparring.runs.trainer import Keeping, Trainer
from sparring.runs.tuning import Choice, choose, quick

LONG_S = 900.0
"""Seconds of a training for which a shorter one is suggested as a first look."""


def begin(
    run: RunDir, recipe: Recipe, asked: Asked | None, device: str, from_: str | Path | None, own: OwnNets, talk: Talk
) -> Run:
    """Starts a new run in a new directory."""
    data = recipe.data.load()
    talk.say("\n".join(data.found.lines()))
    recipe = fitted(recipe, data, own).model_copy(update={"recipe_steps": recipe.recipe_steps or recipe.steps})
    check_tracker(recipe.tracker)
    source = None if from_ is None else Run(from_, own=own)
    plain = choose_plan(device, recipe.precision, images=data.codec.maps, deterministic=recipe.deterministic)
    recipe = with_length(recipe, asked)
    trial = build(recipe, data, Engine(plain), own)  # whatever does not fit is said before anything is written
    for line in advice(recipe, trial):
        talk.say(f"advice: {line}")
    del trial
    chosen = choose(recipe, data, device, own, None if asked is None else asked.seconds)
    chosen.tell(talk.say)
    if (asked is None or not asked.budget.timed) and ranks.count() == 1:
        _say_how_long(recipe, data, chosen, own, talk)
    job = Job(run, recipe, data, chosen.plan, own, talk)
    run.create()
    with run.owned():
        if run.exists:
            raise RequestError(f"out: another process began a run in {run.path} just now; take another directory")
        match = built(job)
        if source is not None:
            talk.say(take_weights(match, source))
        with enough_disk(run):
            found(job, match, chosen, source)
        return play_out(job, match, asked)


def _say_how_long(recipe: Recipe, data: DataSet, chosen: Choice, own: OwnNets, talk: Talk) -> None:
    try:
        step_s = quick(recipe, data, chosen.plan, own) if chosen.step_s is None else chosen.step_s
    except (RuntimeError, MemoryError) as error:
        if not out_of_memory(error):
            raise
        return  # the run itself says what to lower
    seconds = step_s * recipe.steps
    told = f"{recipe.steps:,} steps, about {about(seconds)} here"
    talk.say(told if seconds < LONG_S else f"{told}; --for 10m for a first look")


def check_treatment(recipe: Recipe, processes: int) -> None:
    """Raises RequestError where a run that is to be treated trains in several processes."""
    if recipe.doctor == "treat" and processes > 1:
        raise RequestError("doctor: treat works with one process; say doctor=advise, or devices=1")


def found(job: Job, match: Match, chosen: Choice, source: Run | None = None) -> None:
    """Makes a new directory a run that stands before its first step."""
    run, data = job.run, job.data
    run.discard_after(-1)  # of a beginning that was cut off
    match.redraw(0)
    run.save(0, match.state())
    record = {
        **environment(),
        "from": None if source is None else f"{source.path.resolve()} at step {source.step}",
        "plan": job.plan.to_json(),
        "tuning": chosen.to_json(),
        "data": {"name": data.name, "fingerprint": data.fingerprint, "found": data.found.lines()},
    }
    write_file(run.environment, json.dumps(record, indent=1))
    write_file(run.recipe, to_yaml(job.recipe))  # last: it is what makes the directory a run


def resume(
    run: RunDir, fields: dict[str, Any] | None, asked: Asked | None, device: str, own: OwnNets, talk: Talk
) -> Run:
    """Goes on with a run, if it is the one that was asked for (`fields`; None for whichever it is)."""
    with run.owned():
        treatment.settle(run)
    recipe = read_recipe_of(run)
    data = recipe.data.load()
    recorded = run.read_environment()
    if recorded["data"]["fingerprint"] != data.fingerprint:
        raise RequestError(
            f"out: {run.path} was trained on other data (fingerprint {recorded['data']['fingerprint'][:12]}, "
            f"now {data.fingerprint[:12]}); take another directory"
        )
    wanted = recipe
    if fields is not None:
        told = fields if kind_left_open(fields) is None else fields | {"data": recipe.model_dump(mode="json")["data"]}
        told = override(told, treatment.active(run))
        whole = fitted(validated(told), data, own)
        must_be_same(run, recipe, whole)
        free = FREE_TO_CHANGE - {"budget", "clocked", "recipe_steps"} - ({"steps"} if recipe.budget or asked else set())
        wanted = recipe.model_copy(update={name: getattr(whole, name) for name in free})
    plan = Plan(**recorded["plan"])
    wanted_device = plan.device if device == "auto" else device
    if plan.devices != ranks.count():
        talk.say(f"devices: {plan.devices} when the run began, now {ranks.count()}: equal but for rounding")
    plan = plan._replace(device=choose_plan(wanted_device, "fp32", images=False).device, devices=ranks.count())
    if plan.compiled and not can_compile(plan.device):
        talk.say("compiled networks: this machine has no compiler for them; going on without, equal but for rounding")
        plan = plan._replace(compiled=False)
    check_treatment(wanted, ranks.count())
    if wanted.doctor != "treat" and treatment.on_trial(run):
        talk.say(f"doctor: {wanted.doctor}, and a treatment is on trial; it stays, and nobody judges it")
        treatment.leave(run, run.saved_steps()[-1])
    saved = run.saved_steps()
    state = load_state(run, saved[-1]) if saved else {}  # a damaged checkpoint is said before anything is written
    with run.owned():
        asked = asked or (None if recipe.budget is None else Asked(recipe.budget, clock.began()))
        job = Job(run, with_length(wanted, asked, saved[-1] if saved else 0), data, plan, own, talk)
        if job.recipe != recipe:
            write_file(run.recipe, to_yaml(job.recipe))
        more = asked is not None and asked.text != recipe.budget and asked.leaves(state)
        finished = "" if more else _finished_already(job.recipe, saved, state)
        if finished and run.report.exists():
            talk.say(f"{run.path}: {finished}")
            return Run(run.path, own=own)
        run.tell_damage(talk.say)
        talk.say(f"{run.path}: going on from step {saved[-1] if saved else 0:,} of {job.recipe.steps:,}")
        return play_out(job, built(job), None if finished else asked)


def _finished_already(recipe: Recipe, saved: Sequence[int], state: Mapping[str, Any]) -> str:
    """That a run of this recipe is finished, and how it goes on; nothing where it is not."""
    if saved and saved[-1] >= recipe.steps:
        return f"finished at step {saved[-1]:,}; for more, say --for"
    if saved and recipe.score.ended(state["notes"], saved[-1], recipe.steps):
        return (
            f"ended at step {saved[-1]:,} of {recipe.steps:,}, {recipe.score.patience} scores after its best at step "
            f"{state['notes']['best_step']:,}; for more, say a longer --for or a higher score.patience"
        )
    return ""


def predicted(wanted: Recipe, device: str, seconds: float) -> dict[str, Any]:
    """Step time, memory and time to finish, from a probe of so many seconds that leaves nothing behind."""
    source = wanted.data.load()
    wanted = fitted(wanted, source, {})
    plain = choose_plan(device, wanted.precision, images=source.codec.maps)
    told = advice(wanted, build(wanted, source, Engine(plain)))
    chosen = choose(wanted, source, device, {}, always=True)
    how = chosen.plan
    cost = measured(Job(RunDir("plan"), wanted, source, how, {}, Talk(quiet=True)), seconds)
    return {
        "recipe": wanted.name,
        "plan": how.to_json(),
        "tried": chosen.to_json(),
        "steps": wanted.steps,
        "step_ms": cost.step_s * 1000,
        "images_per_s": wanted.batch / cost.step_s,
        "unit": kinds.of(wanted.game, wanted.data).unit,
        "memory_mb": cost.memory / 2**20,
        "seconds": cost.seconds(wanted, wanted.steps),
        "advice": told,
    }


def play_out(job: Job, match: Match, asked: Asked | None = None) -> Run:
    """Trains to the end, scores, reports."""
    scorer = Scorer(job.run, job.recipe, job.data, job.talk)
    job, pace = paced(job, scorer, asked)
    tell(job, paced=pace.budget is not None)
    bar = Bar(job.talk, kinds.of(job.recipe.game, job.recipe.data).unit, pace.left)
    try:
        with enough_disk(job.run):
            while True:
                try:
                    reached = _trained(job, match, _observers(job, scorer, bar), pace)
                    if not reached or not treatment.on_trial(job.run):
                        break
                    job.talk.say(f"step {match.step:,}: treated it ended before it could be judged; undone")
                except treatment.Treat as order:
                    job, match = _treated(job, match, order)
                    continue
                except treatment.Undo:
                    pass
                except TrainingError as error:
                    if not treatment.on_trial(job.run):
                        raise
                    job.talk.say(f"treated it fell: {error}; undone")
                treatment.undo(job.run, match)
                job, match = _again(job)
    finally:
        bar.close()
        match.engine.finish()
    with enough_memory(job), enough_disk(job.run):
        return _finished(job, match, scorer, reached)


def _observers(job: Job, scorer: Scorer, bar: Bar) -> list[Observer]:
    """All that is shown each step. Who may send the run back comes last, so that a step is seen whole or not at all."""
    recipe, run, talk = job.recipe, job.run, job.talk
    every = recipe.sample_every or max(recipe.steps // 10, 1)
    kind = kinds.of(recipe.game, recipe.data)
    found: list[Observer] = [
        Controllers(run, talk.say, kind.against_overfitting),
        Log(run, recipe.log_every),
        Pictures(every, lambda m: draw_picture(run, recipe, m)),
        scorer,
        bar,
    ]
    if recipe.doctor != "off":
        doctor = Attending(run, facts_of(recipe), talk.say, partial(remedies, recipe=recipe), kind)
        found.insert(0, doctor)
        if recipe.doctor == "treat":
            found.append(treatment.Treating(run, recipe, doctor, partial(_measure, scorer, doctor), talk.say))
    return found


def _measure(scorer: Scorer, doctor: Attending, match: Match) -> treatment.Measure | None:
    """By what a treatment is judged: the run's first score, or the doctor's own distance where there is none."""
    first = scorer.first(match)
    if first is not None:
        name, score = first
        return treatment.Measure(name, score["value"], score["better"], score["protocol"].get("extractor", ""))
    distance = doctor.history.last("distance", 3)
    return None if distance is None else treatment.Measure("distance", distance, "lower")


def _treated(job: Job, match: Match, order: treatment.Treat) -> tuple[Job, Match]:
    """The run with a remedy, as it stood when all was well."""
    line, before = treatment.begin(job.run, match, order), order.before
    job.talk.say(
        f"step {match.step:,}: treating {order.finding.symptom.replace('_', ' ')} ({before.title} {before.value:.4g}): "
        f"back to step {line['back_to_step']:,} with {' '.join(order.overrides)}"
    )
    return _again(job)


def _again(job: Job) -> tuple[Job, Match]:
    """The run as its directory has it now."""
    job = replace(job, recipe=read_recipe_of(job.run))
    return job, built(job)


def _trained(job: Job, match: Match, observers: Sequence[Observer], pace: Pace) -> bool:
    keeping = Keeping(every_steps=job.recipe.save_every, last=job.recipe.keep)
    scoring = job.recipe.score

    def enough(match: Match) -> bool:
        return scoring.ended(match.notes, match.step, match.steps)

    with enough_memory(job):
        return Trainer(match, job.run, observers, keeping, job.talk.say, enough, pace).train()


def obey(order: Task, data: DataSet, own: OwnNets) -> None:
    """What a process that is not the first does when told: its share, without a word, writing nothing."""
    job = Job(RunDir(order.path), order.recipe, data, order.plan, own, Talk(quiet=True))
    if order.seconds is None:
        pace = Paced.following() if order.paced else Pace(order.recipe.clocked)
        _trained(job, built(job), [Controllers()], pace)
    else:
        measured(job, order.seconds)


def _finished(job: Job, match: Match, scorer: Scorer, reached: bool) -> Run:
    """What follows training: scores and report, if its last step was reached."""
    recipe, run, talk = job.recipe, job.run, job.talk
    memory = peak_memory(match.engine.device) / 2**20
    ended = {"ended_at_step": match.step, "finished": reached}
    append_line(run.log, ended | {"seconds": match.seconds, "memory_mb": round(memory, 1)})
    if not reached:
        talk.say(f"stopped at step {match.step:,} of {match.steps:,}; the same command goes on: {run.path}")
        return Run(run.path, own=job.own)
    scorer.final(match)
    if recipe.doctor != "off":
        for line in closing_lines(diagnose(run, recipe)):
            talk.say(line)
    finished = Run(run.path, own=job.own)
    reporting.write_report(finished, job.data, scorer.extractor)
    run.tell_damage(talk.say)
    talk.say(f"report: {run.report}")
    return finished
