"""What a study's screening saw: context for the answers, never a ground for them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

from sparring.metrics import Better
from sparring.studies.answers.records import RunRecord, State


class Screened(NamedTuple):
    """An arm in the screening."""

    rank: int
    """From 1; those that failed everywhere come last."""
    arm: str
    selection: float | None
    """Mean over its runs of the best score on the selection part; None where all failed before a first score."""
    runs: int
    state: State
    images: int
    """After which its last run ended or was stopped."""
    why: str

    def to_json(self) -> dict[str, Any]:
        return self._asdict()


def screened(records: Sequence[RunRecord], names: Sequence[str], better: Better) -> list[Screened]:
    """The screening's arms, best first: by how far they got, then by score. Of equals, the first named leads."""
    found = []
    for name in names:
        runs = [record for record in records if record.arm == name]
        if not runs:
            continue
        scores = [run.selection for run in runs if run.selection is not None and math.isfinite(run.selection)]
        states = [run.state for run in runs]
        state: State = next(one for one in ("finished", "stopped", "failed") if one in states)
        images = max((point.images for run in runs for point in run.curve), default=0)
        why = next((run.why for run in runs if run.why), "")
        mean = math.fsum(scores) / len(scores) if scores else None
        found.append(Screened(0, name, mean, len(runs), state, images, why))

    def place(one: Screened) -> tuple[int, float]:
        worth = math.inf if one.selection is None else one.selection if better == "lower" else -one.selection
        return ("finished", "stopped", "failed").index(one.state), worth

    return [one._replace(rank=rank) for rank, one in enumerate(sorted(found, key=place), 1)]
