"""What a recipe can say about data, and how each kind is read."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, Any

import torch
from pydantic import Field

from sparring.data import archives, toys
from sparring.data.archives import Arrays, Source
from sparring.data.codec import Range, image_codec, point_codec
from sparring.data.dataset import DataSet, Found, assemble
from sparring.data.files import files_of, folder_labels
from sparring.data.fitting import Fit, fitted
from sparring.data.named import read_named
from sparring.data.npz import read_npz
from sparring.data.pictures import Rules, read_pictures, sizes_of
from sparring.data.samplefile import blocks_of
from sparring.data.store import files_key, keep, known
from sparring.data.tables.database import is_address
from sparring.data.tables.source import Table, is_table
from sparring.errors import RequestError, nearest
from sparring.part import OneOf, Part


class _Source(Part):
    held_out: float = Field(0.1, ge=0, le=0.25)
    """Part of the samples that is held out for scores, chosen by content hash; at least 20, never over a quarter."""
    limit: int | None = Field(None, ge=2)
    """Train on this many samples only."""


class _Pictures(_Source):
    mirror: bool = False
    """Show half of the training images mirrored, drawn anew each time."""
    range: Range = "signed"
    """What networks see: `signed` for [-1, 1], `unit` for [0, 1]."""

    def _assembled(self, name: str, arrays: Arrays, found: Found) -> DataSet:
        return assemble(
            name,
            arrays.samples,
            arrays.labels,
            image_codec(arrays.samples, self.range, blocks_of(arrays.samples, arrays.file)),
            found,
            label_names=arrays.label_names,
            heldout=arrays.heldout,
            fraction=self.held_out,
            limit=self.limit,
            mirror=self.mirror,
            file=arrays.file,
        )


class Images(_Pictures):
    """Your images: a folder (class folders become labels), a .zip of one, a .npz, idx files, CIFAR's binary batches."""

    path: str
    """The folder or file."""
    size: int | tuple[int, int] | None = None
    """Edge, or [height, width]; by default the images' own size where they share one, at most `largest`, else a square
    of the median shorter side."""
    largest: int | None = Field(None, ge=4)
    """The longer side at most, where `size` is not given."""
    fit: Fit = "crop"
    """How other sizes are brought to it: `crop` the middle, `resize` out of shape, or `pad` with the mean colour."""
    channels: int | None = Field(None, ge=1)
    """1 grey, 2 grey and alpha, 3 colour, 4 colour and alpha; needed where files are mixed."""
    labels: bool = True
    """Take class folders, or a file's labels, as labels."""
    strict: bool = True
    """Refuse files that cannot be read or are not what their ending says; without, such files are left out (or read as
    what they are) and named."""

    def model_post_init(self, context: Any) -> None:
        edges = [self.size] if isinstance(self.size, int) else list(self.size or [])
        if edges and (min(edges) < 4 or max(edges) > 4096):
            raise ValueError(f"size: {self.size} is not within 4 to 4096")

    def load(self) -> DataSet:
        path = Path(self.path).expanduser()
        if not path.exists():
            raise RequestError(_no_such(path))
        if not os.access(path, os.R_OK):
            raise RequestError(f"{path}: cannot be read (permission denied)")
        found = Found(str(path))
        arrays = self.arrays(path, found)
        if not self.labels:
            arrays = arrays._replace(labels=None, label_names=())
        return self._assembled(path.stem or str(path), arrays, found)

    def arrays(self, path: Path, found: Found) -> Arrays:
        """What the path holds, by its kind."""
        source = self.source(path, found)
        if source is not None:
            source, size = self._sized(source, found)
            return _kept(source, found, {"size": size, "fit": self.fit if size else None})
        files, others = files_of(path)
        if others:
            found.notes.append(f"other files, left alone: {others}")
        size = (self.size, self.size) if isinstance(self.size, int) else self.size
        rules = Rules(size, self.largest, self.fit, self.channels, self.strict)
        kept, places = read_pictures(files, rules, found, path)
        labels = folder_labels([files[place] for place in places]) if self.labels else None
        numbers, names = (None, ()) if labels is None else (torch.tensor(labels[0]), labels[1])
        return Arrays(kept.samples, numbers, names, None, kept.file)

    def source(self, path: Path, found: Found) -> Source | None:
        """Files of arrays, looked at; None for image files."""
        if archives.is_cifar(path):
            return archives.read_cifar(path, found)
        if archives.is_idx(path):
            return archives.read_idx_family(path, found)
        return read_npz(path, found) if path.suffix == ".npz" else None

    def _sized(self, source: Source, found: Found) -> tuple[Source, tuple[int, int] | None]:
        """Arrays come at one size; another one (None for none) is made by averaging, fitted as files are."""
        stream = source.stream
        channels, height, width = stream.shape
        size = (self.size, self.size) if isinstance(self.size, int) else self.size
        if size is None and self.largest is not None and max(height, width) > self.largest:
            scale = self.largest / max(height, width)
            size = (max(4, round(height * scale / 4) * 4), max(4, round(width * scale / 4) * 4))
        if self.channels not in (None, channels):
            raise RequestError(f"data.images.channels: {self.channels}, and the array has {channels}; leave it out")
        if size is None or size == (height, width):
            return source, None
        found.notes.append(f"fitted from {height} x {width} to {size[0]} x {size[1]} (fit: {self.fit})")
        return source._replace(stream=fitted(stream, size, self.fit)), size


class Digits(_Pictures):
    """The 1,797 handwritten digits of 8 x 8 that scikit-learn carries."""

    def load(self) -> DataSet:
        found = Found("digits (scikit-learn)")
        samples, labels = toys.sklearn_digits()
        found.sizes[8, 8] = len(samples)
        found.channels["grey"] = len(samples)
        return self._assembled("digits", Arrays(samples, labels, tuple("0123456789"), None), found)


class _Named(_Pictures):
    def load(self) -> DataSet:
        found = Found(self.recipe_name())
        arrays = _kept(read_named(self.recipe_name(), found), found, {})
        return self._assembled(self.recipe_name(), arrays, found)


class Mnist(_Named):
    """Handwritten digits, 70,000 of 28 x 28 (LeCun et al. 1998)."""


class FashionMnist(_Named):
    """Clothes, 70,000 of 28 x 28 in grey (Xiao et al. 2017, https://arxiv.org/abs/1708.07747)."""


class Cifar10(_Named):
    """Ten kinds of things, 60,000 of 32 x 32 in colour (Krizhevsky 2009)."""


class StackedDigits(_Pictures):
    """Three digits as the channels of one image: 1,000 modes."""

    count: int = Field(25_600, ge=100)
    """Images to make."""

    def load(self) -> DataSet:
        found = Found("stacked digits (three of scikit-learn's)")
        samples, codes, heldout = toys.stacked_digits(self.count, self.held_out)
        found.sizes[8, 8] = len(samples)
        names = tuple(f"{code:03d}" for code in range(1000))
        return self._assembled("stacked_digits", Arrays(samples, codes, names, heldout), found)


class _Mixture(_Source):
    count: int = Field(10_000, ge=100)
    """Points to draw."""
    sigma: float = Field(0.05, gt=0)
    """Standard deviation of each mode."""


class Ring(_Mixture):
    """Gaussians around a circle."""

    modes: int = Field(8, ge=2)
    radius: float = Field(2.0, gt=0)
    sigma: float = Field(0.02, gt=0)

    def load(self) -> DataSet:
        samples, labels, modes = toys.ring(self.count, self.modes, self.radius, self.sigma)
        return _points("ring", samples, labels, modes, self)


class Grid(_Mixture):
    """Gaussians around a square grid."""

    edge: int = Field(5, ge=2)
    """Modes a side."""
    spacing: float = Field(2.0, gt=0)

    def load(self) -> DataSet:
        samples, labels, modes = toys.grid(self.count, self.edge, self.spacing, self.sigma)
        return _points("grid", samples, labels, modes, self)


Data = Annotated[Images | Table | Digits | Mnist | FashionMnist | Cifar10 | StackedDigits | Ring | Grid, OneOf()]
NAMED: dict[str, type[Part]] = {
    part.recipe_name(): part for part in (Digits, Mnist, FashionMnist, Cifar10, StackedDigits, Ring, Grid)
}


def _points(name: str, samples: torch.Tensor, labels: torch.Tensor, modes: Any, options: _Mixture) -> DataSet:
    return assemble(
        name,
        samples,
        labels,
        point_codec(samples),
        Found(f"{name}: points with {len(modes.centres)} known modes"),
        label_names=tuple(str(number) for number in range(len(modes.centres))),
        fraction=options.held_out,
        limit=options.limit,
        modes=modes,
    )


def _kept(source: Source, found: Found, options: dict[str, Any]) -> Arrays:
    """The samples of array files, in memory or in the cache, where they are found again by files and options."""
    key = files_key(source.files, options)
    kept = known(key) or keep(source.stream, key)
    if kept.file is not None:
        found.notes.append(kept.note)
    return Arrays(kept.samples, source.labels, source.label_names, source.heldout, kept.file)


def _no_such(path: Path) -> str:
    """The message for a path that is not there, with the nearest one that is."""
    beside = [p.name for p in path.parent.iterdir()] if path.parent.is_dir() else []
    known = nearest(path.name, [*beside, *NAMED]) if beside else nearest(path.name, NAMED)
    return f"{path}: no such file, folder or named data set; {known}"


def peek(path: Path) -> tuple[int, int]:
    """How many images a path holds, and their longer side (the median of up to 50). Raises RequestError as loading
    does."""
    if not path.exists():
        raise RequestError(_no_such(path))
    source = Images(path=str(path), strict=False)
    arrays = source.source(path, Found(str(path)))
    if arrays is not None:
        return arrays.stream.count, max(arrays.stream.shape[1:])
    files, _ = files_of(path)
    sizes = sorted(max(size) for size in sizes_of(files[:: max(1, len(files) // 50)]))
    return len(files), sizes[len(sizes) // 2] if sizes else 0


def options_of(given: str, base: Any = None) -> dict[str, Any]:
    """What `--data GIVEN` writes into a recipe: a named set, a table, or images at a path, with those of the recipe's
    options on data that it has too."""
    options = next(iter(base.values())) if isinstance(base, dict) and len(base) == 1 else None
    if is_table(given):
        known = options if isinstance(base, dict) and "table" in base and isinstance(options, dict) else {}
        return {"table": {**known, "path": given if is_address(given) else str(Path(given).expanduser().absolute())}}
    named = given in NAMED and not Path(given).exists()
    fields = (NAMED[given] if named else Images).model_fields
    keep = {key: value for key, value in options.items() if key in fields} if isinstance(options, dict) else {}
    return {given: keep} if named else {"images": keep | {"path": str(Path(given).expanduser().absolute())}}
