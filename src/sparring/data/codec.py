"""From a data set's own format to what networks see, and back."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Annotated, Any, ClassVar, Literal, NamedTuple

import torch
from pydantic import ConfigDict, Field, with_config
from torch import Tensor
from typing_extensions import TypedDict

from sparring.base.checking import checked
from sparring.base.forms import Finite

Range = Literal["signed", "unit"]
CHUNK = 256
"""Samples made at once, at most."""
MOST_VALUES = 2**28
"""Of a sample."""


class Codec(ABC):
    """How samples are stored, what networks see of them, and the way back.

    A sample is a tensor of one shape and type; unequal samples are padded, and where they end is stored.
    """

    kind: str
    """Which codec it is, as checkpoints say it."""
    range: Range = "signed"
    """Where what networks see lies: `signed` for [-1, 1], `unit` for [0, 1]."""
    shape: tuple[int, ...]
    """One sample as networks see it."""
    plays: ClassVar[str] = "from_noise"
    """The game that makes such samples from noise, as recipes call it."""
    slow: ClassVar[bool] = False
    """Whether encoding takes long enough to be done once for the whole data set."""
    sloped: ClassVar[bool] = True
    """Whether what extractors take is what networks see, brought to [0, 1], so that features have slopes."""
    at_once: ClassVar[int] = CHUNK
    """Samples made at once, at most."""

    @abstractmethod
    def encode(self, stored: Tensor) -> Tensor:
        """Stored values [batch, ...] to what networks see, float32 [batch, *shape]."""

    @abstractmethod
    def decode(self, seen: Tensor) -> Tensor:
        """What networks see to stored values."""

    @abstractmethod
    def to_json(self) -> dict[str, Any]:
        """All that it takes to read samples, with `kind`."""

    @property
    def noun(self) -> str:
        """What the samples are, in words."""
        return "samples"

    @property
    def maps(self) -> bool:
        """Whether samples are [channels, height, width], for convolutions and augmentations of images."""
        return False

    def to_unit(self, stored: Tensor) -> Tensor:
        """Stored values to float32 in [0, 1], as metrics and pictures take them."""
        return self.in_unit(self.encode(stored))

    def in_unit(self, seen: Tensor) -> Tensor:
        """What networks see to [0, 1]: `decode` without its rounding."""
        return (seen.float() if self.range == "unit" else (seen.float() + 1) / 2).clamp(0, 1)

    def measured(self, stored: Tensor) -> Tensor:
        """Stored values to what extractors of features take."""
        return self.to_unit(stored)

    @property
    def box(self) -> tuple[float, float]:
        """Where a sample's values can lie, as networks see them."""
        return (0.0, 1.0) if self.range == "unit" else (-1.0, 1.0)

    @property
    def mark(self) -> str:
        """What fingerprints of data take in. It must never change for samples that are read alike: runs resume by
        it."""
        return repr(self)


@with_config(ConfigDict(extra="forbid", strict=True))
class ValueForm(TypedDict):
    """A `ValueCodec` as a checkpoint has it."""

    kind: Literal["image", "points"]
    shape: Annotated[list[Annotated[int, Field(ge=1, le=2**20)]], Field(min_length=1, max_length=3)]
    depth: Literal["uint8", "uint16", "float32"]
    low: Finite
    high: Finite
    range: Range


@dataclass(frozen=True)
class ValueCodec(Codec):
    """Maps stored values in [low, high] linearly to [-1, 1] (`signed`) or [0, 1] (`unit`), and back.

    Eight bits use the whole of 0 to 255; deeper integers and floats use the data's own lowest and highest value, so
    that 12 bits in a 16-bit file fill the range too. What a network makes comes back within [low, high], rounded for
    integers.
    """

    kind: Literal["image", "points"]
    shape: tuple[int, ...]
    """One sample: (channels, height, width), or (values,)."""
    depth: Literal["uint8", "uint16", "float32"]
    low: float
    high: float
    range: Range = "signed"

    def encode(self, stored: Tensor) -> Tensor:
        """Stored values [batch, *shape] to float32 in the range."""
        unit = self.to_unit(stored)
        return unit if self.range == "unit" else unit * 2 - 1

    def in_unit(self, seen: Tensor) -> Tensor:
        """What networks see to [0, 1]; points may lie outside the data's box."""
        unit = seen.float() if self.range == "unit" else (seen.float() + 1) / 2
        return unit.clamp(0, 1) if self.maps else unit

    def decode(self, seen: Tensor) -> Tensor:
        """What networks see to stored values: uint8, int32 (for 16 bits) or float32."""
        unit = self.in_unit(seen)
        stored = unit * (self.high - self.low) + self.low
        if self.depth == "float32":
            return stored
        return stored.round().to(torch.uint8 if self.depth == "uint8" else torch.int32)

    def to_unit(self, stored: Tensor) -> Tensor:
        """Stored values to float32 in [0, 1], as metrics and pictures take them."""
        return (stored.float() - self.low) / (self.high - self.low)

    def to_json(self) -> dict[str, Any]:
        return asdict(self) | {"shape": list(self.shape)}

    @property
    def maps(self) -> bool:
        return len(self.shape) == 3

    @property
    def noun(self) -> str:
        return "images" if self.maps else "points"

    @property
    def box(self) -> tuple[float, float]:
        return super().box if self.maps else (-math.inf, math.inf)

    @property
    def mark(self) -> str:
        return repr(self).removeprefix("Value")  # as it was written when there was one codec, `Codec(...)`

    @staticmethod
    def from_json(fields: dict[str, Any]) -> ValueCodec:
        """The codec that `to_json` wrote. Raises ValueError where it did not."""
        codec = ValueCodec(**(checked(fields, ValueForm) | {"shape": tuple(fields["shape"])}))
        if codec.high <= codec.low or math.prod(codec.shape) > MOST_VALUES:
            raise ValueError(f"values from {codec.low} to {codec.high} in samples of shape {list(codec.shape)}")
        return codec


def image_codec(samples: Tensor, range: Range, blocks: Iterable[Tensor] | None = None) -> ValueCodec:
    """The codec that fits stored images [n, channels, height, width]: uint8, int32 (16 bits) or float32.

    `blocks` are the same samples part by part, for those that are not to be walked over at once.
    """
    shape = tuple(samples.shape[1:])
    if samples.dtype == torch.uint8:
        return ValueCodec("image", shape, "uint8", 0.0, 255.0, range)
    bounds = [(float(part.min()), float(part.max())) for part in ([samples] if blocks is None else blocks)]
    low, high = min(low for low, _ in bounds), max(high for _, high in bounds)
    depth: Literal["uint16", "float32"] = "uint16" if samples.dtype == torch.int32 else "float32"
    return ValueCodec("image", shape, depth, low, high if high > low else low + 1.0, range)


def point_codec(samples: Tensor) -> ValueCodec:
    """The codec of points [n, values]: the largest coordinate, to either side, becomes 1."""
    reach = float(samples.abs().max()) or 1.0
    return ValueCodec("points", tuple(samples.shape[1:]), "float32", -reach, reach, "signed")


class Formats(NamedTuple):
    """What networks must fit."""

    samples: Codec
    classes: int = 0
    """Labels, or conditions of a table; 0 for none."""
    inputs: Codec | None = None
    """Of the images that samples are made from, where they are."""
