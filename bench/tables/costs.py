"""What training and sampling cost as a table grows: made-up mixed columns, each size in a process of its own."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from making import Order, made

AT_ONCE = 50_000
"""Rows that are made up at a time."""
TEN = 10
"""Columns come in tens: three floats, two integers, four categories, one boolean."""


def ten(rows: int, source: np.random.Generator, first: int) -> pd.DataFrame:
    """Ten columns that lean on one hidden number; a float and a category have missing values."""
    hidden = source.standard_normal(rows)
    mode = source.choice([-4.0, 0.0, 4.0], rows, p=[0.5, 0.3, 0.2])
    noise = [source.standard_normal(rows) for _ in range(3)]
    absent = source.random((2, rows)) < 0.05
    found = {
        "modes": np.round(mode + 0.5 * noise[0], 3),
        "money": np.round(np.exp(7 + hidden + 0.5 * noise[1]), 2),
        "leans": np.where(absent[0], np.nan, np.round(0.8 * hidden + 0.6 * noise[2], 4)),
        "age": np.clip(np.round(40 + 12 * hidden), 17, 90).astype(int),
        "count": source.poisson(np.exp(np.clip(hidden - 1, None, 3))),
        "flag": source.random(rows) < 1 / (1 + np.exp(-2 * hidden)),
    }
    for values in (3, 12, 200, 1000):
        drawn = np.minimum(source.zipf(1.5, rows) - 1 + (hidden > 0), values - 1)
        found[f"of{values}"] = np.char.add("value ", drawn.astype(str))
    frame = pd.DataFrame(found)
    frame.loc[absent[1], "of12"] = None
    return frame.rename(columns={name: f"{name}{first}" for name in frame})


def written(rows: int, columns: int, path: Path) -> Path:
    """A CSV file of a made-up table, made once. Raises SystemExit for columns not in tens."""
    if columns < TEN or columns % TEN:
        raise SystemExit(f"--columns: {columns} is not in tens; take {max(TEN, columns // TEN * TEN)}")
    if path.exists():
        return path
    path.parent.mkdir(parents=True, exist_ok=True)
    part, source = path.with_suffix(".part"), np.random.default_rng(rows + columns)
    with part.open("w") as file:
        for start in range(0, rows, AT_ONCE):
            count = min(AT_ONCE, rows - start)
            frames = [ten(count, source, first) for first in range(0, columns, TEN)]
            pd.concat(frames, axis=1).to_csv(file, index=False, header=start == 0)
    os.replace(part, path)
    return path


def measured(
    systems: Sequence[str],
    sizes: Sequence[tuple[int, int]],
    out: Path,
    budget: str,
    threads: int | None,
    overrides: tuple[str, ...],
) -> Iterator[dict[str, Any]]:
    """A row for each system and size; as many rows are sampled as there are."""
    for rows, columns in sizes:
        csv = written(rows, columns, out / f"cost-{rows}-{columns}" / "table.csv")
        for system in systems:
            order = Order(system, csv, 0, rows, budget, overrides, kept=False)
            facts = made(order, csv.parent / system, threads)
            yield row_of(system, rows, columns, facts)


def row_of(system: str, rows: int, columns: int, facts: dict[str, Any]) -> dict[str, Any]:
    """`before_s` is all of the training that is no step: reading, fitting what encodes, scores, report."""
    return {
        "system": system,
        "rows": rows,
        "columns": columns,
        "train_s": facts["wall"],
        "before_s": facts["wall"] - facts["loop"] if "loop" in facts else None,
        "train_rows_per_s": facts.get("rows_per_s"),
        "sample_rows_per_s": rows / facts["sample"],
        "train_peak_mb": facts["train_peak_mb"],
        "peak_mb": facts["peak_mb"],
    }


def told(rows: Sequence[dict[str, Any]]) -> str:
    titles = {
        "train_s": "train s",
        "before_s": "not steps s",
        "train_rows_per_s": "trains rows/s",
        "sample_rows_per_s": "samples rows/s",
        "train_peak_mb": "train MB",
        "peak_mb": "peak MB",
    }
    lines = [f"{'system':12}{'rows':>10}{'columns':>9}" + "".join(f"{title:>16}" for title in titles.values())]
    for one in rows:
        cells = ("-" if one[name] is None else f"{one[name]:,.0f}" for name in titles)
        lines.append(
            f"{one['system']:12}{one['rows']:10,}{one['columns']:9}" + "".join(f"{cell:>16}" for cell in cells)
        )
    return "\n".join(lines)
