"""DICOM images (.dcm), read and written by pydicom: the dataset stays, but for what it says of its pixels."""

from __future__ import annotations

import copy
import io
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sparring.base.errors import RequestError
from sparring.data.pictures.decoding import short
from sparring.kinds.translation.picturefiles.picture import Picture, bounds, check_memory, depth_of, ending_of

_KINDS = ("MONOCHROME1", "MONOCHROME2", "RGB", "YBR_FULL", "YBR_FULL_422", "YBR_ICT", "YBR_RCT")


@dataclass(frozen=True)
class Dataset:
    """The dataset, with the pixels it came with."""

    content: Any

    def encoded(self, picture: Picture, to: Path, values: NDArray[Any], alpha: NDArray[Any] | None) -> bytes:
        """The dataset with other pixels, uncompressed, as a derived image with a UID of its own."""
        from pydicom.pixels.utils import set_pixel_data

        if ending_of(to) != ".dcm":
            raise RequestError(f"{to}: {picture.path} is a DICOM image, which is written as .dcm")
        if values.shape[1] != picture.planes.shape[1]:
            told = f"{picture.planes.shape[1]} channels, and the run makes {values.shape[1]}"
            raise RequestError(f"{to}: a DICOM image keeps its {told}")
        dataset = copy.deepcopy(self.content)
        frames = np.ascontiguousarray(values[:, 0] if values.shape[1] == 1 else values.transpose(0, 2, 3, 1))
        if "NumberOfFrames" not in dataset:
            frames = frames[0]
        kind = dataset.PhotometricInterpretation if values.shape[1] == 1 else "RGB"
        buffer = io.BytesIO()
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                set_pixel_data(dataset, frames, kind, dataset.BitsStored)
                _derived(dataset, values)
                dataset.save_as(buffer, enforce_file_format=True)
        except Exception as error:
            raise RequestError(f"{to}: cannot be written as DICOM ({short(error)})") from None
        return buffer.getvalue()


def read(path: Path) -> Picture:
    """The frames of a DICOM image, as stored, before its rescaling; brought to RGB where they are YBR."""
    try:
        import pydicom
    except ImportError:
        raise RequestError(f"{path}: DICOM needs pydicom; pip install 'sparring[medical]'") from None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of values that break the standard's letter; they are kept as they are
        try:
            dataset = pydicom.dcmread(path)
            kind = _kind(path, dataset)
            _check_size(path, dataset)
            array = _pixels(dataset)
        except RequestError:
            raise
        except Exception as error:
            raise RequestError(f"{path}: not a readable DICOM image ({short(error)})") from None
    frames = array.reshape(-1, dataset.Rows, dataset.Columns, dataset.SamplesPerPixel)
    planes = np.ascontiguousarray(frames.transpose(0, 3, 1, 2))
    bits = int(dataset.BitsStored)
    limits = (-(2.0 ** (bits - 1)), 2.0 ** (bits - 1) - 1) if planes.dtype.kind == "i" else (0.0, 2.0**bits - 1)
    whole = limits if bits == 8 or planes.shape[1] == 3 else bounds(planes)
    low, high = whole[::-1] if kind == "MONOCHROME1" else whole
    depth = depth_of(planes.dtype)
    return Picture(
        path, planes, None, low, high, limits, depth, "grey" if planes.shape[1] == 1 else "rgb", Dataset(dataset)
    )


def _kind(path: Path, dataset: Any) -> str:
    """How its pixels are shown. Raises RequestError for a file without pixels, or with others than are read here."""
    if "PixelData" not in dataset:
        raise RequestError(f"{path}: a DICOM file without pixels (whole numbers) in it")
    kind = str(dataset.get("PhotometricInterpretation", "none"))
    if kind not in _KINDS:
        raise RequestError(f"{path}: a DICOM image of kind {kind}, which is none of {', '.join(_KINDS)}")
    if dataset.BitsAllocated not in (8, 16):
        raise RequestError(f"{path}: a DICOM image of {dataset.BitsAllocated} bits a value; 8 and 16 are read")
    return kind


def _check_size(path: Path, dataset: Any) -> None:
    frames = int(dataset.get("NumberOfFrames", 1) or 1)
    check_memory(path, frames, dataset.SamplesPerPixel, dataset.Rows, dataset.Columns, dataset.BitsAllocated // 8)


def _pixels(dataset: Any) -> NDArray[Any]:
    """Decoded pixels; those of a compressed syntax by whatever decoders pydicom finds."""
    syntax = dataset.file_meta.TransferSyntaxUID
    try:
        array: NDArray[Any] = dataset.pixel_array
    except Exception as error:
        if syntax.is_compressed:
            raise ValueError(f"compressed by {syntax.name}, which cannot be decoded here: {short(error)}") from None
        raise
    return array


def _derived(dataset: Any, values: NDArray[Any]) -> None:
    """What the standard wants of an image that was computed from another, and no traces of the other's pixels."""
    kinds = list(dataset.get("ImageType", None) or ["DERIVED", "SECONDARY"])
    dataset.ImageType = ["DERIVED", *kinds[1:]]
    if "IconImageSequence" in dataset:
        del dataset.IconImageSequence
    for name, value in (("SmallestImagePixelValue", values.min()), ("LargestImagePixelValue", values.max())):
        if name in dataset:
            setattr(dataset, name, int(value))
