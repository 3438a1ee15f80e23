"""A part of a data set as training reads it: resident on its device, or moved there batch by batch."""

from __future__ import annotations

import math
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor

import torch
from torch import Tensor

from sparring.data.dataset import DataSet
from sparring.data.samplefile import block_rows
from sparring.engine.budget import device_budget

SMALL = 2**20
"""Bytes of a batch up to which a thread takes more from the step at hand than it saves."""
ENCODED = 2**29
"""Bytes of a table as networks see it that are kept, at most."""
REMEMBERED = 8
"""Gaps between batches by which the next one is foretold."""


class Rows:
    """Samples of a data set by number, 0 to len - 1, encoded when asked for.

    On a GPU they are resident as they are stored where they fit its budget (`device_budget`). Else, and from a file on
    any device, each batch's are gathered in the machine's memory and moved. A CPU indexes samples in memory where they
    lie. All ways give the same bits.
    """

    def __init__(self, data: DataSet, numbers: Tensor, device: torch.device, *, heldout: bool = False) -> None:
        """`heldout` says that the numbers are of held-out samples, whose inputs are held out too."""
        self.paired = data.paired
        self.inputs: Rows | None = None
        """Those that the samples are made from: of the same numbers, where they are paired."""
        if data.inputs is not None:
            apart = data.inputs.heldout if heldout else data.inputs.train
            self.inputs = Rows(data.inputs, numbers if data.paired else apart, device)
        self.codec = data.codec
        self.views = data.views
        self.device = device
        self.labels = None if data.labels is None else data.labels[numbers].to(device)
        self.conditions = data.conditions
        self._data, self._numbers = data, numbers
        self._resident: Tensor | None = None
        size = len(numbers) * data.samples[:1].nbytes
        if device.type != "cpu" and size <= device_budget(device):
            self._resident = _moved(data, numbers, device)
        elif device.type == "cpu" and data.file is None and len(numbers) == len(data.samples):
            self._resident = data.samples
        self.encoded_before = self._encoded_before()
        """All samples as networks see them, where that is worth keeping: a table's columns take a while."""

    def _encoded_before(self) -> Tensor | None:
        size = len(self) * math.prod(self.codec.shape) * torch.float32.itemsize
        if not self.codec.slow or size > ENCODED:
            return None
        each = block_rows(math.prod(self.codec.shape) * torch.float32.itemsize)
        return torch.cat([self.encoded(part) for part in torch.split(torch.arange(len(self)), each)])

    def __len__(self) -> int:
        return len(self._numbers)

    @property
    def streams(self) -> bool:
        """Whether batches are worth reading ahead: they come from a file, or over the way to a GPU."""
        return self._resident is None and (self.device.type != "cpu" or self._data.file is not None)

    @property
    def read_on_device(self) -> bool:
        """Whether a batch, once the device has its samples or their numbers, is made there alone."""
        here = self.inputs is None or self.inputs._resident is not None
        return here and (not self.codec.slow or self.encoded_before is not None)

    def stored(self, index: Tensor) -> Tensor:
        """The samples of these numbers (int64 [n], on any device) as they are stored, [n, ...] on the device."""
        if self._resident is not None:
            return self._resident[index.to(self.device)]
        return self.moved(self.gathered(index.cpu()))

    def gathered(self, index: Tensor) -> Tensor:
        """The same in the machine's memory, where a GPU fetches it from pinned memory."""
        return self._data.stored(self._numbers[index], pinned=self.device.type == "cuda")

    def announce(self, index: Tensor) -> None:
        """Lets the system read these samples ahead, where they come from a file."""
        if self._data.file is not None:
            self._data.file.announce(self._numbers[index])

    def moved(self, gathered: Tensor) -> Tensor:
        """Gathered rows on the device; from pinned memory, without waiting."""
        return gathered.to(self.device, non_blocking=gathered.is_pinned())

    def encoded(self, index: Tensor) -> Tensor:
        """The samples of these numbers, as networks see them."""
        return self.codec.encode(self.stored(index))


class Ahead:
    """Reads the next batch's rows while the step at hand is computed: in a thread, or, where a batch is small, by
    asking the system to have them at hand.

    Which batch is the next to be read follows from the gaps before: players whose loss sees no reals skip theirs, in a
    pattern that returns. A wrong guess costs time and changes nothing.
    """

    def __init__(self, rows: Rows, index: Callable[[int], Tensor]) -> None:
        self.rows = rows
        self.index = index
        """Position to the batch's numbers, int64 on the CPU."""
        self._pool = ThreadPoolExecutor(1, "sparring-rows")
        self._begun: tuple[int, Future[Tensor]] | None = None
        self._last: int | None = None
        self._gaps: tuple[int, ...] = ()
        self._followed: dict[tuple[int, ...], int] = {}
        self.hits = 0
        """Batches that the thread had been asked for."""

    def take(self, position: int) -> Tensor:
        """The stored rows of the batch at a position, on the rows' device."""
        if self._begun is not None and self._begun[0] == position:
            taken = self._begun[1].result()
            self.hits += 1
        else:
            taken = self.rows.gathered(self.index(position))
        following = position + self._gap_after(position)
        if taken.nbytes <= SMALL:
            self.rows.announce(self.index(following))
        elif self._begun is None or self._begun[0] != following:
            self._begun = (following, self._pool.submit(self.rows.gathered, self.index(following)))
        return self.rows.moved(taken)

    def _gap_after(self, position: int) -> int:
        """How far on the next batch to be read will be: as the last time after the same gaps."""
        if self._last is not None:
            gap = position - self._last
            self._followed[self._gaps] = gap
            self._gaps = (*self._gaps, gap)[-REMEMBERED:]
        self._last = position
        return max(1, self._followed.get(self._gaps, self._gaps[-1] if self._gaps else 1))


def _moved(data: DataSet, numbers: Tensor, device: torch.device) -> Tensor:
    """Samples on a device, moved block by block: the machine's memory never holds a second copy of all."""
    samples = torch.empty(len(numbers), *data.samples.shape[1:], dtype=data.samples.dtype, device=device)
    size = block_rows(data.samples[:1].nbytes)
    for first in range(0, len(numbers), size):
        samples[first : first + size] = data.stored(numbers[first : first + size]).to(device)
    return samples
