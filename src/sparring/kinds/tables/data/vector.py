"""ConditionVector: what a generator of rows can be asked for, one column's choice at a time (Xu et al. 2019,
https://arxiv.org/abs/1907.00503). A condition is a number: the place of a column's choice among those of all."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from sparring.base.draws import Key, integers, uniform
from sparring.kinds.tables.data.codec import TableCodec
from sparring.kinds.tables.data.coding import Number
from sparring.kinds.tables.data.column import CHOICES

BLOCK = 65_536
"""Rows encoded at once."""


class Asked(NamedTuple):
    """A column whose choices are conditions."""

    column: int
    """Its place among all columns."""
    start: int
    """Where its choices lie in what networks see."""
    width: int
    first: int
    """The number of its first condition."""


class ConditionVector:
    """A table's conditions, and how frequent they are in its training rows."""

    def __init__(self, codec: TableCodec, values: Tensor, train: Tensor) -> None:
        self.asked = asked_of(codec)
        self.names = tuple(name for asked in self.asked for name in _names(codec, asked))
        self.codes = _codes(codec, self.asked, values)
        """Which choice each row shows of each of these columns, int32 [rows, asked]."""
        own = integers(Key("a row's condition"), torch.arange(len(values)), max(len(self.asked), 1))
        first = torch.tensor([asked.first for asked in self.asked] or [0])
        shown = self.codes.gather(1, own[:, None])[:, 0].long() if self.asked else torch.zeros_like(own)
        self.of_rows = first[own] + shown
        """One condition that each row meets, of a column drawn once for all: conditions as frequent as in the data."""
        self.train = train
        counts = [torch.bincount(self.codes[train, k].long(), minlength=a.width) for k, a in enumerate(self.asked)]
        self.counts = torch.cat(counts) if counts else torch.zeros(0, dtype=torch.int64)
        """How many training rows meet each condition, int64 [conditions]."""
        self._sorted: list[tuple[Tensor, Tensor, Tensor]] = []

    def __len__(self) -> int:
        return len(self.names)

    @staticmethod
    def blocks_of(codec: TableCodec) -> Tensor:
        """Of each condition where its column's choices begin in what networks see, how many there are, and its own
        place, int64 [conditions, 3]."""
        rows = [(a.start, a.width, a.start + code) for a in asked_of(codec) for code in range(a.width)]
        return torch.tensor(rows, dtype=torch.int64).reshape(-1, 3)

    def sampled(self, key: Key, rows: Tensor) -> tuple[Tensor, Tensor]:
        """Training by sampling: for each of numbered rows a column, one of its choices by the logarithm of how frequent
        it is, and a training row that shows it. Gives places among the training rows and conditions, int64 [rows]."""
        if not self._sorted:
            self._sorted = [self._by_choice(place) for place in range(len(self.asked))]
        column = integers(key.at("column"), rows, len(self.asked))
        at_choice, at_row = uniform(key.at("choice"), rows), integers(key.at("row"), rows, 2**31)
        index, condition = torch.zeros_like(rows), torch.zeros_like(rows)
        for place, asked in enumerate(self.asked):
            mine = column == place
            order, starts, shares = self._sorted[place]
            choice = torch.searchsorted(shares, at_choice[mine].double().to(shares.device), right=True)
            choice = choice.clamp(max=asked.width - 1)
            count = starts[choice + 1] - starts[choice]
            index[mine] = order[starts[choice] + (at_row[mine] * count >> 31)]
            condition[mine] = asked.first + choice
        return index, condition

    def _by_choice(self, place: int) -> tuple[Tensor, Tensor, Tensor]:
        """Training rows ordered by a column's choice, where each choice starts, and cumulative shares of draws."""
        codes, width = self.codes[self.train, place], self.asked[place].width
        counts = torch.bincount(codes.long(), minlength=width)
        starts = torch.cat((torch.zeros(1, dtype=torch.int64), counts.cumsum(0)))
        shares = torch.log1p(counts.double()).cumsum(0)
        # a choice that no training row shows has no width, and the last share is 1 and never reached
        return codes.argsort(stable=True), starts, shares / shares[-1]


def asked_of(codec: TableCodec) -> tuple[Asked, ...]:
    """The columns whose choices are conditions: one of several to the networks."""
    found, first = [], 0
    for column, place in zip(codec.learned, codec.layout.places, strict=True):
        if len(place.blocks) == 1 and place.blocks[0][1] > 1:
            start, width = place.blocks[0]
            found.append(Asked(column, start, width, first))
            first += width
    return tuple(found)


def _names(codec: TableCodec, asked: Asked) -> list[str]:
    column = codec.columns[asked.column]
    code = codec.codes[codec.learned.index(asked.column)]
    if column.kind in CHOICES:
        told = [f"{column.name}={category}" for category in column.categories]
    else:
        assert isinstance(code, Number)
        pieces = [f"{column.name} about {mean:.6g}" for mean in code.means] or [f"{column.name} is a number"]
        told = [*pieces[: code.pieces], *(f"{column.name}={spike:.12g}" for spike in code.spikes)]
    return [*told, f"{column.name} is missing"][: asked.width]


def _codes(codec: TableCodec, asked: tuple[Asked, ...], values: Tensor) -> Tensor:
    found = torch.empty(len(values), len(asked), dtype=torch.int32)
    codes = [codec.codes[codec.learned.index(one.column)] for one in asked]
    for first in range(0, len(values), BLOCK):
        rows = slice(first, first + BLOCK)
        for k, (one, code) in enumerate(zip(asked, codes, strict=True)):
            found[rows, k] = code.encode(values[rows, one.column])[1][0].int()
    return found
