"""What networks learned, as blocks of a page that kinds share: directions, interpolation, neighbours, attribution."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple, Protocol

import torch
from torch import Tensor

from sparring.base.draws import Key, permutation
from sparring.data import Codec, DataSet
from sparring.gan.insight import Attribution, Direction
from sparring.gan.insight.exploring import (
    PAIRS,
    PLACES,
    REACH,
    STEPS,
    Effort,
    Findings,
    along,
    attributed,
    between,
    directions,
)
from sparring.gan.trained import Trained
from sparring.kinds.kind import Made, Wish
from sparring.metrics import Extractor
from sparring.metrics.features import Pixels
from sparring.pages.blocks import Block, Figure
from sparring.pages.drawing import fullest
from sparring.pages.page import Explored, Judged, Strip
from sparring.pages.wording import one_of

JUDGED, NEAREST = 8, 5
"""Samples whose nearest training samples are shown, and how many of those."""
MOST_TRAINING = 20_000
"""Training samples among which the nearest are looked for, at most."""
FEWER_TRAINING = 2_000
"""The same where features take a large network."""


class Shows(Protocol):
    """A kind of data whose networks can be looked into."""

    @property
    def unit(self) -> str:
        """What samples are called."""

    @property
    def attributes(self) -> bool:
        """Whether what the discriminator looks at is worth showing."""

    def make(self, trained: Trained, wish: Wish, key: Key) -> Made:
        """New samples."""

    def lay(
        self, samples: Tensor, codec: Codec, columns: int | None = None, marks: Tensor | None = None, alt: str = ""
    ) -> Block:
        """Samples as a block of a page."""

    def notes(self, trained: Trained) -> Sequence[str]:
        """What cannot be shown, and why."""

    def strips(self, trained: Trained, method: str, found: list[Direction], rows: int) -> list[Strip]:
        """Samples along each direction."""

    def drawings(
        self, trained: Trained, methods: Mapping[str, list[Direction]], data: DataSet | None
    ) -> list[tuple[str, bytes]]:
        """What is drawn beside strips."""


def explored(kind: Shows, trained: Trained, data: DataSet | None, effort: Effort) -> tuple[Explored, Findings]:
    """Directions, and with the run's data what its discriminator looks at."""
    layer, closed, components = directions(trained, effort.directions)
    notes = list(kind.notes(trained))
    if not layer:
        notes.insert(0, "No layer of the generator takes the latent in a way that could be followed: no directions.")
    found: dict[str, Attribution] = {}
    judged: list[Judged] = []
    if kind.attributes and data is None:
        notes.append("Without the run’s data there is no baseline for attribution.")
    elif kind.attributes and data is not None:
        for name, what, samples, labels in _to_judge(kind, trained, data, effort.attributed):
            found[name] = attributed(trained, data, samples, labels, effort.steps)
            judged.append(_judged(kind, trained, what, samples, found[name]))
    methods = {"SeFa": closed, "GANSpace": components}
    strips = {name: kind.strips(trained, name, some, effort.latents) for name, some in methods.items()}
    drawings = kind.drawings(trained, methods, data)
    return (
        Explored(layer, strips["SeFa"], strips["GANSpace"], REACH, judged, drawings, notes),
        Findings(layer, closed, components, found),
    )


def looked_into(kind: Shows, trained: Trained, data: DataSet | None, effort: Effort) -> Explored:
    """The same, in brief; of networks of the user's own that cannot be looked into, why not."""
    return guarded(lambda: explored(kind, trained, data, effort)[0])


def guarded(look: Callable[[], Explored]) -> Explored:
    """What a look at networks finds, or why they cannot be looked into."""
    try:
        return look()
    except RuntimeError as error:  # PyTorch's for a pass without gradient, say: no reason for a training to fail
        why = str(error).splitlines()[0] if str(error) else type(error).__name__
        return Explored("", [], [], 0.0, [], [], [f"These networks cannot be looked into: {why}"])


def strips(kind: Shows, trained: Trained, method: str, found: list[Direction], rows: int) -> list[Strip]:
    """Samples of so many latents along each direction, a row a latent."""
    key = Key("strips")
    latents, labels = trained.latents(key, rows), trained.labels(key, rows)
    places = torch.linspace(-REACH, REACH, PLACES).tolist()
    laid = []
    for number, direction in enumerate(found, 1):
        samples = trained.made(along(trained, direction, latents, places), labels, PLACES, key)
        alt = f"Samples whose latents move along direction {method} {number}"
        laid.append(Strip(f"{method} {number}", direction.share, kind.lay(samples, trained.codec, PLACES, alt=alt)))
    return laid


def interpolation(kind: Shows, trained: Trained) -> Block:
    """Rows of samples between pairs of latents."""
    key = Key("interpolation")
    rows = torch.arange(PAIRS, device=trained.device)
    first, last = (trained.noise_game.latent.draw(key.at(end), rows) for end in ("first", "last"))
    places = torch.linspace(0, 1, STEPS).tolist()
    labels = rows % max(len(trained.label_names), 1) if trained.game.labelled else None
    samples = trained.made(between(trained, first, last, places), labels, STEPS, key)
    alt = "Rows of samples, each going from one latent to another"
    return kind.lay(samples, trained.codec, STEPS, alt=alt)


class Neighbours(NamedTuple):
    """Training samples nearest to generated ones."""

    samples: Tensor
    """[n, ...], as they are stored."""
    numbers: Tensor
    """Of the training samples in the data, nearest first, int64 [n, nearest]."""
    distances: Tensor
    """Float [n, nearest], in the extractor's features."""
    by: str
    """The features, as a page calls them, and among how many training samples these are the nearest, if not all."""

    def to_json(self) -> list[dict[str, Any]]:
        return [
            {"sample": place, "training": numbers.tolist(), "distances": distances.tolist()}
            for place, (numbers, distances) in enumerate(zip(self.numbers, self.distances, strict=True))
        ]

    def blocks(self, kind: Shows, data: DataSet) -> list[tuple[Block, list[Block]]]:
        """Each sample, and its neighbours, for a page."""
        found = []
        for number, (sample, row) in enumerate(zip(self.samples, self.numbers, strict=True), 1):
            near = [
                kind.lay(
                    data.stored(one[None]),
                    data.codec,
                    alt=f"Training {one_of(kind.unit)} {rank} of those nearest to sample {number}",
                )
                for rank, one in enumerate(row, 1)
            ]
            found.append((kind.lay(sample[None], data.codec, alt=f"Sample {number}"), near))
        return found


def neighbours(kind: Shows, trained: Trained, data: DataSet, extractor: Extractor) -> Neighbours:
    """Samples with the training samples nearest to them in the extractor's features."""
    samples = kind.make(trained, Wish(JUDGED), Key(1, "samples")).samples
    most = FEWER_TRAINING if extractor.slow else MOST_TRAINING
    train = data.train[permutation(Key("neighbours"), len(data.train))[:most]]
    seen = extractor(data.codec.measured(samples)).values
    nearest = torch.full((JUDGED, 0), 0.0)
    for part in torch.split(train, 1000):
        found = extractor(data.codec.measured(data.stored(part))).values
        nearest = torch.cat((nearest, torch.cdist(seen, found)), 1)
    closest = nearest.topk(min(NEAREST, len(train)), largest=False)
    by = named(extractor) + (f", among {most:,} of them" if most < len(data.train) else "")
    return Neighbours(samples, train[closest.indices], closest.values, by)


def by_values(trained: Trained) -> Extractor:
    """Samples themselves as features, where no other extractor is at hand."""
    codec = trained.codec
    stored = codec.decode(torch.zeros(1, *codec.shape))
    return Pixels(math.prod(codec.measured(stored).shape[1:]))


def named(extractor: Extractor) -> str:
    """An extractor as pages call it."""
    return f"{extractor.name} ({extractor.hash})" if extractor.hash else extractor.name


def _to_judge(kind: Shows, trained: Trained, data: DataSet, count: int) -> list[tuple[str, str, Tensor, Tensor | None]]:
    """New samples and held-out ones, as they are stored, with labels where the game has any."""
    made = kind.make(trained, Wish(count), Key(2, "samples"))
    cases = [("generated", "New samples", made.samples, made.labels)]
    real = data.heldout[permutation(Key("judged"), len(data.heldout))[:count]]
    if len(real):
        told = None if made.labels is None or data.labels is None else data.labels[real]
        cases.append(("real", "Real samples", data.stored(real), told))
    return cases


def _judged(kind: Shows, trained: Trained, what: str, samples: Tensor, found: Attribution) -> Judged:
    """Samples with what speaks for and against them."""
    alt = f"{what}, and below each what speaks for and against it"
    block = kind.lay(samples, trained.codec, len(samples), marks=found.parts, alt=alt)
    full = fullest(found.parts) if isinstance(block, Figure) and found.parts.ndim == 4 else None
    return Judged(what, block, found.logits.tolist(), float(found.baseline.mean()), full)
