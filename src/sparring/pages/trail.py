"""The log as a run's way: what was kept, and what was walked in vain before a rollback."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sparring.pages.wording import is_number

Point = tuple[float, float]
MOST_POINTS = 400
"""Of a curve, after thinning."""


@dataclass(frozen=True)
class Rollback:
    """A return to a checkpoint."""

    step: int
    """Where the run went on."""
    attempt: int
    fell_at: int | None
    """Where it had diverged, if that was recorded."""


@dataclass(frozen=True)
class Trail:
    """The lines of a log in the order of steps."""

    kept: list[dict[str, Any]]
    given_up: list[list[dict[str, Any]]]
    """Stretches that a later attempt walked again."""
    rollbacks: list[Rollback]

    @staticmethod
    def of(log: Sequence[Mapping[str, Any]], findings: Sequence[Mapping[str, Any]]) -> Trail:
        """Sorts out a log. Lines without a step, and a finished run's last line, hold no numbers of a step."""
        kept: list[dict[str, Any]] = []
        given_up: list[list[dict[str, Any]]] = []
        for line in log:
            if not is_number(line.get("step")) or line.get("ended"):
                continue
            again: list[dict[str, Any]] = []
            while kept and kept[-1]["step"] >= line["step"]:
                again.append(kept.pop())
            # A stretch walked again in the same attempt is a resume, which gives the same numbers
            in_vain = [one for one in reversed(again) if _attempt(one) < _attempt(line)]
            if in_vain:
                given_up.append(in_vain)
            kept.append(dict(line))
        return Trail(kept, given_up, _rollbacks(kept, findings))

    def curve(self, key: str) -> list[Point]:
        return points_of(self.kept, key)

    def lost_curves(self, key: str) -> list[list[Point]]:
        return [curve for lines in self.given_up if (curve := points_of(lines, key))]

    def names(self) -> list[str]:
        """All names that stand beside a number, in the order of their first line."""
        names: dict[str, None] = {}
        for line in self.kept:
            names |= dict.fromkeys(name for name, value in line.items() if is_number(value))
        return list(names)


def _attempt(line: Mapping[str, Any]) -> int:
    value = line.get("attempt")
    return int(value) if is_number(value) else 0


def _rollbacks(kept: Sequence[Mapping[str, Any]], findings: Sequence[Mapping[str, Any]]) -> list[Rollback]:
    """Those that the findings tell of, and those that only the log shows."""
    found: dict[int, Rollback] = {}
    for finding in findings:
        attempt, back, fell = (finding.get(key) for key in ("attempt", "back_to_step", "since_step"))
        if is_number(attempt) and is_number(back):
            fell = fell if "event" not in finding else None  # it went back to be treated
            found[int(attempt)] = Rollback(int(back), int(attempt), int(fell) if is_number(fell) else None)
    known = max([0, *found])
    for line in kept:
        if _attempt(line) > known:
            known = _attempt(line)
            found[known] = Rollback(int(line["step"]), known, None)
    return [found[attempt] for attempt in sorted(found)]


def points_of(lines: Sequence[Mapping[str, Any]], key: str) -> list[Point]:
    """Steps and values, where the value is a finite number."""
    return [(float(line["step"]), float(line[key])) for line in lines if is_number(line.get(key))]


def thinned(points: Sequence[Point], most: int = MOST_POINTS) -> list[Point]:
    """At most `most` (4 or more) points: the ends, and of each stretch between them the lowest and the highest, so that
    no spike is lost."""
    if len(points) <= most:
        return list(points)
    inner = range(1, len(points) - 1)
    stretches = (most - 2) // 2
    chosen = {0, len(points) - 1}
    for number in range(stretches):
        part = inner[len(inner) * number // stretches : len(inner) * (number + 1) // stretches]
        chosen |= {min(part, key=lambda i: points[i][1]), max(part, key=lambda i: points[i][1])}
    return [points[place] for place in sorted(chosen)]
