"""How a study is computed: how many processes, with how many threads each, by which plan."""

from __future__ import annotations

import json
import multiprocessing
import os
import threading
from collections.abc import Iterator
from multiprocessing.connection import Connection
from typing import Any, NamedTuple

import torch

from sparring import kinds
from sparring.base.cache import cache_directory
from sparring.base.errors import RequestError
from sparring.base.files import write_file
from sparring.base.progress import through
from sparring.data import DataSet
from sparring.engine import Plan, choose_plan
from sparring.engine.launcher import end_with_parent
from sparring.recipe import Recipe
from sparring.recipe.build import as_far_as_possible, fitted
from sparring.runs.planning import measure, parse_budget
from sparring.runs.tuning import choose, identity
from sparring.studies.design import Design

SHORTEST = 60.0
"""Seconds of a whole study under which nothing is tried."""
GAIN = 1.05
"""How much faster several processes must be."""
PROBE_S = 2.0


class Way(NamedTuple):
    """How a study is computed."""

    jobs: int
    """Processes; one is this process itself."""
    plan: Plan
    """For each of them."""
    design: Design
    """With its length."""
    why: str
    """For people: what was tried."""


def found(design: Design, data: DataSet, device: str, jobs: int | None) -> Way:
    """The way to compute a study; `jobs` of None takes as many processes as give the most images a second. A budget
    that is a time becomes images here. Raises RequestError where it is too short."""
    recipe = fitted(design.recipe(design.arms[0], 0), data, {})
    plan = choose_plan(device, recipe.precision, images=data.codec.maps, deterministic=recipe.deterministic)
    name = kinds.of(recipe.game, recipe.data).unit
    amount, unit = (float(recipe.steps), "steps") if design.budget is None else parse_budget(design.budget)
    runs = len(design.arms) * design.seeds
    timed = unit in ("s", "cpu")
    if timed:
        length = amount * runs
    else:
        design = design.measured(amount * recipe.batch if unit == "steps" else amount)
        length = (design.images or 0) / rate(recipe, data, plan, 0.3) * runs
    count, threads, each, why = _beside(recipe, data, plan, jobs, runs, length)
    if timed:
        plan = plan._replace(threads=threads)
        seconds = min(PROBE_S, 0.1 * amount)
        if design.equal == "time":
            design = design.timed([amount * speed for speed in _speeds(design, plan, unit, seconds)])
            told = ", ".join(f"{arm.name} {design.images_of(arm):,}" for arm in design.arms)
            why += f"{'; ' if why else ''}{design.budget} are {name} of each arm: {told}"
        else:
            if not each or unit == "cpu":
                each = _speed(recipe, data, plan, unit, seconds)
            design = design.measured(amount * each)
            why += f"{'; ' if why else ''}{design.budget} are {design.images:,} {name} a run"
    torch.set_num_threads(threads)
    wanted = fitted(design.recipe(design.arms[0], 0), data, {})
    plan = choose(wanted, data, device, {}).plan
    return Way(count, plan if count == 1 else plan._replace(threads=threads), design, why)


def each_arm(design: Design) -> Iterator[tuple[str, Recipe, DataSet]]:
    """The name, the recipe and the data of each arm; equal data are loaded once."""
    loaded: dict[str, DataSet] = {}
    for arm in design.arms:
        recipe = design.recipe(arm, 0)
        key = repr(recipe.data)
        if key not in loaded:
            loaded[key] = recipe.data.load()
        yield arm.name, recipe, loaded[key]


def _speeds(design: Design, plan: Plan, unit: str, seconds: float) -> Iterator[float]:
    """Images a second of each arm's training, of the clock or of processors."""
    for _, wanted, data in through(each_arm(design), "each arm's speed", len(design.arms)):
        recipe = fitted(wanted, data, {})
        yield _speed(recipe, data, as_far_as_possible(plan, recipe, {}), unit, seconds)


def _speed(recipe: Recipe, data: DataSet, plan: Plan, unit: str, seconds: float) -> float:
    cost = measure(recipe, data, plan, {}, seconds)
    return recipe.batch / (cost.cpu_s if unit == "cpu" else cost.step_s)


def _beside(
    recipe: Recipe, data: DataSet, plan: Plan, jobs: int | None, runs: int, length: float
) -> tuple[int, int, float | None, str]:
    """Processes, threads of each, images a second of each (None where not measured), and why."""
    if jobs is None and plan.device != "cpu":
        jobs = torch.cuda.device_count() if plan.device == "cuda" else 1
    if jobs is not None:
        return *asked_for(jobs, plan, runs), None, ""
    count = min(cores(), runs)
    if count < 2 or length < SHORTEST:
        return 1, plan.threads, None, ""
    place = cache_directory() / "plans" / f"jobs-{identity(recipe, data, plan, {})}.json"
    tried = _remembered(place)
    if tried is None or tried["count"] != count:
        tried = {
            "count": count,
            "together": rate(recipe, data, plan, PROBE_S),
            "beside": side_by_side(recipe, plan._replace(threads=1), count),
        }
        _remember(place, tried)
    unit = kinds.of(recipe.game, recipe.data).unit
    told = (
        f"{count} processes of one thread: {tried['beside']:,.0f} {unit}/s; "
        f"one of {plan.threads}: {tried['together']:,.0f}"
    )
    if tried["beside"] > GAIN * tried["together"]:
        return count, 1, tried["beside"] / count, told
    return 1, plan.threads, tried["together"], told


def asked_for(jobs: int, plan: Plan, runs: int) -> tuple[int, int]:
    """So many processes, as far as there are runs for them, and the threads of each. Raises RequestError for none."""
    if jobs < 1:
        raise RequestError(f"jobs: {jobs} is no number of processes; take 1 or more")
    count = min(jobs, runs)
    return count, max(1, cores() // count) if plan.device == "cpu" and count > 1 else torch.get_num_threads()


def cores() -> int:
    """Processors that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def rate(recipe: Recipe, data: DataSet, plan: Plan, seconds: float) -> float:
    """Images a second of a training here and now."""
    return _speed(recipe, data, plan, "s", seconds)


def side_by_side(recipe: Recipe, plan: Plan, count: int) -> float:
    """Images a second of so many processes at once, together; 0 where one of them failed."""
    context = multiprocessing.get_context("spawn")
    barrier = context.Barrier(count)
    pipes, processes = [], []
    for _ in range(count):
        mine, theirs = context.Pipe(duplex=False)
        process = context.Process(target=_timed, args=(theirs, barrier, recipe, plan), daemon=True)
        process.start()
        theirs.close()
        pipes.append(mine)
        processes.append(process)
    try:
        return float(sum(pipe.recv() for pipe in pipes))
    except EOFError:
        return 0.0
    finally:
        for process in processes:
            process.join()


def _timed(pipe: Connection, barrier: Any, recipe: Recipe, plan: Plan) -> None:
    """What a process of the probe does."""
    os.setpgrp()
    threading.Thread(target=end_with_parent, daemon=True).start()
    torch.set_num_threads(plan.threads)
    data = recipe.data.load()
    try:
        rate(recipe, data, plan, 0.1)  # warm before it counts
        barrier.wait(120)
        pipe.send(rate(recipe, data, plan, PROBE_S))
    except BaseException:
        barrier.abort()
        raise


def _remembered(place: Any) -> dict[str, Any] | None:
    try:
        found = json.loads(place.read_text())
        return {name: float(found[name]) for name in ("together", "beside")} | {"count": int(found["count"])}
    except (OSError, ValueError, TypeError, KeyError):
        return None


def _remember(place: Any, tried: dict[str, Any]) -> None:
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        write_file(place, json.dumps(tried))
    except OSError:
        pass  # a cache that cannot be written costs a few seconds the next time
