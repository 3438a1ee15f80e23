"""What a metric sees and what it says: features of samples in, a score with its interval and protocol out."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, TypeVar

import torch
from torch import Tensor

from sparring.base.draws import Key
from sparring.metrics.networks import Networks

T = TypeVar("T")
Better = Literal["lower", "higher"]
Interval = tuple[float, float]


@dataclass(frozen=True, eq=False)
class Features:
    """What an extractor says of n samples. Lengths that differ are a ValueError."""

    values: Tensor
    """Float [n, width]."""
    probabilities: Tensor | None = None
    """Class probabilities, float [n, classes], where the extractor has them."""
    samples: Tensor | None = None
    """The samples themselves: images in [0, 1], float32 [n, channels, height, width], points [n, values], or rows of a
    table, float64 [n, columns]."""
    contents: Tensor | None = None
    """Numbers that are equal where samples are, int64 [n]; without, equal features tell. (A network's features of equal
    samples may differ by rounding.)"""

    def __post_init__(self) -> None:
        if self.values.ndim != 2:
            raise ValueError(f"features are [n, width], not {list(self.values.shape)}")
        for name in ("probabilities", "samples", "contents"):
            part = getattr(self, name)
            if part is not None and len(part) != len(self.values):
                raise ValueError(f"{len(self.values)} rows of features and {len(part)} of {name}")

    def __len__(self) -> int:
        return len(self.values)

    @property
    def width(self) -> int:
        return self.values.shape[1]

    @staticmethod
    def joined(parts: Sequence[Features]) -> Features:
        """The features of several batches as one; a part that any batch lacks is left out."""

        def join(name: str) -> Tensor | None:
            tensors = [getattr(part, name) for part in parts]
            return None if any(tensor is None for tensor in tensors) else torch.cat(tensors)

        return Features(
            torch.cat([part.values for part in parts]), *map(join, ("probabilities", "samples", "contents"))
        )


@dataclass(frozen=True, eq=False)
class Modes:
    """The modes that a data set is known to have: centres in the plane, or codes that can be counted."""

    centres: Tensor | None = None
    """[modes, values]: where the modes of a toy set lie, in the samples' units."""
    sigma: float = 0.0
    """The standard deviation of each mode about its centre, in the samples' units."""
    code: Callable[[Features], Tensor] | None = None
    """Which of the codes each sample shows, int64 [n] in [0, codes)."""
    codes: int = 0
    """How many codes there are; stacked digits have 1,000."""

    def __post_init__(self) -> None:
        if (self.centres is None) == (self.code is None):
            raise ValueError("modes are known either by centres or by a code")
        if self.centres is not None and self.sigma <= 0:
            raise ValueError(f"modes with centres need sigma above 0, not {self.sigma}")
        if self.code is not None and self.codes < 1:
            raise ValueError(f"modes with a code need the number of codes, not {self.codes}")

    @property
    def count(self) -> int:
        return self.codes if self.centres is None else len(self.centres)


@dataclass(frozen=True, eq=False, kw_only=True)
class Views:
    """All that a metric may see."""

    heldout: Features
    """Real samples that training never saw."""
    fake: Features
    """Generated samples."""
    key: Key
    """Where every random draw of a metric (bootstrap, pairs) starts; equal keys give equal scores."""
    train: Features | None = None
    """Real samples that training saw."""
    modes: Modes | None = None
    networks: Networks | None = None
    """Of the run that made the fakes, for what samples alone do not tell."""
    about: Any = None
    """What the samples are, for metrics of one kind of data: a table's columns, say."""
    truth: Tensor | None = None
    """The real image that each fake should be, in [0, 1], float [n, channels, height, width], where there is one."""
    holes: Tensor | None = None
    """Where each fake was filled in, bool or 0 and 1, [n, 1, height, width]; None: everywhere."""
    targets: Tensor | None = None
    """Some training images of the kind that fakes should be, in [0, 1], float [m, channels, height, width]."""
    intervals: bool = True
    """Whether intervals are wanted; without, a metric may spare itself the resampling."""
    _kept: dict[str, Any] = field(default_factory=dict, init=False, repr=False)

    def __post_init__(self) -> None:
        images = self.fake.samples
        if self.truth is not None and (images is None or self.truth.shape != images.shape):
            raise ValueError(f"truth of shape {list(self.truth.shape)} for fakes of {_shape(images)}")
        if self.holes is None:
            return
        if images is None or self.holes.shape != (len(images), 1, *images.shape[2:]):
            raise ValueError(f"holes of shape {list(self.holes.shape)} for fakes of {_shape(images)}")

    def once(self, name: str, compute: Callable[[], T]) -> T:
        """The result of `compute`, kept under `name`: metrics that share work do it once."""
        if name not in self._kept:
            self._kept[name] = compute()
        kept: T = self._kept[name]
        return kept


def _shape(samples: Tensor | None) -> str:
    return "no samples" if samples is None else f"shape {list(samples.shape)}"


@dataclass(frozen=True)
class Score:
    """A metric's value with what is needed to judge and repeat it."""

    value: float
    interval: Interval
    """95 % interval; holds the value and lies within the metric's bounds."""
    n: int
    """How many samples were scored: fakes, or, where the discriminator is, real ones."""
    better: Better
    protocol: dict[str, Any]
    """How it was measured; scores of different protocols are not comparable."""
    note: str | None = None
    """Why the value is to be read with care, if it is."""
    label: str | None = None
    """What it is of, in words, where its name alone would say more than is so."""

    def to_json(self) -> dict[str, Any]:
        """As `sparring evaluate --json` prints it."""
        written: dict[str, Any] = {
            "value": self.value,
            "interval": list(self.interval),
            "n": self.n,
            "better": self.better,
            "protocol": dict(self.protocol),
        }
        told = {"label": self.label, "note": self.note}
        return written | {name: words for name, words in told.items() if words is not None}

    @staticmethod
    def from_json(written: Mapping[str, Any]) -> Score:
        """The score that `to_json` wrote."""
        low, high = written["interval"]
        protocol, note, label = dict(written["protocol"]), written.get("note"), written.get("label")
        return Score(written["value"], (low, high), written["n"], written["better"], protocol, note, label)


@dataclass(frozen=True)
class Reading:
    """What a metric's computation gives; the metric makes a score of it."""

    value: float
    interval: Interval
    protocol: Mapping[str, Any]
    note: str | None = None
    n: int | None = None
    """How many samples it is of, if not of all fakes."""


Need = Callable[[Views], str | None]
"""Says what of the views a metric needs and does not find, None if all is there (`sparring.metrics.needs`)."""


@dataclass(frozen=True)
class Metric:
    """A pure function of features, with its direction and bounds."""

    name: str
    better: Better
    bounds: Interval
    compute: Callable[[Views], Reading]
    needs: tuple[Need, ...] = ()
    like_the_data: bool = False
    """Whether its value for training samples is a yardstick for that of fakes."""
    sets: Literal["equal", "unequal", "counted"] = "equal"
    """Whether fakes and real samples must be as many, may differ in number, or fakes alone are counted."""

    def missing(self, views: Views) -> str | None:
        """Why this metric cannot be had of these views, None if it can."""
        return next((reason for need in self.needs if (reason := need(views)) is not None), None)

    def __call__(self, views: Views) -> Score:
        """The score; call it only where `missing` says None."""
        reading = self.compute(views)
        least, most = self.bounds
        value = float(reading.value)
        if not least - 1e-9 <= value <= most + 1e-9:
            raise ArithmeticError(f"{self.name}: {value} is outside {self.bounds}")
        value = min(max(value, least), most)
        low, high = (bound if math.isfinite(bound) else value for bound in reading.interval)
        interval = (max(least, min(low, value)), min(most, max(high, value)))
        counts = {"metric": self.name, "real": len(views.heldout), "fake": len(views.fake)}
        n = len(views.fake) if reading.n is None else reading.n
        return Score(value, interval, n, self.better, {**counts, **reading.protocol}, reading.note)
