"""What a recipe can say about a table."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from pydantic import Field

from sparring.data.dataset import DataSet, Found, assemble
from sparring.data.tables.codec import TableCodec, table_codec
from sparring.data.tables.coding import NumberCode
from sparring.data.tables.column import Sheet
from sparring.data.tables.constraints import parse_constraints
from sparring.data.tables.reading import read_sheet
from sparring.data.tables.vector import ConditionVector
from sparring.errors import RequestError, nearest
from sparring.part import Part

ENDINGS = (".csv", ".tsv", ".txt", ".csv.gz", ".tsv.gz", ".parquet")
"""Of files that are read as tables."""


class Table(Part):
    """Your rows: a CSV, TSV or Parquet file, or a table of a database at an SQLAlchemy address."""

    path: str
    """The file, or the database's address."""
    table: str | None = None
    """Of a database, which table."""
    kinds: dict[str, str] = {}
    """What columns are taken for, where it is not what was found: integer, float, category, ordered, boolean, datetime,
    identifier, text or constant, by their names."""
    without: tuple[str, ...] = ()
    """Columns left out altogether."""
    target: str | None = None
    """The column that models are to predict from the others; scores tell how useful made rows are for that."""
    constraints: tuple[str, ...] = ()
    """What holds in every row: `a <= b`, `a + b == c`, `unique a`. Made rows that break one are made again."""
    numbers: NumberCode = "auto"
    """How networks see numbers: by the components of a Gaussian `mixture`, by `ranks`, or, column by column, by the
    mixture where it fits and else by ranks (`auto`)."""
    held_out: float = Field(0.1, ge=0, le=0.25)
    """Part of the rows that is held out for scores, chosen by content hash; at least 20, never over a quarter."""
    limit: int | None = Field(None, ge=2)
    """Train on this many rows only."""

    def load(self) -> DataSet:
        sheet = read_sheet(self.path, kinds=self.kinds, without=self.without, table=self.table)
        return self.of(sheet, self.path if "://" in self.path else Path(self.path).name)

    def of(self, sheet: Sheet, name: str) -> DataSet:
        """The data set of a table that was read."""
        if not any(column.learned for column in sheet.columns):
            raise RequestError(
                f"data: no column of {name} can be learned; say what one is: data.table.kinds.NAME=category"
            )
        names = [column.name for column in sheet.columns if column.learned]
        if self.target is not None and self.target not in names:
            raise RequestError(
                f"data.table.target: no column '{self.target}' to be learned; {nearest(self.target, names)}"
            )
        constraints = parse_constraints(self.constraints, sheet.columns)
        constraints.check(sheet.values)
        values = torch.from_numpy(np.ascontiguousarray(sheet.values))

        target = None if self.target is None else sheet.place(self.target)

        def codec(train: torch.Tensor) -> TableCodec:
            return table_codec(sheet.columns, sheet.values[train.numpy()], sheet.dialect, self.numbers, target)

        found = Found(name, notes=list(sheet.notes))
        data = assemble(name, values, None, codec, found, fraction=self.held_out, limit=self.limit)
        assert isinstance(data.codec, TableCodec)
        conditions = ConditionVector(data.codec, values, data.train)
        if not len(conditions):
            return data
        return replace(data, labels=conditions.of_rows, label_names=conditions.names, conditions=conditions)


def is_table(given: str) -> bool:
    """Whether `--data GIVEN` is a table, by its ending or the form of its address."""
    return "://" in given or given.lower().endswith(ENDINGS)
