"""Charts: curves over steps, as shapes that a template writes as SVG.

The shapes lie on a square of 1000 x 1000 that the page stretches to whatever room there is; all text stands beside it,
so that it is as legible on a telephone as on a wide screen.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

from sparring.pages.axes import Axis, Scale, value_axis
from sparring.pages.trail import MOST_POINTS, Point, Rollback, thinned
from sparring.pages.wording import number

SIDE = 1000
FEW = 40
"""Up to so many points are shown as dots on their line."""
COLOURS = 8

Band = list[tuple[float, float, float]]


@dataclass(frozen=True)
class Series:
    """A curve to draw."""

    label: str
    points: Sequence[Point]
    colour: int = 1
    """From 1 to 8."""
    dashed: bool = False
    faint: bool = False
    """Drawn pale, not in the legend, and no part of the axes' range."""
    band: Band = field(default_factory=list)
    """Steps, lower and upper ends of an interval around the curve."""


@dataclass(frozen=True)
class Line:
    """A curve as a path."""

    label: str
    path: str
    dots: str
    band: str
    colour: int
    dashed: bool
    faint: bool
    last: str


@dataclass(frozen=True)
class Chart:
    """Everything that the template needs."""

    title: str
    unit: str
    caption: str
    summary: str
    """What a reader hears who cannot see the curves."""
    lines: list[Line]
    across: Axis
    up: Axis
    x_ticks: list[tuple[float, str]]
    y_ticks: list[tuple[float, str]]
    marks: list[tuple[float, str]]
    """Places of rollbacks and other events, and what happened there."""
    notes: list[str]
    x_name: str = "step"
    """What the curves run over."""

    @property
    def legend(self) -> list[Line]:
        return [line for line in self.lines if not line.faint]


def draw(
    title: str,
    unit: str,
    caption: str,
    series: Sequence[Series],
    *,
    until: float = 0,
    rollbacks: Sequence[Rollback] = (),
    marks: Sequence[tuple[float, str]] = (),
    scale: Scale = "free",
    x_name: str = "step",
) -> Chart | None:
    """A chart of curves, or None where none of them has a point. The axis of steps, or of what `x_name` says, reaches
    from 0 to `until`, or to the last point where that is later. `marks` are steps at which something happened, and
    what."""
    shown = merged([one for one in series if one.points])
    solid = [one for one in shown if not one.faint]
    if not solid:
        return None
    last = max([until, 1.0, *(x for one in shown for x, _ in one.points)])
    across = Axis(0.0, last * 1.012)  # so that dots at the end are whole
    values = [y for one in solid for _, y in one.points]
    ends = [end for one in solid for _, *both in one.band for end in both]
    up, outside = value_axis([*values, *ends], scale)
    notes = ["Log scale."] if up.log else []
    if outside:
        few = "1 value lies" if outside == 1 else f"{outside:,} values lie"
        notes.append(f"{few} beyond the axis (all are from {number(min(values))} to {number(max(values))}).")
    return Chart(
        title=title,
        unit=unit,
        caption=caption,
        summary=f"{title}, curves over {x_name.removesuffix('s')}s. " + " ".join(_told(one, x_name) for one in solid),
        lines=[_line(one, across, up) for one in shown],
        across=across,
        up=up,
        x_ticks=across.ticks(4),
        y_ticks=up.ticks(5),
        marks=[(across.at(step), told) for step, told in (*((one.step, mark_text(one)) for one in rollbacks), *marks)],
        notes=notes,
        x_name=x_name,
    )


def merged(series: Sequence[Series]) -> list[Series]:
    """Curves that are the same number for number as one, which would hide each other else."""
    found: list[Series] = []
    for one in series:
        for place, other in enumerate(found):
            if other.faint == one.faint and other.band == one.band and list(other.points) == list(one.points):
                found[place] = replace(other, label=f"{other.label} = {one.label}", dashed=other.dashed and one.dashed)
                break
        else:
            found.append(one)
    return found


def mark_text(one: Rollback) -> str:
    fell = f"diverged at step {one.fell_at:,}, " if one.fell_at is not None else ""
    return f"{fell}went on from step {one.step:,} (attempt {one.attempt})"


def shades() -> Iterator[tuple[int, bool]]:
    """Colours in turn, with solid and then with dashed lines."""
    while True:
        for dashed in (False, True):
            yield from ((colour, dashed) for colour in range(1, COLOURS + 1))


def _told(one: Series, x_name: str) -> str:
    (first, start), (last, end) = one.points[0], one.points[-1]

    def at(x: float) -> str:
        return f"at step {x:,.0f}" if x_name == "step" else f"after {x:,.0f} {x_name}"

    if len(one.points) == 1:
        return f"{one.label}: {number(start)} {at(first)}."
    return f"{one.label}: {number(start)} {at(first)}, {number(end)} {at(last)}."


def _line(one: Series, across: Axis, up: Axis) -> Line:
    places = [_place(x, y, across, up) for x, y in thinned(one.points) if not up.log or y > 0]
    few = len(places) <= FEW and not one.dashed and not one.faint
    return Line(
        label=one.label,
        path="M" + "L".join(places) if len(places) > 1 else "",
        dots="".join(f"M{place}h0" for place in places) if few or len(places) == 1 else "",
        band=_band(one.band, across, up),
        colour=one.colour,
        dashed=one.dashed,
        faint=one.faint,
        last=number(one.points[-1][1]),
    )


def _band(band: Band, across: Axis, up: Axis) -> str:
    """The area between lower and upper ends: there along the lower, back along the upper."""
    if len(band) < 2:
        return ""
    band = band[:: -(-len(band) // MOST_POINTS)]
    lower = [_place(x, low, across, up) for x, low, _ in band]
    upper = [_place(x, high, across, up) for x, _, high in reversed(band)]
    return "M" + "L".join([*lower, *upper]) + "Z"


def _place(x: float, y: float, across: Axis, up: Axis) -> str:
    # What lies beyond the axis stays near it: browsers draw nothing of numbers past their range
    height = min(max(1 - up.at(y), -2.0), 3.0)
    return f"{_short(across.at(x) * SIDE)} {_short(height * SIDE)}"


def _short(value: float) -> str:
    return f"{value:.1f}".removesuffix(".0")
