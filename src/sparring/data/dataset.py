"""A data set in memory: samples as they are stored, labels, and the part held out."""

from __future__ import annotations

import hashlib
from collections import Counter
from dataclasses import dataclass, field

import torch
from torch import Tensor

from sparring.data.codec import Codec
from sparring.errors import RequestError


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
        told = [f"{self.what}: {self.count:,} samples"]
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


@dataclass(frozen=True)
class DataSet:
    """Samples with a part held out, which training never sees."""

    name: str
    samples: Tensor
    """As stored, [n, ...]: uint8, int32 (for 16 bits) or float32."""
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
    mirror: bool = False
    """Whether half of the training samples, drawn anew each time, are shown mirrored."""
    modes: Modes | None = None

    @property
    def shape(self) -> tuple[int, ...]:
        return self.codec.shape

    @property
    def label_counts(self) -> Tensor | None:
        """How frequent each label is in the training samples, int64 [classes]."""
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
    codec: Codec,
    found: Found,
    *,
    label_names: tuple[str, ...] = (),
    heldout: Tensor | None = None,
    fraction: float = 0.1,
    limit: int | None = None,
    mirror: bool = False,
    modes: Modes | None = None,
) -> DataSet:
    """Puts a data set together: counts duplicates, holds a part out, takes the fingerprint.

    `heldout` (int64) names an official test part; otherwise a `fraction` is held out by content.
    """
    hashes = content_hashes(samples)
    found.count = len(samples)
    found.duplicates = len(hashes) - len(set(hashes))
    if len(set(hashes)) < 2:
        what = "1 sample" if len(samples) == 1 else f"{len(samples)} samples, all the same"
        raise RequestError(f"data: {what} in {name}; a GAN needs at least 2 different ones (take 100 or more)")
    if heldout is None:
        train, heldout = split_by_content(hashes, fraction)
        split = f"{fraction:g} of the samples, at least 20, at most a quarter, by content hash"
    else:
        told = torch.ones(len(samples), dtype=torch.bool)
        told[heldout] = False
        train, split = told.nonzero()[:, 0], "the official test part"
    if limit is not None and limit < len(train):
        train = train[torch.arange(limit) * len(train) // limit]  # evenly, since files often lie class by class
        found.notes.append(f"limit: {limit:,} training samples, evenly from all")
    if labels is not None:
        shown = torch.bincount(labels, minlength=len(label_names)).tolist()
        pairs = [f"{label} {count:,}" for label, count in zip(label_names, shown, strict=True)]
        found.notes.append(f"labels: {len(pairs)} ({', '.join(pairs[:10])}{', ...' if len(pairs) > 10 else ''})")
    else:
        found.notes.append("labels: none")
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
        fingerprint=_fingerprint(samples, labels, train, codec),
        mirror=mirror,
        modes=modes,
    )


def content_hashes(samples: Tensor) -> list[bytes]:
    """128 bits of each sample's content."""
    rows = samples.contiguous().flatten(1).numpy()
    return [hashlib.blake2b(row.tobytes(), digest_size=16).digest() for row in rows]


def split_by_content(hashes: list[bytes], fraction: float) -> tuple[Tensor, Tensor]:
    """Training and held-out numbers: the contents of lowest hash are held out, copies with their originals.

    At least 20 samples are held out, but never over a quarter.
    """
    counts = Counter(hashes)
    wanted = min(max(round(fraction * len(hashes)), 20), len(hashes) // 4) if fraction > 0 else 0
    taken: set[bytes] = set()
    size = 0
    for content in sorted(counts):
        if size >= wanted:
            break
        taken.add(content)
        size += counts[content]
    held = torch.tensor([content in taken for content in hashes])
    return (~held).nonzero()[:, 0], held.nonzero()[:, 0]


def _fingerprint(samples: Tensor, labels: Tensor | None, train: Tensor, codec: Codec) -> str:
    digest = hashlib.sha256(repr(codec).encode())
    for part in (samples, labels, train):
        if part is not None:
            digest.update(f"{part.dtype}{tuple(part.shape)}".encode())
            digest.update(part.contiguous().numpy().data.cast("B"))
    return digest.hexdigest()


def _most_common(counts: Counter[object] | Counter[tuple[int, int]] | Counter[str], show: object) -> str:
    shown = [f"{show(key)} ({count:,})" for key, count in counts.most_common(5)]  # type: ignore[operator]
    rest = len(counts) - len(shown)
    return ", ".join(shown) + (f" and {rest} more" if rest > 0 else "")
