"""Tables that tests make, of which the truth is known."""

from __future__ import annotations

import functools

import numpy as np

from sparring.data import DataSet
from sparring.kinds.tables.data.codec import TableCodec, table_codec
from sparring.kinds.tables.data.coding import NumberCode
from sparring.kinds.tables.data.column import Column, Sheet
from sparring.kinds.tables.data.source import Table

NAN = float("nan")


def mixed_sheet(rows: int = 600, seed: int = 0) -> Sheet:
    """Two modes of a float, a spiky integer with missing values, a rare and a missing choice, a boolean that depends on
    the float, a date, and an identifier."""
    draw = np.random.default_rng(seed)
    high = draw.random(rows) < 0.3
    size = np.where(high, draw.normal(8, 1, rows), draw.normal(2, 0.5, rows)).round(2)
    hours = np.where(draw.random(rows) < 0.5, 40, draw.integers(1, 99, rows)).astype(float)
    hours[draw.random(rows) < 0.1] = NAN
    town = draw.choice([0.0, 1.0, 2.0, NAN], rows, p=[0.9, 0.04, 0.04, 0.02])
    day = draw.integers(10_000, 20_000, rows) * 86_400.0
    columns = (
        Column("size", "float", low=float(size.min()), high=float(size.max()), decimals=2),
        Column("hours", "integer", low=1, high=98, missing=True),
        Column("town", "category", ("Ulm", "Bonn", "Kiel"), missing=True),
        Column("tall", "boolean", ("no", "yes")),
        Column("day", "datetime", low=float(day.min()), high=float(day.max())),
        Column("id", "identifier"),
    )
    return Sheet(columns, np.stack([size, hours, town, high.astype(float), day, np.zeros(rows)], 1))


@functools.cache
def mixed_codec(numbers: NumberCode = "auto") -> TableCodec:
    sheet = mixed_sheet()
    return table_codec(sheet.columns, sheet.values, sheet.dialect, numbers)


def mixed_data(rows: int = 600, **options: object) -> DataSet:
    return Table(path="made.csv", **options).of(mixed_sheet(rows), "made.csv")  # type: ignore[arg-type]
