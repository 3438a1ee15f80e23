"""What a study knows of each of its runs: what the runner leaves behind and the statistics read."""

from __future__ import annotations

from typing import Any, Literal, NamedTuple, NotRequired

from pydantic import ConfigDict, with_config
from typing_extensions import TypedDict

from sparring.base.forms import Finite, Whole

Stage = Literal["screen", "final"]
"""Runs that rank the arms, and runs on fresh seeds that the answers are drawn from."""
State = Literal["finished", "stopped", "failed"]
"""Trained to the budget; stopped early as one of the worse of the screening; fallen beyond recovery."""


class Point(NamedTuple):
    """Scores of a run after so many images."""

    images: int
    selection: float
    """The metric on the part that runs and steps are selected by."""
    report: float
    """The metric on the part that answers are drawn from."""
    gap: float | None = None
    """Mean logit of training samples less that of held-out ones."""


@with_config(ConfigDict(extra="forbid", strict=True))
class PointForm(TypedDict):
    """A `Point` as a file has it."""

    images: Whole
    selection: Finite
    report: Finite
    gap: NotRequired[Finite | None]


@with_config(ConfigDict(extra="forbid", strict=True))
class RecordForm(TypedDict):
    """A `RunRecord` as a file, or the queue, has it."""

    arm: str
    overrides: list[str]
    seed: Whole
    stage: Stage
    state: State
    metric: str
    selection: Finite | None
    score: Finite | None
    curve: list[PointForm]
    step_ms: Finite
    peak_mb: Finite
    seconds: Finite
    directory: str
    why: NotRequired[str]
    beside: NotRequired[dict[str, Finite]]


class RunRecord(NamedTuple):
    """One arm with one seed."""

    arm: str
    """The arm's name: its overrides, as `rate=0.25, r1=0.3`."""
    overrides: tuple[str, ...]
    """The arm as `key=value`."""
    seed: int
    stage: Stage
    state: State
    metric: str
    """What it is judged by, a name in `sparring.metrics`."""
    selection: float | None
    """The best of the curve on the selection part; None for a run that failed before its first score."""
    score: float | None
    """The metric on the reporting part, at the step that the selection part chose."""
    curve: tuple[Point, ...]
    step_ms: float
    peak_mb: float
    seconds: float
    """Of training, without scores."""
    directory: str
    """Of the run, relative to the study's."""
    why: str = ""
    """What a failed run ended with."""
    beside: dict[str, float] = {}
    """Scores by which nothing is judged, on the reporting part, at the same step."""

    def to_json(self) -> dict[str, Any]:
        return self._asdict() | {"overrides": list(self.overrides), "curve": [point._asdict() for point in self.curve]}

    @classmethod
    def from_json(cls, stored: dict[str, Any]) -> RunRecord:
        fields = stored | {"overrides": tuple(stored["overrides"])}
        return cls(**fields | {"curve": tuple(Point(**point) for point in stored["curve"])})
