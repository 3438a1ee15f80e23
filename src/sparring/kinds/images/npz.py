"""Reading .npz: images are read block by block out of the archive, so that a large one never is in memory whole."""

from __future__ import annotations

import math
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from sparring.base.errors import RequestError
from sparring.data import Found
from sparring.data.files import UNPACKING, check_entry
from sparring.data.store import Stream
from sparring.kinds.images.archives import MOST_BYTES, ArrayFiles, CutShort, array_blocks, numbered


class _Head(NamedTuple):
    shape: tuple[int, ...]
    fortran: bool
    """The first index runs fastest, so that no image lies in one piece."""
    dtype: np.dtype[Any]


def read_npz(path: Path, found: Found) -> ArrayFiles:
    """`images` (or the first array), [n, height, width] or [n, height, width, channels], and `labels`, where there."""
    heads = _heads(path)
    name = "images" if "images" in heads else next(iter(heads))
    head, where = heads[name], f"{path}: array '{name}'"
    if len(head.shape) not in (3, 4):
        raise RequestError(f"{where} has the shape {list(head.shape)}; images are [n, height, width, channels]")
    count, *shape = head.shape
    first = len(shape) == 3 and shape[0] <= 4 < shape[2]
    if first:
        found.notes.append(f"array '{name}' was read as [n, channels, height, width]")
    height, width, channels = (*shape[1:], shape[0]) if first else (*shape, 1) if len(shape) == 2 else shape
    labels: Tensor | None = None
    names: tuple[str, ...] = ()
    given = next((key for key in ("labels", "y", "label") if key in heads), None)
    if given is not None:
        labels, names = numbered(_array(path, given), count, f"{path}: array '{given}'")
    if math.prod(head.shape) == 0:
        raise RequestError(f"{where}: is empty, of shape {[count, height, width, channels]}")
    found.sizes[height, width] = count
    found.channels[f"{channels} of {head.dtype}"] = count

    def blocks() -> Iterator[Tensor]:
        pixels = _Pixels(head.dtype, where)
        for block in _blocks(path, name, head):
            images = block if first else block.reshape(len(block), height, width, channels).transpose(0, 3, 1, 2)
            yield pixels.checked(images)
        pixels.finish()

    stream = Stream(count, (channels, height, width), _Pixels(head.dtype, where).kept, blocks)
    return ArrayFiles(stream, labels, names, None, (path,))


class _Pixels:
    """Values as they are kept: uint8, int32 (16 bits) or float32, all finite; judged when all were seen."""

    def __init__(self, dtype: np.dtype[Any], where: str) -> None:
        if dtype not in (np.uint8, np.bool_) and dtype.kind not in "uif":
            raise RequestError(f"{where}: of type {dtype}; images are uint8, uint16 or floats")
        small = dtype in (np.uint8, np.bool_)
        self.kept = torch.uint8 if small else torch.float32 if dtype.kind == "f" else torch.int32
        self.where = where
        self._bounds: list[int] = []
        self._bad, self._seen = 0, 0

    def checked(self, images: NDArray[Any]) -> Tensor:
        """A block [some, channels, height, width] of any layout as it is kept."""
        self._seen += images.size
        if images.dtype == np.bool_:
            images = images.astype(np.uint8) * np.uint8(255)
        elif self.kept == torch.int32:
            seen = [*self._bounds, int(images.min()), int(images.max())]
            self._bounds = [min(seen), max(seen)]
            images = images.astype(np.int32)
        elif self.kept == torch.float32:
            self._bad += int((~np.isfinite(images)).sum())
            images = images.astype(np.float32)
        return torch.from_numpy(np.ascontiguousarray(images))

    def finish(self) -> None:
        """Raises RequestError where a value was none that images have."""
        if self._bounds and (self._bounds[0] < 0 or self._bounds[1] > 65535):
            low, high = self._bounds
            raise RequestError(f"{self.where}: values from {low} to {high}; integers are 0 to 65,535")
        if self._bad:
            raise RequestError(f"{self.where}: {self._bad} of {self._seen} values are not finite (NaN or infinite)")


def _heads(path: Path) -> dict[str, _Head]:
    """What each array of the archive is, without reading it."""
    with _readable(path), zipfile.ZipFile(path) as archive:
        entries = [entry for entry in archive.infolist() if entry.filename.endswith(".npy")]
        size = sum(entry.file_size for entry in archive.infolist())
        if size > MOST_BYTES:
            raise RequestError(f"{path}: unpacks to {size:,} bytes; at most {MOST_BYTES:,} are read")
        heads = {}
        for entry in entries:
            check_entry(path, entry)
            with archive.open(entry) as file:
                heads[entry.filename.removesuffix(".npy")] = _head(file)
    if any(head.dtype.hasobject for head in heads.values()):
        raise RequestError(f"{path}: holds pickled objects, which are never loaded; store plain arrays")
    if not heads:
        raise RequestError(f"{path}: holds no array; wanted 'images' [n, height, width, channels]")
    return heads


def _head(file: Any) -> _Head:
    """Reads an array's head; the file then stands at its values."""
    version = np.lib.format.read_magic(file)
    read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
    try:
        shape, fortran, dtype = read(file)
    except UNPACKING:
        raise
    except Exception:  # NumPy reads it as Python's own literals, by Python's tokens
        raise ValueError("an array's head cannot be read") from None
    if any(type(size) is not int or size < 0 for size in shape):
        raise ValueError(f"an array's head tells the shape {shape!r:.60}")
    return _Head(shape, fortran, dtype)


def _array(path: Path, name: str) -> NDArray[np.generic]:
    with _readable(path), np.load(path, allow_pickle=False) as stored:
        array: NDArray[np.generic] = stored[name]
        return array


def _blocks(path: Path, name: str, head: _Head) -> Iterator[NDArray[Any]]:
    """The rows of an array, some at a time."""
    if head.fortran:
        yield _array(path, name)
        return
    with _readable(path), zipfile.ZipFile(path) as archive, archive.open(f"{name}.npy") as file:
        _head(file)
        yield from array_blocks(file, head.shape[0], head.shape[1:], head.dtype)
        file.read(1)  # at its end the archive compares check sums


@contextmanager
def _readable(path: Path) -> Iterator[None]:
    """Turns whatever reading an .npz meets into a RequestError."""
    try:
        yield
    except CutShort:
        raise RequestError(f"{path}: not a readable .npz (an array is cut short)") from None
    except ValueError as error:
        if "pickle" in str(error).lower():
            raise RequestError(f"{path}: holds pickled objects, which are never loaded; store plain arrays") from None
        raise RequestError(f"{path}: not a readable .npz ({str(error).splitlines()[0]})") from None
    except UNPACKING as error:
        raise RequestError(f"{path}: not a readable .npz ({type(error).__name__}: {error})") from None
