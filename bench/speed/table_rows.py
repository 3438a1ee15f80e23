"""The table of the network `table`: made-up rows of ten mixed columns, as `bench/tables.py cost` makes them up."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

sys.path.append(str(Path(__file__).resolve().parents[1] / "tables"))

from costs import TEN, written

from sparring.data import DataSet
from sparring.kinds.tables.data.source import Table

ROWS = 10_000


def table() -> DataSet:
    """The rows as Sparring reads them."""
    with tempfile.TemporaryDirectory() as folder:
        return Table(path=str(written(ROWS, TEN, Path(folder) / "table.csv"))).load()
