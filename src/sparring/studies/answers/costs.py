"""What an arm costs: time and memory of its steps, and images until a score is reached."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from typing import NamedTuple

from sparring.metrics import Better
from sparring.studies.answers.records import RunRecord


class Cost(NamedTuple):
    """Medians over the runs that did not fail; None where all did."""

    step_ms: float | None
    peak_mb: float | None
    seconds: float | None
    images_to_baseline: int | None
    """Images at the first point of the curve that is at least as good as the baseline's mean score, the median over all
    seeds, failed ones too; None where half of them or more never get there."""
    reached: int
    """Runs that get there at all."""


def cost_of(runs: Sequence[RunRecord], failed: Sequence[bool], target: float | None, better: Better) -> Cost:
    """The cost of an arm's runs; without a target nothing reaches it."""
    whole = [run for run, fell in zip(runs, failed, strict=True) if not fell]
    images = [None if fell else images_to(run, target, better) for run, fell in zip(runs, failed, strict=True)]
    there = sorted(count for count in images if count is not None)
    # The upper of the two middle ones where the number is even: what most runs take at most
    middle = len(images) // 2
    return Cost(
        step_ms=_median([run.step_ms for run in whole]),
        peak_mb=_median([run.peak_mb for run in whole]),
        seconds=_median([run.seconds for run in whole]),
        images_to_baseline=there[middle] if middle < len(there) else None,
        reached=len(there),
    )


def images_to(run: RunRecord, target: float | None, better: Better) -> int | None:
    """Images at the first point of the curve whose reported score is at the target or better; None for never."""
    if target is None:
        return None
    for point in sorted(run.curve):
        if point.report <= target if better == "lower" else point.report >= target:
            return point.images
    return None


def _median(values: Sequence[float]) -> float | None:
    return statistics.median(values) if values else None
