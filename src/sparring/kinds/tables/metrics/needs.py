"""What metrics of tables need of the views."""

from __future__ import annotations

from sparring.kinds.tables.metrics.columns import TableView
from sparring.metrics import Views
from sparring.metrics.needs import kept_samples


def table(views: Views) -> str | None:
    """Rows of a table."""
    if not isinstance(views.about, TableView):
        return "needs rows of a table"
    return kept_samples(views)


def two_columns(views: Views) -> str | None:
    """A table of two columns or more."""
    few = isinstance(views.about, TableView) and len(views.about.columns) < 2
    return "needs a table of at least 2 columns" if few else table(views)


def target(views: Views) -> str | None:
    """A table with a column to predict, and others to predict it by."""
    if isinstance(views.about, TableView) and views.about.target is None:
        return "needs a target: data.table.target=COLUMN"
    return two_columns(views)


def train_rows(views: Views) -> str | None:
    """The rows of a table that training saw."""
    given = views.train is not None and views.train.samples is not None and len(views.train) > 1
    return table(views) or (None if given else "needs the rows that were trained on, and they were not given")
