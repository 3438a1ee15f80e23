"""Where decoded samples are kept: in memory where they are few, else in a memory-mapped file in the cache."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any, NamedTuple

import torch
from filelock import FileLock
from torch import Tensor

from sparring.base.cache import cache_directory
from sparring.base.errors import RequestError
from sparring.base.system import sync_folder
from sparring.data.samplefile import SampleFile
from sparring.engine.budget import MACHINE, machine_budget

VERSION = 1
"""Raised when decoding changes, so that old files are not taken for new ones."""
SAMPLES, ABOUT = "samples.bin", "about.json"
DTYPES = {"uint8": torch.uint8, "int32": torch.int32, "float32": torch.float32}


@dataclass(frozen=True)
class Stream:
    """Samples on their way from a source; nothing is decoded before `blocks` is walked over."""

    count: int
    """At most so many."""
    shape: tuple[int, ...]
    """Of one sample."""
    dtype: torch.dtype
    """uint8, int32 (for 16 bits) or float32."""
    blocks: Callable[[], Iterator[Tensor]]
    """Makes the samples, [some, *shape] at a time; to be walked over once."""

    @property
    def size(self) -> int:
        """Bytes of all samples."""
        return self.count * prod(self.shape) * self.dtype.itemsize


class Kept(NamedTuple):
    """Samples [n, *shape] in memory, or over a file, and what else was kept with them."""

    samples: Tensor
    file: SampleFile | None
    about: dict[str, Any]

    def part(self, first: int, count: int) -> Kept:
        """`count` of these samples from the one of number `first` on, where they lie."""
        file = None if self.file is None else self.file.part(first, count)
        return Kept(self.samples[first : first + count] if file is None else file.tensor, file, self.about)

    @property
    def note(self) -> str:
        """For people, where they lie."""
        if self.file is None:
            return ""
        megabytes = self.samples.numel() * self.samples.dtype.itemsize / 1e6
        return f"memory-mapped: {megabytes:,.0f} MB of decoded samples in {self.file.path} ({MACHINE} sets when)"


def source_key(files: Sequence[tuple[str, int, int]], options: Mapping[str, Any]) -> str:
    """What decoded samples are found again by: 32 hexadecimal digits of the sources' names, sizes and times of change
    (nanoseconds), and of the options that decide what is made of them."""
    digest = hashlib.sha256(json.dumps([VERSION, dict(options)], sort_keys=True).encode())
    for name, size, changed in files:
        digest.update(f"{len(name)} {name} {size} {changed}\n".encode("utf-8", "surrogateescape"))
    return digest.hexdigest()[:32]


def files_key(files: Sequence[Path], options: Mapping[str, Any]) -> str:
    """The key of a few files."""
    stats = [(str(file.resolve()), file.stat()) for file in files]
    return source_key([(name, stat.st_size, stat.st_mtime_ns) for name, stat in stats], options)


def known(key: str) -> Kept | None:
    """Samples that were decoded before, read into memory where they are within the budget; None where there are none.

    Raises RequestError where they cannot be read.
    """
    found = find(key)
    if found is None or found.file is None or found.samples.nbytes > machine_budget():
        return found
    file = found.file
    return Kept(_in_memory(Stream(file.count, file.shape, file.dtype, file.blocks)), None, found.about)


def find(key: str) -> Kept | None:
    """Samples in the cache; None where there are none, or not the whole of them."""
    folder = _folder(key)
    try:
        about: dict[str, Any] = json.loads((folder / ABOUT).read_text(encoding="utf-8"))
        count, shape, dtype = about["count"], tuple(about["shape"]), DTYPES[about["dtype"]]
        if (folder / SAMPLES).stat().st_size != count * prod(shape) * dtype.itemsize:
            return None
        file = SampleFile(folder / SAMPLES, count, shape, dtype)
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return Kept(file.tensor, file, about["with"])


def keep(stream: Stream, key: str, about: Callable[[], dict[str, Any]] = dict) -> Kept:
    """Decodes: into memory up to the budget (`machine_budget`), beyond it into the cache, or takes what lies there.

    `about` gives, once all are decoded, plain values to keep with them. A folder of the cache appears whole, written
    under another name, synced and renamed; of several processes one decodes, and the others wait for it. Raises
    RequestError where the cache has no room.
    """
    if stream.size <= machine_budget():
        return Kept(_in_memory(stream), None, about())
    folder = _folder(key)
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(folder.parent / f"{key}.lock"):
            if find(key) is None:
                _write(stream, folder, about)
    except OSError as error:
        raise _no_room(stream, folder.parent, str(error.strerror or error)) from None
    found = find(key)
    if found is None:
        raise RequestError(f"{folder}: was changed by another program while it was used; remove it and try again")
    return found


def _folder(key: str) -> Path:
    return cache_directory() / "samples" / key


def _in_memory(stream: Stream) -> Tensor:
    samples = torch.empty(stream.count, *stream.shape, dtype=stream.dtype)
    count = 0
    for block in stream.blocks():
        samples[count : count + len(block)] = block
        count += len(block)
    return samples if count == stream.count else samples[:count].clone()


def _write(stream: Stream, folder: Path, about: Callable[[], dict[str, Any]]) -> None:
    """Decodes into the cache. The lock is held, so what lies under the temporary name is a killed process's."""
    part = folder.with_name(f".part-{folder.name}")
    for old in (part, folder):  # nor is the folder sound: `find` has looked
        shutil.rmtree(old, ignore_errors=True)
    free = shutil.disk_usage(folder.parent).free
    if free < stream.size:
        raise _no_room(stream, folder.parent, f"{free / 1e6:,.0f} MB are free")
    try:
        part.mkdir()
        count = 0
        with (part / SAMPLES).open("wb") as out:
            for block in stream.blocks():
                out.write(block.contiguous().numpy().data.cast("B"))
                count += len(block)
            _sync(out)
        names = {dtype: name for name, dtype in DTYPES.items()}
        told = {"count": count, "shape": stream.shape, "dtype": names[stream.dtype], "with": about()}
        with (part / ABOUT).open("w", encoding="utf-8") as text:
            json.dump(told, text)
            _sync(text)
        part.rename(folder)
    finally:
        shutil.rmtree(part, ignore_errors=True)
    sync_folder(folder.parent)


def _sync(file: Any) -> None:
    file.flush()
    os.fsync(file.fileno())


def _no_room(stream: Stream, folder: Path, reason: str) -> RequestError:
    return RequestError(
        f"SPARRING_CACHE: {stream.size / 1e6:,.0f} MB of decoded samples cannot be written below {folder} ({reason}); "
        f"make room, name another folder, or raise {MACHINE} to keep them in memory"
    )
