"""Masks: which pixels are to be filled."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sparring.base.errors import RequestError
from sparring.kinds.translation.picturefiles.colours import to_grey
from sparring.kinds.translation.picturefiles.picture import Picture
from sparring.kinds.translation.picturefiles.raster import Raster
from sparring.kinds.translation.picturefiles.reading import read_picture


def read_mask(path: Path, height: int, width: int, slices: int = 1) -> NDArray[np.bool_]:
    """Where a picture is to be filled: true [slices, height, width], of a mask with one slice or as many (see
    `holes_of`). Raises RequestError for a mask of another size, without a hole, or with nothing but a hole."""
    picture = read_picture(path)
    if (picture.height, picture.width) != (height, width):
        told = f"the mask is {picture.width} x {picture.height}, the picture {width} x {height}"
        raise RequestError(f"{path}: {told}; masks must be of the picture's size")
    if len(picture.planes) not in (1, slices):
        raise RequestError(f"{path}: the mask has {len(picture.planes)} slices, the picture {slices}")
    holes = holes_of(picture)
    if not holes.any():
        raise RequestError(f"{path}: no hole; what is to be filled must be white (over half), or transparent")
    if holes.all():
        raise RequestError(f"{path}: all hole; what is to be kept must be black (under half), or opaque")
    return np.broadcast_to(holes, (slices, height, width))


def holes_of(mask: Picture) -> NDArray[np.bool_]:
    """What a mask says is to be filled: true [slices, height, width].

    A mask with transparent pixels (alpha below half) says it by them: transparent is filled, whatever its colours. Any
    other says it by brightness: over half of white is filled; in NIfTI, DICOM and images of floats, over half of the
    largest value.
    """
    clear = transparent(mask)
    return _bright(mask) if clear is None else clear[None]


def transparent(picture: Picture) -> NDArray[np.bool_] | None:
    """Where a picture is transparent (alpha below half), [height, width]; None where it nowhere is."""
    if picture.alpha is None:
        return None
    clear: NDArray[np.bool_] = picture.alpha < 128
    return clear if clear.any() else None


def _bright(picture: Picture) -> NDArray[np.bool_]:
    values = to_grey(picture.planes)[:, 0]
    full = isinstance(picture.form, Raster) and picture.depth != "float32"
    black, white = (picture.low, picture.high) if full else (0.0, float(values.max()))
    bright: NDArray[np.bool_] = (values - black) / ((white - black) or 1.0) > 0.5
    return bright
