"""The forms of what a run's directory holds, as its readers take it. What is not named here may be there too, of any
form: newer versions and other kinds of data write more, and old ones wrote less."""

from __future__ import annotations

from typing import Annotated, Any, Literal, NotRequired

from pydantic import ConfigDict, Field, with_config
from typing_extensions import TypedDict  # Pydantic takes it from there up to Python 3.11

LOOSE = ConfigDict(extra="allow", strict=True)
Whole = Annotated[int, Field(strict=True, ge=0, le=2**53)]
Finite = Annotated[float, Field(strict=True, allow_inf_nan=False, ge=-1e300, le=1e300)]
Side = Literal["discriminator", "generator"]


@with_config(LOOSE)
class LogLine(TypedDict, total=False):
    """Of `log.jsonl`: the numbers of a step, or how a training ended."""

    step: Whole
    images: Whole
    attempt: Whole
    seconds: Finite
    images_per_s: Finite
    memory_mb: Finite
    ended_at_step: Whole
    finished: bool


@with_config(LOOSE)
class ProbeLine(TypedDict, total=False):
    """Of `probes.jsonl`: what was seen in the data, or a reading at a step."""

    step: Whole
    attempt: Whole
    seconds: Finite


@with_config(LOOSE)
class ScoreForm(TypedDict):
    """A score."""

    value: Finite
    better: NotRequired[str]
    protocol: NotRequired[dict[str, Any]]


@with_config(LOOSE)
class ScoreLine(TypedDict):
    """Of `scores.jsonl`: what was scored at a step."""

    step: Whole
    attempt: NotRequired[Whole]
    scores: dict[str, ScoreForm]


@with_config(LOOSE)
class FindingLine(TypedDict, total=False):
    """Of `findings.jsonl`: what ails the run, a fall, or what was decided about a treatment."""

    symptom: str
    since_step: Whole
    confidence: Annotated[float, Field(ge=0, le=1)]
    evidence: dict[str, str | Finite]
    curves: list[str]
    remedy: list[str]
    event: str
    at_step: Whole
    back_to_step: Whole
    attempt: Whole
    anew: bool
    overrides: list[str]
    untreated_attempt: Whole
    treated_attempt: Whole
    last_attempt: Whole


@with_config(LOOSE)
class Treated(TypedDict):
    """A treatment that was begun."""

    symptom: str
    at_step: Whole
    back_to_step: Whole
    attempt: Whole
    untreated_attempt: Whole
    overrides: list[str]
    measure: Annotated[list[str | Finite], Field(min_length=3, max_length=4)]


@with_config(LOOSE)
class Decided(TypedDict):
    """That a treatment is kept."""

    at_step: Whole


@with_config(LOOSE)
class Undone(TypedDict):
    """That a treatment was undone."""

    at_step: Whole
    back_to_step: Whole
    treated_attempt: Whole
    last_attempt: Whole


@with_config(ConfigDict(extra="forbid", strict=True))
class PlanForm(TypedDict):
    """How a run is computed."""

    device: str
    precision: Literal["fp32", "bf16"]
    threads: Annotated[int, Field(ge=1, le=4096)]
    channels_last: bool
    deterministic: NotRequired[bool]
    devices: NotRequired[Annotated[int, Field(ge=1, le=2**16)]]
    joined: NotRequired[bool]
    compiled: NotRequired[bool]
    graphs: NotRequired[bool]


@with_config(LOOSE)
class DataForm(TypedDict):
    """Which data a run has."""

    name: str
    fingerprint: str
    found: NotRequired[list[str]]


@with_config(LOOSE)
class EnvironmentForm(TypedDict):
    """`environment.json`."""

    plan: PlanForm
    data: DataForm
