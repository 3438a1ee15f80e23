"""Whether 95 % intervals hold, about as often as they say, what a metric is on average over sets of their size: coarse
and quick. `python bench/intervals.py` takes more sets, of any size."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).parents[2] / "bench"))

from intervals import IMAGES, measured

CASES = [
    (tuple(name for name in IMAGES if name != "fid"), 20, 0.5),
    (("fid",), 20, 0.5),
    (("fid", "column_shapes"), 20, 0.0),  # where sizes of differences hardly vary
    (("column_shapes", "column_pairs", "near_copies", "closest_record", "membership"), 20, 0.5),
]


@pytest.mark.parametrize(("names", "sets", "shift"), CASES)
def test_intervals_hold_the_mean_and_are_as_wide_as_repeated_measurements(
    names: tuple[str, ...], sets: int, shift: float
) -> None:
    """300 samples of either kind in 6 dimensions, both sets drawn anew."""
    for name, found in measured(names, sets, 300, 300, 6, shift, seed=1).items():
        assert found.share >= 0.8, (name, found)
        assert 0.65 <= found.width <= (2 if name == "near_copies" else 1.45), (name, found)
