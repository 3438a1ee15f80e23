"""Two facts, checked on made-up tables: rare categories keep their share, and a number of three modes keeps them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from making import Order, keep, made
from sets import Typing

ROWS = 10_000
SAMPLED = 50_000
CATEGORY = {"common": 0.95, "rare": 0.025, "scarce": 0.025}
MODES = {-10.0: 0.5, 0.0: 0.3, 15.0: 0.2}
"""Where the modes are, and their shares; each has a standard deviation of 1."""
CATEGORY_OFF = 0.01
"""By how much a category's share may be off, as asked for."""
MODE_OFF = 0.03
"""By how much a mode's share may be off."""
BETWEEN = 0.05
"""The share of values that may lie more than four standard deviations from every mode."""


def made_up(seed: int) -> pd.DataFrame:
    """The category and the number, exactly in their shares, among columns that lean on them."""
    source = np.random.default_rng(seed)
    category = source.permutation(np.repeat(list(CATEGORY), [round(ROWS * share) for share in CATEGORY.values()]))
    mode = source.permutation(np.repeat(list(MODES), [round(ROWS * share) for share in MODES.values()]))
    number = np.round(mode + source.standard_normal(ROWS), 4)
    side = np.where(source.random(ROWS) < 0.8, mode > -5, source.random(ROWS) < 0.5)
    return pd.DataFrame(
        {
            "kind": category,
            "number": number,
            "side": np.where(side, "right", "left"),
            "leans": np.round(0.1 * number + source.standard_normal(ROWS) + 3 * (category == "rare"), 3),
        }
    )


def found(
    systems: Sequence[str], seeds: int, out: Path, budget: str | None, threads: int | None, overrides: tuple[str, ...]
) -> Iterator[dict[str, Any]]:
    for seed in range(seeds):
        frame, folder = made_up(seed), out / f"facts-{seed}"
        folder.mkdir(parents=True, exist_ok=True)
        csv = folder / "train.csv"
        if not csv.exists():
            keep(csv, frame.to_csv(index=False))
        for system in systems:
            count = ROWS if system == "real" else SAMPLED
            made(Order(system, csv, seed, count, budget, overrides), folder / system, threads)
            rows = Typing.of(frame).typed(pd.read_csv(folder / system / "made.csv", dtype=str))
            yield {"system": system, "seed": seed} | looked_at(rows)


def looked_at(rows: pd.DataFrame) -> dict[str, Any]:
    """Shares as they are, and whether they are as they should be."""
    categories = {name: float((rows["kind"] == name).mean()) for name in CATEGORY}
    numbers = rows["number"].dropna().to_numpy()
    distances = np.abs(numbers[:, None] - np.array(list(MODES)))
    nearest = distances.argmin(1)
    modes = {str(mode): float((nearest == at).mean()) for at, mode in enumerate(MODES)}
    between = float((distances.min(1) > 4).mean())
    off = max(abs(categories[name] - share) for name, share in CATEGORY.items())
    modes_off = max(abs(modes[str(mode)] - share) for mode, share in MODES.items())
    return {
        "categories": categories,
        "modes": modes,
        "between": between,
        "categories_hold": off <= CATEGORY_OFF,
        "modes_hold": modes_off <= MODE_OFF and between <= BETWEEN,
    }


def told(found: Sequence[dict[str, Any]]) -> str:
    asked = ", ".join(f"{share:.1%}" for share in (*CATEGORY.values(), *MODES.values()))
    lines = [f"asked for: {asked}; categories within {CATEGORY_OFF:.0%}, modes within {MODE_OFF:.0%}"]
    for one in found:
        words = {kind: "holds" if one[f"{kind}_hold"] else "FAILS" for kind in ("categories", "modes")}
        shares = {kind: ", ".join(f"{share:.2%}" for share in one[kind].values()) for kind in words}
        lines.append(
            f"{one['system']} {one['seed']}: categories {shares['categories']}: {words['categories']}; "
            f"modes {shares['modes']}, {one['between']:.2%} between them: {words['modes']}"
        )
    return "\n".join(lines)
