"""SDMetrics' own quality and diagnostic reports, for those who know its numbers."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from sparring.kinds.tables.data.column import CHOICES, NUMBERS, Column

if TYPE_CHECKING:
    import pandas as pd

ROWS = "rows"
"""The one table's name."""
MISSING = "SDMetrics is not installed; pip install 'sparring[tables]' adds its reports"


def sdmetrics_reports(real: pd.DataFrame, synthetic: pd.DataFrame, columns: Sequence[Column]) -> dict[str, Any]:
    """The scores of both reports with their details, as plain values:

    `{"version": ..., "quality": {"score": ..., "properties": {name: score}, "details": {name: [row, ...]}},
    "diagnostic": {...}}`; where there is none, `{"missing": why}`. Its pair trends are of strongly associated columns
    alone, as its defaults have it.
    """
    try:
        import sdmetrics
        from sdmetrics.reports import DiagnosticReport, QualityReport
    except ImportError:
        return {"missing": MISSING}
    told = {ROWS: metadata(columns, real)}
    names = list(told[ROWS]["columns"])
    first, second = (_readable(frame[names], columns) for frame in (real, synthetic))
    try:
        quality, diagnostic = (_report(kind(), first, second, told) for kind in (QualityReport, DiagnosticReport))
    except Exception as error:  # of another package, on any data: no reason to have no report at all
        return {"missing": f"SDMetrics {sdmetrics.__version__} failed: {type(error).__name__}: {error}"}
    return {"version": sdmetrics.__version__, "quality": quality, "diagnostic": diagnostic}


def metadata(columns: Sequence[Column], real: pd.DataFrame) -> dict[str, Any]:
    """A table's metadata as SDMetrics takes it; free text is not among the columns."""
    kinds = {column.name: {"sdtype": _sdtype(column)} for column in columns if column.kind != "text"}
    keys = [column.name for column in columns if column.kind == "identifier" and real[column.name].is_unique]
    return {"columns": kinds, **({"primary_key": keys[0]} if keys else {})}


def _sdtype(column: Column) -> str:
    if column.kind == "datetime":
        return "datetime"
    if column.kind == "identifier":
        return "id"
    return "numerical" if column.kind in NUMBERS else "categorical"


def _readable(frame: pd.DataFrame, columns: Sequence[Column]) -> pd.DataFrame:
    """Numbers as numbers, dates as dates, choices as text, whatever they were written as."""
    import pandas as pd

    found = {}
    for column in columns:
        if column.name not in frame:
            continue
        values = frame[column.name]
        if column.kind == "datetime":
            values = pd.to_datetime(values, errors="coerce", utc=True, format="mixed").dt.tz_localize(None)
        elif column.kind in NUMBERS:
            values = pd.to_numeric(values, errors="coerce").astype(float)
        elif column.kind in CHOICES:
            values = values.astype(object).where(values.notna(), None)
        found[column.name] = values
    return pd.DataFrame(found).reset_index(drop=True)


def _report(report: Any, real: pd.DataFrame, synthetic: pd.DataFrame, tables: dict[str, Any]) -> dict[str, Any]:
    report.num_rows_subsample = None  # else large tables are sampled, each time others
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        report.generate({ROWS: real}, {ROWS: synthetic}, {"tables": tables}, verbose=False)
        scores = {row["Property"]: _plain(row["Score"]) for _, row in report.get_properties().iterrows()}
        scores = {name: score for name, score in scores.items() if score is not None}
        details = {
            name: [
                {key: _plain(value) for key, value in row.items() if key != "Table"}
                for row in report.get_details(name).to_dict("records")
            ]
            for name in scores
        }
        return {"score": _plain(report.get_score()), "properties": scores, "details": details}


def _plain(value: Any) -> Any:
    """As JSON can hold it."""
    import pandas as pd

    if value is None or value is pd.NA or value != value:
        return None
    return value.item() if hasattr(value, "item") else value
