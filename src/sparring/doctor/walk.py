"""Which lines of a run's files belong to the run as it stands: what was given up by going back to a checkpoint, because
the run diverged or was treated, stays in the files."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from sparring.doctor.history import is_number

Line = dict[str, Any]


def standing(told: Iterable[Line]) -> list[Line]:
    """The lines of `findings.jsonl` without those of treatments that were undone."""
    found: list[Line] = []
    for line in told:
        if line.get("event") != "undone":
            found.append(line)
            continue
        treated = [place for place, one in enumerate(found) if one.get("event") == "treated"]
        found = found[: treated[-1]] if treated else found
    return found


def walked(lines: Iterable[Line], told: Sequence[Line]) -> list[Line]:
    """The lines of a file whose steps were not given up, by what `findings.jsonl` tells. A line that names no step
    stays, and so does one of an attempt whose beginning was not told."""
    way = [(-1.0, 0)]
    for one in standing(told):
        back, attempt = one.get("back_to_step"), one.get("attempt")
        if is_number(back) and is_number(attempt):
            way = [*((step, number) for step, number in way if step < back), (float(back), int(attempt))]
    known = {0, *(one["attempt"] for one in told if is_number(one.get("attempt")))}
    return [line for line in lines if _on(way, known, line)]


def _on(way: Sequence[tuple[float, int]], known: set[Any], line: Line) -> bool:
    step, attempt = line.get("step"), line.get("attempt")
    if not is_number(step) or not is_number(attempt) or attempt not in known:
        return True
    return bool(attempt == [number for begins, number in way if begins < max(step, 0)][-1])
