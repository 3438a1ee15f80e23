"""From a log to shapes: thinning, rollbacks, axes."""

from __future__ import annotations

import math
import random

import pytest

from sparring.pages.axes import Axis, value_axis
from sparring.pages.chart import Series, draw
from sparring.pages.trail import Rollback, Trail, thinned
from tests.pages.samples import log_line


def test_thinning_keeps_ends_and_extremes() -> None:
    source = random.Random(0)
    points = [(float(step), source.gauss(0, 1)) for step in range(10_007)]
    points[1234], points[7890] = (1234.0, 99.0), (7890.0, -99.0)
    few = thinned(points)
    assert len(few) <= 400
    assert {points[0], points[-1], points[1234], points[7890]} <= set(few)
    assert few == sorted(few), "in the order of steps"
    assert set(few) <= set(points)
    # Each part of the run keeps its own range, up to the width of a stretch, not only the whole run
    for start in range(0, 9_800, 200):
        stretch = [y for x, y in points if start + 51 <= x < start + 149]
        kept = [y for x, y in few if start <= x < start + 200]
        assert max(stretch) <= max(kept)
        assert min(stretch) >= min(kept)


@pytest.mark.parametrize("count", [0, 1, 2, 399, 400, 401, 402, 1000])
@pytest.mark.parametrize("most", [4, 5, 400])
def test_thinning_of_any_number(count: int, most: int) -> None:
    points = [(float(step), float(step % 7)) for step in range(count)]
    few = thinned(points, most)
    assert len(few) <= most
    assert few == points if count <= most else (few[0], few[-1]) == (points[0], points[-1])


def lines(*steps: int, attempt: int = 0, **more: float) -> list[dict[str, object]]:
    return [{"step": step, "attempt": attempt, "loss": float(step + 1000 * attempt), **more} for step in steps]


def test_rollback_replaces_what_was_walked_before() -> None:
    trail = Trail.of([*lines(10, 20, 30, 40), *lines(30, 40, 50, attempt=1)], [])
    assert trail.curve("loss") == [(10, 10), (20, 20), (30, 1030), (40, 1040), (50, 1050)]
    assert trail.lost_curves("loss") == [[(30, 30), (40, 40)]]
    assert trail.rollbacks == [Rollback(30, 1, None)]


def test_resume_is_no_rollback() -> None:
    trail = Trail.of([*lines(10, 20, 30), *lines(20, 30, 40)], [])
    assert [x for x, _ in trail.curve("loss")] == [10, 20, 30, 40]
    assert trail.given_up == []
    assert trail.rollbacks == []


def test_rollbacks_of_findings_and_of_the_log_are_one_each() -> None:
    log = [*lines(10, 20), *lines(20, 30, attempt=1), *lines(30, 40, attempt=2)]
    findings = [
        {"symptom": "diverged", "since_step": 24, "attempt": 1, "back_to_step": 15},
        {"symptom": "memorises", "since_step": 5},
    ]
    assert Trail.of(log, findings).rollbacks == [Rollback(15, 1, 24), Rollback(30, 2, None)]


def test_last_line_of_a_run_is_no_step() -> None:
    trail = Trail.of([*lines(10), {"step": 10, "ended": True, "memory_mb": 3.0}, {"ended_at_step": 10}], [])
    assert trail.curve("loss") == [(10, 10)]
    assert trail.curve("memory_mb") == []


def test_only_finite_numbers_are_points() -> None:
    values = [1, 2.5, float("nan"), float("inf"), None, "3", True, [4]]
    trail = Trail.of([{"step": step, "x": value} for step, value in enumerate(values)], [])
    assert trail.curve("x") == [(0, 1), (1, 2.5)]


@pytest.mark.parametrize(
    ("low", "high", "labels"),
    [
        (0, 1500, ["0", "500", "1,000", "1,500"]),
        (0, 40_000, ["0", "10k", "20k", "30k", "40k"]),
        (-0.1, 0.12, ["−0.1", "0.0", "0.1"]),
        (-0.26, 0.12, ["−0.2", "−0.1", "0.0", "0.1"]),
        (0.82, 1.02, ["0.85", "0.90", "0.95", "1.00"]),
        (0, 2e-5, ["0", "5e−6", "1e−5", "1.5e−5", "2e−5"]),
    ],
)
def test_ticks_are_round(low: float, high: float, labels: list[str]) -> None:
    assert [label for _, label in Axis(low, high).ticks(4)] == labels


def test_ticks_lie_on_their_values() -> None:
    assert [place for place, _ in Axis(0, 200).ticks(4)] == pytest.approx([0, 0.25, 0.5, 0.75, 1])
    decades = Axis(1e-4, 1.0, log=True).ticks(4)
    assert [place for place, _ in decades] == pytest.approx([0, 0.25, 0.5, 0.75, 1])
    assert [label for _, label in decades] == ["1e−4", "0.001", "0.01", "0.1", "1"]
    assert [label for _, label in Axis(1e-8, 1e7, log=True).ticks(4)] == ["1e−8", "1e−5", "0.01", "10", "10,000", "1e7"]
    assert len(Axis(2.0, 8.0, log=True).ticks(4)) >= 2, "ticks within a decade, too"


def test_wide_positive_values_take_a_log_axis() -> None:
    assert value_axis([1e-5, 1e-1], "free")[0].log
    assert not value_axis([1e-5, 1e-1], "linear")[0].log
    assert not value_axis([0.0, 1e-1], "free")[0].log
    assert not value_axis([1.0, 10.0], "free")[0].log


def test_spike_does_not_flatten_the_rest_and_is_told_of() -> None:
    values = [math.sin(step) for step in range(200)]
    axis, outside = value_axis([*values, 1e6], "free")
    assert outside == 1
    assert axis.high < 5
    assert value_axis([*values, 1.5], "free")[1] == 0
    chart = draw("x", "", "", [Series("y", list(enumerate([*values, 1e6])))])
    assert chart is not None
    assert "1 value lies beyond the axis" in chart.notes[0]
    assert "to 1,000,000" in chart.notes[0]


def test_axis_from_zero() -> None:
    assert value_axis([440.0, 460.0], "from_zero")[0].low == 0
    assert value_axis([0.0, 0.0], "from_zero")[0].high > 0
    assert value_axis([-1.0, 1.0], "from_zero")[0].low < -1


def test_shapes_lie_where_the_values_are() -> None:
    chart = draw("x", "", "", [Series("y", [(0, 0.0), (50, 5.0), (100, 10.0)])], scale="linear")
    assert chart is not None
    places = [tuple(map(float, pair.split())) for pair in chart.lines[0].path.removeprefix("M").split("L")]
    assert [x for x, _ in places] == pytest.approx([0, 500 / 1.012, 1000 / 1.012], abs=0.1)
    assert [y for _, y in places] == pytest.approx([1000 - 500 / 11, 500, 500 / 11], abs=0.1), "up is more"


def test_long_curves_are_thinned_with_their_spikes() -> None:
    points = [(float(step), 1.0) for step in range(5000)]
    points[2500] = (2500.0, 1.4)
    chart = draw("x", "", "", [Series("y", points)])
    assert chart is not None
    heights = [float(pair.split()[1]) for pair in chart.lines[0].path.removeprefix("M").split("L")]
    assert len(heights) <= 400
    assert min(heights) < 100 < 900 < max(heights)


def test_equal_curves_are_one() -> None:
    points = [(1.0, 2.0), (2.0, 3.0)]
    chart = draw("x", "", "", [Series("a", points), Series("b", list(points)), Series("c", points[:1])])
    assert chart is not None
    assert [line.label for line in chart.legend] == ["a = b", "c"]


def test_nothing_to_draw() -> None:
    assert draw("x", "", "", []) is None
    assert draw("x", "", "", [Series("a", []), Series("b", [(1.0, 1.0)], faint=True)]) is None


def test_names_are_those_of_numbers() -> None:
    trail = Trail.of([log_line(1), {"step": 2, "late": 1.0, "text": "x"}], [])
    assert "late" in trail.names()
    assert "text" not in trail.names()
