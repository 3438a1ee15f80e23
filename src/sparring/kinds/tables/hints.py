"""What a demo's page says of conditions on rows; it knows nothing of Gradio."""

from __future__ import annotations

from sparring.kinds.tables.data.codec import TableCodec
from sparring.kinds.tables.data.column import CHOICES

MOST_ROWS = 10_000
"""Rows of a table at once, at most."""


def choices(codec: TableCodec) -> list[str]:
    """The columns of a table whose values can be made equally frequent."""
    return [column.name for column in codec.columns if column.kind in CHOICES]


def hint(codec: TableCodec) -> str:
    """Conditions as they are written, of the table's own columns."""
    told = []
    for column in codec.columns:
        if column.kind in CHOICES:
            told.append(f"{column.name}='{column.categories[0]}'")
        elif column.kind in ("integer", "float"):
            told.append(f"{column.name}>{(column.low + column.high) / 2:.3g}")
    return "\n".join(told[:2])


def conditions(text: str) -> list[str]:
    """A condition a line, as `age>60`."""
    return [line.strip() for line in text.splitlines() if line.strip()]
