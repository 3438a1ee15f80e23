"""A data set: samples as they are stored, in memory or in a file, labels, and the part held out."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from sparring.base.draws import Key, permutation
from sparring.base.errors import RequestError
from sparring.data.codec import Codec, Formats
from sparring.data.samplefile import SampleFile, blocks_of
from sparring.data.views import STILL, Views

LEAST = 20
"""Samples that are held out, where that is no more than a quarter of all."""


@dataclass(frozen=True)
class Modes:
    """The known modes of a toy set: Gaussians of one width around centres, in the stored units."""

    centres: Tensor
    """float32 [modes, values]"""
    sigma: float


@dataclass
class Found:
    """What looking at the data showed."""

    what: str
    """The kind of source, in words."""
    title: str = ""
    """What it is and how much, in words, where that is more than a number of samples."""
    count: int = 0
    sizes: Counter[tuple[int, int]] = field(default_factory=Counter)
    """How many images have each (height, width), before fitting."""
    channels: Counter[str] = field(default_factory=Counter)
    """How many images are grey, RGB, ..."""
    duplicates: int = 0
    """Images beyond the first of each content."""
    unreadable: list[str] = field(default_factory=list)
    """Files left out, with the reason."""
    notes: list[str] = field(default_factory=list)

    def lines(self) -> list[str]:
        """For people, a fact a line."""
        told = [self.title or f"{self.what}: {self.count:,} samples"]
        if self.sizes:
            told.append("sizes (height x width): " + _most_common(self.sizes, lambda size: f"{size[0]} x {size[1]}"))
        if self.channels:
            told.append("channels: " + _most_common(self.channels, str))
        told.append(f"duplicates: {self.duplicates:,}" if self.duplicates else "duplicates: none")
        if self.unreadable:
            told.append(f"unreadable, left out: {len(self.unreadable)}")
            told += [f"  {name}" for name in self.unreadable[:20]]
            told += [f"  and {len(self.unreadable) - 20} more"] if len(self.unreadable) > 20 else []
        return told + self.notes


class Conditions(Protocol):
    """What a generator can be asked for, by numbers: a choice of one of a table's columns, say."""

    @property
    def names(self) -> tuple[str, ...]:
        """Of each condition."""

    @property
    def counts(self) -> Tensor:
        """How many training samples meet each condition, int64 [conditions]."""

    def sampled(self, key: Key, rows: Tensor) -> tuple[Tensor, Tensor]:
        """For each of numbered rows a training sample, and a condition that it meets: places among the training
        samples and conditions, int64 [rows]."""


@dataclass(frozen=True)
class DataSet:
    """Samples with a part held out, which training never sees."""

    name: str
    samples: Tensor
    """As stored, [n, ...]: uint8, int32 (for 16 bits) or float32. It may lie over a file: read many by `stored`."""
    labels: Tensor | None
    """int64 [n]"""
    label_names: tuple[str, ...]
    train: Tensor
    """Numbers of the training samples, int64."""
    heldout: Tensor
    """Numbers of the held-out samples, int64."""
    split: str
    """How the two were told apart, in words."""
    codec: Codec
    found: Found
    fingerprint: str
    """SHA-256 over samples, labels, split and codec."""
    views: Views = STILL
    """How training samples are shown."""
    modes: Modes | None = None
    conditions: Conditions | None = None
    """What a generator can be asked for beside or in place of labels; `labels` are then one that each sample meets."""
    file: SampleFile | None = None
    """Which the samples lie over, where they are not in memory."""
    inputs: DataSet | None = None
    """Images that the samples are to be made from, with a codec of their own."""
    paired: bool = False
    """Whether each sample is made from the input of the same number; else the two sides know nothing of each other."""

    @property
    def formats(self) -> Formats:
        """What networks must fit."""
        return Formats(self.codec, self.classes, None if self.inputs is None else self.inputs.codec)

    def stored(self, numbers: Tensor, *, pinned: bool = False) -> Tensor:
        """The samples of these numbers (int64 [n]) as they are stored, in new memory [n, ...]; `pinned` for a fast way
        to a GPU. Of a file, only these are read."""
        if self.file is not None:
            return self.file.rows(numbers, pinned=pinned)
        taken = self.samples[numbers]
        return taken.pin_memory() if pinned else taken

    @property
    def shape(self) -> tuple[int, ...]:
        return self.codec.shape

    @property
    def label_counts(self) -> Tensor | None:
        """How frequent each label is in the training samples, int64 [classes]."""
        if self.conditions is not None:
            return self.conditions.counts
        if self.labels is None:
            return None
        return torch.bincount(self.labels[self.train], minlength=self.classes)

    @property
    def classes(self) -> int:
        return len(self.label_names)


def assemble(
    name: str,
    samples: Tensor,
    labels: Tensor | None,
    codec: Codec | Callable[[Tensor], Codec],
    found: Found,
    *,
    label_names: tuple[str, ...] = (),
    heldout: Tensor | None = None,
    by_number: bool = False,
    fraction: float = 0.1,
    limit: int | None = None,
    file: SampleFile | None = None,
    partners: Iterable[Tensor] | None = None,
    **more: Any,
) -> DataSet:
    """Puts a data set together: counts duplicates, holds a part out, takes the fingerprint.

    A `codec` that is fitted comes as a function of the training samples' numbers. `heldout` (int64) names an official
    test part; otherwise a `fraction` is held out by content, or `by_number`, where equal samples are different ones
    (rows of a table). The samples are walked over once, block by block. `partners` are, block by block, what belongs to
    the samples, number by number: contents and fingerprint are then of both. `more` are fields of the data set.
    """
    digest = hashlib.sha256(b"" if callable(codec) else codec.mark.encode())
    digest.update(_head(samples))
    contents = contents_of(blocks_of(samples, file), len(samples), digest)
    if partners is not None:
        contents = contents.joined(contents_of(partners, len(samples), digest))
    found.count, found.duplicates = len(samples), contents.duplicates
    _check_several(name, found)
    if heldout is None:
        train, heldout = (split_by_number if by_number else split_by_content)(contents, fraction)
        split = f"{_share(len(samples), fraction)}, {'by number' if by_number else 'by content hash'}"
    else:
        train, split = _others(heldout, len(samples)), "the official test part"
    if limit is not None and limit < len(train):
        train = train[torch.arange(limit) * len(train) // limit]  # evenly, since files often lie class by class
        found.notes.append(f"limit: {limit:,} training samples, evenly from all")
    if callable(codec):
        codec = codec(train)
        digest.update(codec.mark.encode())
    if labels is not None or not by_number:  # of rows, labels are columns
        found.notes.append(f"labels: {_counted(labels, label_names)}")
    found.notes.append(f"held out for scores: {len(heldout):,} ({split}); training: {len(train):,}")
    return DataSet(
        name=name,
        samples=samples,
        labels=labels,
        label_names=label_names,
        train=train,
        heldout=heldout,
        split=split,
        codec=codec,
        found=found,
        fingerprint=_fingerprint(digest, labels, train),
        file=file,
        **more,
    )


class Contents(NamedTuple):
    """Which samples are the same, by 128 bits of each one's content."""

    hashes: NDArray[np.bytes_]
    """Of each sample, [n], 16 bytes."""
    ordered: NDArray[np.bytes_]
    """The same, sorted."""

    @property
    def duplicates(self) -> int:
        """Samples beyond the first of each content."""
        return int((self.ordered[1:] == self.ordered[:-1]).sum())

    def joined(self, other: Contents) -> Contents:
        """Of samples that are these and the others', number by number."""
        both = np.stack([self.hashes, other.hashes], 1)
        rows = [hashlib.blake2b(row.data, digest_size=16).digest() for row in both]
        hashes = np.array(rows, "S16")
        return Contents(hashes, np.sort(hashes))


def contents_of(blocks: Iterable[Tensor], count: int, digest: Any = None) -> Contents:
    """Compares `count` samples, which come block by block; a `digest` takes in all their bytes on the way."""
    hashes = np.empty(count, "S16")  # compared byte by byte; zeros at their ends make no difference
    place = 0
    for block in blocks:
        rows = block.flatten(1).numpy().view(np.uint8)
        if digest is not None:
            digest.update(rows.data.cast("B"))
        found = b"".join([hashlib.blake2b(row.data, digest_size=16).digest() for row in rows])
        hashes[place : place + len(rows)] = np.frombuffer(found, "S16")
        place += len(rows)
    return Contents(hashes, np.sort(hashes))


def numbered(samples: Tensor) -> Tensor:
    """Numbers that are equal where samples [n, ...] are, int64 [n]: 64 bits of each one's content."""
    rows = samples.contiguous().flatten(1).numpy().view(np.uint8)
    found = b"".join([hashlib.blake2b(row.data, digest_size=8).digest() for row in rows])
    return torch.from_numpy(np.frombuffer(found, np.int64).copy())


def split_by_content(contents: Contents, fraction: float) -> tuple[Tensor, Tensor]:
    """Training and held-out numbers: the contents of lowest hash are held out, copies with their originals.

    At least 20 contents are held out, but of fewer than 80 only a quarter.
    """
    count = len(contents.hashes)
    wanted = _held_out(count, fraction)
    if wanted == 0:
        return torch.arange(count), torch.arange(0)
    held = torch.from_numpy(contents.hashes <= contents.ordered[wanted - 1])
    return (~held).nonzero()[:, 0], held.nonzero()[:, 0]


def split_by_number(contents: Contents, fraction: float) -> tuple[Tensor, Tensor]:
    """Training and held-out numbers, drawn by the sample's number alone: copies may be on either side, as they may be
    among those who come after."""
    count = len(contents.hashes)
    drawn = permutation(Key("held out"), count)
    wanted = _held_out(count, fraction)
    return drawn[wanted:].sort().values, drawn[:wanted].sort().values


def _check_several(name: str, found: Found) -> None:
    """Raises RequestError where all samples are the same."""
    if found.count - found.duplicates < 2:
        what = "1 sample" if found.count == 1 else f"{found.count} samples, all the same"
        raise RequestError(f"data: {what} in {name}; a GAN needs at least 2 different ones (take 100 or more)")


def _others(numbers: Tensor, count: int) -> Tensor:
    """The numbers up to a count that are not among these, int64."""
    told = torch.ones(count, dtype=torch.bool)
    told[numbers] = False
    return told.nonzero()[:, 0]


def _counted(labels: Tensor | None, names: tuple[str, ...]) -> str:
    """How many labels there are, and how many samples of the first ten."""
    if labels is None:
        return "none"
    shown = torch.bincount(labels, minlength=len(names)).tolist()
    pairs = [f"{label} {count:,}" for label, count in zip(names, shown, strict=True)]
    return f"{len(pairs)} ({', '.join(pairs[:10])}{', ...' if len(pairs) > 10 else ''})"


def _held_out(count: int, fraction: float) -> int:
    return min(max(round(fraction * count), LEAST), count // 4) if fraction > 0 else 0


def _share(count: int, fraction: float) -> str:
    """The rule of `_held_out` in words: of few samples, what it comes to."""
    if fraction == 0:
        return "none of the samples"
    if count < 4 * LEAST:
        return f"a quarter of the samples, which are fewer than {4 * LEAST}"
    return f"{fraction:g} of the samples, at least {LEAST}, at most a quarter"  # as protocols of all versions say


def _fingerprint(digest: Any, labels: Tensor | None, train: Tensor) -> str:
    """Of codec and samples, which the digest has taken in, labels and split."""
    for part in (labels, train):
        if part is not None:
            digest.update(_head(part))
            digest.update(part.contiguous().numpy().data.cast("B"))
    return str(digest.hexdigest())


def _head(part: Tensor) -> bytes:
    return f"{part.dtype}{tuple(part.shape)}".encode()


def _most_common(counts: Counter[object] | Counter[tuple[int, int]] | Counter[str], show: object) -> str:
    shown = [f"{show(key)} ({count:,})" for key, count in counts.most_common(5)]  # type: ignore[operator]
    rest = len(counts) - len(shown)
    return ", ".join(shown) + (f" and {rest} more" if rest > 0 else "")
