"""What a recipe can say about data, and how each kind is read."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import torch
from pydantic import Field

from sparring.data import archives, toys
from sparring.data.archives import Arrays, Source
from sparring.data.bases import FileOptions, PictureOptions, SourceOptions
from sparring.data.codec import point_codec
from sparring.data.crops import Pictures
from sparring.data.dataset import DataSet, Found, assemble
from sparring.data.files import files_of, folder_labels, readable
from sparring.data.fitting import fitted
from sparring.data.named import read_named
from sparring.data.npz import read_npz
from sparring.data.pairs import Pairs
from sparring.data.pictures import read_pictures, sizes_of
from sparring.data.sides import Sides
from sparring.data.store import files_key, keep, known
from sparring.data.tables.database import is_address
from sparring.data.tables.source import Table, is_table
from sparring.errors import RequestError
from sparring.part import OneOf, Part


class Images(FileOptions):
    """Your images: a folder (class folders become labels), a .zip of one, a .npz, idx files, CIFAR's binary batches."""

    path: str
    """The folder or file."""
    labels: bool = True
    """Take class folders, or a file's labels, as labels."""

    def load(self) -> DataSet:
        path = readable(self.path, NAMED)
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
        size = self.exact_size
        if size is None and self.largest is not None and max(height, width) > self.largest:
            scale = self.largest / max(height, width)
            size = (max(4, round(height * scale / 4) * 4), max(4, round(width * scale / 4) * 4))
        if self.channels not in (None, channels):
            raise RequestError(f"data.images.channels: {self.channels}, and the array has {channels}; leave it out")
        if size is None or size == (height, width):
            return source, None
        found.notes.append(f"fitted from {height} x {width} to {size[0]} x {size[1]} (fit: {self.fit})")
        return source._replace(stream=fitted(stream, size, self.fit)), size


class Digits(PictureOptions):
    """The 1,797 handwritten digits of 8 x 8 that scikit-learn carries."""

    def load(self) -> DataSet:
        found = Found("digits (scikit-learn)")
        samples, labels = toys.sklearn_digits()
        found.sizes[8, 8] = len(samples)
        found.channels["grey"] = len(samples)
        return self.assembled("digits", Arrays(samples, labels, tuple("0123456789"), None), found)


class _Named(PictureOptions):
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


class StackedDigits(PictureOptions):
    """Three digits as the channels of one image: 1,000 modes."""

    count: int = Field(25_600, ge=100)
    """Images to make."""

    def load(self) -> DataSet:
        found = Found("stacked digits (three of scikit-learn's)")
        samples, codes, heldout = toys.stacked_digits(self.count, self.held_out)
        found.sizes[8, 8] = len(samples)
        names = tuple(f"{code:03d}" for code in range(1000))
        return self.assembled("stacked_digits", Arrays(samples, codes, names, heldout), found)


class _Mixture(SourceOptions):
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


Data = Annotated[
    Images | Pairs | Sides | Pictures | Table | Digits | Mnist | FashionMnist | Cifar10 | StackedDigits | Ring | Grid,
    OneOf(),
]
NAMED: dict[str, type[Part]] = {
    part.recipe_name(): part for part in (Digits, Mnist, FashionMnist, Cifar10, StackedDigits, Ring, Grid)
}
PLACED: dict[str, type[Part]] = {part.recipe_name(): part for part in (Images, Table, Pairs, Sides, Pictures)}
PLACES = {
    "images": ("path",),
    "table": ("path",),
    "pairs": ("path",),
    "sides": ("path", "other"),
    "pictures": ("content", "style"),
}
"""The kinds of data that lie somewhere, and which of their options say where."""


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


def peek(path: Path) -> tuple[int, int]:
    """How many images a path holds, and their longer side (the median of up to 50). Raises RequestError as loading
    does."""
    readable(path, NAMED)
    source = Images(path=str(path), strict=False)
    arrays = source.source(path, Found(str(path)))
    if arrays is not None:
        return arrays.stream.count, max(arrays.stream.shape[1:])
    files, _ = files_of(path)
    sizes = sorted(max(size) for size in sizes_of(files))
    return len(files), sizes[len(sizes) // 2] if sizes else 0


def options_of(given: str, base: Any = None, other: str | None = None) -> dict[str, Any]:
    """What `--data GIVEN`, or `--data GIVEN OTHER`, writes into a recipe: a named set, a table, or images at a path in
    the recipe's own form (`images` where it has another), with those of the recipe's options on data that it has too.

    Raises RequestError where the form takes one place and there are two, or the other way round.
    """
    kind, options = next(iter(base.items())) if isinstance(base, dict) and len(base) == 1 else (base, None)
    named = given in NAMED and not Path(given).exists()
    new = given if named else "table" if is_table(given) else kind if kind in PLACES and kind != "table" else "images"
    if not isinstance(options, dict) or (new == "table" and kind != "table"):
        options = {}
    fields = (NAMED | PLACED)[new].model_fields
    keep = {key: value for key, value in options.items() if key in fields and key not in PLACES.get(new, ())}
    if named:
        _refuse_two(new, given, other)
        return {new: keep}
    places = [one if is_address(one) else str(Path(one).expanduser().absolute()) for one in (given, other) if one]
    if len(PLACES[new]) < len(places):
        _refuse_two(new, given, other)
    if new == "pictures" and other is None:
        raise RequestError(f"data.pictures: {given} is the content; name the style after it: --data CONTENT STYLE")
    return {new: keep | dict(zip(PLACES[new], places, strict=False))}


def _refuse_two(kind: str, given: str, other: str | None) -> None:
    """Raises RequestError for a second place."""
    if other is not None:
        told = "take the folder that holds both" if kind == "pairs" else "two are for data.sides and data.pictures"
        raise RequestError(f"--data: {given} and {other} are two places, and data.{kind} takes one; {told}")
