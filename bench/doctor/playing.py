"""Plays the benchmark's runs, each by `sparring.train` in a process of its own with one thread."""

from __future__ import annotations

import json
import multiprocessing
import os
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import torch
from causes import changed
from parts import Case, cause_of, settings_of
from saboteurs import sabotaged
from settings import Fields

import sparring
from sparring.base.errors import TrainingError
from sparring.recipe import validated
from sparring.runs import reporting, scoring


def place(case: Case, out: Path) -> Path:
    """The case's run directory."""
    return out / case.part / case.setting / case.name


def outcome_file(case: Case, out: Path) -> Path:
    """Beside the run directory: what became of it, once it was played."""
    path = place(case, out)
    return path.with_name(f"{path.name}.json")


def fields_of(case: Case) -> Fields:
    """The recipe of a case."""
    fields = settings_of(case.part)[case.setting].fields
    return changed(fields, cause_of(case)[1]) if case.cause else fields


def play(case: Case, out: Path, words: Sequence[str] = ()) -> dict[str, Any]:
    """Plays a case, or goes on with it; `words` are more overrides. Gives its outcome, written down as well."""
    torch.set_num_threads(1)
    path = place(case, out)
    path.parent.mkdir(parents=True, exist_ok=True)
    recipe = path.with_name(f"{path.name}.yaml")
    recipe.write_text(json.dumps(fields_of(case), indent=1))
    healthy = settings_of(case.part)[case.setting].fields
    failed, stopped, began = "", False, time.perf_counter()
    with sabotaged(cause_of(case)[1].sabotage if case.cause else None), alike_scored(healthy):
        try:
            run = sparring.train(str(recipe), *words, out=path, seed=case.seed, device="cpu", quiet=True)
            stopped = run.step < run.recipe.steps
        except TrainingError as error:  # it diverged beyond recovery: an outcome, too
            failed = str(error)
    if stopped:  # by a signal, which leaves a run to go on with and no outcome
        raise RuntimeError(f"{path}: stopped; the same command goes on")
    seconds = round(time.perf_counter() - began, 1)
    outcome = {"case": case._asdict(), "failed": failed, "seconds": seconds, "scores": scores_in(path)}
    part = outcome_file(case, out).with_suffix(".part")
    part.write_text(json.dumps(outcome))
    os.replace(part, outcome_file(case, out))  # last: it is what makes the case played
    return outcome


def scores_in(path: Path) -> list[dict[str, Any]]:
    """The run's scores in the order of steps; of a step that was scored twice, the later."""
    file = path / "scores.jsonl"
    lines = [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []
    return [line for _, line in sorted({line["step"]: line for line in lines}.items())]


@contextmanager
def alike_scored(healthy: Fields) -> Iterator[None]:
    """Inside, the feature network is the one of the healthy setting's data, which for less data would be another; the
    features of the data's own samples are computed once; and no report is written."""
    before = scoring.choose_extractor, scoring.seen, reporting.write_report
    kept: dict[tuple[int, bytes, bool], Any] = {}

    def extractor(kind: Any, name: str, data: Any, device: Any, say: Any) -> Any:
        return before[0](kind, name, validated(healthy).data.load(), device, say)

    def seen(extractor: Any, data: Any, numbers: torch.Tensor, *, keep_samples: bool = True) -> Any:
        key = (id(extractor), numbers.numpy().tobytes(), keep_samples)
        if key not in kept:  # the scorer holds on to its one extractor, so its id is its own
            kept[key] = before[1](extractor, data, numbers, keep_samples=keep_samples)
        return kept[key]

    scoring.choose_extractor, scoring.seen, reporting.write_report = extractor, seen, lambda *_: None
    try:
        yield
    finally:
        scoring.choose_extractor, scoring.seen, reporting.write_report = before


def outcome_of(case: Case, out: Path) -> dict[str, Any] | None:
    """What became of a case, if it was played."""
    file = outcome_file(case, out)
    found: dict[str, Any] | None = json.loads(file.read_text()) if file.exists() else None
    return found


def play_all(cases: Sequence[Case], out: Path, jobs: int, words: Sequence[str] = ()) -> None:
    """Plays those cases that were not played yet, so many at a time."""
    left = [case for case in cases if outcome_of(case, out) is None]
    say(f"{len(cases) - len(left)} of {len(cases)} runs are there; playing {len(left)}")
    task: Callable[[Case], dict[str, Any]] = partial(play, out=out, words=words)
    # Forked, since importing PyTorch takes as long as a third of a run; each process plays one run
    with multiprocessing.get_context("fork").Pool(jobs, maxtasksperchild=1) as pool:
        for number, outcome in enumerate(pool.imap_unordered(task, left), 1):
            case = Case(**outcome["case"])
            last = {
                name: score["value"] for name, score in (outcome["scores"] or [{"scores": {}}])[-1]["scores"].items()
            }
            told = outcome["failed"] or ", ".join(f"{name} {value:.4g}" for name, value in last.items())
            say(f"{number}/{len(left)} {case.setting} {case.name}: {outcome['seconds']:.1f} s, {told}")


def say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)
