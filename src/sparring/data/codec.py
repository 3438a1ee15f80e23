"""From a data set's own format to what networks see, and back."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Literal, NamedTuple

import torch
from torch import Tensor

from sparring.data.tables.codec import TableCodec

Range = Literal["signed", "unit"]


class ValueCodec(NamedTuple):
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
        return unit if self.kind == "points" else unit.clamp(0, 1)

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
        return self._asdict() | {"shape": list(self.shape)}

    @staticmethod
    def from_json(fields: dict[str, Any]) -> ValueCodec:
        return ValueCodec(**(fields | {"shape": tuple(fields["shape"])}))


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


Codec = ValueCodec | TableCodec
"""How samples are stored, what networks see of them, and the way back."""


class Formats(NamedTuple):
    """What networks must fit."""

    samples: Codec
    classes: int = 0
    """Labels, or conditions of a table; 0 for none."""
    inputs: Codec | None = None
    """Of the images that samples are made from, where they are."""


def called(codec: Codec) -> str:
    """What samples are called where people read how many there are."""
    return "rows" if codec.kind == "table" else "images"


def codec_from_json(fields: dict[str, Any]) -> Codec:
    """The codec that `to_json` wrote."""
    return TableCodec.from_json(fields) if fields["kind"] == "table" else ValueCodec.from_json(fields)
