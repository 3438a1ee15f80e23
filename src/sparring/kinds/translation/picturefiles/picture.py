"""A picture's values and all that is needed to write it again."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from sparring.base.errors import RequestError
from sparring.engine.budget import available

Colour = Literal["grey", "rgb", "cmyk"]
Depth = Literal["uint8", "uint16", "float32"]
"""As a codec names it: 8 bits (and 1), 16 bits of either sign, all that is wider or not whole."""


class Form(Protocol):
    """The kind of file that a picture came from."""

    def encoded(self, picture: Picture, to: Path, values: NDArray[Any], alpha: NDArray[Any] | None) -> bytes:
        """A file's content; values [slices, channels, height, width] in the picture's own type. Raises RequestError
        where the ending of `to` cannot hold them."""
        ...


@dataclass(frozen=True)
class Picture:
    """One file's picture, or a volume's slices."""

    path: Path
    planes: NDArray[Any]
    """[slices, channels, height, width], the file's own integers or floats, without alpha."""
    alpha: NDArray[np.uint8] | None
    """[height, width], 0 for transparent; None where the file holds none."""
    low: float
    """The value that is shown as black."""
    high: float
    """The value that is shown as white; below `low` where a file says that its values are to be inverted."""
    limits: tuple[float, float]
    """The least and the largest value that the file can hold."""
    depth: Depth
    colour: Colour
    form: Form

    @property
    def height(self) -> int:
        return int(self.planes.shape[2])

    @property
    def width(self) -> int:
        return int(self.planes.shape[3])

    def stored(self, values: NDArray[Any]) -> NDArray[Any]:
        """Values on the picture's scale in its own type: rounded where that is whole, within its limits."""
        kept: NDArray[Any] = np.clip(values, *self.limits)
        if self.planes.dtype.kind in "iu":
            kept = np.rint(kept)
        return kept.astype(self.planes.dtype, copy=False)

    def encoded(self, to: Path, values: NDArray[Any], alpha: NDArray[np.uint8] | None = None) -> bytes:
        """A file like the one that the picture came from, with other values [slices, channels, height, width].

        One channel is grey, three are RGB, four CMYK. The ending of `to` says the format; metadata go along as far as
        it holds them. Raises RequestError where it cannot hold the depth, the channels or the transparency.
        """
        return self.form.encoded(self, to, self.stored(values), alpha)


def ending_of(name: str | Path) -> str:
    """The ending of a name in small letters, `.nii.gz` being one."""
    low = str(name).lower()
    return ".nii.gz" if low.endswith(".nii.gz") else Path(low).suffix


def bounds(values: NDArray[Any]) -> tuple[float, float]:
    """The lowest and highest of an array's finite values, apart in any case."""
    finite = values[np.isfinite(values)] if values.dtype.kind == "f" else values
    low, high = (float(finite.min()), float(finite.max())) if finite.size else (0.0, 1.0)
    return low, high if high > low else low + 1.0


def type_limits(dtype: np.dtype[Any]) -> tuple[float, float]:
    """What a type can hold."""
    if dtype.kind == "f":
        return -np.inf, np.inf
    return float(np.iinfo(dtype).min), float(np.iinfo(dtype).max)


def depth_of(dtype: np.dtype[Any]) -> Depth:
    """The depth of a data file's type."""
    if dtype == np.uint8:
        return "uint8"
    return "uint16" if dtype.kind in "iu" and dtype.itemsize <= 2 else "float32"


def check_memory(path: Path, slices: int, channels: int, height: int, width: int, value_bytes: int) -> None:
    """Raises RequestError where a picture would not fit into the memory that is available: its values, the result and
    the file to be, and one slice as floats on its way to the network and back (the network's own memory apart)."""
    pixels = height * width
    kept = slices * pixels * max(channels, 3 if slices == 1 else 1) * value_bytes * 3
    needed = kept + pixels * max(channels, 3) * 28  # seven floats, as measured of tiled translation
    there = available()
    if needed > there:
        size = f"{f'{slices} slices of ' if slices > 1 else ''}{width} x {height} pixels"
        raise RequestError(
            f"{path}: {size} need about {_gigabytes(needed)} of memory, of {_gigabytes(there)} available"
        )


def check_file(path: Path) -> None:
    """Raises RequestError where a file is not there, or is larger than the memory that is available."""
    try:
        size = path.stat().st_size
    except OSError as error:
        raise RequestError(f"{path}: cannot be read ({error.strerror})") from None
    there = available()
    if size > there:
        raise RequestError(
            f"{path}: a file of {_gigabytes(size)}, larger than the {_gigabytes(there)} of memory available"
        )


def _gigabytes(count: int) -> str:
    return f"{count / 1e9:.1f} GB" if count >= 1e8 else f"{count / 1e6:.3g} MB"
