"""All that a report shows of a run, as plain values."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from sparring.reports import wording


@dataclass(frozen=True)
class Strip:
    """Samples along a direction in latent space."""

    name: str
    share: float
    """How much of all change the direction explains, in [0, 1]."""
    picture: bytes
    """A PNG: a row a latent, a column a place along the direction."""


@dataclass(frozen=True)
class Walk:
    """A table's row along a direction in latent space."""

    name: str
    share: float
    """How much of all change the direction explains, in [0, 1]."""
    columns: list[str]
    rows: list[tuple[float, list[str]]]
    """Places along the direction, in standard deviations, and the row's cells there."""


@dataclass(frozen=True)
class Judged:
    """Samples with what speaks for and against them before the discriminator."""

    what: str
    """`New samples` or `Real samples`."""
    picture: bytes
    """A PNG: the samples above, their maps below."""
    logits: list[float]
    baseline: float
    """The mean logit of the baseline."""


@dataclass(frozen=True)
class Explored:
    """What two networks learned. What is empty or None is left out."""

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
    """Of points: captions and PNGs."""
    notes: list[str]
    """What could not be had, and why, in sentences."""
    walks: list[Walk] = field(default_factory=list)
    """Of a table: along both kinds of directions."""


@dataclass(frozen=True)
class ExplorePage:
    """What a run's networks learned, on a page of its own."""

    title: str
    """The run directory's name."""
    step: int
    data_name: str
    explored: Explored
    interpolation: bytes | None
    """A PNG with rows of samples between pairs of latents."""
    neighbours: list[tuple[bytes, list[bytes]]]
    """PNGs of samples, each with those of its nearest training images, nearest first."""
    neighbours_by: str


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
    pictures: list[tuple[int, bytes]]
    """Steps and PNG grids of samples of the same latents."""
    final: bytes | None
    """A PNG grid of fresh samples, or of images and what was made of them."""
    interpolation: bytes | None
    """A PNG with rows of samples between pairs of latents."""
    neighbours: list[tuple[bytes, list[bytes]]]
    """PNGs of samples, each with those of its nearest training images, nearest first."""
    neighbours_by: str
    """The feature space in which they are nearest."""
    finished: bool
    step: int
    steps: int
    seconds: float
    images_per_s: float | None
    memory_mb: float | None
    real: bytes | None
    """A PNG grid of held-out real samples."""
    explored: Explored | None = None
    final_said: str = ""
    """What `final` shows, where it is not fresh samples."""
    translates: bool = False
    """Whether the run makes images of images."""
    fills: bool = False
    """Whether it fills holes of them."""
    samples_to: str = "samples/"
    """Where the page's `sparring sample` command writes: points need a path ending in .csv or .npz."""
    verdict: str = ""
    """The doctor's: `healthy` or `sick`; nothing where it was not asked."""
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
    rows: tuple[list[str], list[list[str]]] | None = None
    """Of a table, its columns' names, and a few new rows as they are written."""
    table: str = ""
    """Of a table, how like real ones its rows are: HTML, as `render_table` gives it."""

    @property
    def speed_unit(self) -> str:
        """Of `images_per_s`."""
        return "images/s" if self.rows is None else "rows/s"

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
