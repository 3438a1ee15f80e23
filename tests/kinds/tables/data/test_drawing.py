"""Rows are drawn until enough are kept; what comes does not hang on the rounds."""

from __future__ import annotations

import numpy as np
import pytest

from sparring.base.errors import RequestError
from sparring.gan import rejection as drawing
from sparring.gan.rejection import draw_until


def counted(first: int, count: int) -> np.ndarray:
    return np.arange(first, first + count, dtype=float)[:, None]


@pytest.mark.parametrize("every", [1, 7, 999, 40_000])
def test_the_first_rows_that_are_kept_come_in_order(every: int) -> None:
    rows = draw_until(counted, 12, lambda rows: rows[:, 0] % every == every - 1)
    assert rows[:, 0].tolist() == [every * (place + 1) - 1 for place in range(12)]


def test_the_size_of_a_round_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    def keep(rows: np.ndarray) -> np.ndarray:
        return (rows[:, 0] * 7919) % 101 < 3

    usual = draw_until(counted, 500, keep)
    monkeypatch.setattr(drawing, "FIRST", 10)
    monkeypatch.setattr(drawing, "MOST", 333)
    assert np.array_equal(draw_until(counted, 500, keep), usual)


def test_each_row_is_seen_once_in_order() -> None:
    seen: list[float] = []

    def keep(rows: np.ndarray) -> np.ndarray:
        seen.extend(rows[:, 0])
        return rows[:, 0] % 50 == 0

    assert len(draw_until(counted, 200, keep)) == 200
    assert seen == list(range(len(seen)))


def test_no_row_wanted_is_no_row() -> None:
    assert draw_until(counted, 0, lambda rows: rows[:, 0] > 5).shape == (0, 1)


def test_none_kept_ends_with_what_to_loosen() -> None:
    with pytest.raises(RequestError, match="0 of 5 rows came of 2.* drawn; loosen age>60"):
        draw_until(counted, 5, lambda rows: rows[:, 0] < 0, "age>60")


def test_keys_that_run_out_end_it() -> None:
    with pytest.raises(RequestError, match="3 of 5 rows came"):
        draw_until(counted, 5, lambda rows: rows[:, 0] < 3)


def test_too_few_for_long_end_it() -> None:
    drawn = []

    def draw(first: int, count: int) -> np.ndarray:
        drawn.append(count)
        return counted(first, count)

    with pytest.raises(RequestError, match="9 of 100 rows came of 1,"):
        draw_until(draw, 100, lambda rows: rows[:, 0] % 110_000 == 109_999)
    assert 1_000_000 <= sum(drawn) <= 1_200_000
