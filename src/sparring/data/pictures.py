"""Reading people's pictures: image files of any size, mode and depth become one array."""

from __future__ import annotations

import io
import warnings
import zipfile
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path, PurePosixPath
from typing import Any, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image, ImageOps, UnidentifiedImageError
from torch import Tensor

from sparring.data.dataset import Found
from sparring.data.files import FORMATS, File
from sparring.data.fitting import Fit
from sparring.data.store import Kept, Stream, keep, known, source_key
from sparring.errors import RequestError

S = TypeVar("S")
T = TypeVar("T")

MOST_PIXELS = 100_000_000
"""Larger images are taken for decompression bombs."""
WINDOW = 64
"""Files that are read ahead."""


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


def read_pictures(files: list[File], rules: Rules, found: Found, where: Path) -> tuple[Kept, list[int]]:
    """Images [n, channels, height, width] (uint8, or int32 for 16 bits), in memory or in the cache, and the places of
    the files they came from."""
    archive = [("", where.stat().st_size, where.stat().st_mtime_ns)] if where.is_file() else []
    stats = [(file.name, file.size, file.changed) for file in files]
    key = source_key([(str(where.resolve()), 0, 0), *archive, *stats], asdict(rules))
    kept = known(key)
    if kept is None:
        work = _Decoding(files, rules, found, str(where))
        kept = keep(work.stream(), key, work.about)
    about = kept.about
    found.sizes = Counter({(height, width): count for height, width, count in about["sizes"]})
    found.channels, found.unreadable = Counter(about["channels"]), about["unreadable"]
    found.notes += [*about["notes"], *([kept.note] if kept.file else [])]
    left_out = set(about["left_out"])
    return kept, [place for place in range(len(files)) if place not in left_out]


class _Decoding:
    """The way from image files to one array: their heads first, which decide its shape, then their pixels."""

    def __init__(self, files: list[File], rules: Rules, found: Found, where: str) -> None:
        self.files, self.rules, self.where = files, rules, where
        self.found = Found(found.what)
        self.left_out: list[int] = []

    def about(self) -> dict[str, Any]:
        """What the files showed, as plain values."""
        found = self.found
        sizes = [[*size, count] for size, count in found.sizes.items()]
        told = {"sizes": sizes, "channels": dict(found.channels), "unreadable": found.unreadable}
        return told | {"notes": found.notes, "left_out": self.left_out}

    def stream(self) -> Stream:
        """Looks at all files, and decides."""
        found, rules, where = self.found, self.rules, self.where
        places: list[int] = []
        sizes: list[tuple[int, int]] = []
        modes: set[str] = set()
        for place, head in enumerate(_in_threads(lambda file: _or_reason(_head, file, rules), self.files)):
            if isinstance(head, Unreadable):
                self._leave_out(place, head)
                continue
            places.append(place)
            sizes.append(head.size)
            modes.add(head.mode)
            found.sizes[head.size] += 1
            found.channels[_MODE_NAMES.get(head.mode, head.mode)] += 1
        _refuse_unreadable(found, rules, where)
        if not places:
            raise self._none()
        channels = _channels(modes, rules, found)
        deep = _depth(modes, found, where)
        if deep and channels != 1:
            told = f"{channels}, and images of 16 bits are read as grey; leave it out"
            raise RequestError(f"data.images.channels: {told}")
        size = target_size(sizes, rules, found)

        def fitted(file: File) -> NDArray[Any]:
            return _fitted(file, rules, size, channels, deep)

        dtype = torch.int32 if deep else torch.uint8
        return Stream(len(places), (channels, *size), dtype, lambda: self._blocks(places, fitted))

    def _blocks(self, places: list[int], fitted: Callable[[File], NDArray[Any]]) -> Iterator[Tensor]:
        arrays = _in_threads(lambda place: _or_reason(fitted, self.files[place]), places)
        for place, array in zip(places, arrays, strict=True):
            if isinstance(array, Unreadable):
                self._leave_out(place, array)
            else:
                yield torch.from_numpy(array)[None]
        _refuse_unreadable(self.found, self.rules, self.where)
        if len(self.left_out) == len(self.files):
            raise self._none()

    def _leave_out(self, place: int, reason: Unreadable) -> None:
        self.left_out.append(place)
        self.found.unreadable.append(f"{self.files[place].name}: {reason}")

    def _none(self) -> RequestError:
        first = self.found.unreadable[0]
        return RequestError(f"{self.where}: none of {len(self.files)} image files can be read; the first: {first}")


def _in_threads(act: Callable[[S], T], items: Sequence[S]) -> Iterator[T]:
    """`act` of each item in order, by four threads; only so many results wait to be taken."""
    with ThreadPoolExecutor(4) as pool:
        for first in range(0, len(items), WINDOW):
            yield from pool.map(act, items[first : first + WINDOW])


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
    except (OSError, SyntaxError, ValueError, zipfile.BadZipFile, NotImplementedError, RuntimeError) as error:
        raise Unreadable(short(error)) from None
    if image.width * image.height > MOST_PIXELS:
        raise Unreadable(f"{image.width} x {image.height} pixels; a decompression bomb?")
    same = {"MPO": "JPEG"}.get(image.format or "", image.format)
    if strict and same != FORMATS[ending]:
        raise Unreadable(f"a {image.format} by its content, not a {FORMATS[ending]}")
    return image


def _head(file: File, rules: Rules) -> _Head:
    image = opened(file, rules.strict)
    mode = "I;16" if image.mode.startswith("I") else image.mode
    if mode == "P":
        mode = "RGBA" if "transparency" in image.info else "P"
    if mode not in _CHANNELS:
        raise Unreadable(f"pixels of mode {image.mode}, which is none of {', '.join(_CHANNELS)}")
    height, width = image.height, image.width
    try:
        orientation = image.getexif().get(0x0112, 1)
    except Exception as error:
        raise Unreadable(short(error)) from None
    if orientation in (5, 6, 7, 8):  # lies on its side
        height, width = width, height
    return _Head(mode, (height, width))


def _fitted(file: File, rules: Rules, size: tuple[int, int], channels: int, deep: bool) -> NDArray[Any]:
    """One image as an array [channels, height, width]."""
    image = opened(file, rules.strict)
    try:
        image.load()
    except Exception as error:
        raise Unreadable(short(error)) from None
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
    return array.reshape(*size, channels).transpose(2, 0, 1).copy()  # writable, which an image's own memory is not


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


def short(error: Exception) -> str:
    """The first line of what an error says, not too long."""
    text = str(error).splitlines()[0] if str(error) else type(error).__name__
    return text[:120]
