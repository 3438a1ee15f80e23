"""One image file of any size, mode and depth: what its head says, and its pixels."""

from __future__ import annotations

import io
import warnings
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import PurePosixPath
from typing import Any, Literal, TypeVar

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps, UnidentifiedImageError

from sparring.data.files import FORMATS, UNPACKING, File
from sparring.data.pictures.fitting import Fit

T = TypeVar("T")
Half = Literal["left", "right"]

MOST_PIXELS = 100_000_000
"""Larger images are taken for decompression bombs."""


class Unreadable(Exception):
    """Why a file is left out."""


@dataclass(frozen=True)
class Rules:
    """How pictures of many kinds become one array."""

    size: tuple[int, int] | None
    largest: int | None
    fit: Fit
    channels: int | None
    strict: bool
    half: Half | None = None
    """Which half of each file is the picture, where a file holds two side by side."""
    options: str = "data.images"
    """Where a recipe says so."""

    def deciding(self) -> dict[str, Any]:
        """What decides the pixels, as plain values."""
        fields = {name: value for name, value in asdict(self).items() if name != "options"}
        return fields if self.half is not None else {name: fields[name] for name in fields if name != "half"}


@dataclass(frozen=True)
class Head:
    """What a file says of itself before its pixels are read."""

    mode: str
    size: tuple[int, int]
    """Upright (height, width)."""


MODE_NAMES = {"1": "grey", "L": "grey", "I;16": "grey, 16 bits", "LA": "grey with alpha", "P": "palette"}
CHANNELS = {"1": 1, "L": 1, "I;16": 1, "LA": 2, "P": 3, "RGB": 3, "YCbCr": 3, "CMYK": 3, "LAB": 3, "HSV": 3, "RGBA": 4}
CONVERT = {1: "L", 2: "LA", 3: "RGB", 4: "RGBA"}


def or_reason(read: Callable[..., T], *arguments: object) -> T | Unreadable:
    """What `read` gives, or why the file is left out."""
    try:
        return read(*arguments)
    except Unreadable as reason:
        return reason


def opened(file: File, strict: bool) -> Image.Image:
    """The opened image, its pixels not yet read, its format checked against the file's ending. Raises Unreadable."""
    ending = PurePosixPath(file.name).suffix.lower()
    try:
        content = file.read()
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            image = Image.open(io.BytesIO(content))
    except UnidentifiedImageError:
        raise Unreadable("not an image") from None
    except (Image.DecompressionBombWarning, Image.DecompressionBombError):
        raise Unreadable("too many pixels; a decompression bomb?") from None
    except (SyntaxError, TypeError, AttributeError, *UNPACKING) as error:
        raise Unreadable(short(error)) from None
    if image.width * image.height > MOST_PIXELS:
        raise Unreadable(f"{image.width} x {image.height} pixels; a decompression bomb?")
    same = {"MPO": "JPEG"}.get(image.format or "", image.format)
    if strict and same != FORMATS[ending]:
        raise Unreadable(f"a {image.format} by its content, not a {FORMATS[ending]}")
    return image


def head_of(file: File, rules: Rules) -> Head:
    """What an image file says of itself. Raises Unreadable."""
    image = opened(file, rules.strict)
    mode = "I;16" if image.mode.startswith("I") else image.mode
    if mode == "P":
        mode = "RGBA" if "transparency" in image.info else "P"
    if mode not in CHANNELS:
        raise Unreadable(f"pixels of mode {image.mode}, which is none of {', '.join(CHANNELS)}")
    height, width = image.height, image.width
    try:
        orientation = image.getexif().get(0x0112, 1)
    except Exception as error:
        raise Unreadable(short(error)) from None
    if orientation in (5, 6, 7, 8):  # lies on its side
        height, width = width, height
    if rules.half is None:
        return Head(mode, (height, width))
    if width % 2:
        raise Unreadable(f"{width} pixels wide, which is odd: not two images side by side")
    return Head(mode, (height, width // 2))


def fitted(file: File, rules: Rules, size: tuple[int, int], channels: int, deep: bool) -> NDArray[Any]:
    """One image as an array [channels, height, width]."""
    return as_array(fit_to(whole(file, rules, channels, deep), size, rules.fit))


def whole(file: File, rules: Rules, channels: int, deep: bool) -> Image.Image:
    """One image upright, of so many channels; of 16 bits as floats, which can be made smaller."""
    image = opened(file, rules.strict)
    try:
        image.load()
        image = ImageOps.exif_transpose(image)
    except Exception as error:
        raise Unreadable(short(error)) from None
    if rules.half is not None:
        first = image.width // 2 if rules.half == "right" else 0
        image = image.crop((first, 0, first + image.width // 2, image.height))
    if deep:
        return Image.fromarray(np.asarray(image).astype(np.float32))
    if image.mode == "P":
        image = image.convert("RGBA" if "transparency" in image.info else "RGB")
    return image if image.mode == CONVERT[channels] else image.convert(CONVERT[channels])


def as_array(image: Image.Image) -> NDArray[Any]:
    """[channels, height, width], uint8, or int32 of an image of floats (16 bits), in new memory."""
    array = np.asarray(image)
    if image.mode == "F":
        array = np.clip(np.rint(array), 0, 65535).astype(np.int32)
    return array.reshape(image.height, image.width, -1).transpose(2, 0, 1).copy()


def fit_to(image: Image.Image, size: tuple[int, int], fit: Fit) -> Image.Image:
    """The image at (height, width): cropped to the shape, stretched to it, or padded with its edge's mean."""
    height, width = size
    if (image.height, image.width) == size:
        return image
    if fit == "resize":
        return image.resize((width, height), Image.Resampling.BICUBIC)
    if fit == "crop":
        return ImageOps.fit(image, (width, height), Image.Resampling.BICUBIC)
    small = ImageOps.contain(image, (width, height), Image.Resampling.BICUBIC)
    background = np.asarray(small).reshape(small.height * small.width, -1).mean(0)
    value = float(background[0]) if small.mode == "F" else tuple(int(v) for v in background)
    canvas = Image.new(small.mode, (width, height), value if small.mode in ("F",) or len(background) > 1 else value[0])  # type: ignore[index]
    canvas.paste(small, ((width - small.width) // 2, (height - small.height) // 2))
    return canvas


def short(error: Exception) -> str:
    """The first line of what an error says, not too long."""
    text = str(error).splitlines()[0] if str(error) else type(error).__name__
    return text[:120]
