"""Tables as files."""

from __future__ import annotations

import csv
import math
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sparring.kinds.tables.data.column import Column
from sparring.recipe import Recipe, validated
from tests.conftest import small_fields
from tests.kinds.tables.data.made import mixed_sheet


def write_mixed(path: Path, rows: int = 400, seed: int = 0) -> Path:
    """`made.mixed_sheet` as a CSV file, with keys for its identifiers."""
    sheet = mixed_sheet(rows, seed)
    with path.open("w", newline="") as out:
        writer = csv.writer(out)
        writer.writerow([column.name for column in sheet.columns])
        for number, row in enumerate(sheet.values):
            cells = [_cell(column, value) for column, value in zip(sheet.columns, row, strict=True)]
            writer.writerow([*cells[:-1], f"K-{7 * number % 9973:05d}"])
    return path


def _cell(column: Column, value: float) -> str:
    if math.isnan(value):
        return ""
    if column.categories:
        return column.categories[int(value)]
    if column.kind == "datetime":
        return datetime.fromtimestamp(value, UTC).date().isoformat()
    return f"{value:.{column.decimals}f}"


def table_fields(path: Path, **changes: Any) -> dict[str, Any]:
    """The fields of a recipe that trains on a table in milliseconds a step."""
    nets = {"net": {"tabular": {"widths": [16]}}}
    data = {"table": {"path": str(path)} | changes.pop("table", {})}
    fields = {"data": data, "game": "table", "generator": nets, "discriminator": nets, "score": {"metrics": []}}
    return small_fields(**(fields | changes))


def table_recipe(path: Path, **changes: Any) -> Recipe:
    return validated(table_fields(path, **changes))
