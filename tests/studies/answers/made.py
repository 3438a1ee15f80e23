"""Runs of studies that never were."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from sparring.studies.answers.records import Point, RunRecord


def record(arm: str, seed: int, score: float | None, **changes: Any) -> RunRecord:
    """A run that fell towards its score; without one it failed."""
    curve = (
        () if score is None else tuple(Point(50_000 * i, score * (1 + 2 / i), score * (1 + 1 / i)) for i in range(1, 6))
    )
    if score is not None:
        curve += (Point(300_000, score, score, 0.1 * seed),)
    fields: dict[str, Any] = {
        "arm": arm,
        "overrides": tuple(arm.split(", ")),
        "seed": seed,
        "stage": "final",
        "state": "failed" if score is None else "finished",
        "metric": "fid",
        "selection": score,
        "score": score,
        "curve": curve,
        "step_ms": 10.0,
        "peak_mb": 400.0,
        "seconds": 60.0,
        "directory": f"{arm}/seed-{seed}",
        "why": "diverged three times" if score is None else "",
    }
    return RunRecord(**(fields | changes))


def study(scores: Mapping[str, Sequence[float | None]], **changes: Any) -> list[RunRecord]:
    """One run for each arm and seed, seeds from 0 on."""
    return [record(arm, seed, one, **changes) for arm, row in scores.items() for seed, one in enumerate(row)]


def simulated(
    source: np.random.Generator, effects: Mapping[str, float], seeds: int, scatter: float = 0.1, shared: float = 0.3
) -> dict[str, list[float]]:
    """Log-normal scores: effects in logs, what all arms of a seed share, and the scatter of a single run."""
    common = source.normal(math.log(50), shared, seeds)
    return {arm: np.exp(common + effect + source.normal(0, scatter, seeds)).tolist() for arm, effect in effects.items()}
