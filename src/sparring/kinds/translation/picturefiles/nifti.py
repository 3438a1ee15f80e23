"""NIfTI volumes (.nii, .nii.gz), read and written by nibabel: header, affine, type and scaling stay as they are."""

from __future__ import annotations

import gzip
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sparring.base.errors import RequestError
from sparring.data.pictures.decoding import short
from sparring.kinds.translation.picturefiles.picture import (
    Picture,
    bounds,
    check_memory,
    depth_of,
    ending_of,
    type_limits,
)


@dataclass(frozen=True)
class Volume:
    """The image without its values."""

    kind: type[Any]
    header: Any
    affine: NDArray[Any] | None
    scaling: tuple[float | None, float | None]
    shape: tuple[int, ...]

    def encoded(self, picture: Picture, to: Path, values: NDArray[Any], alpha: NDArray[Any] | None) -> bytes:
        """The volume with other values, compressed by the ending."""
        ending = ending_of(to)
        if ending not in (".nii", ".nii.gz"):
            raise RequestError(f"{to}: {picture.path} is a NIfTI volume, which is written as .nii or .nii.gz")
        if values.shape[1] != 1:
            raise RequestError(f"{to}: a NIfTI volume holds one channel here, and the run makes {values.shape[1]}")
        data = values[:, 0, ::-1].transpose(2, 1, 0).reshape(self.shape)
        image = self.kind(data, self.affine, self.header.copy())
        image.header.set_slope_inter(*self.scaling)  # said before saving, it is kept, and values are not scaled again
        content: bytes = image.to_bytes()
        return gzip.compress(content, 6, mtime=0) if ending == ".nii.gz" else content


def read(path: Path) -> Picture:
    """The slices of a volume along its last axis, [slices, 1, height, width], as stored."""
    try:
        import nibabel
    except ImportError:
        raise RequestError(f"{path}: NIfTI needs nibabel; pip install 'sparring[medical]'") from None
    try:
        image: Any = nibabel.load(path)
        header, shape = image.header, tuple(int(size) for size in image.shape)
        dtype = np.dtype(header.get_data_dtype())
    except Exception as error:
        raise RequestError(f"{path}: not a readable NIfTI volume ({short(error)})") from None
    if dtype.kind not in "iuf" or len(shape) < 2 or 0 in shape:
        told = "colour or complex values" if dtype.kind not in "iuf" else f"of shape {shape}"
        raise RequestError(f"{path}: a NIfTI volume {told}; wanted real numbers in two dimensions or more")
    check_memory(path, math.prod(shape[2:]), 1, shape[1], shape[0], max(4, dtype.itemsize))
    try:
        data = np.asarray(image.dataobj.get_unscaled())
    except Exception as error:
        raise RequestError(f"{path}: not a readable NIfTI volume ({short(error)})") from None
    native = data.astype(data.dtype.newbyteorder("="), copy=False)
    planes = np.ascontiguousarray(native.reshape(*shape[:2], -1).transpose(2, 1, 0)[:, None, ::-1])
    depth = depth_of(planes.dtype)
    low, high = (0.0, 255.0) if depth == "uint8" else bounds(planes)
    form = Volume(type(image), header.copy(), image.affine, _scaling(image), shape)
    return Picture(path, planes, None, low, high, type_limits(planes.dtype), depth, "grey", form)


def _scaling(image: Any) -> tuple[float | None, float | None]:
    """The header's slope and intercept, as written: nibabel takes them out of an image's header when it loads one."""
    slope, inter = image.dataobj.slope, image.dataobj.inter
    return (None, None) if (slope, inter) == (1.0, 0.0) else (slope, inter)
