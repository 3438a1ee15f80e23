"""Image files, read and written by Pillow."""

from __future__ import annotations

import io
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from sparring.base.errors import RequestError
from sparring.data.files import FORMATS, File
from sparring.data.pictures.decoding import Unreadable, opened, short
from sparring.kinds.translation.picturefiles.metadata import Metadata, metadata_of
from sparring.kinds.translation.picturefiles.picture import (
    Colour,
    Picture,
    bounds,
    check_memory,
    ending_of,
    type_limits,
)

_LOSSLESS = {"raw", "tiff_lzw", "tiff_adobe_deflate", "tiff_deflate", "packbits", "group3", "group4", "zstd", "lzma"}
"""Compressions of TIFF that are used again; others become deflate."""
_HOLDS = {
    "PNG": ("1", "L", "LA", "RGB", "RGBA", "I;16"),
    "JPEG": ("L", "RGB", "CMYK"),
    "BMP": ("1", "L", "RGB"),
    "TIFF": ("1", "L", "LA", "RGB", "RGBA", "CMYK", "I;16", "I", "F"),
    "WEBP": ("RGB", "RGBA"),
    "PPM": ("1", "L", "RGB", "I;16"),
}
"""Modes that come back from a format as they were."""
_WIDER = {"1": "L", "L": "RGB", "LA": "RGBA", "CMYK": "RGB"}
"""What shows the same in more room."""
_DEEP = {"I;16": (16, ".png or .tif"), "I": (32, ".tif"), "F": (32, ".tif")}
_READ = ("1", "L", "LA", "P", "PA", "RGB", "RGBA", "CMYK", "I", "F", "I;16", "I;16B", "I;16L", "I;16N")


@dataclass(frozen=True)
class Raster:
    """What Pillow needs to write a picture as it was."""

    bits: int
    """1 for black and white, else those of a channel."""
    compression: str | None
    """Of a TIFF."""
    metadata: Metadata

    def encoded(self, picture: Picture, to: Path, values: NDArray[Any], alpha: NDArray[Any] | None) -> bytes:
        """The file's content in the format of the ending."""
        form = _format(to)
        image = _fitting(_image(values[0], alpha, self._mode(values, alpha, to)), form, to)
        same = {"CMYK": "cmyk", "RGB": "rgb", "RGBA": "rgb"}.get(image.mode, "grey") == picture.colour
        options = self.metadata.options(form, profile=same)
        if form == "JPEG":
            options |= {"quality": 95, "subsampling": 0}
        elif form == "WEBP":
            options |= {"lossless": True, "exact": True}
        elif form == "TIFF" and self.compression is not None:
            options |= {"compression": self.compression}
        buffer = io.BytesIO()
        image.save(buffer, form, **options)
        return buffer.getvalue()

    def _mode(self, values: NDArray[Any], alpha: NDArray[Any] | None, to: Path) -> str:
        """Pillow's mode for values of one slice."""
        channels = values.shape[1]
        if values.dtype != np.uint8:
            if channels != 1:
                raise RequestError(
                    f"{to}: {channels} channels of {self.bits} bits cannot be written; make the input 8 bits"
                )
            return {"u": "I;16", "i": "I", "f": "F"}[values.dtype.kind]
        if channels == 1 and alpha is None:
            return "1" if self.bits == 1 else "L"
        return {1: "LA", 3: "RGB" if alpha is None else "RGBA", 4: "CMYK"}[channels]


def lossy(ending: str) -> bool:
    """Whether a format changes the values that it is given."""
    return FORMATS.get(ending) == "JPEG"


def read(path: Path, file: File | None = None) -> Picture:
    """The picture of an image file; of `file`, where it may lie in a zip, and `path` is what people are told."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of EXIF blocks that are cut short
            image = opened(file or File(path.name, path.read_bytes), strict=True)
            _check(image, path)
            wide = image.mode == "I" and image.format == "PPM"  # which is how Pillow reads its 16 bits
            image.load()
            form = _Head(image.mode, wide, metadata_of(image), _compression(image))
            return _picture(path, ImageOps.exif_transpose(image), form)
    except Unreadable as reason:
        raise RequestError(f"{path}: {reason}") from None
    except RequestError:
        raise
    except Exception as error:  # a corrupt file can make a decoder fail in any way
        raise RequestError(f"{path}: cannot be read ({short(error)})") from None


def _check(image: Image.Image, path: Path) -> None:
    """Raises RequestError for what would not come out as it went in, or not fit into memory."""
    frames = 1 if image.format == "MPO" else int(getattr(image, "n_frames", 1))  # an MPO's others are previews
    if frames > 1:
        raise RequestError(f"{path}: {frames} frames or pages; translate them one by one, as files of their own")
    if image.mode not in _READ:
        raise RequestError(f"{path}: pixels of mode {image.mode}; save it as RGB or grey")
    tiles = getattr(image, "tile", [])
    if _deep_colour(image, tiles):
        told = "colour or transparency of 16 bits, which Pillow cuts to 8"
        raise RequestError(f"{path}: {told}; save it with 8 bits a channel, or as grey of 16")
    if "I;16S" in str(tiles) or "I;16BS" in str(tiles):
        raise RequestError(f"{path}: signed values of 16 bits, which Pillow cannot write; save it as floats")
    check_memory(path, 1, len(image.getbands()), image.height, image.width, 4 if image.mode in ("I", "F") else 2)


def _deep_colour(image: Image.Image, tiles: list[Any]) -> bool:
    """Whether the file holds more bits a channel than the mode that it is read as."""
    if image.mode in ("I", "F") or image.mode.startswith("I;16"):
        return False
    if image.format == "PPM":  # its decoder is told the largest value
        return any(isinstance(tile.args, tuple) and tile.args[1] > 255 for tile in tiles if tile.codec_name == "ppm")
    return any(";16" in str(tile.args) for tile in tiles)


@dataclass(frozen=True)
class _Head:
    """What is known of a file before its picture is turned upright."""

    mode: str
    wide: bool
    metadata: Metadata
    compression: str | None


def _picture(path: Path, image: Image.Image, head: _Head) -> Picture:
    alpha: NDArray[np.uint8] | None = None
    clear = "transparency" in image.info  # one colour, or some of a palette's, stand for it
    if head.mode in ("P", "PA"):
        image = image.convert("RGBA" if clear or head.mode == "PA" else "RGB")
    elif head.mode in ("1", "L", "RGB") and clear:
        image = image.convert("RGBA" if head.mode == "RGB" else "LA")
    bits = 1 if image.mode == "1" else 16 if head.mode.startswith("I;16") or head.wide else 8
    pixels = np.asarray(image.convert("L") if bits == 1 else image)
    if image.mode in ("LA", "RGBA"):
        alpha, pixels = pixels[..., -1].copy(), pixels[..., :-1]
    if bits == 16:
        pixels = pixels.astype(np.uint16)
    planes = np.ascontiguousarray(pixels.reshape(1, image.height, image.width, -1).transpose(0, 3, 1, 2))
    colour: Colour = "cmyk" if image.mode == "CMYK" else "grey" if planes.shape[1] == 1 else "rgb"
    if planes.dtype.itemsize <= 2:
        limits = type_limits(planes.dtype)
        form = Raster(bits, head.compression, head.metadata)
        return Picture(path, planes, alpha, *limits, limits, "uint16" if bits == 16 else "uint8", colour, form)
    form = Raster(32, head.compression, head.metadata)
    return Picture(path, planes, None, *bounds(planes), type_limits(planes.dtype), "float32", colour, form)


def _compression(image: Image.Image) -> str | None:
    """What to compress a TIFF with: as it was, but without loss."""
    found = image.info.get("compression") if image.format == "TIFF" else None
    return None if found is None else str(found) if found in _LOSSLESS else "tiff_adobe_deflate"


def _format(to: Path) -> str:
    """Pillow's format for an ending. Raises RequestError for one that image files do not have."""
    form = FORMATS.get(ending_of(to), "")
    if form not in _HOLDS:
        endings = ", ".join(ending for ending, name in FORMATS.items() if name in _HOLDS)
        raise RequestError(f"{to}: '{ending_of(to)}' is not written; take one of {endings}")
    return form


def _image(values: NDArray[Any], alpha: NDArray[Any] | None, mode: str) -> Image.Image:
    """Values [channels, height, width] as Pillow's image."""
    if alpha is not None and mode in ("LA", "RGBA"):
        values = np.concatenate([values, alpha[None]])
    pixels = np.ascontiguousarray(values.transpose(1, 2, 0))
    if mode == "1":
        return Image.fromarray(pixels[..., 0] > 127)
    if mode in ("LA", "CMYK"):
        height, width = pixels.shape[:2]
        return Image.frombytes(mode, (width, height), pixels.tobytes())
    return Image.fromarray(pixels[..., 0] if pixels.shape[2] == 1 else pixels)


def _fitting(image: Image.Image, form: str, to: Path) -> Image.Image:
    """The image in a mode that the format holds. Raises RequestError where that would lose depth or transparency."""
    while image.mode not in _HOLDS[form]:
        if image.mode in _DEEP:
            bits, others = _DEEP[image.mode]
            raise RequestError(f"{to}: {bits} bits a channel do not fit into {ending_of(to)}; take {others}")
        if image.mode not in _WIDER:
            raise RequestError(f"{to}: {ending_of(to)} holds no transparency; take .png, .tif or .webp")
        image = image.convert(_WIDER[image.mode])
    return image
