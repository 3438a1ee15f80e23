"""From a table's rows as numbers to what networks see, and back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from sparring.data.codec import Codec
from sparring.kinds.tables.data.coding import Code, NumberCode, code_from_json, fit_code
from sparring.kinds.tables.data.column import CHOICES, Column
from sparring.kinds.tables.data.forms import check_codec, check_form
from sparring.kinds.tables.data.layout import Layout

ROWS = 8192
"""Rows made at once, at most."""
RANKS = 257
"""Knots of a number's distribution function, as metrics see it."""
SHOWN_CHOICES = 64
"""Choices that metrics tell apart; rarer ones count as one."""


class TableCodec(Codec):
    """Rows as numbers, float64 [rows, columns] as `Column` says, to what networks see, float32 [rows, width], and back
    within each column's bounds and decimals."""

    kind = "table"
    noun = "a table"
    plays = "table"
    slow = True
    at_once = ROWS
    sloped = False

    def __init__(
        self,
        columns: Sequence[Column],
        codes: Sequence[Code],
        views: Sequence[Sequence[float]],
        dialect: Mapping[str, Any],
        target: int | None = None,
    ) -> None:
        self.columns = tuple(columns)
        self.learned = tuple(place for place, column in enumerate(columns) if column.learned)
        """Which columns networks learn."""
        self.codes = tuple(codes)
        """Of the learned columns."""
        self.views = tuple(tuple(view) for view in views)
        """Of the learned columns, how metrics see them: a number's knots, or a choice's code for each shown place."""
        self.dialect = dict(dialect)
        self.target = target
        """The column that models are to predict from the others."""
        self.layout = Layout(self.codes)
        self.shape = (self.layout.width,)

    def __repr__(self) -> str:
        return f"TableCodec({self.to_json()})"

    @property
    def mark(self) -> str:
        return f"TableCodec({self.to_json()})"

    def measured(self, stored: Tensor) -> Tensor:
        """The rows themselves, which metrics want beside their features."""
        return stored

    def encode(self, stored: Tensor) -> Tensor:
        """Rows as numbers to what networks see."""
        stored = stored.double()
        parts = [code.encode(stored[:, place]) for place, code in zip(self.learned, self.codes, strict=True)]
        return self.layout.put(parts, len(stored))

    def decode(self, seen: Tensor) -> Tensor:
        """What networks made to rows as numbers, float64; columns that are not learned are 0."""
        stored = torch.zeros(len(seen), len(self.columns), dtype=torch.float64, device=seen.device)
        for place, code, part in zip(self.learned, self.codes, self.layout.take(seen.float()), strict=True):
            stored[:, place] = self._legal(self.columns[place], code.decode(*part))
        return stored

    @staticmethod
    def _legal(column: Column, values: Tensor) -> Tensor:
        if column.kind in CHOICES:
            return values
        digits = 0 if column.kind == "integer" else column.decimals
        return values.clamp(column.low, column.high).round(decimals=digits).clamp(column.low, column.high)

    def to_unit(self, stored: Tensor) -> Tensor:
        """Rows as numbers to what metrics see, float32 [rows, features]: of a number its rank in [0, 1] among the
        training rows, a missing one in the middle and told beside it; of a choice 1 / sqrt(2) at its place, so that two
        rows that differ in it are as far apart as the two ends of a number."""
        parts = []
        for place, view in zip(self.learned, self.views, strict=True):
            column, values = self.columns[place], stored[:, place].double()
            gone = values.isnan()
            if column.kind in CHOICES:
                codes = torch.tensor(view, dtype=torch.float64, device=values.device)
                parts.append((values[:, None] == codes).float() * 0.5**0.5)
                parts.append((~(values[:, None] == codes).any(1) & ~gone).float()[:, None] * 0.5**0.5)
            else:
                knots = torch.tensor(view, dtype=torch.float64, device=values.device)
                low = torch.searchsorted(knots, values.nan_to_num().contiguous())
                high = torch.searchsorted(knots, values.nan_to_num().contiguous(), right=True)
                rank = ((low + high - 1).clamp(min=0) / 2 / max(len(view) - 1, 1)).clamp(0, 1)
                parts.append(torch.where(gone, 0.5, rank).float()[:, None])
            if column.missing:
                parts.append(gone.float()[:, None] * 0.5**0.5)
        return torch.cat(parts, 1)

    @property
    def features(self) -> int:
        """Of a row, as metrics see it."""
        return self.to_unit(torch.zeros(1, len(self.columns))).shape[1]

    def to_json(self) -> dict[str, Any]:
        return {
            "kind": self.kind,
            "columns": [column.to_json() for column in self.columns],
            "codes": [code.to_json() for code in self.codes],
            "views": [list(view) for view in self.views],
            "dialect": self.dialect,
            "target": self.target,
        }

    @staticmethod
    def from_json(fields: Mapping[str, Any]) -> TableCodec:
        """The codec that `to_json` wrote. Raises ValueError where it did not."""
        check_form(fields)
        columns = [Column.from_json(column) for column in fields["columns"]]
        codes = [code_from_json(code) for code in fields["codes"]]
        check_codec(columns, codes, fields["views"], fields["dialect"], fields["target"])
        return TableCodec(columns, codes, fields["views"], fields["dialect"], fields["target"])


def table_codec(
    columns: Sequence[Column],
    values: NDArray[np.float64],
    dialect: Mapping[str, Any],
    numbers: NumberCode,
    target: int | None = None,
) -> TableCodec:
    """The codec that fits a table's training rows, float64 [rows, columns]."""
    codes, views = [], []
    for place, column in enumerate(columns):
        if not column.learned:
            continue
        codes.append(fit_code(column, values[:, place], numbers))
        views.append(_view(column, values[:, place]))
    return TableCodec(columns, codes, views, dialect, target)


def _view(column: Column, values: NDArray[np.float64]) -> list[float]:
    known = values[~np.isnan(values)]
    if column.kind in CHOICES:
        counts = np.bincount(known.astype(np.int64), minlength=len(column.categories))
        shown: list[float] = np.sort(np.argsort(-counts, kind="stable")[:SHOWN_CHOICES]).astype(float).tolist()
        return shown
    knots: list[float] = (
        np.quantile(known, np.linspace(0, 1, RANKS), method="nearest").tolist() if len(known) else [0.0]
    )
    return knots
