"""What a recipe can say about data, and how each kind is read."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar

import torch

from sparring import kinds
from sparring.base.errors import RequestError
from sparring.data import DataSet, Found, Source
from sparring.data.files import files_of, folder_labels, readable
from sparring.data.pictures.fitting import fitted
from sparring.data.pictures.options import Arrays, FileOptions, PictureOptions
from sparring.data.pictures.reading import read_pictures, sizes_of
from sparring.data.store import files_key, keep, known
from sparring.kinds.images import archives
from sparring.kinds.images import digits as toys
from sparring.kinds.images.archives import ArrayFiles
from sparring.kinds.images.named import read_named
from sparring.kinds.images.npz import read_npz


class Images(FileOptions):
    """Your images: a folder (class folders become labels), a .zip of one, a .npz, idx files, CIFAR's binary batches."""

    kind: ClassVar[str] = "images"
    places: ClassVar[tuple[str, ...]] = ("path",)

    path: str
    """The folder or file."""
    labels: bool = True
    """Take class folders, or a file's labels, as labels."""

    @staticmethod
    def known() -> Sequence[str]:
        """The data sets that have names, one of which a path that is not there may have meant."""
        return [name for name, source in kinds.parts(Source).items() if not source.places]

    def load(self) -> DataSet:
        path = readable(self.path, self.known())
        found = Found(str(path))
        arrays = self.arrays(path, found)
        if not self.labels:
            arrays = arrays._replace(labels=None, label_names=())
        return self.assembled(path.stem or str(path), arrays, found)

    def arrays(self, path: Path, found: Found) -> Arrays:
        """What the path holds, by its kind."""
        source = self.source(path, found)
        if source is not None:
            source, size = self._sized(source, found)
            return _kept(source, found, {"size": size, "fit": self.fit if size else None})
        files, others = files_of(path)
        if others:
            found.notes.append(f"other files, left alone: {others}")
        kept, places = read_pictures(files, self.rules(), found, path)
        labels = folder_labels([files[place] for place in places]) if self.labels else None
        numbers, names = (None, ()) if labels is None else (torch.tensor(labels[0]), labels[1])
        return Arrays(kept.samples, numbers, names, None, kept.file)

    def sizes(self) -> list[tuple[int, int]]:
        path = readable(self.path, self.known())
        source = self.source(path, Found(str(path)))
        if source is None:
            return sizes_of(files_of(path)[0])
        _, height, width = source.stream.shape
        return [(height, width)]

    def source(self, path: Path, found: Found) -> ArrayFiles | None:
        """Files of arrays, looked at; None for image files."""
        if archives.is_cifar(path):
            return archives.read_cifar(path, found)
        if archives.is_idx(path):
            return archives.read_idx_family(path, found)
        return read_npz(path, found) if path.suffix == ".npz" else None

    def _sized(self, source: ArrayFiles, found: Found) -> tuple[ArrayFiles, tuple[int, int] | None]:
        """Arrays come at one size; another one (None for none) is made by averaging, fitted as files are."""
        stream = source.stream
        channels, height, width = stream.shape
        size = self.exact_size
        if size is None and self.largest is not None and max(height, width) > self.largest:
            scale = self.largest / max(height, width)
            size = (max(4, round(height * scale / 4) * 4), max(4, round(width * scale / 4) * 4))
        if self.channels not in (None, channels):
            raise RequestError(f"data.images.channels: {self.channels}, and the array has {channels}; leave it out")
        if size is None or size == (height, width):
            return source, None
        told = f"fitted from {height} x {width} to {size[0]} x {size[1]}"
        found.notes.append(f"{told} (fit: {self.fit}; data.images.size sets another)")
        return source._replace(stream=fitted(stream, size, self.fit)), size


class Digits(PictureOptions):
    """The 1,797 handwritten digits of 8 x 8 that scikit-learn carries."""

    kind: ClassVar[str] = "images"

    def load(self) -> DataSet:
        found = Found("digits (scikit-learn)")
        samples, labels = toys.sklearn_digits()
        found.sizes[8, 8] = len(samples)
        found.channels["grey"] = len(samples)
        return self.assembled("digits", Arrays(samples, labels, tuple("0123456789"), None), found)


class _Named(PictureOptions):
    kind: ClassVar[str] = "images"

    def load(self) -> DataSet:
        found = Found(self.recipe_name())
        arrays = _kept(read_named(self.recipe_name(), found), found, {})
        return self.assembled(self.recipe_name(), arrays, found)


class Mnist(_Named):
    """Handwritten digits, 70,000 of 28 x 28 (LeCun et al. 1998)."""


class FashionMnist(_Named):
    """Clothes, 70,000 of 28 x 28 in grey (Xiao et al. 2017, https://arxiv.org/abs/1708.07747)."""


class Cifar10(_Named):
    """Ten kinds of things, 60,000 of 32 x 32 in colour (Krizhevsky 2009)."""


def _kept(source: ArrayFiles, found: Found, options: dict[str, Any]) -> Arrays:
    """The samples of array files, in memory or in the cache, where they are found again by files and options."""
    key = files_key(source.files, options)
    kept = known(key) or keep(source.stream, key)
    if kept.file is not None:
        found.notes.append(kept.note)
    return Arrays(kept.samples, source.labels, source.label_names, source.heldout, kept.file)


def peek(path: Path) -> tuple[int, int]:
    """How many images a path holds, and their longer side (the median of up to 50). Raises RequestError as loading
    does."""
    readable(path, Images.known())
    source = Images(path=str(path), strict=False)
    arrays = source.source(path, Found(str(path)))
    if arrays is not None:
        return arrays.stream.count, max(arrays.stream.shape[1:])
    files, _ = files_of(path)
    sizes = sorted(max(size) for size in sizes_of(files))
    return len(files), sizes[len(sizes) // 2] if sizes else 0
