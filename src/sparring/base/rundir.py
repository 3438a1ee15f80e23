"""The run directory: the names of its files, and how they are written and read.

Writes are atomic: a temporary file whose name begins with a dot, fsync, rename. Reading executes nothing: JSON, YAML by
the safe loader, and safetensors. Nothing that the directory holds is followed out of it: links are refused by name.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sparring.base import forms
from sparring.base.checking import Damaged, Lines, lines_of, no_link, read_json, read_text
from sparring.base.errors import RequestError, nearest
from sparring.base.files import LOCK, PART, fresh, held, removed
from sparring.base.numbers import whole
from sparring.base.paths import given_path
from sparring.base.state import read_state, write_state
from sparring.base.system import sync_folder

SOME = 5
"""Runs that a message names, at most."""


class RunDir:
    """A run's directory and everything in it."""

    def __init__(self, path: str | Path) -> None:
        self.path = given_path(path)
        self.recipe = self.path / "recipe.yaml"
        self.environment = self.path / "environment.json"
        self.log = self.path / "log.jsonl"
        self.scores = self.path / "scores.jsonl"
        self.findings = self.path / "findings.jsonl"
        self.probes = self.path / "probes.jsonl"
        self.checkpoints = self.path / "checkpoints"
        self.samples = self.path / "samples"
        self.untreated = self.path / "untreated"
        """State and recipe from before the last treatment, to go back to where it does not help."""
        self.report = self.path / "report.html"
        self.explored = self.path / "explore.html"
        self.untreated_next = self.path / "untreated-next"
        """Where what may have to be brought back is gathered."""
        self.damage: dict[Path, str] = {}
        """What could not be read so far of files that the run can do without, in a sentence each."""

    @property
    def exists(self) -> bool:
        """Whether there is a run here."""
        return os.path.lexists(self.recipe)

    def create(self) -> None:
        """Makes the directory. Raises RequestError where it cannot be written, or holds other things."""
        if self.path.exists() and not self.path.is_dir():
            raise RequestError(f"out: {self.path} is a file; a run needs a directory")
        self.check_links()
        begun = {self.environment, self.checkpoints, self.samples}  # by a process that was killed at once
        if (
            self.path.is_dir()
            and not self.exists
            and any(not p.name.startswith(".") and p not in begun for p in self.path.iterdir())
        ):
            raise RequestError(f"out: {self.path} holds other files and no run; take a new or empty directory")
        try:
            self.checkpoints.mkdir(parents=True, exist_ok=True)
            self.samples.mkdir(exist_ok=True)
            with fresh(self.path / "probe"):
                pass
        except OSError as error:
            raise RequestError(f"out: {self.path} cannot be written ({error.strerror})") from None

    def must_exist(self) -> RunDir:
        """Itself, if there is a run here. Raises RequestError otherwise, or where links lead out of it."""
        if self.exists:
            self.check_links()
            return self
        if not self.path.exists():
            raise RequestError(f"{self.path}: no such run; {self._runs_beside()}")
        inside = sorted(p.parent.name for p in self.path.glob("*/recipe.yaml")) if self.path.is_dir() else []
        hint = f"; runs in it: {', '.join(inside[:5])}" if inside else " (no recipe.yaml in it)"
        raise RequestError(f"{self.path}: not a run directory{hint}")

    def _runs_beside(self) -> str:
        """The run that may have been meant, here or in a folder `runs`; else some of those that there are."""
        here = self.path.parent
        found = [p.parent for form in ("*", "runs/*") for p in here.glob(f"{form}/recipe.yaml")]
        names = [str(p.relative_to(here)) for p in found]
        told = nearest(self.path.name, names)
        if told.startswith("did you mean") or len(names) <= SOME:
            return told if names else "there is no run here"
        return f"known: {', '.join(sorted(names)[:SOME])} and {len(names) - SOME} more"

    def check_links(self) -> None:
        """Raises RequestError, with its name, for a link in place of what is the run's own: what is written through it
        would land elsewhere, and what is read would come from there."""
        own = [path for path in vars(self).values() if isinstance(path, Path) and path != self.path]
        for path in (*own, self.path / LOCK, self.path / "tensorboard", self.path / "wandb", self.path / "mlruns"):
            no_link(path)
        for folder in (self.checkpoints, self.samples, self.untreated, self.untreated_next):
            for path in _entries(folder):
                no_link(path)
                for inner in _entries(path):
                    no_link(inner)

    @contextmanager
    def owned(self) -> Iterator[None]:
        """Holds the run for this process alone. Raises RequestError where another has it."""
        self.check_links()
        with held(self.path):
            self.tidy()
            yield

    def tidy(self) -> None:
        """Removes what a killed process left half written."""
        for folder in (self.path, self.checkpoints, self.samples):
            for leftover in folder.glob(f"{PART}*"):
                removed(leftover)

    def saved_steps(self) -> list[int]:
        """The steps of the finished checkpoints, rising."""
        names = (p.name for p in self.checkpoints.glob("step-*")) if self.checkpoints.is_dir() else ()
        steps = (found for name in names if (found := whole(name[5:])) is not None)
        return sorted(step for step in steps if self.checkpoint(step).is_dir())

    def checkpoint(self, step: int) -> Path:
        return self.checkpoints / f"step-{step:07d}"

    def save(self, step: int, state: dict[str, Any]) -> None:
        """Writes a checkpoint, all or nothing."""
        final = self.checkpoint(step)
        if final.exists():
            return
        self.checkpoints.mkdir(parents=True, exist_ok=True)
        with fresh(final, folder=True) as part:
            write_state(part, state)
            os.replace(part, final)
        sync_folder(self.checkpoints)

    def load(self, step: int) -> dict[str, Any]:
        """Reads a checkpoint. Raises RequestError where it is damaged."""
        try:
            return read_state(self.checkpoint(step))
        except Damaged as error:
            raise self.damaged(step, f"{error.path.name}: {error.what}") from None

    def damaged(self, step: int, what: object) -> Damaged:
        """That the checkpoint of a step is not as it was saved, and what to do."""
        others = [s for s in self.saved_steps() if s != step]
        advice = "there is no other checkpoint; diagnose does without"
        if others:
            advice = f"remove it to go on from step {others[-1]}; sample and evaluate take --step {others[-1]}"
        return Damaged(self.checkpoint(step), what, advice)

    def prune(self, keep: int, also: Collection[int | None] = ()) -> None:
        """Removes all but the last `keep` checkpoints and those of some steps."""
        for step in self.saved_steps()[:-keep]:
            if step not in also:
                shutil.rmtree(self.checkpoint(step))

    def discard_after(self, step: int) -> None:
        """Removes checkpoints later than `step`."""
        for later in self.saved_steps():
            if later > step:
                shutil.rmtree(self.checkpoint(later))

    def read_environment(self) -> dict[str, Any]:
        """Versions, plan and data, as recorded. Raises Damaged where they cannot be read."""
        try:
            found: dict[str, Any] = read_json(self.environment, forms.EnvironmentForm)
            return found
        except Damaged as error:
            raise error.advised("to train on takes it; all other verbs do without") from None

    def read_recipe(self) -> str:
        """The recipe's text. Raises Damaged."""
        try:
            return read_text(self.recipe)
        except Damaged as error:
            raise error.advised("nothing works without it; a copy of what was trained is in report.html") from None

    def log_lines(self) -> list[dict[str, Any]]:
        """The log as it was written, with the steps that were walked again and how trainings ended."""
        return self._lines(self.log, forms.LogLine)

    def probe_lines(self) -> list[dict[str, Any]]:
        """What the doctor measured."""
        return self._lines(self.probes, forms.ProbeLine)

    def score_lines(self) -> list[dict[str, Any]]:
        """What was scored, in order."""
        return self._lines(self.scores, forms.ScoreLine)

    def finding_lines(self) -> list[dict[str, Any]]:
        """What was found, and what was decided about it."""
        return self._lines(self.findings, forms.FindingLine)

    def tell_damage(self, say: Callable[[str], None]) -> None:
        """Says what could not be read so far, once."""
        for told in self.damage.values():
            say(told)
        self.damage.clear()

    def _lines(self, path: Path, form: Any) -> list[dict[str, Any]]:
        """Lines of a file, as far as they can be read; what could not be is kept in `damage`."""
        read: Lines = lines_of(path, form)
        if read.wrong:
            self.damage[path] = read.wrong
        return read.found

    def read_log(self) -> list[dict[str, Any]]:
        """The log in the order of steps: where a step was walked again (a resume, a rollback), the later walk."""
        walked: list[dict[str, Any]] = []
        for line in self.log_lines():
            if "step" not in line:  # said at the end of a training
                continue
            while walked and walked[-1]["step"] >= line["step"]:
                walked.pop()
            walked.append(line)
        return walked


def _entries(folder: Path) -> list[Path]:
    """What a folder holds that is whole."""
    return [path for path in folder.iterdir() if not path.name.startswith(PART)] if folder.is_dir() else []
