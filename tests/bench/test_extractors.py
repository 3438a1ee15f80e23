"""The bench of extractors: damages that grow, and shares that can fail."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from bench.extractors import DAMAGES, merits, ordered, photos_of, table, told

from sparring.base.draws import Key
from sparring.metrics.features import Pixels


@pytest.fixture(scope="module")
def photos() -> torch.Tensor:
    return photos_of("photos", None, 60)


@pytest.mark.parametrize("damage", [name for name in DAMAGES if name != "modes missing"])
def test_damages_grow(photos: torch.Tensor, damage: str) -> None:
    spoil, strengths = DAMAGES[damage]
    made = [spoil(photos, strength, np.random.default_rng(0)) for strength in strengths]
    off = [float((one - photos).square().mean()) for one in made]
    assert off == sorted(off)
    assert 0 < off[0] < off[-1]
    assert all(one.shape == photos.shape and float(one.min()) >= 0 and float(one.max()) <= 1 for one in made)


def test_modes_that_are_missing_leave_fewer_images(photos: torch.Tensor) -> None:
    spoil, strengths = DAMAGES["modes missing"]
    left = [len(spoil(photos, strength, np.random.default_rng(0)).unique(dim=0)) for strength in strengths]
    assert left == sorted(left, reverse=True)
    assert left[-1] < left[0]


def test_an_order_that_is_wrong_is_seen(photos: torch.Tensor) -> None:
    pixels = Pixels(photos[0].numel())
    real, base = pixels(photos[::2]), photos[1::2]
    levels = [pixels((base + shift).clamp(0, 1)) for shift in (0.0, 0.3, 0.6)]
    assert ordered(real, levels, pixels)["fid"] > 0.8
    assert ordered(real, levels[::-1], pixels)["fid"] < 0.2
    blank = pixels(torch.zeros_like(base))
    assert ordered(real, [blank, blank], pixels)["coverage"] == 0.5  # none is covered: as by chance
    assert (told(1, 0), told(0, 1), told(1, 1)) == (1, 0, 0.5)
    found = merits(real, levels[1], ("fid", "coverage"), pixels, Key("merits"))
    assert found["fid"] < 0 <= found["coverage"]


def test_the_table_leaves_out_what_was_not_measured() -> None:
    found = {"photos": {"one": {"blur": {"fid": 0.5, "coverage": 1.0}, "copies": {"memorisation": 1.0}}}}
    lines = table(found).splitlines()
    assert lines[0] == "| extractor | metric | blur | copies | mean |"
    assert "| one | fid | 0.50 | – | 0.50 |" in lines
    assert "| one | memorisation | – | 1.00 | 1.00 |" in lines
