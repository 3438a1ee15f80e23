"""A study's directory: the names of its files, and how they are written."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any, NotRequired

from pydantic import ConfigDict, Field, with_config
from typing_extensions import TypedDict

from sparring.base.checking import Damaged, lines_of, no_link, read_json
from sparring.base.errors import RequestError
from sparring.base.files import PART, held, removed, write_file
from sparring.base.forms import PlanForm, Whole
from sparring.base.paths import given_path
from sparring.studies.answers.records import RecordForm, RunRecord


@with_config(ConfigDict(extra="allow", strict=True))
class AskedForm(TypedDict):
    """A study's design as it was asked for, as far as it is read again."""

    base: dict[str, Any]
    arms: dict[str, list[str]]
    seeds: Whole
    metric: str | None
    points: Annotated[int, Field(ge=1, le=10**6)]


@with_config(ConfigDict(extra="allow", strict=True))
class DesignForm(AskedForm):
    """The same with its length."""

    images: Annotated[Whole, Field(ge=1)]
    lengths: NotRequired[list[Annotated[Whole, Field(ge=1)]]]


@with_config(ConfigDict(extra="allow", strict=True))
class KeptForm(TypedDict):
    """`study.json`."""

    asked: AskedForm
    design: DesignForm
    protocol: dict[str, Any]
    plan: PlanForm
    jobs: Annotated[int, Field(ge=1, le=4096)]


class StudyDir:
    """A study's directory and everything in it."""

    def __init__(self, path: str | Path) -> None:
        self.path = given_path(path, "out").absolute()
        self.design = self.path / "study.json"
        self.queue = self.path / "queue.db"
        self.records = self.path / "records.jsonl"
        self.results = self.path / "results.json"
        self.report = self.path / "report.html"
        self.recommended = self.path / "recommended.yaml"
        self.runs = self.path / "runs"

    @property
    def exists(self) -> bool:
        """Whether there is a study here."""
        return os.path.lexists(self.design)

    @contextmanager
    def owned(self) -> Iterator[None]:
        """Makes the directory and holds it for this process alone. Raises RequestError where it cannot be written,
        holds other things, or is another process's."""
        if self.path.exists() and not self.path.is_dir():
            raise RequestError(f"out: {self.path} is a file; a study needs a directory")
        for path in vars(self).values():
            if path != self.path:
                no_link(path)
        begun = {self.queue.name, self.runs.name}
        if (
            self.path.is_dir()
            and not self.exists
            and any(not p.name.startswith(".") and p.name not in begun for p in self.path.iterdir())
        ):
            raise RequestError(f"out: {self.path} holds other files and no study; take a new or empty directory")
        try:
            self.runs.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise RequestError(f"out: {self.path} cannot be written ({error.strerror})") from None
        with held(self.path):
            for leftover in self.path.glob(f"{PART}*"):
                removed(leftover)
            yield

    def read_design(self) -> dict[str, Any]:
        """What was written of the design. Raises RequestError where it is damaged."""
        try:
            found: dict[str, Any] = read_json(self.design, KeptForm)
            return found
        except Damaged as error:
            raise error.advised(
                "without it the study cannot go on; its runs are kept, and report, compare and the like take them"
            ) from None

    def write(self, path: Path, content: str) -> None:
        """Writes one of its files, all or nothing. Raises RequestError where it cannot be."""
        try:
            write_file(path, content)
        except OSError as error:
            raise RequestError(
                f"{path}: cannot be written ({error.strerror or error}); runs are kept, and the same command goes on"
            ) from None

    def write_records(self, records: Sequence[RunRecord]) -> None:
        """One JSON object a run."""
        self.write(self.records, "".join(json.dumps(record.to_json()) + "\n" for record in records))

    def read_records(self) -> list[RunRecord]:
        return [RunRecord.from_json(line) for line in lines_of(self.records, RecordForm).found]
