"""What the doctor found, as a page shows it: findings with their numbers and curves, and the probes' curves."""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from sparring.pages.axes import Scale
from sparring.pages.chart import Chart, Series, draw
from sparring.pages.naming import titled
from sparring.pages.page import RunPage
from sparring.pages.trail import Point, Trail, points_of
from sparring.pages.wording import is_number, plain, words

MOST_CURVES = 3
"""Of a finding."""
MOST_READINGS = 20
"""Readings whose median a number of the evidence is, at most."""
OF_FIRST = ("best", "last")
"""Numbers of the evidence that are of a finding's first curve."""

_Curve = tuple[str, str, int]
"""A series' name, what it is called on the page, and its colour."""
_BOTH = (("d", "discriminator", 1), ("g", "generator", 2))
PANELS: tuple[tuple[str, str, Scale, tuple[_Curve, ...]], ...] = (
    (
        "Logits in evaluation mode",
        "Where training and held-out data part, the discriminator knows its training data by heart.",
        "linear",
        (("logit_train", "training data", 1), ("logit_heldout", "held-out data", 3), ("logit_fake", "samples", 2)),
    ),
    (
        "How surely it tells apart",
        "The probability that a real sample’s logit is above a generated one’s: 0.5 is guessing, 1 never errs.",
        "linear",
        (("apart_train", "training data", 1), ("apart_heldout", "held-out data", 3)),
    ),
    (
        "Variety and likeness of samples",
        "Spread: how far samples lie from each other, over that of real ones. Covered: real ones with a sample nearby."
        " Precise: samples with a real one nearby.",
        "from_zero",
        (("spread", "spread", 1), ("covered", "covered", 3), ("precise", "precise", 2)),
    ),
    (
        "Distance of samples from the data",
        "In fixed, simple features: no score, but at hand all the time.",
        "free",
        (("distance", "averaged generator", 1), ("live_distance", "generator itself", 2)),
    ),
    (
        "Update ratios",
        "How far a step moves the weights, over their norm.",
        "free",
        tuple((f"{side}_update", label, colour) for side, label, colour in _BOTH),
    ),
    (
        "Gradient norms",
        "Of each player’s last move.",
        "free",
        tuple((f"{side}_gradient", label, colour) for side, label, colour in _BOTH),
    ),
)


@dataclass(frozen=True)
class Diagnosed:
    """A finding of the doctor's."""

    title: str
    kind: str
    since: str
    confidence: str
    about: str
    evidence: list[tuple[str, str]]
    overrides: str
    """What to change, ready to paste after a command."""
    advice: list[str]
    """What to do beside, in words."""
    charts: list[Chart]


def diagnosed(page: RunPage) -> list[Diagnosed]:
    """The doctor's findings."""
    yardsticks = _yardsticks(page.probes)
    return [_finding(one, yardsticks, page.step) for one in page.diagnosis]


def _finding(one: Mapping[str, Any], yardsticks: Mapping[str, float], until: int) -> Diagnosed:
    since, confidence = one.get("since_step"), one.get("confidence")
    evidence, remedy = one.get("evidence"), one.get("remedy")
    told = [str(word) for word in remedy] if isinstance(remedy, list) else []
    overrides = [word for word in told if "=" in word and " " not in word.split("=")[0]]
    title = words(one.get("symptom"))
    marks = [(float(since), f"{title} since step {since:,.0f}")] if is_number(since) and since > 0 else []
    points = one.get("points")
    extractor = str(evidence.get("extractor", "")) if isinstance(evidence, dict) else ""
    curves = dict(list(points.items() if isinstance(points, dict) else ())[:MOST_CURVES])
    numbers = evidence if isinstance(evidence, dict) else {}
    read = {name: found for name, value in numbers.items() if (found := _reading(name, value, curves)) is not None}
    charts = [
        _curve(
            str(name),
            titled(str(name), extractor),
            curve,
            yardsticks,
            marks,
            until,
            [one for one in read.values() if one.curve == name],
        )
        for name, curve in curves.items()
    ]
    return Diagnosed(
        title=title,
        kind=str(one.get("kind", "")),
        since=f"{since:,.0f}" if is_number(since) else "",
        confidence=f"{confidence:.0%}" if is_number(confidence) else "",
        about=str(one.get("about", "")),
        evidence=[
            (str(name), titled(f"{plain(value)} ({read[name].words})" if name in read else plain(value), extractor))
            for name, value in numbers.items()
        ],
        overrides=" ".join(overrides),
        advice=[word for word in told if word not in overrides],
        charts=[chart for chart in charts if chart is not None],
    )


class _Reading(NamedTuple):
    """What a number of the evidence is of a curve: the value of one reading, or the median of some in a row."""

    curve: str
    ends: tuple[Point, Point]
    """Where the first and the last of these readings lie, at its height."""
    readings: int
    last: bool
    """Whether they are the last ones."""

    @property
    def words(self) -> str:
        if self.readings == 1:
            return f"at step {self.ends[0][0]:,.0f}"
        where = f"the last {self.readings}" if self.last else f"{self.readings} until step {self.ends[1][0]:,.0f}"
        return f"median of {where} readings"


def _reading(name: str, value: object, curves: Mapping[str, Sequence[Point]]) -> _Reading | None:
    """The latest and fewest readings of its curve that a number of the evidence is the median of; None where it is the
    last reading itself, or none of a curve that is shown."""
    curve = next(iter(curves), "") if name in OF_FIRST else name
    points = curves.get(curve, ())
    if not is_number(value) or not points or _same(points[-1][1], value):
        return None
    for end in range(len(points), 0, -1):
        for count in range(1, min(end, MOST_READINGS) + 1):
            if _same(statistics.median(y for _, y in points[end - count : end]), value):
                ends = (points[end - count][0], float(value)), (points[end - 1][0], float(value))
                return _Reading(curve, ends, count, end == len(points))
    return None


def _same(one: float, other: float) -> bool:
    """Whether two numbers are one, of which the evidence has four digits."""
    return math.isclose(one, other, rel_tol=1e-3)


def _curve(
    name: str,
    heading: str,
    points: Sequence[Point],
    yardsticks: Mapping[str, float],
    marks: list[tuple[float, str]],
    until: int,
    readings: Sequence[_Reading],
) -> Chart | None:
    """One of a finding's curves, what the evidence reads from it, and what real data in the samples' place would
    give."""
    series = [Series(heading, points, 1)]
    series += [Series(one.words, one.ends[: min(one.readings, 2)], 2, dashed=True) for one in readings]
    if name in yardsticks and points:
        ends = [(0.0, yardsticks[name]), (max(float(until), points[-1][0]), yardsticks[name])]
        series.append(Series("training data", ends, 3, dashed=True))
    caption = "Dotted: since when." if marks else ""
    return draw(heading, "", caption, series, until=until, marks=marks)


def _yardsticks(probes: Sequence[Mapping[str, Any]]) -> dict[str, float]:
    """What training data in the samples' place would give, by the series' names."""
    found: dict[str, float] = {}
    for line in probes:
        if "step" not in line:
            named = ((name.removeprefix("best_"), value) for name, value in line.items() if name.startswith("best_"))
            found |= {name: float(value) for name, value in named if is_number(value)}
    return found


def probe_charts(page: RunPage, trail: Trail) -> list[Chart]:
    """What the probes measured, a chart for each kind of question."""
    lines = [line for line in page.probes if is_number(line.get("step"))]
    charts = [
        draw(
            title,
            "",
            caption,
            [Series(label, points_of(lines, name), colour) for name, label, colour in curves],
            until=page.step,
            rollbacks=trail.rollbacks,
            scale=scale,
        )
        for title, caption, scale, curves in PANELS
    ]
    return [chart for chart in charts if chart is not None]


def event_lines(page: RunPage) -> list[str]:
    """What opened, closed or was treated while the run trained, by step."""
    told = []
    for one in page.events:
        here, name = one.get("at_step"), words(one.get("symptom"))
        since, overrides = one.get("since_step"), one.get("overrides")
        if not is_number(here):
            continue
        more = f", since step {since:,.0f}" if one.get("event") == "opened" and is_number(since) else ""
        if one.get("event") == "treated" and isinstance(overrides, list):
            more = f" with {' '.join(map(str, overrides))}"
        told.append((here, f"step {here:,.0f}: {name} {one.get('event')}{more}"))
    return [line for _, line in sorted(told, key=lambda pair: pair[0])]
