"""A training about to begin, or to go on: what it is made of, and what may run out beneath it."""

from __future__ import annotations

import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from sparring import kinds
from sparring.base.draws import Key
from sparring.base.errors import RequestError, TrainingError
from sparring.base.files import write_file
from sparring.base.rundir import RunDir
from sparring.data import DataSet
from sparring.engine import Engine, Plan, ranks
from sparring.engine.machine import out_of_memory
from sparring.gan.match import Match
from sparring.pages.console import Talk
from sparring.recipe import Recipe
from sparring.recipe.build import OwnNets, as_far_as_possible, build
from sparring.runs.planning import what_fits
from sparring.runs.run import Run


@dataclass(frozen=True)
class Job:
    """A training about to begin, or to go on."""

    run: RunDir
    recipe: Recipe
    data: DataSet
    plan: Plan
    own: OwnNets
    talk: Talk


def built(job: Job) -> Match:
    """The match of a job, before its first step."""
    plan = as_far_as_possible(job.plan, job.recipe, job.own)
    return build(job.recipe, job.data, Engine(plan, job.recipe.tracker, job.run.path), job.own)


@contextmanager
def enough_memory(job: Job) -> Iterator[None]:
    """Turns a lack of memory into a TrainingError that says what to lower and by how much."""
    try:
        yield
    except (RuntimeError, MemoryError) as error:
        if not out_of_memory(error):
            raise
        lack = True
        traceback.clear_frames(error.__traceback__)  # they hold on to the step's tensors
    else:
        lack = False
    if lack:
        alone = ranks.count() == 1  # to try what fits takes all processes, and the others may be anywhere
        lower = max(1, (job.recipe.microbatch or job.recipe.batch // ranks.count()) // 2)
        advice = what_fits(job.recipe, job.data, job.plan, job.own) if alone else f"try microbatch={lower}"
        raise TrainingError(f"{job.run.path}: out of memory at batch={job.recipe.batch}; {advice}")


@contextmanager
def enough_disk(run: RunDir) -> Iterator[None]:
    """Turns a file that cannot be written into a RequestError; what was saved before is intact."""
    try:
        yield
    except OSError as error:
        saved = run.saved_steps()
        raise RequestError(
            f"{error.filename or run.path}: cannot be written ({error.strerror or error}); "
            f"the run is intact at step {saved[-1] if saved else 0}"
        ) from None


@contextmanager
def enough_room(folder: Path) -> Iterator[None]:
    """Turns a file that cannot be written, of many runs below a folder, into a RequestError."""
    try:
        yield
    except OSError as error:
        raise RequestError(
            f"{error.filename or folder}: cannot be written ({error.strerror or error}); "
            f"what is trained is kept in {folder}, and the same command goes on"
        ) from None


def take_weights(match: Match, other: Run) -> str:
    """Starts both networks from another run's, as far as names and shapes agree; gives what was taken, in words."""
    told = []
    for side, source in (("generator", other.generator), ("discriminator", other.discriminator)):
        mine = match.nets()[side].state_dict()
        fits = {n: t for n, t in source.state_dict().items() if n in mine and mine[n].shape == t.shape}
        if not fits:
            raise RequestError(
                f"from: no weight of {other.path}'s {side} fits this recipe's; take its recipe's network"
            )
        match.nets()[side].load_state_dict(mine | fits)
        told.append(f"{len(fits)} of {len(mine)} tensors of the {side}")
    if match.average is not None:
        match.average.net.load_state_dict(match.generator.state_dict())
    return f"from {other.path}: {', '.join(told)}"


def draw_picture(run: RunDir, recipe: Recipe, match: Match) -> None:
    """Writes what the averaged generator makes now, of the same latents at every time."""
    kind = kinds.of(recipe.game, recipe.data)
    real = match.heldout if len(match.heldout) else match.batches.rows
    with match.sampling(recipe.data) as trained:
        shown = kind.show(trained, real, Key(match.seed, "pictures"), match.seed)
    write_file(run.samples / f"step-{match.step:07d}{shown.suffix}", shown.content)
