"""A study's directory: the names of its files, and how they are written."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sparring.base.errors import RequestError
from sparring.base.files import PART, held, read_lines, write_file
from sparring.base.paths import given_path
from sparring.studies.answers.records import RunRecord


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
        return self.design.exists()

    @contextmanager
    def owned(self) -> Iterator[None]:
        """Makes the directory and holds it for this process alone. Raises RequestError where it cannot be written,
        holds other things, or is another process's."""
        if self.path.exists() and not self.path.is_dir():
            raise RequestError(f"out: {self.path} is a file; a study needs a directory")
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
                leftover.unlink(missing_ok=True)
            yield

    def read_design(self) -> dict[str, Any]:
        """What was written of the design. Raises RequestError where it is damaged."""
        try:
            found: dict[str, Any] = json.loads(self.design.read_text())
            return found
        except (OSError, ValueError) as error:
            raise RequestError(f"{self.design}: damaged ({error})") from None

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
        return [RunRecord.from_json(line) for line in read_lines(self.records)]
