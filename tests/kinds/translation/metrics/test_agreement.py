from __future__ import annotations

import math
from pathlib import Path
from zipfile import ZipFile

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

from sparring.kinds.scores import metric
from sparring.kinds.translation.metrics.agreement import classes, confusion, mean_iou, palette
from sparring.metrics.intervals import jackknife
from tests.kinds.translation.metrics.made import blocks, noisy, pair_views

BLACK, WHITE, RED = (0.0, 0.0, 0.0), (1.0, 1.0, 1.0), (1.0, 0.0, 0.0)


def painted(*rows: str) -> Tensor:
    """An image of letters, each a square of 6 pixels."""
    colours = {"b": BLACK, "w": WHITE, "r": RED}
    cells = torch.tensor([[colours[letter] for letter in row] for row in rows])
    return cells.repeat_interleave(6, 0).repeat_interleave(6, 1).permute(2, 0, 1)


TARGETS = torch.stack([painted("bbbb", "bbww", "wwww", "rrbb")])


def test_the_palette_is_the_colours_by_how_frequent_they_are() -> None:
    assert torch.allclose(palette(TARGETS).float(), torch.tensor([BLACK, WHITE, RED]))


def test_the_palette_finds_main_colours_under_noise() -> None:
    images = blocks(40, 3, colours=8)
    exact = palette(images)
    found = palette(noisy(images, 0.02))
    assert len(exact) == len(found) == 8
    assert float(torch.cdist(exact, found).min(1).values.max()) < 0.02
    assert torch.equal(palette(noisy(images, 0.02)), found)


def test_each_pixel_goes_to_the_nearest_colour() -> None:
    colours = torch.tensor([BLACK, WHITE, RED]).double()
    image = torch.tensor([[0.1, 0.9, 0.8, 0.6], [0.2, 0.8, 0.1, 0.6], [0.0, 1.0, 0.2, 0.6]])[None, :, :, None]
    assert classes(image, colours)[0, :, 0].tolist() == [0, 1, 2, 1]


def test_mean_intersection_over_union_by_hand() -> None:
    truth = torch.tensor([[[0, 0], [1, 1]], [[0, 0], [0, 0]]])
    fake = torch.tensor([[[0, 1], [1, 1]], [[0, 0], [0, 0]]])
    found = confusion(truth, fake, 3)
    assert found.tolist() == [[[1, 1, 0], [0, 2, 0], [0, 0, 0]], [[4, 0, 0], [0, 0, 0], [0, 0, 0]]]
    assert mean_iou(found).tolist() == pytest.approx([(1 / 2 + 2 / 3) / 2, 1.0])
    assert float(mean_iou(found.sum(0))) == pytest.approx((5 / 6 + 2 / 3) / 2)
    holes = torch.tensor([[[[0, 1], [0, 0]]], [[[1, 1], [0, 0]]]])
    assert confusion(truth, fake, 3, holes).sum((1, 2)).tolist() == [1, 2]


def test_scores_by_hand() -> None:
    truth = torch.stack([painted("bw", "bw"), painted("bb", "bb"), painted("ww", "ww")])
    fake = torch.stack([painted("bw", "ww"), painted("bb", "bb"), painted("wr", "ww")])
    views = pair_views(fake, truth, targets=TARGETS)
    agreement, accuracy = metric("agreement")(views), metric("pixel_accuracy")(views)
    assert agreement.value == pytest.approx((5 / 6 + 5 / 7 + 0) / 3)
    assert accuracy.value == pytest.approx((3 / 4 + 1 + 3 / 4) / 3)
    assert agreement.protocol["k"] == 3
    assert agreement.protocol["palette"] == [[0, 0, 0], [255, 255, 255], [255, 0, 0]]
    without = torch.tensor([(4 / 4 + 3 / 4 + 0) / 3, (1 / 2 + 5 / 7 + 0) / 3, (5 / 6 + 2 / 3) / 2]).double()
    half = 1.96 * math.sqrt(jackknife(without))
    assert agreement.interval == pytest.approx(
        (max(0, agreement.value - half), min(1, agreement.value + half)), abs=1e-3
    )


def test_slightly_other_colours_agree_and_other_places_do_not() -> None:
    truth = blocks(30, 1)
    for name in ("agreement", "pixel_accuracy"):
        near = metric(name)(pair_views(noisy(truth, 0.02), truth))
        far = metric(name)(pair_views(truth.roll(1, 0), truth))
        assert near.value > 0.99
        assert far.interval[1] < 0.6


def test_in_the_hole_alone() -> None:
    truth = torch.stack([painted("bw", "bw")] * 3)
    fake = torch.stack([painted("ww", "bw")] * 3)
    holes = torch.zeros(3, 1, 12, 12)
    holes[:2, :, 6:] = 1
    found = metric("agreement")(pair_views(fake, truth, holes, TARGETS))
    assert (found.value, found.n, found.protocol["over"]) == (1.0, 2, "in the hole")


def test_needs_training_images() -> None:
    truth = blocks(4, 1)
    reason = metric("agreement").missing(pair_views(truth, truth, targets=truth[:0]))
    assert reason == "needs training images of what fakes should be, and none were given"


def test_maps_agree_with_themselves_more_than_with_blurred_ones(shared: Path) -> None:
    with ZipFile(shared / "image-to-image" / "maps.zip") as archive:
        names = sorted(name for name in archive.namelist() if name.endswith(".jpg"))[:20]
        images = []
        for name in names:
            with archive.open(name) as file:
                both = Image.open(file).convert("RGB")
                right = both.crop((both.width // 2, 0, both.width, both.height))
                images.append(torch.from_numpy(np.asarray(right.resize((64, 64), Image.Resampling.LANCZOS)).copy()))
    maps = torch.stack(images).permute(0, 3, 1, 2).float() / 255
    blurred = torch.nn.functional.avg_pool2d(maps, 5, 1, 2, count_include_pad=False)
    same = metric("agreement")(pair_views(maps, maps, targets=maps))
    other = metric("agreement")(pair_views(blurred, maps, targets=maps))
    mixed = metric("agreement")(pair_views(maps.roll(1, 0), maps, targets=maps))
    assert same.value == 1
    assert mixed.value < other.value < 0.8
