"""Rows of a table from a trained generator: under conditions, balanced, and such that constraints hold in each."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from sparring.base.draws import Key, permutation
from sparring.base.errors import RequestError, nearest
from sparring.data import draw_labels
from sparring.gan.rejection import draw_until
from sparring.gan.trained import Trained
from sparring.kinds.kind import Wish
from sparring.kinds.noise import checked_count
from sparring.kinds.tables.data.codec import TableCodec
from sparring.kinds.tables.data.column import CHOICES, NUMBERS
from sparring.kinds.tables.data.conditions import Conditions, parse_conditions
from sparring.kinds.tables.data.constraints import Constraints, parse_constraints
from sparring.kinds.tables.data.notes import as_choice
from sparring.kinds.tables.data.source import Table
from sparring.kinds.tables.data.vector import asked_of

Rows = NDArray[np.float64]


class RowMaker:
    """Draws rows of a run's generator, in eval mode."""

    def __init__(self, trained: Trained) -> None:
        self.trained = trained
        self.codec = codec_of(trained)
        self.constraints = constraints_of(trained)

    def rows(self, count: int, key: Key, where: Sequence[str] = (), balance: str | None = None) -> Rows:
        """Rows as numbers, float64 [count, columns], all of which meet the words of `where` and the constraints, with
        the choices of the column `balance` equally often. Equal keys give equal rows.

        Raises RequestError where a word is wrong, or where such rows are too rare to be had."""
        taken: set[bytes] = set()
        if balance is None:
            return self._some(count, key, parse_conditions(where, self.codec.columns), taken)
        parts = []
        words = self._balanced(balance, where)
        for place, (word, share) in enumerate(zip(words, _shares(count, len(words)), strict=True)):
            if not share:
                continue
            met = parse_conditions([*where, word], self.codec.columns)
            parts.append(self._some(share, key.at("balance", place), met, taken))
        order = permutation(key.at("balance"), count).numpy()
        mixed: Rows = np.concatenate(parts)[order]
        return mixed

    def _some(self, count: int, key: Key, where: Conditions, taken: set[bytes]) -> Rows:
        counts = self._asked(where)

        def made(first: int, size: int) -> Rows:
            labels = None if counts is None else draw_labels(counts, key, torch.arange(first, first + size))
            return self.constraints.complete(self.trained.draw(size, key, labels, first).numpy())

        def good(rows: Rows) -> NDArray[np.bool_]:
            fits = where.holds(rows) & self.constraints.holds(rows)
            if fits.any():
                fits[fits] = ~self.constraints.repeats(rows[fits], taken)
            return fits

        return draw_until(made, count, good)

    def _asked(self, where: Conditions) -> Tensor | None:
        """How often to ask for each condition: as in training, or only for the choices of the column that `where`
        narrows most, so that few rows are drawn in vain."""
        counts = self.trained.label_counts
        if not self.trained.game.labelled or counts is None:
            return None
        narrowest, share = counts, 1.0
        for column, codes in where.choices().items():
            for asked in asked_of(self.codec):
                if asked.column != column:
                    continue
                wanted = [asked.first + code for code in codes]
                some = torch.zeros_like(counts)
                some[wanted] = counts[wanted].clamp(min=1)
                part = float(some.sum() / counts[asked.first : asked.first + asked.width].sum().clamp(min=1))
                if part < share:
                    narrowest, share = some, part
        return narrowest

    def _balanced(self, name: str, where: Sequence[str]) -> list[str]:
        """A condition for each choice of a column that the other conditions leave open."""
        columns = {column.name: column for column in self.codec.columns}
        choices = [column.name for column in self.codec.columns if column.kind in CHOICES]
        if name not in columns:
            raise RequestError(f"balance: no column '{name}'; {nearest(name, choices)}")
        column = columns[name]
        if column.kind not in CHOICES:
            how = f"; a run trained with {as_choice(name)} has some" if column.kind in NUMBERS else ""
            raise RequestError(
                f"balance: {name} is taken for {column.kind}, which has no classes{how}; {nearest(name, choices)}"
            )
        allowed = parse_conditions(where, self.codec.columns).choices()
        every = range(len(column.categories))
        codes = [code for code in allowed.get(self.codec.columns.index(column), every) if code in every]
        if not codes:
            raise RequestError(f"balance: {name}, and where leaves it no value: {' and '.join(where)}")
        return [f"{name}='{column.categories[code]}'" for code in codes]


def codec_of(trained: Trained) -> TableCodec:
    """The codec of a run of tables."""
    assert isinstance(trained.codec, TableCodec)  # the game takes no other
    return trained.codec


def constraints_of(trained: Trained) -> Constraints:
    """What the rows of a run are to keep."""
    words = trained.source.constraints if isinstance(trained.source, Table) else ()
    return parse_constraints(words, codec_of(trained).columns)


def rows_of(trained: Trained, wish: Wish, key: Key) -> Rows:
    """New rows as numbers, float64 [count, columns]: `wish.label` is one condition more."""
    checked_count(wish.count)
    where = wish.where if wish.label is None else [*wish.where, str(wish.label)]
    return RowMaker(trained).rows(wish.count, key, where, wish.balance)


def fitting(rows: Rows, constraints: Constraints) -> Rows:
    """Rows as numbers with computed columns computed; of them, those that the constraints hold in."""
    rows = constraints.complete(rows)
    rows = rows[constraints.holds(rows)]
    return rows[~constraints.repeats(rows, set())]


def _shares(count: int, parts: int) -> list[int]:
    """A count in almost equal parts."""
    return [count * (part + 1) // parts - count * part // parts for part in range(parts)]
