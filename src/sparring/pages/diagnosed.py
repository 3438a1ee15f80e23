"""What the doctor found, as a page shows it: findings with their numbers and curves, and the probes' curves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sparring.pages.axes import Scale
from sparring.pages.chart import Chart, Series, draw
from sparring.pages.naming import titled
from sparring.pages.page import RunPage
from sparring.pages.trail import Point, Trail, points_of
from sparring.pages.wording import is_number, plain, words

MOST_CURVES = 3
"""Of a finding."""

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
    charts = [
        _curve(str(name), titled(str(name), extractor), curve, yardsticks, marks, until)
        for name, curve in list(points.items() if isinstance(points, dict) else ())[:MOST_CURVES]
    ]
    return Diagnosed(
        title=title,
        kind=str(one.get("kind", "")),
        since=f"{since:,.0f}" if is_number(since) else "",
        confidence=f"{confidence:.0%}" if is_number(confidence) else "",
        about=str(one.get("about", "")),
        evidence=[(str(name), titled(plain(value), extractor)) for name, value in evidence.items()]
        if isinstance(evidence, dict)
        else [],
        overrides=" ".join(overrides),
        advice=[word for word in told if word not in overrides],
        charts=[chart for chart in charts if chart is not None],
    )


def _curve(
    name: str,
    heading: str,
    points: Sequence[Point],
    yardsticks: Mapping[str, float],
    marks: list[tuple[float, str]],
    until: int,
) -> Chart | None:
    """One of a finding's curves, and what real data in the samples' place would give."""
    series = [Series(heading, points, 1)]
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
