"""A run of few steps from its beginning to its report, in a directory that is thrown away: what it takes beside
steps."""

from __future__ import annotations

import tempfile
from pathlib import Path

from sparring.base.rundir import RunDir
from sparring.engine import Plan
from sparring.pages.console import Talk
from sparring.recipe import Recipe
from sparring.recipe.build import fitted
from sparring.runs.job import Job, built
from sparring.runs.session import found, play_out
from sparring.runs.tuning import Choice


def play(wanted: Recipe, plan: Plan) -> None:
    """Plays such a run, so that the process's memory, or the device's, rises as high as it will: data are read,
    networks train and draw pictures, are scored (by the data's feature network, which is trained where the cache does
    not have it) and reported.

    Steps alone tell half of it: the largest tensors may be those of all that is scored."""
    data = wanted.data.load()
    recipe = fitted(wanted, data, {})
    few = {"steps": 2 * recipe.period(), "budget": None, "clocked": None, "tracker": "none"}
    recipe = recipe.model_copy(update=few | ({"doctor": "advise"} if recipe.doctor == "treat" else {}))
    with tempfile.TemporaryDirectory(prefix="sparring-plan-") as folder:
        run = RunDir(Path(folder) / "run")
        run.create()
        with run.owned():
            job = Job(run, recipe, data, plan, {}, Talk(quiet=True))
            match = built(job)
            found(job, match, Choice(plan))
            played = play_out(job, match)
    if not played.finished:  # by a signal, which was meant for the whole
        raise KeyboardInterrupt("stopped")
