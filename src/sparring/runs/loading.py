"""Checkpoints as they are taken up: of the form in which they were saved, and of the shapes of the run's networks."""

from __future__ import annotations

from typing import Annotated, Any, Literal, NotRequired

from pydantic import ConfigDict, Field, with_config
from torch import Tensor
from typing_extensions import TypedDict

from sparring import kinds
from sparring.base.checking import checked
from sparring.base.errors import RequestError
from sparring.base.forms import Finite, Side, Whole
from sparring.base.rundir import RunDir
from sparring.data import Codec
from sparring.gan.match import Match

LOOSE = ConfigDict(extra="allow", strict=True, arbitrary_types_allowed=True)
Tensors = dict[str, Tensor]


@with_config(LOOSE)
class BestForm(TypedDict):
    """The best first score."""

    value: Finite
    better: Literal["lower", "higher"]


@with_config(LOOSE)
class EndedForm(TypedDict):
    """By patience."""

    step: Whole
    steps: Whole
    patience: Whole


@with_config(LOOSE)
class FoundForm(TypedDict):
    """A finding."""

    symptom: str
    since_step: Whole
    confidence: Finite
    evidence: NotRequired[dict[str, str | Finite]]
    curves: NotRequired[list[str]]
    remedy: NotRequired[list[str]]


@with_config(LOOSE)
class CaseForm(TypedDict):
    """An illness that was found lately."""

    open: bool
    seen: Whole
    missed: Whole
    finding: FoundForm


@with_config(LOOSE)
class ProbesForm(TypedDict, total=False):
    """What the doctor compares its next reading with."""

    marks: dict[Side, list[Tensor]]
    way: dict[Side, list[Tensor]]
    spectral: dict[Side, Tensors]
    drawn: Tensor


@with_config(LOOSE)
class DoctorForm(TypedDict, total=False):
    """The doctor's."""

    losses: Tensors
    probes: ProbesForm
    cases: dict[str, CaseForm]


@with_config(LOOSE)
class StudyForm(TypedDict):
    """A study's."""

    points: list[Annotated[list[Finite | None], Field(min_length=3, max_length=4)]]
    seconds: Finite
    steps: Whole
    peak: Finite
    beside: NotRequired[dict[str, Finite]]


@with_config(LOOSE)
class NotesForm(TypedDict, total=False):
    """What observers keep."""

    best_step: Whole
    best_score: BestForm
    no_better: Whole
    ended: EndedForm
    well: Whole
    controllers: dict[str, Finite]
    saturated: dict[str, Whole]
    doctor: DoctorForm
    study: StudyForm


@with_config(LOOSE)
class NetsForm(TypedDict):
    """Both networks."""

    generator: Tensors
    discriminator: Tensors


@with_config(LOOSE)
class OptimiserForm(TypedDict):
    """An optimiser's."""

    state: dict[int, dict[str, Any]]
    param_groups: list[dict[str, Any]]


@with_config(LOOSE)
class OptimisersForm(TypedDict):
    """Both players'."""

    generator: OptimiserForm
    discriminator: OptimiserForm


@with_config(LOOSE)
class CodecForm(TypedDict):
    """A codec, of which its kind knows the rest."""

    kind: str


@with_config(LOOSE)
class DataForm(TypedDict):
    """What sampling needs to know of the data."""

    name: str
    fingerprint: str
    codec: CodecForm
    inputs: NotRequired[CodecForm | None]  # which runs of the first versions do not say
    label_names: list[str]
    label_counts: list[Whole] | None


@with_config(LOOSE)
class StateForm(TypedDict):
    """A checkpoint, `Match.state`."""

    step: Whole
    attempt: Whole
    seconds: Annotated[Finite, Field(ge=0)]
    processor: NotRequired[Annotated[Finite, Field(ge=0)]]  # older runs have neither
    spent: NotRequired[Annotated[Finite, Field(ge=0)]]
    position: Whole
    nets: NetsForm
    average: Tensors | None
    optimisers: OptimisersForm
    controllers: dict[str, Finite]
    notes: NotesForm
    data: DataForm


def load_state(run: RunDir, step: int) -> dict[str, Any]:
    """The checkpoint of a step. Raises RequestError, which says what to do instead, where it is damaged."""
    state = run.load(step)
    try:
        checked(state, StateForm)
        counts, names = state["data"]["label_counts"], state["data"]["label_names"]
        if counts is not None and len(counts) != len(names):
            raise ValueError(f"data.label_counts: {len(counts)} for {len(names)} labels")
        if state["step"] != step:
            raise ValueError(f"step: {state['step']} in the folder of step {step}")
    except ValueError as error:
        raise run.damaged(step, error) from None
    return state


def codec_of(run: RunDir, step: int, fields: dict[str, Any]) -> Codec:
    """A codec of that checkpoint. Raises RequestError where it is damaged, or of no kind that is known."""
    try:
        return kinds.codec_from_json(fields)
    except RequestError as error:
        raise RequestError(f"{run.checkpoint(step)}: {error}") from None
    except (ValueError, TypeError, KeyError, AttributeError, OverflowError) as error:
        told = f"no {error}" if isinstance(error, KeyError) else error
        raise run.damaged(step, f"data.codec: {told}") from None


def restore(run: RunDir, match: Match, state: dict[str, Any]) -> None:
    """Lets a match take up a state of this run. Raises RequestError where it does not fit the match's networks."""
    misfit = match.misfit(state)
    if misfit:
        raise run.damaged(int(state["step"]), misfit)
    match.restore(state)
