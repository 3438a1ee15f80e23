"""What a training has shown so far, as plain numbers over steps: all that rules may see."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import median
from typing import Any, NamedTuple, TypeGuard

import numpy as np
from numpy.typing import NDArray

from sparring.kinds.kind import Sign

Numbers = NDArray[np.float64]


@dataclass(frozen=True)
class Facts:
    """What is known of a run beside its numbers. The defaults say that it is not known."""

    steps: int | None = None
    """After which it can be told what became of the run: its own, or its recipe's where these are more."""
    batch: int | None = None
    zero_is_undecided: bool = True
    """Whether a logit of 0 means "as likely real as fake"."""
    differences_alone: bool = False
    """Whether nothing but differences of logits means something."""
    penalties: tuple[str, ...] = ()
    """Names of the discriminator's penalties on slopes."""
    bounded: bool = False
    """Whether something else (spectral norm, clipping) bounds the discriminator's slope."""
    needs_bound: bool = False
    """Whether the objective means nothing without a bounded slope (Wasserstein)."""
    saturates: bool = False
    """Whether the generator's loss flattens where the discriminator is sure (minimax)."""
    takes_sigmoid: bool = False
    """Whether the loss applies the sigmoid to logits itself."""
    dropout: float = 0.0
    """The highest rate in the discriminator."""
    generator_dropout: float = 0.0
    """The highest rate in the generator."""
    momentum: float = 0.0
    """The higher of the players' first betas, or momenta."""
    rates: tuple[float, float] | None = None
    """Learning rates of discriminator and generator, at their highest."""
    rows: bool = False
    """Whether values are mostly one of several, as in rows of a table."""
    signs: tuple[Sign, ...] = ()
    """Illnesses of this kind of data alone."""
    translates: bool = False
    """Whether samples are made from the training images themselves, and so lie near them."""
    single: bool = False
    """Whether all samples are of one picture, which may be pale or dark throughout."""
    finished: bool = False
    """Whether the last step was reached."""
    spent: bool = False
    """Whether the patience of its scores ended it: more of the same was tried, and was no better."""


class Scored(NamedTuple):
    """A score over steps."""

    metric: str
    better: str
    """`lower` or `higher`."""
    steps: tuple[int, ...]
    values: tuple[float, ...]
    yardstick: float | None = None
    """What as many training samples score, where it was measured."""
    extractor: str = ""
    """Of whose features it is, where it is of any."""


class History:
    """Readings in the order of steps, scores, and falls. Rules read it; whoever measures adds to it."""

    def __init__(
        self,
        facts: Facts = Facts(),
        *,
        scores: Sequence[Scored] = (),
        falls: Sequence[Mapping[str, Any]] = (),
        data: Mapping[str, float] | None = None,
    ) -> None:
        self.facts = facts
        self.scores = tuple(scores)
        self.falls = tuple(falls)
        """Findings that say that the run diverged."""
        self.data: dict[str, float] = dict(data or {})
        """What was seen in the training data before the first step."""
        self.steps: list[int] = []
        """Of all readings."""
        self._columns: dict[str, tuple[list[int], list[float]]] = {}

    def add(self, line: Mapping[str, Any]) -> None:
        """Takes a reading in, `step` among its numbers, or what was seen in the data, without a step. Where a step is
        walked again (a resume, a rollback), the later walk counts."""
        numbers = {name: float(value) for name, value in line.items() if is_number(value)}
        if "step" not in numbers:
            self.data |= numbers
            return
        step = int(numbers.pop("step"))
        if self.steps and self.steps[-1] >= step:
            self._forget(step)
        self.steps.append(step)
        for name, value in numbers.items():
            steps, values = self._columns.setdefault(name, ([], []))
            steps.append(step)
            values.append(value)

    def _forget(self, step: int) -> None:
        """Takes back all readings of this step and later ones."""
        for steps, values in self._columns.values():
            while steps and steps[-1] >= step:
                steps.pop()
                values.pop()
        while self.steps and self.steps[-1] >= step:
            self.steps.pop()

    def until(self, step: int) -> History:
        """The history as it stood after a step."""
        scores = [
            s._replace(steps=s.steps[:n], values=s.values[:n])
            for s in self.scores
            if (n := sum(at <= step for at in s.steps))
        ]
        falls = [fall for fall in self.falls if fall.get("since_step", 0) <= step]
        facts = replace(self.facts, finished=self.facts.finished and step >= self.step)
        found = History(facts, scores=scores, falls=falls, data=self.data)
        found.steps = [at for at in self.steps if at <= step]
        for name, (steps, values) in self._columns.items():
            count = bisect_right(steps, step)
            if count:
                found._columns[name] = steps[:count], values[:count]
        return found

    @property
    def step(self) -> int:
        """The last one read; 0 before the first."""
        return self.steps[-1] if self.steps else 0

    @property
    def names(self) -> list[str]:
        """All series, in the order they first came."""
        return list(self._columns)

    def series(self, name: str) -> tuple[Numbers, Numbers]:
        """Steps and values of the readings that have the name."""
        steps, values = self._columns.get(name, ([], []))
        return np.array(steps, dtype=np.float64), np.array(values, dtype=np.float64)

    def values(self, name: str, count: int | None = None) -> Numbers:
        """The last so many values of a series, or all."""
        values = self._columns.get(name, ([], []))[1]
        return np.array(values if count is None else values[-count:], dtype=np.float64)

    def last(self, name: str, count: int = 1) -> float | None:
        """The median of the last so many values; None where there is none."""
        values = self._columns.get(name, ([], []))[1][-count:]
        return median(values) if values else None  # many times quicker than NumPy's, of a few values

    def since(self, name: str, holds: Callable[[float], bool]) -> int | None:
        """The first step of the last stretch in which `holds(value)`; None where it does not hold at the end. A single
        reading that differs is no break."""
        steps, values = self._columns.get(name, ([], []))
        found: int | None = None
        missed = 0
        for step, value in zip(reversed(steps), reversed(values), strict=True):
            if holds(value):
                found, missed = step, 0
            else:
                missed += 1
                if found is None or missed > 1:
                    break
        return found


def history_of(lines: Iterable[Mapping[str, Any]], facts: Facts = Facts(), **more: Any) -> History:
    """The history that a file's lines tell."""
    history = History(facts, **more)
    for line in lines:
        history.add(line)
    return history


def scored_of(lines: Sequence[Mapping[str, Any]], until: int | None = None) -> tuple[Scored, ...]:
    """Each metric's values over steps, from the lines of `scores.jsonl`, by the newest protocol of each; what a later
    line says of the same step counts."""
    found: dict[str, dict[int, tuple[float, str, str]]] = {}
    best: dict[str, float] = {}
    extractors: dict[str, str] = {}
    for line in lines:
        step = line.get("step")
        if step is None or not is_number(step) or (until is not None and step > until):
            continue
        for name, score in line.get("scores", {}).items():
            if is_number(score.get("value")):
                protocol = score.get("protocol", {})
                same = (
                    f"{protocol.get('extractor')} {protocol.get('hash')} {protocol.get('fingerprint')} {score.get('n')}"
                )
                if is_number(protocol.get("training_data")):
                    best[name] = float(protocol["training_data"])
                extractors[name] = str(protocol.get("extractor", ""))
                found.setdefault(name, {})[int(step)] = (float(score["value"]), str(score.get("better", "lower")), same)
    result = []
    for name, values in found.items():
        newest = values[max(values)][2]
        steps = [step for step in sorted(values) if values[step][2] == newest]
        by_step, better = tuple(values[step][0] for step in steps), values[steps[-1]][1]
        result.append(Scored(name, better, tuple(steps), by_step, best.get(name), extractors[name]))
    return tuple(result)


def is_number(value: Any) -> TypeGuard[float]:
    """Whether it is a finite number."""
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)
