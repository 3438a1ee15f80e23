"""Rows of a table from a trained generator: under conditions, balanced, and such that constraints hold in each."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from sparring.data import Codec, Table, TableCodec
from sparring.data.tables.column import CHOICES
from sparring.data.tables.conditions import Conditions, parse_conditions
from sparring.data.tables.constraints import Constraints, parse_constraints
from sparring.data.tables.drawing import draw_until
from sparring.data.tables.vector import asked_of
from sparring.draws import Key, permutation
from sparring.errors import RequestError, nearest
from sparring.games import Game
from sparring.match import draw_labels
from sparring.recipe import Recipe
from sparring.sampling import draw

Rows = NDArray[np.float64]


class RowMaker(NamedTuple):
    """A generator of rows in eval mode, and what it takes to draw from it."""

    game: Game
    generator: nn.Module
    codec: TableCodec
    label_counts: Tensor | None
    """How frequent each condition is in the training rows, int64 [conditions]; None where the game has none."""
    constraints: Constraints
    device: torch.device

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
            labels = None
            if counts is not None:
                labels = draw_labels(counts, key, torch.arange(first, first + size))
            found = draw(self.game, self.generator, self.codec, size, key, labels, self.device, first).numpy()
            return self.constraints.complete(found)

        def good(rows: Rows) -> NDArray[np.bool_]:
            fits = where.holds(rows) & self.constraints.holds(rows)
            if fits.any():
                fits[fits] = ~self.constraints.repeats(rows[fits], taken)
            return fits

        return draw_until(made, count, good)

    def _asked(self, where: Conditions) -> Tensor | None:
        """How often to ask for each condition: as in training, or only for the choices of the column that `where`
        narrows most, so that few rows are drawn in vain."""
        counts = self.label_counts
        if self.game.labels == "none" or counts is None:
            return None
        narrowest, share = counts, 1.0
        for column, codes in where.choices().items():
            for asked in asked_of(self.codec):
                if asked.column != column:
                    continue
                wanted = [asked.first + code for code in codes or [asked.width - 1]]  # the last is missing
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
            raise RequestError(
                f"balance: {name} is taken for {column.kind}, which has no classes; {nearest(name, choices)}"
            )
        allowed = parse_conditions(where, self.codec.columns).choices()
        codes = allowed.get(self.codec.columns.index(column), range(len(column.categories)))
        if not codes:
            raise RequestError(f"balance: {name}, and where leaves it no value: {' and '.join(where)}")
        return [f"{name}='{column.categories[code]}'" for code in codes]


def samples_of(
    game: Game,
    generator: nn.Module,
    codec: Codec,
    label_counts: Tensor | None,
    recipe: Recipe,
    count: int,
    key: Key,
    device: torch.device,
    where: Sequence[str] = (),
    balance: str | None = None,
) -> Tensor:
    """Samples as people get them, in the data's own format [count, ...], on the CPU: with labels as frequent as in
    training; a table's rows so that the recipe's constraints hold, and what `RowMaker.rows` says of `where` and
    `balance`."""
    if isinstance(codec, TableCodec):
        maker = RowMaker(game, generator, codec, label_counts, constraints_of(recipe, codec), device)
        return torch.from_numpy(maker.rows(count, key, where, balance))
    labels = None
    if game.labels != "none" and label_counts is not None:
        labels = draw_labels(label_counts, key, torch.arange(count, device=device))
    return draw(game, generator, codec, count, key, labels, device)


def constraints_of(recipe: Recipe, codec: TableCodec) -> Constraints:
    """What the rows of a recipe's runs are to keep."""
    return parse_constraints(recipe.data.constraints if isinstance(recipe.data, Table) else (), codec.columns)


def fitting(rows: Rows, constraints: Constraints) -> Rows:
    """Rows as numbers with computed columns computed; of them, those that the constraints hold in."""
    rows = constraints.complete(rows)
    rows = rows[constraints.holds(rows)]
    return rows[~constraints.repeats(rows, set())]


def _shares(count: int, parts: int) -> list[int]:
    """A count in almost equal parts."""
    return [count * (part + 1) // parts - count * part // parts for part in range(parts)]
