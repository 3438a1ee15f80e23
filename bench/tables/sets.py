"""The data sets, how they are split, and the one way in which every table, real or not, is read for scoring."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

BESIDE = Path(__file__).resolve().parents[3] / "shared" / "data"
"""Where development data lie, if they do: beside the project."""
HELD = 0.2
MISSING = ("?", "", "missing")
"""Spellings of a missing value besides pandas' own; the last is what the reference gets for one."""
MOST_DECIMALS = 6


class TableSet(NamedTuple):
    """A data set: a CSV file of its name, what is to be predicted, and which columns are left out."""

    name: str
    target: str
    drop: tuple[str, ...] = ()
    numeric: bool = False
    """Whether the target is a number to regress on."""
    small: bool = False
    """Whether it is so small that more splits are due."""
    steps: int = 5_000
    """Of Sparring's training, so that it takes a third of CTGAN's time."""


SETS = {
    one.name: one
    for one in (
        TableSet("adult", "income"),
        TableSet("penguins", "species", small=True, steps=180),
        TableSet("titanic", "survived", ("alive",), small=True, steps=240),  # which copies the target
        TableSet("diamonds", "price", numeric=True),
    )
}


def data_folder(said: Path | None) -> Path:
    """Where the CSV files are: as said, or below `SPARRING_DATA`, or beside the project. Raises SystemExit."""
    above = Path(os.environ["SPARRING_DATA"]) if "SPARRING_DATA" in os.environ else BESIDE
    tried = [said] if said is not None else [above / "tabular", above]
    for folder in tried:
        if any((folder / f"{name}.csv").is_file() for name in SETS):
            return folder
    raise SystemExit(f"--data: no {', '.join(f'{name}.csv' for name in SETS)} in {' or '.join(map(str, tried))}")


def read_plain(path: Path, drop: tuple[str, ...] = ()) -> pd.DataFrame:
    """A table as pandas reads it, which is what the reference trains on."""
    return pd.read_csv(path, skipinitialspace=True).drop(columns=list(drop))


def read_raw(path: Path, drop: tuple[str, ...] = ()) -> pd.DataFrame:
    """A table as it is spelled, padding included."""
    return pd.read_csv(path, dtype=str, keep_default_na=False).drop(columns=list(drop))


def split(rows: int, seed: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The places of training and of held-out rows, each in the file's order; a shuffle's first fifth is held out."""
    order = np.random.default_rng(seed).permutation(rows)
    count = round(rows * HELD)
    return np.sort(order[count:]), np.sort(order[:count])


@dataclass(frozen=True)
class Typing:
    """What each column is, by the whole original table: a number, or a category with its values."""

    columns: tuple[str, ...]
    categories: Mapping[str, tuple[str, ...]]
    """By column; the columns that are not here are numbers."""
    decimals: Mapping[str, int]

    @staticmethod
    def of(frame: pd.DataFrame, target: str = "", *, numeric: bool = False) -> Typing:
        """By a table as pandas read it; a target to classify is a category, whatever it is spelled like."""
        numbers = [name for name in frame if is_number(frame[name]) and (str(name) != target or numeric)]
        return Typing(
            tuple(map(str, frame)),
            {str(name): tuple(sorted(texts(frame[name]).dropna().unique())) for name in frame if name not in numbers},
            {str(name): decimals(frame[name]) for name in numbers},
        )

    @property
    def numbers(self) -> tuple[str, ...]:
        return tuple(name for name in self.columns if name not in self.categories)

    def typed(self, frame: pd.DataFrame) -> pd.DataFrame:
        """Numbers as float64 with NaN, categories as text without padding, or None.

        Raises ValueError for other columns."""
        if sorted(map(str, frame)) != sorted(self.columns):
            raise ValueError(f"columns {list(frame)}, not {list(self.columns)}")
        return pd.DataFrame(
            {name: texts(frame[name]) if name in self.categories else floats(frame[name]) for name in self.columns}
        )


def is_number(column: pd.Series[Any]) -> bool:
    return pd.api.types.is_numeric_dtype(column) and not pd.api.types.is_bool_dtype(column)


def texts(column: pd.Series[Any]) -> pd.Series[Any]:
    """As text without padding, whole numbers without `.0`; None for what is missing."""
    there = column.notna()
    words = column.astype(object).where(there, "").astype(str).str.strip().str.removesuffix(".0")
    return words.where(there & ~words.isin(MISSING), None).reset_index(drop=True)


def floats(column: pd.Series[Any]) -> pd.Series[Any]:
    """As float64; NaN for what is missing or no number."""
    if column.dtype == object:
        column = column.astype(str).str.strip()
    values = pd.to_numeric(column, errors="coerce").to_numpy(dtype=np.float64, na_value=np.nan)
    return pd.Series(values, name=column.name)


def decimals(column: pd.Series[Any]) -> int:
    """How many digits after the point its values have, at most."""
    values = column.dropna().to_numpy(dtype=np.float64)
    return next((d for d in range(MOST_DECIMALS) if np.array_equal(np.round(values, d), values)), MOST_DECIMALS)
