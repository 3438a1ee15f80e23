"""The run directory: the names of its files, and how they are written and read.

Writes are atomic: a temporary file whose name begins with a dot, fsync, rename. Reading executes nothing: JSON, YAML by
the safe loader, and safetensors.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from safetensors import SafetensorError

from sparring.base.errors import RequestError, nearest
from sparring.base.files import PART, held, read_lines, read_state, write_state
from sparring.base.numbers import whole
from sparring.base.paths import given_path
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

    @property
    def exists(self) -> bool:
        """Whether there is a run here."""
        return self.recipe.is_file()  # of a pipe nothing can be read, ever

    def create(self) -> None:
        """Makes the directory. Raises RequestError where it cannot be written, or holds other things."""
        if self.path.exists() and not self.path.is_dir():
            raise RequestError(f"out: {self.path} is a file; a run needs a directory")
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
            probe = self.path / f"{PART}probe"
            probe.write_bytes(b"")
            probe.unlink()
        except OSError as error:
            raise RequestError(f"out: {self.path} cannot be written ({error.strerror})") from None

    def must_exist(self) -> RunDir:
        """Itself, if there is a run here. Raises RequestError otherwise."""
        if self.exists:
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

    @contextmanager
    def owned(self) -> Iterator[None]:
        """Holds the run for this process alone. Raises RequestError where another has it."""
        with held(self.path):
            self.tidy()
            yield

    def tidy(self) -> None:
        """Removes what a killed process left half written."""
        for folder in (self.path, self.checkpoints, self.samples):
            for leftover in folder.glob(f"{PART}*"):
                shutil.rmtree(leftover) if leftover.is_dir() else leftover.unlink(missing_ok=True)

    def saved_steps(self) -> list[int]:
        """The steps of the finished checkpoints, rising."""
        names = (p.name for p in self.checkpoints.glob("step-*")) if self.checkpoints.is_dir() else ()
        return sorted(int(name[5:]) for name in names if whole(name[5:]) is not None)

    def checkpoint(self, step: int) -> Path:
        return self.checkpoints / f"step-{step:07d}"

    def save(self, step: int, state: dict[str, Any]) -> None:
        """Writes a checkpoint, all or nothing."""
        final, part = self.checkpoint(step), self.checkpoints / f"{PART}{step:07d}"
        if final.exists():
            return
        shutil.rmtree(part, ignore_errors=True)
        try:
            part.mkdir(parents=True)
            write_state(part, state)
            os.replace(part, final)
            sync_folder(self.checkpoints)
        except BaseException:
            shutil.rmtree(part, ignore_errors=True)
            raise

    def load(self, step: int) -> dict[str, Any]:
        """Reads a checkpoint. Raises RequestError where it is damaged."""
        path = self.checkpoint(step)
        try:
            return read_state(path)
        except (OSError, ValueError, KeyError, SafetensorError) as error:
            others = [s for s in self.saved_steps() if s != step]
            advice = f"remove it to go on from step {others[-1]}" if others else "there is no other checkpoint"
            raise RequestError(f"{path}: damaged ({error}); {advice}") from None

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

    def read_log(self) -> list[dict[str, Any]]:
        """The log in the order of steps: where a step was walked again (a resume, a rollback), the later walk."""
        walked: list[dict[str, Any]] = []
        for line in read_lines(self.log):
            if "step" not in line:  # said at the end of a training
                continue
            while walked and walked[-1]["step"] >= line["step"]:
                walked.pop()
            walked.append(line)
        return walked
