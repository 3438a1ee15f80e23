"""A study's arms as lines of a terminal."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from sparring.answers.phrases import spelled
from sparring.reports.wording import interval, megabytes, number

if TYPE_CHECKING:
    from sparring.answers.analysis import Analysis

UNKNOWN = "–"


def table(analysis: Analysis) -> list[str]:
    """One line an arm, columns aligned; a line more for each screened arm that has no runs on fresh seeds."""
    name = spelled(analysis.by.metric)
    rows = [("arm", name, "95 %", "seeds", "failed", "step", "memory")]
    for arm in analysis.arms:
        cost = arm.cost
        rows.append(
            (
                arm.name,
                UNKNOWN if arm.mean is None else number(arm.mean),
                interval(arm.interval) or UNKNOWN,
                str(len(arm.scores)),
                str(arm.failed or UNKNOWN),
                UNKNOWN if cost.step_ms is None else f"{number(cost.step_ms)} ms",
                UNKNOWN if cost.peak_mb is None else megabytes(cost.peak_mb),
            )
        )
    lines = aligned(rows)
    known = {arm.name for arm in analysis.arms}
    for one in analysis.screening:
        if one.arm not in known:
            lines.append(f"{one.arm}: {one.state} in the screening after {one.images:,} images, rank {one.rank}")
    return lines


def aligned(rows: Sequence[Sequence[str]]) -> list[str]:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
