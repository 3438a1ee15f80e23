"""Samples in a file: read block by block or by number, without ever holding all of them."""

from __future__ import annotations

import math
import mmap
import os
import sys
import weakref
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from sparring.base.errors import RequestError

BLOCK_BYTES = 2**20
"""What is read at once where all samples are walked over."""

MAP_NORESERVE = 0x4000
"""Linux's; the module `mmap` names it from Python 3.13 on."""


class SampleFile:
    """Samples one after the other in a file that nobody changes.

    `tensor` lies over the memory map. Walking over it, or picking many rows of it, fills the process's memory with the
    pages touched, so `blocks` and `rows` read the file itself: what they leave behind is the system's file cache alone.
    """

    def __init__(self, path: Path, count: int, shape: tuple[int, ...], dtype: torch.dtype, *, before: int = 0) -> None:
        """`before` are so many samples at the file's beginning that are not of these."""
        self.path, self.count, self.shape, self.dtype, self.before = path, count, shape, dtype, before
        self.row_bytes = math.prod(shape) * dtype.itemsize
        self._handle = os.open(path, os.O_RDONLY)
        weakref.finalize(self, os.close, self._handle)
        # Private, so that a slip that writes into the tensor does not reach the file; no memory is set aside for such
        # slips, or Linux would refuse to map a file larger than the machine's memory
        flags = mmap.MAP_PRIVATE | (MAP_NORESERVE if sys.platform == "linux" else 0)
        self._map = mmap.mmap(self._handle, 0, flags=flags, prot=mmap.PROT_READ | mmap.PROT_WRITE)
        values = torch.frombuffer(self._map, dtype=dtype, count=(before + count) * math.prod(shape))
        self.tensor = values.view(before + count, *shape)[before:]

    def part(self, first: int, count: int) -> SampleFile:
        """`count` of these samples from the one of number `first` on."""
        return SampleFile(self.path, count, self.shape, self.dtype, before=self.before + first)

    def blocks(self) -> Iterator[Tensor]:
        """All samples in order, [some, *shape] at a time; each block is new memory."""
        size = block_rows(self.row_bytes)
        for first in range(0, self.count, size):
            block = torch.empty(min(size, self.count - first), *self.shape, dtype=self.dtype)
            self._read(_bytes(block), (self.before + first) * self.row_bytes)
            yield block

    def rows(self, numbers: Tensor, *, pinned: bool = False) -> Tensor:
        """The samples of these numbers, int64 [n], in new memory [n, *shape]; `pinned` for a fast way to a GPU.

        They are read in the order they lie in the file. Raises RequestError where the file cannot be read.
        """
        taken = torch.empty(len(numbers), *self.shape, dtype=self.dtype, pin_memory=pinned)
        if not len(numbers):
            return taken
        view, size = _bytes(taken), self.row_bytes
        order = numbers.argsort()
        for place, number in zip(order.tolist(), numbers[order].tolist(), strict=True):
            if not 0 <= number < self.count:
                raise IndexError(f"sample {number} of {self.count}")
            self._read(view[place * size : (place + 1) * size], (self.before + number) * size)
        return taken

    def announce(self, numbers: Tensor) -> None:
        """Asks the system to read the samples of these numbers into its file cache meanwhile; promises nothing."""
        if hasattr(os, "posix_fadvise"):
            for number in numbers.tolist():
                offset = (self.before + number) * self.row_bytes
                os.posix_fadvise(self._handle, offset, self.row_bytes, os.POSIX_FADV_WILLNEED)

    def _read(self, into: memoryview, offset: int) -> None:
        """Fills a piece of memory from a place in the file; usable by several threads at once."""
        try:
            while len(into):
                got = os.preadv(self._handle, [into], offset)
                if got == 0:
                    raise RequestError(f"{self.path}: was cut short while in use; remove it, and it is made anew")
                into, offset = into[got:], offset + got
        except OSError as error:
            raise RequestError(f"{self.path}: cannot be read ({error.strerror})") from None


def block_rows(row_bytes: int) -> int:
    """How many samples a block holds."""
    return max(1, BLOCK_BYTES // max(row_bytes, 1))


def blocks_of(samples: Tensor, file: SampleFile | None = None) -> Iterator[Tensor]:
    """All samples in order, a block at a time, contiguous: parts of a tensor, or of the file it lies over."""
    if file is not None:
        yield from file.blocks()
        return
    if not len(samples):  # which a split gives as a block of none
        return
    for part in torch.split(samples, block_rows(math.prod(samples.shape[1:]) * samples.dtype.itemsize)):
        yield part.contiguous()


def _bytes(block: Tensor) -> memoryview:
    """A contiguous tensor's memory, to be written into."""
    return block.numpy().reshape(-1).view(np.uint8).data
