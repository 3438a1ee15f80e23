"""All that a report shows of a run, as plain values."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

from sparring.pages import wording
from sparring.pages.blocks import Block


@dataclass(frozen=True)
class Section:
    """A part of a report that a kind of data brings."""

    anchor: str
    heading: str
    html: str
    """Safe HTML: headings of the third level and below, no scripts."""
    place: Literal["made", "learned", "near"] = "made"
    """Of a run's page: before the samples over time, after them, or after the scores."""
    short: str = ""
    """For the table of contents, where the heading is too long."""


@dataclass(frozen=True)
class Strip:
    """Samples along a direction in latent space."""

    name: str
    share: float
    """How much of all change the direction explains, in [0, 1]."""
    block: Block
    """A picture with a row a latent and a column a place along the direction, or one sample's cells, a row a place."""


@dataclass(frozen=True)
class Judged:
    """Samples with what speaks for and against them before the discriminator."""

    what: str
    """`New samples` or `Real samples`."""
    block: Block
    """The samples, and their maps below them."""
    logits: list[float]
    baseline: float
    """The mean logit of the baseline."""
    full: float | None = None
    """What a pixel in full colour adds to a logit, where pixels are coloured."""


@dataclass(frozen=True)
class Explored:
    """What two networks learned. What is empty is left out."""

    layer: str
    """The first weighted layer that takes the latent; empty where none was found."""
    closed_form: list[Strip]
    """Along SeFa's directions."""
    components: list[Strip]
    """Along GANSpace's."""
    reach: float
    """How far the strips go to either side, in standard deviations of the latent."""
    judged: list[Judged]
    drawings: list[tuple[str, bytes]]
    """Captions and PNGs of what is drawn of directions beside strips."""
    notes: list[str]
    """What could not be had, and why, in sentences."""


@dataclass(frozen=True)
class ExplorePage:
    """What a run's networks learned, on a page of its own."""

    title: str
    """The run directory's name."""
    step: int
    data_name: str
    sections: list[Section]


@dataclass(frozen=True)
class RunPage:
    """A finished or resting run. Lists are in the order of their files; what is empty or None is left out."""

    title: str
    """The run directory's name, for example `digits-0`."""
    recipe_name: str
    about: str
    recipe_yaml: str
    """Fully resolved."""
    environment: dict[str, Any]
    """Versions, `plan`, and `data` with `name`, `fingerprint` and `found`, a list of lines."""
    log: list[dict[str, Any]]
    """Lines of `log.jsonl`, all of them or those of the last walk; keys may be missing in some."""
    scores: list[dict[str, Any]]
    """Lines of `scores.jsonl`."""
    findings: list[dict[str, Any]]
    """Lines of `findings.jsonl`, but for findings that opened or closed."""
    film: list[tuple[int, Block]]
    """Steps and samples of the same latents; what a picture shows is said by the page."""
    sections: list[Section]
    """What its kind of data has to show, in order."""
    command: str
    """Uses the run: `sparring sample {run} --count 64 --to samples/`, with `{run}` for its name."""
    made: bytes | None
    """A PNG of fresh samples, to be put beside those of other runs."""
    real: bytes | None
    """A PNG of held-out real samples, for the same."""
    finished: bool
    step: int
    steps: int
    seconds: float
    images_per_s: float | None
    memory_mb: float | None
    unit: str = "images"
    """What samples are called."""
    samples: str = "Samples"
    """What is shown over time."""
    starts: str = "latents"
    """What these are made of."""
    purpose: str = "Draw new samples"
    """Of the command."""
    again: str = "Draw from"
    """Words before "the best checkpoint"."""
    verdict: str = ""
    """The doctor's: `healthy`, `sick` or `too-early`; nothing where it was not asked."""
    verdict_words: str = ""
    """The same in a line; by default made of the verdict and its illnesses."""
    whole: int = 0
    """Steps after which it can be told what became of the run: its own, or its recipe's where these are more."""
    diagnosis: list[dict[str, Any]] = field(default_factory=list)
    """The doctor's findings, as `sparring diagnose --json` gives them, each with `about`, a sentence, and `points`, the
    steps and values of its curves by name."""
    remarks: list[str] = field(default_factory=list)
    """What the doctor could not look at."""
    events: list[dict[str, Any]] = field(default_factory=list)
    """Findings that opened or closed while the run trained, with `event`, `at_step` and `about`."""
    probes: list[dict[str, Any]] = field(default_factory=list)
    """Lines of `probes.jsonl` that were not given up."""
    best_step: int | None = None
    """The checkpoint of the best score while training."""

    @property
    def speed_unit(self) -> str:
        """Of `images_per_s`."""
        return f"{self.unit}/s"

    @property
    def falls(self) -> list[dict[str, Any]]:
        """The findings that say that the run diverged."""
        return [one for one in self.findings if one.get("symptom") == "diverged" and "event" not in one]

    @property
    def illnesses(self) -> list[str]:
        """What the doctor found, by name."""
        return [wording.words(one.get("symptom")) for one in self.diagnosis if one.get("kind") == "illness"]

    @property
    def gave_up(self) -> bool:
        """Whether the last fall had no way back."""
        return not self.finished and bool(self.falls) and "back_to_step" not in self.falls[-1]

    @property
    def data_name(self) -> str:
        data = self.environment.get("data")
        return str(data.get("name", "")) if isinstance(data, dict) else ""
