"""Reading people's pictures: image files of any size, mode and depth become one array."""

from __future__ import annotations

import io
import warnings
import zipfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any, Literal, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image, ImageOps, UnidentifiedImageError
from torch import Tensor

from sparring.data.dataset import Found
from sparring.data.files import FORMATS, File
from sparring.errors import RequestError

T = TypeVar("T")
Fit = Literal["crop", "resize", "pad"]

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


def sizes_of(files: list[File]) -> list[tuple[int, int]]:
    """The (height, width) of those files that can be read."""
    rules = Rules(None, None, "crop", None, strict=False)
    heads = [_or_reason(_head, file, rules) for file in files]
    return [head.size for head in heads if not isinstance(head, Unreadable)]


def read_pictures(files: list[File], rules: Rules, found: Found, where: str) -> tuple[Tensor, list[int]]:
    """Images [n, channels, height, width] (uint8, or int32 for 16 bits), and the places of the files they came from."""
    with ThreadPoolExecutor(4) as pool:
        heads = list(pool.map(lambda file: _or_reason(_head, file, rules), files))
    good = [place for place, head in enumerate(heads) if not isinstance(head, Unreadable)]
    found.unreadable = [f"{f.name}: {h}" for f, h in zip(files, heads, strict=True) if isinstance(h, Unreadable)]
    _refuse_unreadable(found, rules, where)
    known = [head for head in heads if not isinstance(head, Unreadable)]
    if not known:
        raise RequestError(f"{where}: none of {len(files)} image files can be read; the first: {found.unreadable[0]}")
    found.sizes.update(head.size for head in known)
    found.channels.update(_MODE_NAMES.get(head.mode, head.mode) for head in known)
    channels = _channels({head.mode for head in known}, rules, found)
    deep = _depth({head.mode for head in known}, found, where)
    if deep and channels != 1:
        raise RequestError(f"data.images.channels: {channels}, and images of 16 bits are read as grey; leave it out")
    size = target_size([head.size for head in known], rules, found)
    with ThreadPoolExecutor(4) as pool:
        arrays = list(pool.map(lambda p: _or_reason(_fitted, files[p], rules, size, channels, deep), good))
    late = [(p, a) for p, a in zip(good, arrays, strict=True) if isinstance(a, Unreadable)]
    found.unreadable += [f"{files[place].name}: {reason}" for place, reason in late]
    _refuse_unreadable(found, rules, where)
    kept = [(p, a) for p, a in zip(good, arrays, strict=True) if not isinstance(a, Unreadable)]
    if not kept:
        raise RequestError(f"{where}: none of {len(files)} image files can be read; the first: {found.unreadable[0]}")
    stacked = torch.from_numpy(np.stack([array for _, array in kept]))
    return stacked, [place for place, _ in kept]


def target_size(sizes: list[tuple[int, int]], rules: Rules, found: Found) -> tuple[int, int]:
    """The one size (height, width) that all images are brought to, by the recipe's rule."""
    if rules.size is not None:
        return rules.size
    if len(set(sizes)) == 1:
        height, width = sizes[0]
        if rules.largest is None or max(height, width) <= rules.largest:
            return height, width
        scale = rules.largest / max(height, width)
        size = (_multiple(height * scale), _multiple(width * scale))
    else:
        short = int(np.median([min(size) for size in sizes]))
        edge = _multiple(min(short, rules.largest or short))
        size = (edge, edge)
    found.notes.append(f"fitted to {size[0]} x {size[1]} (fit: {rules.fit}; data.images.size sets another)")
    return size


@dataclass(frozen=True)
class _Head:
    mode: str
    size: tuple[int, int]


_MODE_NAMES = {"1": "grey", "L": "grey", "I;16": "grey, 16 bits", "LA": "grey with alpha", "P": "palette"}
_CHANNELS = {"1": 1, "L": 1, "I;16": 1, "LA": 2, "P": 3, "RGB": 3, "YCbCr": 3, "CMYK": 3, "LAB": 3, "HSV": 3, "RGBA": 4}
_CONVERT = {1: "L", 2: "LA", 3: "RGB", 4: "RGBA"}


def _or_reason(read: Callable[..., T], *arguments: object) -> T | Unreadable:
    try:
        return read(*arguments)
    except Unreadable as reason:
        return reason


def _open(file: File, strict: bool) -> Image.Image:
    """The opened image, its format checked against the file's ending."""
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
    except (OSError, SyntaxError, ValueError, zipfile.BadZipFile, NotImplementedError, RuntimeError) as error:
        raise Unreadable(_short(error)) from None
    if image.width * image.height > MOST_PIXELS:
        raise Unreadable(f"{image.width} x {image.height} pixels; a decompression bomb?")
    same = {"MPO": "JPEG"}.get(image.format or "", image.format)
    if strict and same != FORMATS[ending]:
        raise Unreadable(f"a {image.format} by its content, not a {FORMATS[ending]}")
    return image


def _head(file: File, rules: Rules) -> _Head:
    image = _open(file, rules.strict)
    mode = "I;16" if image.mode.startswith("I") else image.mode
    if mode == "P":
        mode = "RGBA" if "transparency" in image.info else "P"
    if mode not in _CHANNELS:
        raise Unreadable(f"pixels of mode {image.mode}, which is none of {', '.join(_CHANNELS)}")
    height, width = image.height, image.width
    try:
        orientation = image.getexif().get(0x0112, 1)
    except Exception as error:
        raise Unreadable(_short(error)) from None
    if orientation in (5, 6, 7, 8):  # lies on its side
        height, width = width, height
    return _Head(mode, (height, width))


def _fitted(file: File, rules: Rules, size: tuple[int, int], channels: int, deep: bool) -> NDArray[Any]:
    """One image as an array [channels, height, width]."""
    image = _open(file, rules.strict)
    try:
        image.load()
    except Exception as error:
        raise Unreadable(_short(error)) from None
    image = ImageOps.exif_transpose(image)
    if deep:
        plane = Image.fromarray(np.asarray(image).astype(np.float32))
        fitted = np.asarray(_fit(plane, size, rules.fit))
        whole: NDArray[np.int32] = np.clip(np.rint(fitted), 0, 65535).astype(np.int32)
        return whole[None]
    if image.mode == "P":
        image = image.convert("RGBA" if "transparency" in image.info else "RGB")
    if image.mode != _CONVERT[channels]:
        image = image.convert(_CONVERT[channels])
    array = np.asarray(_fit(image, size, rules.fit))
    return np.ascontiguousarray(array.reshape(*size, channels).transpose(2, 0, 1))


def _fit(image: Image.Image, size: tuple[int, int], fit: Fit) -> Image.Image:
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


def _channels(modes: set[str], rules: Rules, found: Found) -> int:
    if rules.channels is not None:
        if rules.channels not in _CONVERT:
            raise RequestError(f"data.images.channels: {rules.channels} is none of 1, 2, 3, 4, which image files hold")
        return rules.channels
    counts = {_CHANNELS[mode] for mode in modes}
    if len(counts) == 1:
        return counts.pop()
    told = ", ".join(f"{name} ({count})" for name, count in found.channels.most_common())
    raise RequestError(f"data.images.channels: the images are mixed, {told}; say channels=3 for colour or 1 for grey")


def _depth(modes: set[str], found: Found, where: str) -> bool:
    deep = {mode == "I;16" for mode in modes}
    if len(deep) > 1:
        told = ", ".join(f"{name} ({count})" for name, count in found.channels.most_common())
        raise RequestError(f"{where}: images of 8 and of 16 bits are mixed, {told}; bring them to one depth")
    return deep.pop()


def _refuse_unreadable(found: Found, rules: Rules, where: str) -> None:
    if rules.strict and found.unreadable:
        more = len(found.unreadable) - 1
        raise RequestError(
            f"{where}: {found.unreadable[0]}{f' (and {more} more such files)' if more else ''}; "
            "mend it, or say data.images.strict=false to go on without"
        )


def _multiple(length: float) -> int:
    """To a multiple of 4, which networks halve well; at least 4."""
    return max(4, int(length / 4 + 0.5) * 4)


def _short(error: Exception) -> str:
    text = str(error).splitlines()[0] if str(error) else type(error).__name__
    return text[:120]
