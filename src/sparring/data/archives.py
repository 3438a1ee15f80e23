"""Reading arrays: .npz, the MNIST family's idx files, CIFAR's binary batches."""

from __future__ import annotations

import gzip
import math
import struct
import zipfile
import zlib
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from sparring.data.dataset import Found
from sparring.errors import RequestError

CIFAR10_NAMES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
MOST_BYTES = 32_000_000_000
"""Larger arrays are refused before they are read."""


class Arrays(NamedTuple):
    """Samples [n, channels, height, width] with labels, and the numbers of an official test part."""

    samples: Tensor
    labels: Tensor | None
    label_names: tuple[str, ...]
    heldout: Tensor | None


def read_npz(path: Path, found: Found) -> Arrays:
    """`images` (or the first array), [n, height, width] or [n, height, width, channels], and `labels`, where there."""
    arrays = _npz_arrays(path)
    name = "images" if "images" in arrays else next(iter(arrays))
    images = arrays[name]
    if images.ndim not in (3, 4):
        raise RequestError(
            f"{path}: array '{name}' has the shape {list(images.shape)}; images are [n, height, width, channels]"
        )
    if images.ndim == 3:
        images = images[..., None]
    elif images.shape[1] <= 4 < images.shape[3]:
        images = images.transpose(0, 2, 3, 1)
        found.notes.append(f"array '{name}' was read as [n, channels, height, width]")
    labels: Tensor | None = None
    names: tuple[str, ...] = ()
    given = next((key for key in ("labels", "y", "label") if key in arrays), None)
    if given is not None:
        labels, names = _labels(arrays[given], len(images), f"{path}: array '{given}'")
    samples = _pixels(images, f"{path}: array '{name}'")
    found.sizes[images.shape[1], images.shape[2]] = len(images)
    found.channels[f"{images.shape[3]} of {images.dtype}"] = len(images)
    return Arrays(samples, labels, names, None)


def _npz_arrays(path: Path) -> dict[str, NDArray[np.generic]]:
    try:
        with zipfile.ZipFile(path) as archive:
            size = sum(entry.file_size for entry in archive.infolist())
        if size > MOST_BYTES:
            raise RequestError(f"{path}: unpacks to {size:,} bytes; at most {MOST_BYTES:,} are read")
        with np.load(path, allow_pickle=False) as stored:
            arrays = {name: stored[name] for name in stored.files}
    except ValueError as error:
        if "pickle" in str(error).lower():
            raise RequestError(f"{path}: holds pickled objects, which are never loaded; store plain arrays") from None
        raise RequestError(f"{path}: not a readable .npz ({str(error).splitlines()[0]})") from None
    except (zipfile.BadZipFile, OSError, EOFError, KeyError, zlib.error, MemoryError) as error:
        raise RequestError(f"{path}: not a readable .npz ({type(error).__name__}: {error})") from None
    if not arrays:
        raise RequestError(f"{path}: holds no array; wanted 'images' [n, height, width, channels]")
    return arrays


def _labels(values: NDArray[np.generic], count: int, where: str) -> tuple[Tensor, tuple[str, ...]]:
    """Labels of any kind as numbers from 0, with their names."""
    if values.shape != (count,):
        raise RequestError(f"{where}: has the shape {list(values.shape)} for {count} images; wanted [{count}]")
    if values.dtype.kind == "f" and not np.array_equal(values, np.rint(values)):
        raise RequestError(f"{where}: holds fractions; labels are whole numbers or names")
    kinds, numbers = np.unique(values, return_inverse=True)
    if len(kinds) > max(1000, count // 2):
        raise RequestError(f"{where}: {len(kinds)} different labels for {count} images are no classes; leave it out")
    return torch.from_numpy(numbers.astype(np.int64).reshape(-1)), tuple(str(kind) for kind in kinds)


def _pixels(images: NDArray[np.generic], where: str) -> Tensor:
    """[n, height, width, channels] to [n, channels, height, width]: uint8, int32 (16 bits) or float32, all finite."""
    if images.size == 0:
        raise RequestError(f"{where}: is empty, of shape {list(images.shape)}")
    if images.dtype == np.uint8:
        kept: NDArray[np.generic] = images
    elif images.dtype == np.bool_:
        kept = images.astype(np.uint8) * np.uint8(255)
    elif images.dtype.kind in "ui":
        if images.min() < 0 or images.max() > 65535:
            raise RequestError(f"{where}: values from {images.min()} to {images.max()}; integers are 0 to 65,535")
        kept = images.astype(np.int32)
    elif images.dtype.kind == "f":
        bad = int((~np.isfinite(images)).sum())
        if bad:
            raise RequestError(f"{where}: {bad} of {images.size} values are not finite (NaN or infinite)")
        kept = images.astype(np.float32)
    else:
        raise RequestError(f"{where}: of type {images.dtype}; images are uint8, uint16 or floats")
    return torch.from_numpy(np.ascontiguousarray(kept.transpose(0, 3, 1, 2)))


def read_idx_family(path: Path, found: Found) -> Arrays:
    """An idx images file (.gz or not) or the folder it lies in, with the labels and the test files beside it."""
    folder, chosen = (path, _train_images(path)) if path.is_dir() else (path.parent, path)
    images = read_idx(chosen, 3)
    labels = _idx_labels(chosen, len(images))
    test = next((p for p in sorted(folder.glob("t10k-images*")) if p != chosen), None)
    heldout = None
    if test is not None and not chosen.name.startswith("t10k"):
        more = read_idx(test, 3)
        if more.shape[1:] != images.shape[1:]:
            raise RequestError(f"{test}: images of {more.shape[1:]}, but those of {chosen.name} are {images.shape[1:]}")
        heldout = torch.arange(len(images), len(images) + len(more))
        more_labels = _idx_labels(test, len(more))
        labels = None if labels is None or more_labels is None else np.concatenate((labels, more_labels))
        images = np.concatenate((images, more))
    found.sizes[images.shape[1], images.shape[2]] = len(images)
    found.channels["grey"] = len(images)
    names: tuple[str, ...] = ()
    numbers = None
    if labels is not None:
        numbers, names = _labels(labels, len(images), f"{chosen}: its labels")
    return Arrays(torch.from_numpy(images[:, None].copy()), numbers, names, heldout)


def read_idx(path: Path, dimensions: int) -> NDArray[np.uint8]:
    """An idx file of bytes with so many dimensions."""
    try:
        with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as file:
            head = file.read(4 + 4 * dimensions)
            if len(head) < 4 + 4 * dimensions or head[:3] != b"\0\0\x08" or head[3] != dimensions:
                raise RequestError(
                    f"{path}: not an idx file of bytes in {dimensions} dimensions (it begins {head[:4].hex()})"
                )
            shape = struct.unpack(f">{dimensions}I", head[4:])
            size = math.prod(shape)
            if size > MOST_BYTES:
                raise RequestError(f"{path}: says it holds {size:,} bytes; at most {MOST_BYTES:,} are read")
            body = file.read(size + 1)
    except (OSError, EOFError, zlib.error) as error:
        raise RequestError(f"{path}: cannot be read ({error})") from None
    if len(body) != size:
        told = f"only {len(body):,}" if len(body) < size else "more"
        raise RequestError(f"{path}: its head promises {size:,} bytes, and it holds {told}; cut short?")
    return np.frombuffer(body, np.uint8).reshape(shape)


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
            labels = read_idx(beside, 1)
            if len(labels) != count:
                raise RequestError(f"{beside}: {len(labels):,} labels for the {count:,} images of {images.name}")
            return labels
    return None


def read_cifar(path: Path, found: Found) -> Arrays:
    """CIFAR-10 binary batches: a .bin file, or a folder of them, in which `test_batch` is held out."""
    inner = path / "cifar-10-batches-bin"  # as the archive unpacks
    path = inner if inner.is_dir() else path
    files = sorted(path.glob("*.bin")) if path.is_dir() else [path]
    if not files:
        raise RequestError(f"{path}: holds no .bin file, as CIFAR-10's are")
    if path.is_file() and path.stem != "test_batch":
        files += [p for p in [path.with_name("test_batch.bin")] if p.exists()]
    parts, held = [], []
    for file in files:
        content = np.fromfile(file, np.uint8)
        if len(content) == 0 or len(content) % 3073:
            raise RequestError(f"{file}: {len(content):,} bytes are not whole CIFAR-10 records of 3,073; cut short?")
        parts.append(content.reshape(-1, 3073))
        held.append(np.full(len(parts[-1]), file.stem == "test_batch" and len(files) > 1))
    records = np.concatenate(parts)
    if records[:, 0].max() > 9:
        raise RequestError(f"{path}: a record's label is {records[:, 0].max()}; those of CIFAR-10 are 0 to 9")
    found.sizes[32, 32] = len(records)
    found.channels["RGB"] = len(records)
    heldout = torch.from_numpy(np.concatenate(held)).nonzero()[:, 0]
    samples = torch.from_numpy(records[:, 1:].reshape(-1, 3, 32, 32).copy())
    labels = torch.from_numpy(records[:, 0].astype(np.int64))
    return Arrays(samples, labels, CIFAR10_NAMES, heldout if len(heldout) else None)


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
