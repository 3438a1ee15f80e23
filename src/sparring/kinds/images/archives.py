"""Reading arrays: the MNIST family's idx files, CIFAR's binary batches; what all array files share."""

from __future__ import annotations

import gzip
import math
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from sparring.base.errors import RequestError
from sparring.data import Found
from sparring.data.files import UNPACKING
from sparring.data.samplefile import block_rows
from sparring.data.store import Stream

CIFAR10_NAMES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
CIFAR_RECORD = 1 + 3 * 32 * 32
MOST_BYTES = 32_000_000_000
"""Larger arrays are refused before they are read."""


class ArrayFiles(NamedTuple):
    """Array files, looked at: what will come of them, with labels and the numbers of an official test part."""

    stream: Stream
    labels: Tensor | None
    label_names: tuple[str, ...]
    heldout: Tensor | None
    files: tuple[Path, ...]
    """Which the samples are in."""


class CutShort(Exception):
    """A file ended before its time; holds how many bytes were there."""


def array_blocks(file: Any, count: int, shape: tuple[int, ...], dtype: np.dtype[Any]) -> Iterator[NDArray[Any]]:
    """Reads `count` rows of an array from an open file, [some, *shape] at a time. Raises CutShort."""
    row_bytes = math.prod(shape) * dtype.itemsize
    size, before = block_rows(row_bytes), 0
    for first in range(0, count, size):
        block = np.empty((min(size, count - first), *shape), dtype)
        view = block.reshape(-1).view(np.uint8).data
        while len(view):
            got = file.readinto(view)
            if not got:
                raise CutShort(before)
            view, before = view[got:], before + got
        yield block


def numbered(values: NDArray[np.generic], count: int, where: str) -> tuple[Tensor, tuple[str, ...]]:
    """Labels of any kind as numbers from 0, with their names."""
    if values.shape != (count,):
        raise RequestError(f"{where}: has the shape {list(values.shape)} for {count} images; wanted [{count}]")
    if values.dtype.kind == "f" and not np.array_equal(values, np.rint(values)):
        raise RequestError(f"{where}: holds fractions; labels are whole numbers or names")
    kinds, numbers = np.unique(values, return_inverse=True)
    if len(kinds) > max(1000, count // 2):
        raise RequestError(f"{where}: {len(kinds)} different labels for {count} images are no classes; leave it out")
    return torch.from_numpy(numbers.astype(np.int64).reshape(-1)), tuple(str(kind) for kind in kinds)


def read_idx_family(path: Path, found: Found) -> ArrayFiles:
    """An idx images file (.gz or not) or the folder it lies in, with the labels and the test files beside it."""
    folder, chosen = (path, _train_images(path)) if path.is_dir() else (path.parent, path)
    count, *size = _idx_shape(chosen, 3)
    labels = _idx_labels(chosen, count)
    test = next((p for p in sorted(folder.glob("t10k-images*")) if p != chosen), None)
    files: tuple[Path, ...] = (chosen,)
    heldout = None
    if test is not None and not chosen.name.startswith("t10k"):
        more, *more_size = _idx_shape(test, 3)
        if more_size != size:
            raise RequestError(
                f"{test}: images of {tuple(more_size)}, but those of {chosen.name} are {tuple(size)}; take one of both"
            )
        heldout = torch.arange(count, count + more)
        more_labels = _idx_labels(test, more)
        labels = None if labels is None or more_labels is None else np.concatenate((labels, more_labels))
        files, count = (chosen, test), count + more
    found.sizes[size[0], size[1]] = count
    found.channels["grey"] = count
    names: tuple[str, ...] = ()
    numbers = None
    if labels is not None:
        numbers, names = numbered(labels, count, f"{chosen}: its labels")

    def blocks() -> Iterator[Tensor]:
        for file in files:
            for block in _idx_blocks(file, 3):
                yield torch.from_numpy(block[:, None])

    return ArrayFiles(Stream(count, (1, *size), torch.uint8, blocks), numbers, names, heldout, files)


def _idx_shape(path: Path, dimensions: int) -> tuple[int, ...]:
    try:
        with _open_idx(path) as file:
            return _idx_head(file, path, dimensions)
    except UNPACKING as error:
        raise RequestError(f"{path}: cannot be read ({error})") from None


def _idx_blocks(path: Path, dimensions: int) -> Iterator[NDArray[np.uint8]]:
    """The content of an idx file of bytes. Raises RequestError where it is not as long as its head says."""
    try:
        with _open_idx(path) as file:
            count, *shape = _idx_head(file, path, dimensions)
            size = count * math.prod(shape)
            told = "more"
            try:
                yield from array_blocks(file, count, tuple(shape), np.dtype(np.uint8))
                whole = not file.read(1)
            except CutShort as end:
                whole, told = False, f"only {end.args[0]:,}"
    except UNPACKING as error:
        raise RequestError(f"{path}: cannot be read ({error})") from None
    if not whole:
        raise RequestError(f"{path}: its head promises {size:,} bytes, and it holds {told}; cut short?")


def _open_idx(path: Path) -> Any:
    return gzip.open(path) if path.suffix == ".gz" else path.open("rb")


def _idx_head(file: Any, path: Path, dimensions: int) -> tuple[int, ...]:
    """The shape that the head of an idx file of bytes tells."""
    head = file.read(4 + 4 * dimensions)
    if len(head) < 4 + 4 * dimensions or head[:3] != b"\0\0\x08" or head[3] != dimensions:
        raise RequestError(f"{path}: not an idx file of bytes in {dimensions} dimensions (it begins {head[:4].hex()})")
    shape = struct.unpack(f">{dimensions}I", head[4:])
    if math.prod(shape) > MOST_BYTES:
        raise RequestError(f"{path}: says it holds {math.prod(shape):,} bytes; at most {MOST_BYTES:,} are read")
    if math.prod(shape) == 0:
        raise RequestError(f"{path}: is empty, of shape {list(shape)}")
    return shape


def _train_images(folder: Path) -> Path:
    found = sorted(folder.glob("train-images*")) or sorted(folder.glob("*images-idx3-ubyte*"))
    if not found:
        raise RequestError(f"{folder}: no file '...-images-idx3-ubyte.gz' in it")
    return found[0]


def _idx_labels(images: Path, count: int) -> NDArray[np.uint8] | None:
    stem = images.name.replace("images", "labels").replace("idx3", "idx1").removesuffix(".gz")
    for name in (stem + ".gz", stem):
        beside = images.with_name(name)
        if beside.exists() and beside != images:
            labels = np.concatenate(list(_idx_blocks(beside, 1)))
            if len(labels) != count:
                raise RequestError(f"{beside}: {len(labels):,} labels for the {count:,} images of {images.name}")
            return labels
    return None


def read_cifar(path: Path, found: Found) -> ArrayFiles:
    """CIFAR-10 binary batches: a .bin file, or a folder of them, in which `test_batch` is held out."""
    inner = path / "cifar-10-batches-bin"  # as the archive unpacks
    path = inner if inner.is_dir() else path
    files = sorted(path.glob("*.bin")) if path.is_dir() else [path]
    if not files:
        raise RequestError(f"{path}: holds no .bin file, as CIFAR-10's are")
    if path.is_file() and path.stem != "test_batch":
        files += [p for p in [path.with_name("test_batch.bin")] if p.exists()]
    labels, held = [], []
    for file in files:
        size = file.stat().st_size
        if size == 0 or size % CIFAR_RECORD:
            raise RequestError(f"{file}: {size:,} bytes are not whole CIFAR-10 records of 3,073; cut short?")
        labels += [records[:, 0].copy() for records in _cifar_blocks(file)]
        held.append(np.full(size // CIFAR_RECORD, file.stem == "test_batch" and len(files) > 1))
    numbers = np.concatenate(labels)
    if numbers.max() > 9:
        raise RequestError(f"{path}: a record's label is {numbers.max()}; those of CIFAR-10 are 0 to 9")
    found.sizes[32, 32] = len(numbers)
    found.channels["RGB"] = len(numbers)
    heldout = torch.from_numpy(np.concatenate(held)).nonzero()[:, 0]

    def blocks() -> Iterator[Tensor]:
        for file in files:
            for records in _cifar_blocks(file):
                yield torch.from_numpy(records[:, 1:].reshape(-1, 3, 32, 32))

    return ArrayFiles(
        Stream(len(numbers), (3, 32, 32), torch.uint8, blocks),
        torch.from_numpy(numbers.astype(np.int64)),
        CIFAR10_NAMES,
        heldout if len(heldout) else None,
        tuple(files),
    )


def _cifar_blocks(path: Path) -> Iterator[NDArray[np.uint8]]:
    """Records [some, 3073]."""
    try:
        with path.open("rb") as file:
            count = path.stat().st_size // CIFAR_RECORD
            yield from array_blocks(file, count, (CIFAR_RECORD,), np.dtype(np.uint8))
    except (OSError, CutShort) as error:
        raise RequestError(f"{path}: cannot be read ({error})") from None


def is_idx(path: Path) -> bool:
    """Whether a path looks like the MNIST family: an idx file, or a folder with an images file."""
    if path.is_dir():
        return any("idx3-ubyte" in p.name for p in path.iterdir() if p.is_file())
    return "idx3-ubyte" in path.name or path.suffix == ".gz"


def is_cifar(path: Path) -> bool:
    """Whether a path looks like CIFAR's binary version."""
    if path.is_dir():
        return any(p.name.endswith(".bin") and "batch" in p.name for p in path.iterdir() if p.is_file())
    return path.suffix == ".bin"
