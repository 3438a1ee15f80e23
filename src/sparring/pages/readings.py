"""Scores as their file has them, in order: each metric's newest value under each protocol, and how it got there."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sparring.pages.naming import titled
from sparring.pages.wording import is_number

MADE_OF = "made_of"
"""The protocol's entry for what samples are made of, where that is held-out inputs."""
RESULTS = frozenset(
    (
        MADE_OF,
        "training_data",
        "step",
        "p_value",
        "standard_error",
        "real_value",
        "fake_value",
        "kl_to_uniform",
        "nearest_is_train",
        "nearest_is_train_expected",
        "copies",
        "near_copies",
        "near_copies_expected",
        "accuracy",
        "worst",
        "random",
        "epsilon",
        "mean_length",
        "mean_logit",
        "mean_distance",
        "logits_apart",
        "below_fakes",
        "below_fakes_before",
        "linear",
        "linear_training_data",
        "worst_columns",
        "worst_pairs",
        "typical_distance",
        "typical_distance_heldout",
        "expected",
        "of_heldout",
        "unequal",
        "unequal_near",
        "unequal_heldout",
        "unequal_near_heldout",
    )
)
"""Entries of a protocol that say what came out, not how it was measured. (An extractor's accuracy goes with its hash,
and what is expected by chance with the numbers of samples.)"""


@dataclass(frozen=True)
class Reading:
    """A metric's value at a step."""

    metric: str
    step: int
    value: float
    interval: tuple[float, float] | None
    n: int | None
    better: str
    protocol: dict[str, Any]
    note: str

    @property
    def conditions(self) -> dict[str, Any]:
        """How it was measured: readings are comparable where these agree."""
        told = {name: value for name, value in self.protocol.items() if name not in RESULTS}
        return told | {"n": self.n, "better": self.better}

    @property
    def key(self) -> str:
        """The conditions as text, to tell readings of the same metric apart."""
        return json.dumps(self.conditions, sort_keys=True, default=str)

    @property
    def extractor(self) -> str:
        return str(self.protocol.get("extractor", ""))

    @property
    def title(self) -> str:
        """The metric's name as a person is to read it."""
        return titled(self.metric, self.extractor)

    def number_of(self, entry: str) -> float | None:
        """A number of the protocol, where it has one of that name."""
        value = self.protocol.get(entry)
        return float(value) if is_number(value) else None


@dataclass(frozen=True)
class Course:
    """The readings of one metric under one protocol, by rising step; at least one."""

    readings: list[Reading]

    @property
    def newest(self) -> Reading:
        return self.readings[-1]


def histories(lines: Sequence[Mapping[str, Any]], until: int) -> list[Course]:
    """One history for each metric and protocol, in the order they first came, a metric's own together and the one last
    measured first. What was scored after the step `until` belongs to an attempt that was given up. A step scored again
    counts once."""
    found: dict[tuple[str, str], dict[int, tuple[int, Reading]]] = {}
    for place, line in enumerate(lines):
        for reading in _of_line(line):
            if reading.step <= until:
                found.setdefault((reading.metric, reading.key), {})[reading.step] = (place, reading)
    metrics = list(dict.fromkeys(metric for metric, _ in found))
    last = {key: max(place for place, _ in steps.values()) for key, steps in found.items()}
    ordered = sorted(found, key=lambda key: (metrics.index(key[0]), -last[key]))
    return [Course([found[key][step][1] for step in sorted(found[key])]) for key in ordered]


def _of_line(line: Mapping[str, Any]) -> list[Reading]:
    step, scores = line.get("step"), line.get("scores")
    if not is_number(step) or not isinstance(scores, dict):
        return []
    read = [_reading(str(name), int(step), score) for name, score in scores.items() if isinstance(score, dict)]
    return [reading for reading in read if reading is not None]


def _reading(name: str, step: int, score: Mapping[str, Any]) -> Reading | None:
    value, bounds, n, protocol = (score.get(key) for key in ("value", "interval", "n", "protocol"))
    if not is_number(value):
        return None
    whole = isinstance(bounds, list | tuple) and len(bounds) == 2 and all(map(is_number, bounds))
    return Reading(
        metric=name,
        step=step,
        value=float(value),
        interval=(float(bounds[0]), float(bounds[1])) if whole and bounds is not None else None,
        n=int(n) if is_number(n) else None,
        better=str(score.get("better", "")),
        protocol=dict(protocol) if isinstance(protocol, dict) else {},
        note=str(score.get("note") or ""),
    )
