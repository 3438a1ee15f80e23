"""Batches without end: each a function of the run's key and its position."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import cached_property, partial

import torch
from torch import Tensor

from sparring.base.draws import Key, integers, permutation
from sparring.data.dataset import Conditions
from sparring.data.rows import Ahead, Rows
from sparring.engine import ranks


class Order:
    """An endless order of `count` things: one random permutation after the other."""

    def __init__(self, count: int, key: Key) -> None:
        self.count = count
        self.key = key or Key("batch")
        self._epochs: dict[int, Tensor] = {}

    def slice(self, first: int, size: int) -> Tensor:
        """The things at places first to first + size - 1, int64 [size]."""
        parts = []
        while size > 0:
            epoch, place = divmod(first, self.count)
            part = self._epoch(epoch)[place : place + size]
            parts.append(part)
            first, size = first + len(part), size - len(part)
        return torch.cat(parts)

    def _epoch(self, number: int) -> Tensor:
        if number not in self._epochs:
            self._epochs = {n: order for n, order in self._epochs.items() if n == number - 1}
            self._epochs[number] = permutation(self.key.at(number), self.count)
        return self._epochs[number]


class Batch:
    """Rows of the training data, read when first asked for: a turn that never looks at reals costs none."""

    def __init__(
        self,
        rows: Rows,
        index: Tensor,
        numbers: Tensor,
        view: Key | None = None,
        read: Callable[[], Tensor] | None = None,
        labels: Tensor | None = None,
        *,
        key: Key | None = None,
        inputs: Tensor | None = None,
    ) -> None:
        self._source = rows
        self._index = index
        self._view = view
        """What the views of its images go by, where they are changed."""
        self._read = read
        """Gives the stored samples where they are not indexed on the device."""
        self._labels = labels
        """What the rows were drawn by, in the place of the data's labels."""
        self.key = key or Key("batch")
        """Where what a game draws for the batch's rows stands."""
        self._inputs = inputs
        """The numbers of the inputs, where the two sides are not paired and they are not to be drawn."""
        self.rows = numbers
        """The samples' numbers within the joined batch of all processes, int64 [batch]; random draws go by them."""

    @property
    def size(self) -> int:
        return len(self.rows)

    @property
    def samples(self) -> Tensor:
        """[batch, ...], encoded to the range that networks see."""
        encoded = self._source.encoded_before
        samples = self._source.codec.encode(self._stored) if encoded is None else encoded[self._index]
        return self._shown(samples)

    @cached_property
    def inputs(self) -> Tensor | None:
        """The images that the samples are made from, [batch, channels, height, width], encoded, where the data have
        some: each sample's own, changed as it is, or, where the two sides are not paired, any."""
        rows = self._source.inputs
        if rows is None:
            return None
        index = self._inputs
        if index is None:
            index = self._index if self._source.paired else integers(self.key.at("inputs"), self.rows, len(rows))
        return self._shown(rows.encoded(index))

    def _shown(self, images: Tensor) -> Tensor:
        return images if self._view is None else self._source.views.shown(images, self._view, self.rows)

    @cached_property
    def _stored(self) -> Tensor:
        """Kept, for parts of the batch share what was read; as stored they are small."""
        return self._source.stored(self._index) if self._read is None else self._read()

    @property
    def keys(self) -> dict[str, Key]:
        """What its own draws go by, by name."""
        return {"batch": self.key} if self._view is None else {"batch": self.key, "view": self._view}

    @property
    def shape(self) -> tuple[int, ...]:
        """Of one sample."""
        return self._source.codec.shape

    @property
    def labels(self) -> Tensor | None:
        """int64 [batch], where the data has labels."""
        if self._labels is not None:
            return self._labels
        return None if self._source.labels is None else self._source.labels[self._index]

    @property
    def bounds(self) -> tuple[float, float]:
        """The range of the samples' values."""
        return (0.0, 1.0) if self._source.codec.range == "unit" else (-1.0, 1.0)

    def part(self, rows: slice) -> Batch:
        """Some of the rows."""
        read = None if self._read is None else lambda: self._stored[rows]
        labels, inputs = (None if part is None else part[rows] for part in (self._labels, self._inputs))
        index, numbers = self._index[rows], self.rows[rows]
        return Batch(self._source, index, numbers, self._view, read, labels, key=self.key, inputs=inputs)

    def twice(self) -> Batch:
        """The rows, and the same again: for what shows two samples of each at once."""
        labels, inputs = (None if part is None else part.repeat(2) for part in (self._labels, self._inputs))
        index, rows = self._index.repeat(2), self.rows.repeat(2)
        return Batch(self._source, index, rows, self._view, labels=labels, key=self.key, inputs=inputs)


class Held:
    """Memory that rows of one batch after another are brought to, for what is recorded once and replayed."""

    def __init__(self, batch: Batch) -> None:
        self._last = batch
        self._rows = batch.rows
        self._index = batch._index.clone()
        self._labels, self._inputs = (None if one is None else one.clone() for one in (batch._labels, batch._inputs))
        self._stored: Tensor | None = None
        """What was read of the batch, once that was asked for."""

    def fill(self, batch: Batch) -> None:
        """Takes over another batch's rows."""
        self._last = batch
        self._index.copy_(batch._index)
        for mine, other in ((self._labels, batch._labels), (self._inputs, batch._inputs)):
            if mine is not None and other is not None:
                mine.copy_(other)
        if self._stored is not None:
            self._stored.copy_(batch._stored)

    def batch(self, keys: Mapping[str, Key]) -> Batch:
        """What is held, as a batch; it draws by other keys, which have the names of its own."""
        last = self._last
        read = None if last._read is None else self._read
        view, key = keys.get("view"), keys["batch"]
        return Batch(last._source, self._index, self._rows, view, read, self._labels, key=key, inputs=self._inputs)

    def _read(self) -> Tensor:
        if self._stored is None:
            self._stored = self._last._stored.clone()
        return self._stored


class Batches(Iterator[Batch]):
    """The training data in batches; `position` is how many were drawn, and all there is to save. Of several processes
    each has its own part of the rows of every batch."""

    def __init__(self, rows: Rows, size: int, key: Key, *, position: int = 0) -> None:
        self.rows = rows
        self.size = size
        self.position = position
        self._order = Order(len(rows), key.at("order"))
        self._view = key.at("mirror") if any(rows.views) else None
        self._key = key.at("batch")
        self._part = ranks.part(size)
        self._numbers = torch.arange(size, device=rows.device)[self._part]
        self._ahead = Ahead(rows, self._index) if rows.streams else None

    def __next__(self) -> Batch:
        index = self._index(self.position).to(self._numbers.device)
        view = self._view.at(self.position) if self._view else None
        read = None if self._ahead is None else partial(self._ahead.take, self.position)
        key = self._key.at(self.position)
        self.position += 1
        return Batch(self.rows, index, self._numbers, view, read, key=key)

    def _index(self, position: int) -> Tensor:
        """The numbers of this process's rows of the batch at a position, int64 [batch] on the CPU."""
        return self._order.slice(position * self.size, self.size)[self._part]


class SampledBatches(Batches):
    """Training by sampling: batches of rows drawn by conditions that they meet, which are their labels."""

    def __init__(self, rows: Rows, size: int, key: Key, conditions: Conditions, *, position: int = 0) -> None:
        super().__init__(rows, size, key, position=position)
        self._conditions, self._key = conditions, key.at("conditions")
        self._places = torch.arange(size)[ranks.part(size)]

    def __next__(self) -> Batch:
        index, condition = self._conditions.sampled(self._key.at(self.position), self._places)
        self.position += 1
        device = self._numbers.device
        return Batch(self.rows, index.to(device), self._numbers, labels=condition.to(device))


def draw_labels(counts: Tensor, key: Key, rows: Tensor) -> Tensor:
    """Labels as frequent as `counts` (int64 [classes]) say, int64 [rows]."""
    place = integers(key.at("labels"), rows, int(counts.sum()))
    return torch.searchsorted(counts.cumsum(0).to(rows.device), place, right=True)


def probe_batch(rows: Rows, size: int, key: Key) -> Batch:
    """A batch for measuring, drawn from a stream of its own."""
    return drawn_batch(rows, key, torch.arange(min(size, len(rows)), device=rows.device))


def drawn_batch(rows: Rows, key: Key, numbers: Tensor) -> Batch:
    """A batch of samples drawn for these numbers."""
    return Batch(rows, integers(key, numbers, len(rows)), numbers, key=key)
