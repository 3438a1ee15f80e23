"""What a report shows of a table's rows."""

from __future__ import annotations

import numpy as np
from torch import Tensor

from sparring.base.draws import Key, permutation
from sparring.data import DataSet
from sparring.gan.trained import Trained
from sparring.kinds.kind import Scores, Wish
from sparring.kinds.tables.data.codec import TableCodec
from sparring.kinds.tables.data.spelling import spelled
from sparring.kinds.tables.data.writing import to_frame
from sparring.kinds.tables.metrics.columns import TableView
from sparring.kinds.tables.metrics.panels import TablePanel, table_panel
from sparring.kinds.tables.metrics.sdmetrics_reports import sdmetrics_reports
from sparring.kinds.tables.rows import codec_of, rows_of
from sparring.pages.blocks import Cells

COMPARED = 5_000
"""Rows a side, at most."""
SHOWN = 10
"""New rows that are shown as they are written."""


def columns_of(codec: TableCodec) -> TableView:
    """What metrics are to know of a table's learned columns."""
    return TableView.of(codec.columns, None if codec.target is None else codec.columns[codec.target].name)


def panel_of(trained: Trained, data: DataSet, scores: Scores) -> TablePanel | None:
    """How like the held-out rows new ones are; None where nothing is held out."""
    if not len(data.heldout) or not isinstance(data.codec, TableCodec):
        return None
    codec = codec_of(trained)
    columns, learned, dialect = codec.columns, list(codec.learned), codec.dialect
    real = data.stored(data.heldout[permutation(Key("shown"), len(data.heldout))[:COMPARED]]).numpy()
    made = rows_of(trained, Wish(len(real)), Key(3, "samples"))
    reports = sdmetrics_reports(to_frame(columns, real, dialect), to_frame(columns, made, dialect), columns)
    return table_panel(real[:, learned], made[:, learned], columns_of(data.codec), scores, reports)


def cells_of(samples: Tensor, codec: TableCodec, label: str, *, learned: bool = False) -> Cells:
    """Rows as they are written, of all columns or of the learned ones alone."""
    places = list(codec.learned) if learned else list(range(len(codec.columns)))
    columns = [codec.columns[place] for place in places]
    cells = spelled(columns, samples.numpy()[:, places], seed=0)
    rows = np.array(cells, dtype=object).T.tolist()
    return Cells([column.name for column in columns], rows, label)
