"""From results to tables of means, paired intervals, and what holds of what was asked for."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from scipy import stats

Result = dict[str, Any]

OURS, THEIRS = "sparring", "ctgan"
SHARE_OF_TIME = 1 / 3
TITLES = {
    "boosted_auc": "boosted AUC",
    "boosted_r2": "boosted R2",
    "boosted_f1": "boosted F1",
    "linear_auc": "linear AUC",
    "linear_r2": "linear R2",
    "linear_f1": "linear F1",
    "told_apart": "told apart",
    "shapes": "shapes",
    "pairs": "pairs",
    "missing_off": "missing off",
    "copies": "copies",
}
SECONDS = {"wall": "train s", "cpu": "CPU s", "sample": "sample s"}
MAIN = ("boosted_auc", "boosted_r2")
"""What is to be no worse: whichever the data set has."""


class Interval(NamedTuple):
    """A mean over seeds with its 95 % interval by Student's t; without one for a single seed."""

    mean: float
    low: float
    high: float


class Verdict(NamedTuple):
    """One thing asked for, and whether it holds; None where it was not measured."""

    what: str
    holds: bool | None
    why: str


def student(values: Sequence[float]) -> Interval:
    mean = float(np.mean(values))
    if len(values) < 2:
        return Interval(mean, math.nan, math.nan)
    half = float(stats.t.ppf(0.975, len(values) - 1) * np.std(values, ddof=1) / len(values) ** 0.5)
    return Interval(mean, mean - half, mean + half)


def values_of(results: Sequence[Result], table: str, system: str, name: str) -> dict[int, float]:
    """A score or a time of a system on a data set, by seed."""
    found = {}
    for one in results:
        value = (one["scores"] | one["made"]).get(name)
        if (one["set"], one["system"]) == (table, system) and value is not None:
            found[one["seed"]] = float(value)
    return found


def paired(results: Sequence[Result], table: str, name: str) -> Interval | None:
    """Ours minus theirs, over the seeds that both have; None where there is none."""
    ours, theirs = (values_of(results, table, system, name) for system in (OURS, THEIRS))
    both = [ours[seed] - theirs[seed] for seed in ours if seed in theirs]
    return student(both) if both else None


def verdicts(results: Sequence[Result]) -> list[Verdict]:
    """What was asked for, on the data sets at hand."""
    tables = names(results, "set")
    differences = {table: main_difference(results, table) for table in tables}
    measured = [one for one in differences.values() if one is not None]
    found = [
        Verdict(f"{table}: no worse within the interval", no_worse(one), told(one))
        for table, one in differences.items()
    ]
    mean = float(np.mean([one.mean for one in measured])) if measured else math.nan
    whole = bool(measured) and len(measured) == len(tables)
    why = f"{mean:+.4f} over {len(measured)} data sets" if measured else "not measured"
    found.append(Verdict("better on average", mean > 0 if whole else None, why))
    for table in tables:
        apart = paired(results, table, "told_apart")
        found.append(Verdict(f"{table}: harder to tell apart", None if apart is None else apart.mean < 0, told(apart)))
    return [*found, *(in_time(results, table) for table in tables), *(no_copies(results, table) for table in tables)]


def main_difference(results: Sequence[Result], table: str) -> Interval | None:
    return next((one for name in MAIN if (one := paired(results, table, name)) is not None), None)


def no_worse(difference: Interval | None) -> bool | None:
    """Whether the interval reaches zero; a single seed has none."""
    return None if difference is None or math.isnan(difference.high) else difference.high >= 0


def in_time(results: Sequence[Result], table: str) -> Verdict:
    """By the mean of training seconds and of the processor's, since others may share the machine."""
    ratios = []
    for name in ("wall", "cpu"):
        ours, theirs = (values_of(results, table, system, name) for system in (OURS, THEIRS))
        both = ours.keys() & theirs.keys()
        if not both:
            return Verdict(f"{table}: at most a third of the time", None, "not measured")
        ratios.append(sum(ours[seed] for seed in both) / sum(theirs[seed] for seed in both))
    why = f"{ratios[0]:.3f} of the seconds, {ratios[1]:.3f} of the processor's"
    return Verdict(f"{table}: at most a third of the time", max(ratios) <= SHARE_OF_TIME, why)


def no_copies(results: Sequence[Result], table: str) -> Verdict:
    what = f"{table}: no more copies than held-out rows have"
    ours, held = (list(values_of(results, table, OURS, name).values()) for name in ("copies", "copies_held"))
    if not ours:
        return Verdict(what, None, "not measured")
    return Verdict(what, bool(np.mean(ours) <= np.mean(held)), f"{np.mean(ours):.3%} beside {np.mean(held):.3%}")


def told(interval: Interval | None) -> str:
    if interval is None:
        return "not measured"
    within = "" if math.isnan(interval.low) else f" ({interval.low:+.4f} to {interval.high:+.4f})"
    return f"{interval.mean:+.4f}{within}"


def names(results: Sequence[Result], key: str) -> list[str]:
    return list(dict.fromkeys(one[key] for one in results))


def table_of(results: Sequence[Result], table: str) -> str:
    """A data set's table: means over seeds, a line for each system."""
    mine = [one for one in results if one["set"] == table]
    scores = [name for name in TITLES if any(one["scores"].get(name) is not None for one in mine)]
    titles = [*(TITLES[name] for name in scores), *SECONDS.values()]
    seeds = len(names(mine, "seed"))
    copied = np.mean([one["scores"]["copies_held"] for one in mine])
    lines = [
        f"{table}: {mine[0]['training']:,} training rows, {mine[0]['heldout']:,} held out "
        f"(of which {copied:.2%} are copies), {seeds} seeds",
        "  " + "".join([f"{'':12}", *(f"{title:>{width(title)}}" for title in titles)]),
    ]
    for system in names(mine, "system"):
        cells = [cell(mine, table, system, name) for name in (*scores, *SECONDS)]
        padded = (f"{one:>{width(title)}}" for one, title in zip(cells, titles, strict=True))
        lines.append("  " + "".join([f"{system:12}", *padded]))
    return "\n".join([*lines, *differences_of(results, table, scores)])


def width(title: str) -> int:
    return max(len(title), 6) + 2


def cell(results: Sequence[Result], table: str, system: str, name: str) -> str:
    values = list(values_of(results, table, system, name).values())
    if not values:
        return "-"
    mean = float(np.mean(values))
    if name in SECONDS:
        return f"{mean:,.2f}" if mean < 10 else f"{mean:,.0f}"
    return f"{mean:.2%}" if name == "copies" else f"{mean:.3f}"


def differences_of(results: Sequence[Result], table: str, scores: Sequence[str]) -> list[str]:
    """Lines of ours minus theirs, where both were measured."""
    found = [(TITLES[name], paired(results, table, name)) for name in scores]
    return [f"  {OURS} minus {THEIRS}, {title}: {told(one)}" for title, one in found if one is not None]


def told_verdict(verdict: Verdict) -> str:
    word = {True: "holds", False: "FAILS", None: "open"}[verdict.holds]
    return f"{word:6} {verdict.what}: {verdict.why}"
