"""Curves of several runs in one chart each."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from sparring.pages.axes import Scale
from sparring.pages.chart import Chart, Series, draw, shades
from sparring.pages.panels import score_series
from sparring.pages.protocols import differences
from sparring.pages.readings import Course
from sparring.pages.trail import Point, Trail, points_of

Curve = Callable[[Trail], list[Point]]


def _of(key: str) -> Curve:
    return lambda trail: points_of(trail.kept, key)


def _gap(first: str, second: str) -> Curve:
    """The difference of two numbers, where a line has both."""

    def curve(trail: Trail) -> list[Point]:
        other = dict(points_of(trail.kept, second))
        return [(x, y - other[x]) for x, y in points_of(trail.kept, first) if x in other]

    return curve


PANELS: tuple[tuple[str, str, str, Curve, Scale], ...] = (
    ("Discriminator’s loss", "", "", _of("discriminator_loss"), "free"),
    ("Generator’s loss", "", "", _of("generator_loss"), "free"),
    (
        "Logits: real minus fake",
        "",
        "How far apart the discriminator holds the batches it learned from; large where it wins.",
        _gap("discriminator_logits_real", "discriminator_logits_fake"),
        "linear",
    ),
    (
        "Logits: training minus held-out data",
        "",
        "In evaluation mode; above 0 where the discriminator knows its training data by heart.",
        _gap("logits_train", "logits_heldout"),
        "linear",
    ),
    ("Discriminator’s gradient norm", "", "", _of("discriminator_gradient"), "free"),
    ("Generator’s gradient norm", "", "", _of("generator_gradient"), "free"),
    ("Discriminator’s dropout rate", "", "", _of("discriminator_dropout"), "from_zero"),
    ("Speed", "images/s", "", _of("images_per_s"), "from_zero"),
)


UNLIKE_LOSSES = "The runs’ objectives or terms differ, so their losses have no common scale."


def overlaid(trails: Sequence[Trail], names: Sequence[str], *, same_losses: bool) -> list[Chart]:
    """The runs' logs over each other; a panel is shown where any run has its numbers."""
    styles = list(zip(names, shades(), strict=False))
    found = []
    for title, unit, caption, curve, scale in PANELS:
        series = [Series(name, curve(trail), *style) for trail, (name, style) in zip(trails, styles, strict=True)]
        if title.endswith("loss") and not same_losses:
            caption = UNLIKE_LOSSES
        found.append(draw(title, unit, caption, series, scale=scale))
    return [chart for chart in found if chart is not None]


def overlaid_scores(rows: Sequence[Sequence[Course | None]], names: Sequence[str]) -> list[Chart]:
    """Scores over steps: of runs with one protocol only, and where at least one run was scored more than once."""
    styles = list(zip(names, shades(), strict=False))
    found = []
    for row in rows:
        present = [history for history in row if history is not None]
        if max(len(history.readings) for history in present) < 2 or differences([h.newest for h in present]):
            continue
        series = [
            score_series(history, name, *style)
            for history, (name, style) in zip(row, styles, strict=True)
            if history is not None
        ]
        newest = present[0].newest
        caption = f"{newest.better.capitalize()} is better; bands are 95 % intervals."
        found.append(draw(newest.title, "", caption, series))
    return [chart for chart in found if chart is not None]
