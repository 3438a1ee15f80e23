"""The systems side by side, each behind one function: from a task to something that samples."""

from __future__ import annotations

import shutil
import statistics
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

import baselines
import numpy as np
import pandas as pd
from sets import Typing, read_plain


@dataclass(frozen=True)
class Task:
    """What a system is given: training rows, a seed, and a folder of its own for what it leaves."""

    csv: Path
    """Training rows as they were spelled."""
    folder: Path
    seed: int
    budget: str | None = None
    """How long to train, as `--for` says it; only Sparring knows it, by default it takes what its recipe says."""
    overrides: tuple[str, ...] = ()
    """Of Sparring's recipe."""

    @cached_property
    def plain(self) -> pd.DataFrame:
        """The rows as pandas reads them, with the types that it gives the whole table where these are known."""
        pickled = self.csv.with_suffix(".pkl")
        return pd.read_pickle(pickled) if pickled.exists() else read_plain(self.csv)

    @cached_property
    def typed(self) -> pd.DataFrame:
        """Numbers and texts: what the baselines take."""
        return Typing.of(self.plain).typed(self.plain)


class Fitted(NamedTuple):
    """A trained system."""

    sample: Callable[[int], pd.DataFrame]
    facts: dict[str, float] = {}
    """What it says of its training: `rows_per_s`, and `loop`, the seconds of its steps alone."""


class System(NamedTuple):
    fit: Callable[[Task], Fitted]
    packages: tuple[str, ...] = ()
    """Imported before the clock starts: all that it takes, also what it would import only where it is used."""


def sparring(task: Task) -> Fitted:
    """Sparring, by its public API: reading, training and the report are all in its time."""
    import sparring

    out = task.folder / "run"
    shutil.rmtree(out, ignore_errors=True)  # of a run that was cut short: its time would be lost
    words = ("score.metrics=[]", *task.overrides)  # the bench scores
    run = sparring.train(*words, data=task.csv, out=out, for_=task.budget, seed=task.seed, quiet=True)
    if not run.finished:
        raise SystemExit(f"{out}: stopped at step {run.step:,}")
    return Fitted(lambda count: run.sample(count, task.seed), run_facts(run))


def run_facts(run: Any) -> dict[str, float]:
    """What a run's log says of its speed."""
    speeds = [line["images_per_s"] for line in run.log if "images_per_s" in line]  # rows, of a table
    steady = speeds[2:] or speeds  # starting up does not count
    return {"loop": float(run.seconds)} | ({"rows_per_s": statistics.median(steady)} if steady else {})


def prepared(plain: pd.DataFrame) -> tuple[pd.DataFrame, list[str]]:
    """What CTGAN takes, and its discrete columns: it refuses missing numbers, which become the median."""
    frame, discrete = plain.copy(), []
    for name in frame:
        if frame[name].dtype == object or frame[name].dtype == bool:
            frame[name] = frame[name].astype(object).where(frame[name].notna(), "missing").astype(str)
            discrete.append(name)
        else:
            frame[name] = frame[name].fillna(frame[name].median())
            if frame[name].nunique() <= 10 and (frame[name] % 1 == 0).all():
                discrete.append(name)
    return frame, discrete


def ctgan(task: Task, **options: Any) -> Fitted:
    """The `ctgan` package at its defaults."""
    import torch
    from ctgan import CTGAN

    frame, discrete = prepared(task.plain)
    torch.manual_seed(task.seed)
    np.random.seed(task.seed)
    model = CTGAN(**options)
    model.fit(frame, discrete)
    return Fitted(model.sample)


def real(task: Task) -> Fitted:
    """The training rows themselves: what no system is to beat."""
    return Fitted(task.typed.head)


def independent(task: Task) -> Fitted:
    return Fitted(baselines.Independent(task.typed, task.seed).sample)


def copula(task: Task) -> Fitted:
    return Fitted(baselines.Copula(task.typed, task.seed).sample)


def tvae(task: Task) -> Fitted:
    import autoencoder

    model = autoencoder.Autoencoder(task.typed, task.seed)
    return Fitted(model.sample, {"rows_per_s": model.train()})


OURS = (
    "torch._dynamo",
    "pandas",
    "sklearn.mixture",
    "scipy.stats",
    "lightning_fabric",
    "jinja2",
    "sdmetrics.reports.single_table",
    "sparring.api",
    "sparring.runs.session",
)
"""What Sparring would import, much of it only where it is used."""
SYSTEMS = {
    "sparring": System(sparring, OURS),
    "ctgan": System(ctgan, ("torch", "ctgan")),
    "real": System(real),
    "independent": System(independent),
    "copula": System(copula, ("scipy.stats",)),
    "tvae": System(tvae, ("torch", "sklearn.mixture")),
}
