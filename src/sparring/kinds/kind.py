"""What the rest of the program asks of a kind of data.

A kind is one folder that answers through one `Kind` object, or more. Six methods must be written by each; the others
refuse in one line, or give nothing, until a kind has an answer of its own. Most kinds start from `NoiseKind`
(`sparring.kinds.noise`), whose generator starts from noise. How to write one is in docs/kinds.md.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, NamedTuple

import torch
from torch import Tensor

from sparring.base.draws import Key
from sparring.base.errors import RequestError
from sparring.base.part import Part
from sparring.data import Codec, DataSet, Rows, Source
from sparring.gan.game import Game
from sparring.gan.insight.exploring import Effort
from sparring.gan.trained import Trained
from sparring.metrics import Extractor, Metric, Modes
from sparring.pages.blocks import Block
from sparring.pages.page import Section

Say = Callable[[str], None]
"""Says a line to the person."""
Scores = Mapping[str, Any]
"""Scores by their names, as `sparring evaluate --json` gives them."""


class Claim(NamedTuple):
    """That a place of data is of a kind, and how it is trained on."""

    recipe: str
    """The recipe that fits."""
    why: str
    """In words, for the person."""
    sure: int
    """2 by the name alone, 1 after a look inside, 0 where nothing else claims it."""


@dataclass(frozen=True)
class Wish:
    """Which samples are wanted."""

    count: int
    label: str | int | None = None
    where: Sequence[str] = ()
    """Words that each sample is to meet: `age>60`; a single one is a list of one."""
    balance: str | None = None
    """What is to have each of its choices equally often: a table's column."""
    more: Part | None = None
    """The kind's own options, of `asks`."""

    def __post_init__(self) -> None:
        if isinstance(self.where, str):
            object.__setattr__(self, "where", (self.where,))


class Way(NamedTuple):
    """How files are to be translated."""

    mask: Path | None = None
    direction: str | None = None
    tile: int | None = None
    seed: int = 0
    more: Part | None = None
    """The kind's own options, of `asks`."""
    overwrite: bool = False
    """Whether files that are there already are replaced; else they are refused."""


class Made(NamedTuple):
    """Samples, on the CPU."""

    samples: Tensor
    """[n, ...] as they are stored."""
    codec: Codec
    """What reads them."""
    labels: Tensor | None = None
    """int64 [n]"""
    truth: Tensor | None = None
    """What should have come out, [n, ...] as stored."""
    holes: Tensor | None = None
    """Where each was filled in, bool [n, 1, height, width]."""
    notes: tuple[str, ...] = ()
    """For the person: how many draws were thrown away, say."""


class Known(NamedTuple):
    """What metrics know beside features."""

    modes: Modes | None = None
    about: object = None
    """What samples are: a table's columns."""
    targets: Tensor | None = None
    """Some training samples of what fakes should be, as extractors take them."""


class Shown(NamedTuple):
    """What a run makes, to look at: as a block of a page, and as a file."""

    block: Block
    suffix: str
    content: bytes


class Told(NamedTuple):
    """What a report says of one kind's run."""

    sections: list[Section]
    command: str
    """Uses the run: `sparring sample {run} --count 64 --to samples/`, with `{run}` for its name."""
    purpose: str = "Draw new samples"
    again: str = "Draw from"
    """Words before "the best checkpoint"."""
    samples: str = "Samples"
    """What is shown over time."""
    starts: str = "latents"
    """What these are made of."""
    made: bytes | None = None
    """A picture of new samples, a PNG, to be put beside those of other runs."""
    real: bytes | None = None
    """The same of held-out samples."""


class Explored(NamedTuple):
    """What two networks learned: sections of a page of its own, and the same as values, for `--json`."""

    sections: list[Section]
    found: dict[str, Any]


class Sign(NamedTuple):
    """An illness of one kind of data: a number of `Kind.numbers` that stays on the wrong side of its limit for three
    readings is a finding of the doctor's."""

    number: str
    limit: float
    above: bool
    """Whether more than the limit is ill; else less."""
    symptom: str
    about: str
    """What is wrong, in words."""
    remedy: tuple[str, ...]
    """Overrides, or words."""

    def ill(self, value: float) -> bool:
        """Whether a value is on the wrong side of the limit."""
        return value > self.limit if self.above else value < self.limit


class Concern(NamedTuple):
    """What scores of one kind of data say against a run."""

    symptom: str
    """One of the doctor's."""
    metric: str
    """The score that says so."""
    words: str
    """In words, with its number."""
    grave: bool
    """Whether it makes the run sick; else it is told as a notice."""


Train = Callable[[Path, Path, tuple[str, ...], int], Trained]
"""From a file of data, a run's directory, overrides and a seed to a finished run."""
Plan = Callable[[Path, tuple[str, ...]], Mapping[str, Any]]
"""From a file of data and overrides to what `sparring plan` says of a training on them."""


@dataclass(frozen=True)
class Augment:
    """What is asked about a data set that made samples are to enlarge (`sparring augment`)."""

    place: str
    """What was given as data."""
    source: Source
    game: Game
    batch: int
    """Of the recipe, as is the game."""
    target: str | None
    """What models predict, where the data do not say so themselves."""
    folder: Path
    """Where the trained runs are kept."""
    plan: Plan
    length: str | None = None
    """How long each training is to be, in the person's words; None where none were said."""
    device: str = "cpu"
    to: Path | None = None
    """Where the data go, with made samples below their own."""
    count: int | None = None
    """So few real samples are trained on."""
    seeds: int = 5
    mixes: Sequence[float] = (0.5, 1.0, 2.0)
    """So many made samples for each real one."""
    models: Sequence[str] = ()
    """Those of the kind that are asked for; none for its usual ones."""


class Kind(ABC):
    """One kind of data: all that the rest of the program asks of it. What a kind cannot do it refuses by a RequestError
    that says what can."""

    name: ClassVar[str]
    """What its games and sources call it: `tables`."""
    unit: ClassVar[str]
    """What samples are called: `rows`."""
    parts: ClassVar[tuple[type[Part], ...]]
    """Its sources, games, networks, terms, augmentations and surgery: each joins the choice of its base."""
    codecs: ClassVar[Mapping[str, Callable[[dict[str, Any]], Codec]]] = {}
    """Readers of what its codecs wrote, by their "kind"."""
    metrics: ClassVar[tuple[Metric, ...]] = ()
    """Beside the general ones."""
    groups: ClassVar[Mapping[str, tuple[str, ...]]] = {}
    """Names of several metrics at once."""
    extractors: ClassVar[tuple[str, ...]] = ()
    """The names that `score.extractor` may have, the plainest last."""
    reads: ClassVar[tuple[str, ...]] = ()
    """Endings of files that are data, in small letters."""
    against_overfitting: ClassVar[tuple[str, ...]] = ()
    """Overrides that help: augmentation, say."""
    sparse: ClassVar[bool] = False
    """Whether values are mostly one of several, and equal samples no fault (for the doctor)."""
    signs: ClassVar[tuple[Sign, ...]] = ()
    """Illnesses of its own."""
    asks: ClassVar[Mapping[str, type[Part]]] = {}
    """Options of its own, by verb: `{"sample": Temperature}` is `sparring sample RUN --temperature 0.8`."""
    wishes: ClassVar[tuple[str, ...]] = ()
    """Which of `where` and `balance` it can meet."""
    of_training: ClassVar[bool] = False
    """Whether its metrics take as many fakes as training samples, and these themselves."""
    sure_at_most: ClassVar[int] = 2
    """How sure its claims can be: where another is surer, it is not asked."""

    @abstractmethod
    def claim(self, place: str, other: str | None, device: str) -> Claim | None:
        """Whether `--data PLACE [OTHER]` is of this kind, and then how it is trained on. Opens no more than it takes to
        tell."""

    @abstractmethod
    def given(self, made: Made, seed: int) -> Any:
        """Samples as people take them in Python: an array, a DataFrame, a list of strings."""

    @abstractmethod
    def write(self, to: Path, made: Made, seed: int) -> int:
        """Writes samples as files by the path's ending; gives how many. Refuses other endings than its own, naming
        these."""

    @abstractmethod
    def extractor(self, name: str, data: DataSet, device: torch.device, say: Say) -> Extractor:
        """The features of a name of `extractors`, or for `auto` those that fit the data."""

    @abstractmethod
    def usual(self, game: Game, data: DataSet, extractor: Extractor) -> list[str]:
        """The metrics where nobody names any, the most telling first: the best checkpoint goes by it."""

    @abstractmethod
    def lay(
        self, samples: Tensor, codec: Codec, columns: int | None = None, marks: Tensor | None = None, alt: str = ""
    ) -> Block:
        """Samples as a block of a page: a grid of pictures, rows of a table, lines of text, sounds to play. `marks`, of
        the shape that networks see, say what speaks for a sample (above 0) and against it, place by place."""

    @abstractmethod
    def make(self, trained: Trained, wish: Wish, key: Key) -> Made:
        """New samples; equal keys give equal ones."""

    @abstractmethod
    def fakes(self, trained: Trained, data: DataSet, numbers: Tensor, count: int, key: Key) -> Made:
        """So many samples to be scored against the held-out ones of these numbers: new ones, or, where samples are made
        of inputs, one of each number's, with what should have come out."""

    @abstractmethod
    def show(self, trained: Trained, real: Rows | None, key: Key, seed: int = 0) -> Shown:
        """What the generator makes now, beside `real` rows (held out, where there are some): while training, always by
        one key. Cheap, and sound whatever a poor generator makes. `seed` is of what is written beside what is drawn,
        such as identifiers."""

    @abstractmethod
    def report(self, trained: Trained, data: DataSet | None, scores: Scores, extractor: Extractor | None) -> Told:
        """What a report shows of it beside curves, scores and findings."""

    @abstractmethod
    def demo(self, trained: Trained, data: DataSet | None, folder: Path, blocks: Any) -> None:
        """Fills a Gradio page; files go to the folder."""

    def explore(self, trained: Trained, data: DataSet | None, extractor: Extractor, effort: Effort) -> Explored:
        """What the networks learned: directions, interpolation, neighbours, attribution, as far as it has them."""
        raise RequestError(f"explore: {trained.name} makes {self.unit}, whose networks cannot be explored")

    def known(self, data: DataSet, extractor: Extractor, names: Sequence[str], train: Tensor) -> Known:
        """What these metrics are to know; `train` are the numbers of training samples in a drawn order."""
        return Known()

    def translate(self, trained: Trained, source: Path, to: Path, way: Way, say: Say) -> list[Path]:
        """Turns a person's files into others; gives the paths written."""
        raise RequestError(f"{trained.name}: makes samples from noise; sparring sample {trained.name} --to OUTPUT")

    def features(self, samples: Tensor, codec: Codec) -> Tensor | None:
        """Cheap fixed features of samples as networks see them, [n, width], for the doctor; None for its own, which
        are thumbnails of maps, and else the values themselves."""
        return None

    def numbers(self, made: Tensor, real: Tensor, codec: Codec) -> dict[str, float]:
        """Cheap numbers that the doctor follows beside its own, of samples as they are stored; `signs` judge them."""
        return {}

    def concerns(self, scores: Scores) -> Sequence[Concern]:
        """What a run's last scores say against it, beside what the doctor reads of scores of any kind."""
        return ()

    def kept(self, given: Any, cache: Path) -> Path | None:
        """A Python object given as data (an array, a DataFrame) written down where `claim` can read it; None where it
        is not of this kind."""
        return None

    def replay(self, content: bytes, suffix: str) -> Block | None:
        """A snapshot's file as a block, for the film of a training; None where it has none to show."""
        return None

    def augment(self, asked: Augment, train: Train, say: Say) -> Any:
        """Whether made samples help models that are trained on real ones."""
        raise RequestError(f"data: {asked.place}: augment takes a table, or images with labels")
