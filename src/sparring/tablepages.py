"""What a report shows of a table's rows."""

from __future__ import annotations

import numpy as np

from sparring.data import DataSet, TableCodec
from sparring.data.tables.spelling import spelled
from sparring.data.tables.writing import to_frame
from sparring.draws import Key, permutation
from sparring.metrics.tables.panels import TablePanel, table_panel
from sparring.metrics.tables.sdmetrics_reports import sdmetrics_reports
from sparring.run import Run
from sparring.scoring import columns_of

COMPARED = 5_000
"""Rows a side, at most."""
SHOWN = 10
"""New rows that are shown as they are written."""


def panel_of(run: Run, data: DataSet | None) -> TablePanel | None:
    """How like the held-out rows new ones are; None where the run makes no rows, or nothing is held out."""
    table = None if data is None else columns_of(data)
    if data is None or table is None or not len(data.heldout) or not isinstance(run.codec, TableCodec):
        return None
    columns, learned, dialect = run.codec.columns, list(run.codec.learned), run.codec.dialect
    real = data.stored(data.heldout[permutation(Key("shown"), len(data.heldout))[:COMPARED]]).numpy()
    made = run.rows(len(real), seed=3)
    reports = sdmetrics_reports(to_frame(columns, real, dialect), to_frame(columns, made, dialect), columns)
    return table_panel(real[:, learned], made[:, learned], table, run.scores, reports)


def shown_rows(run: Run) -> tuple[list[str], list[list[str]]] | None:
    """Names of the columns, and a few new rows as they are written; None where the run makes none."""
    if not isinstance(run.codec, TableCodec):
        return None
    cells = spelled(run.codec.columns, run.rows(SHOWN), seed=0)
    rows = np.array(cells, dtype=object).T.tolist()
    return [column.name for column in run.codec.columns], rows
