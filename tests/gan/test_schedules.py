"""Numbers that change with the step."""

from __future__ import annotations

import math

import pytest

from sparring.base.errors import RequestError
from sparring.base.part import parse
from sparring.gan.schedules import Adaptive, Cosine, Linear, Now, Steps, value


def at(step: int, steps: int = 100, batch: int = 10) -> Now:
    return Now(step, step * batch, steps)


def test_a_number_is_a_schedule() -> None:
    assert value(0.3, at(7)) == 0.3


@pytest.mark.parametrize(("step", "wanted"), [(0, 1.0), (50, 1.0), (75, 0.55), (100, 0.1), (140, 0.1)])
def test_linear_holds_then_falls(step: int, wanted: float) -> None:
    assert value(Linear(start=1.0, end=0.1, begin=0.5), at(step)) == pytest.approx(wanted)


def test_units_are_steps_or_images() -> None:
    by_step = Linear(start=0, end=1, begin=10, finish=20, unit="step")
    by_image = Linear(start=0, end=1, begin=100, finish=200, unit="image")
    assert value(by_step, at(15)) == value(by_image, at(15)) == 0.5


def test_cosine_is_half_a_wave() -> None:
    assert value(Cosine(start=1, end=0), at(25)) == pytest.approx((1 + math.cos(math.pi / 4)) / 2)


def test_steps_jump() -> None:
    jumps = Steps(values={0: 0.0, 5: 1.0, 8: 2.0})
    assert [value(jumps, at(step)) for step in (0, 4, 5, 7, 8, 99)] == [0, 0, 1, 1, 2, 2]


def test_adaptive_is_an_integral_controller_within_bounds() -> None:
    adaptive = Adaptive(most=0.5, adjust=1000)
    for _ in range(3):
        adaptive.nudge(True, 100, 10**6)
    assert value(adaptive, at(0)) == pytest.approx(0.3)
    adaptive.nudge(False, 100, 10**6)
    assert value(adaptive, at(0)) == pytest.approx(0.2)
    for _ in range(9):
        adaptive.nudge(True, 100, 10**6)
    assert value(adaptive, at(0)) == 0.5


@pytest.mark.parametrize(("total", "adjust"), [(1_000, 20_000), (300_000, 60_000), (10**9, 500_000)])
def test_adaptive_takes_a_fifth_of_the_run_within_bounds(total: int, adjust: int) -> None:
    adaptive = Adaptive()
    adaptive.nudge(True, 1000, total)
    assert value(adaptive, at(0)) == pytest.approx(1000 / adjust)


@pytest.mark.parametrize(("samples", "most"), [(100, 0.7), (499, 0.7), (500, 0.5), (10**6, 0.5)])
def test_adaptive_may_rise_further_where_data_are_few(samples: int, most: float) -> None:
    assert Adaptive().fitted(samples).upper == most
    assert Adaptive(most=0.3).fitted(samples).upper == 0.3


def test_two_adaptives_of_equal_fields_keep_values_of_their_own() -> None:
    first, second = Adaptive(), Adaptive()
    first.set(0.4)
    assert (value(first, at(0)), value(second, at(0))) == (0.4, 0.0)


@pytest.mark.parametrize(
    ("build", "told"),
    [
        (lambda: Linear(start=0, end=1, begin=0.5, finish=0.5), "finish 0.5 is not after begin 0.5"),
        (lambda: Linear(start=0, end=1, finish=20), "finish 20 is past the run's end"),
        (lambda: Steps(values={5: 1.0}), "no value for position 0"),
        (lambda: Adaptive(most=0.1, least=0.2), "most 0.1 is not above least 0.2"),
    ],
)
def test_nonsense_is_refused(build, told: str) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(RequestError, match=told):
        parse(build)
