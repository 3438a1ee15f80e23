"""All systems on the same splits: each result is made once, scored once, and kept."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd
from making import Order, asked, keep, made
from scores import scored
from sets import SETS, TableSet, Typing, read_plain, read_raw, split

Result = dict[str, Any]


class Comparison(NamedTuple):
    """What is asked for."""

    data: Path
    out: Path
    sets: Sequence[str]
    seeds: int
    small_seeds: int
    """Of small data sets."""
    systems: Sequence[str]
    reference: Path | None = None
    """A folder of what CTGAN made before: `adult-0.csv` and `adult-0.json` with `wall`, `cpu` and `sample`."""
    threads: int | None = None
    budget: str | None = None
    overrides: tuple[str, ...] = ()


class Splits:
    """A data set, split by each seed."""

    def __init__(self, table: TableSet, data: Path) -> None:
        path = data / f"{table.name}.csv"
        self.table = table
        self.plain, self.raw = read_plain(path, table.drop), read_raw(path, table.drop)
        self.typing = Typing.of(self.plain, table.target, numeric=table.numeric)

    def write(self, seed: int, folder: Path) -> Path:
        """The training rows as they were spelled, and beside them as pandas typed the whole table."""
        path = folder / "train.csv"
        train, _ = split(len(self.plain), seed)
        if not path.exists():
            folder.mkdir(parents=True, exist_ok=True)
            self.plain.iloc[train].reset_index(drop=True).to_pickle(path.with_suffix(".pkl"))
            keep(path, self.raw.iloc[train].to_csv(index=False))
        return path

    def typed(self, seed: int) -> tuple[pd.DataFrame, pd.DataFrame]:
        """Training and held-out rows."""
        train, held = (self.typing.typed(self.plain.iloc[rows]) for rows in split(len(self.plain), seed))
        return train, held


def compared(wanted: Comparison) -> Iterator[Result]:
    """Every result, as it comes; seeds in turn, so that what is there first is of all systems."""
    for name in wanted.sets:
        splits = Splits(SETS[name], wanted.data)
        for seed in range(wanted.small_seeds if SETS[name].small else wanted.seeds):
            for system in wanted.systems:
                yield result(splits, seed, system, wanted)


def result(splits: Splits, seed: int, system: str, wanted: Comparison) -> Result:
    """One system on one split, from its files if it was made and scored before."""
    train, held = splits.typed(seed)
    folder = wanted.out / f"{splits.table.name}-{seed}"
    place = folder / system
    budget = wanted.budget or f"{splits.table.steps}steps"
    order = Order(system, splits.write(seed, folder), seed, len(train), budget, wanted.overrides)
    if wanted.reference is not None and system == "ctgan":
        take_reference(wanted.reference, f"{splits.table.name}-{seed}", place, order)
    facts, file = made(order, place, wanted.threads), place / "scores.json"
    if not file.exists() or file.stat().st_mtime < (place / "made.json").stat().st_mtime:
        rows = splits.typing.typed(pd.read_csv(place / "made.csv", dtype=str, skipinitialspace=True))
        found = scored(splits.table, splits.typing, rows, train, held, seed)
        keep(file, json.dumps(found))
        say(f"{splits.table.name} {seed} {system}: {facts['wall']:.0f} s, told apart {found['told_apart']:.3f}")
    about = {"set": splits.table.name, "seed": seed, "system": system, "training": len(train), "heldout": len(held)}
    return about | {"made": facts, "scores": json.loads(file.read_text())}


def take_reference(reference: Path, name: str, place: Path, order: Order) -> None:
    """Copies what CTGAN made before, where it is there and nothing newer was made."""
    source, file = reference / f"{name}.json", place / "made.json"
    if file.exists() or not source.exists():
        return
    place.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(source.with_suffix(".csv"), place / "made.csv")
    keep(file, json.dumps(json.loads(source.read_text()) | {"asked": asked(order), "reference": True}))


def say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)
