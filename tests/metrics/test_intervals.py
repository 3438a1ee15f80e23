"""Intervals by themselves; `tests/bench/test_intervals.py` holds each metric to its own."""

from __future__ import annotations

import numpy as np
import pytest

from sparring.metrics.intervals import by_factor, within


@pytest.mark.parametrize("shape", [4, 9, 25])
def test_a_factor_holds_where_a_value_varies_the_more_the_larger_it_is(shape: float) -> None:
    values = np.random.default_rng(0).gamma(shape, size=4000)
    errors = values / np.sqrt(shape)  # each judges by itself

    def held(interval: object) -> float:
        ends = np.array([interval(value, error) for value, error in zip(values, errors, strict=True)])  # type: ignore[operator]
        return float(((ends[:, 0] <= shape) & (shape <= ends[:, 1])).mean())

    assert 0.92 <= held(by_factor) <= 0.97
    assert held(within) < held(by_factor) - 0.005


def test_a_factor_that_says_nothing_is_not_taken() -> None:
    assert by_factor(2.0, 3.0) == within(2.0, 3.0)
    assert by_factor(0.0, 1.0) == within(0.0, 1.0)
    assert by_factor(2.0, 0.0) == (2.0, 2.0)
    low, high = by_factor(4.0, 1.0)
    assert low * high == pytest.approx(16)
