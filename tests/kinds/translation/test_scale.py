"""At what size runs see pictures, what is said of it, and what comes back."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

import sparring
from sparring.kinds.images.sources import Digits, Images
from sparring.kinds.translation.scale import OWN_SIZE, Scale, resized, scale_of, with_holes
from sparring.kinds.translation.sources.crops import Pictures
from sparring.kinds.translation.sources.pairs import Pairs
from sparring.kinds.translation.translating import Translation, translate
from tests.conftest import write_images
from tests.kinds.translation.test_translating import run


@pytest.mark.parametrize(
    ("scale", "picture", "seen"),
    [
        (Scale((32, 32)), (320, 640), (32, 64)),  # the shorter side, as cropping does
        (Scale((32, 32), "pad"), (320, 640), (16, 32)),
        (Scale((32, 48), "resize"), (400, 300), (45, 34)),
        (Scale((64, 64)), (30, 40), (64, 85)),
        (Scale((64, 64)), (69, 60), (69, 60)),  # near enough
        (Scale((64, 64), zoom=0.25), (75, 75), (75, 75)),  # windows of 64 / 80 were seen at 64
        (Scale((64, 64), zoom=0.25), (160, 160), (80, 80)),
        (Scale((64, 64), asked=0.5), (301, 200), (150, 100)),
        (Scale((64, 64), asked=1.05), (100, 100), (105, 105)),
        (Scale((64, 64), asked=0.001), (100, 100), (1, 1)),
        (Scale(crops=(1.0, 512)), (256, 300), (256, 300)),
        (Scale(crops=(0.5, 512)), (1024, 2048), (128, 256)),
        (OWN_SIZE, (999, 10), (999, 10)),
    ],
)
def test_sizes_seen(scale: Scale, picture: tuple[int, int], seen: tuple[int, int]) -> None:
    assert scale.seen(*picture) == seen


def test_a_source_says_the_scale_of_its_training() -> None:
    pairs = Pairs(path="p", fit="pad", zoom=0.5)
    assert scale_of(pairs, (48, 64), 2.0) == Scale((48, 64), "pad", 0.5, asked=2.0)
    assert scale_of(Images(path="p"), (8, 8)).size == (8, 8)
    assert scale_of(Pictures(content="a", style="b", scale=(0.25, 0.5)), (64, 64)).crops == (0.5, 1024)
    assert scale_of(Digits(), (8, 8)) == OWN_SIZE, "of which nothing is known"


def test_what_is_told() -> None:
    known = Scale((64, 64))
    assert known.told(66, 64) == ""
    assert known.told(640, 960) == (
        "scale: training saw images at 64 x 64; pictures are brought to that (640 x 960 to 64 x 96, a scale of 0.1), "
        "and what is made of them back to their size; --scale 1 takes them as they are"
    )
    assert Scale((64, 64), asked=0.1).told(640, 960) == ""
    assert Scale((64, 64), asked=1).told(640, 960).startswith("scale: 1 is 10 times as large as training saw images")
    assert Scale((64, 64), asked=0.05).told(640, 960).startswith("scale: 0.05 is 0.5 of the size as")
    assert "crops of one picture" in Scale(crops=(1.0, 512)).told(1024, 1024)
    assert OWN_SIZE.told(5, 5) == ""


def write(path: Path, array: np.ndarray) -> Path:
    Image.fromarray(array).save(path)
    return path


def test_networks_see_pictures_at_the_scale_and_results_come_back_in_their_own_size(tmp_path: Path) -> None:
    smooth = np.linspace(0, 255, 60 * 90).reshape(60, 90).astype(np.uint8)
    source = write(tmp_path / "in.png", np.stack([smooth, smooth.T.reshape(60, 90), 255 - smooth], -1))
    sizes: list[Any] = []
    told: list[str] = []

    def act(images: Tensor, holes: Tensor | None) -> Tensor:
        sizes.append(tuple(images.shape[2:]))
        return images

    for name, scale in (("usual", Scale((20, 20))), ("own", Scale((20, 20), asked=1.0))):
        translate(run(act, scale=scale), source, tmp_path / f"{name}.png", say=told.append)
    assert sizes == [(20, 30), (60, 90)]
    assert [line.split(";")[0] for line in told] == [
        "scale: training saw images at 20 x 20",
        "scale: 1 is 3 times as large as training saw images at 20 x 20",
    ]
    before, usual, own = (
        np.asarray(Image.open(path)).astype(int) for path in (source, tmp_path / "usual.png", tmp_path / "own.png")
    )
    assert usual.shape == before.shape
    assert np.array_equal(own, before)
    assert abs(usual - before)[..., 0].mean() < 4, "smooth, so little is lost"
    translate(run(act, scale=Scale((20, 20))), tmp_path, tmp_path.parent / f"{tmp_path.name}-out", say=told.append)
    assert sum(line.startswith("scale") for line in told) == 3, "once a folder"


def test_filling_at_another_scale_changes_holes_alone_and_sees_nothing_of_them(tmp_path: Path) -> None:
    drawn = np.random.default_rng(0)
    picture = drawn.integers(0, 256, (50, 70, 3), dtype=np.uint8)
    hole = np.zeros((50, 70), np.uint8)
    hole[11:28, 20:43] = 255
    other = picture.copy()
    other[hole > 0] = 255 - other[hole > 0]
    mask = write(tmp_path / "mask.png", hole)
    seen: list[Tensor] = []

    def act(images: Tensor, holes: Tensor | None) -> Tensor:
        seen.append(torch.cat((images, holes), 1))
        return torch.full_like(images, 0.5)

    made = []
    for name, array in (("one", picture), ("two", other)):
        target = tmp_path / f"{name}-out.png"
        translate(run(act, fills=True, scale=Scale((16, 16))), write(tmp_path / f"{name}.png", array), target, mask)
        made.append(np.asarray(Image.open(target)))
    assert seen[0].shape[2:] == (16, 22)
    assert torch.equal(seen[0], seen[1])
    assert np.array_equal(made[0], made[1])
    assert np.array_equal(made[0][hole == 0], picture[hole == 0])
    assert np.unique(made[0][hole > 0]).tolist() == [191]


def test_resizing_keeps_within_the_values() -> None:
    images = torch.rand(1, 3, 37, 23).round() * 2 - 1
    for size in ((9, 6), (80, 50), (37, 23)):
        assert resized(images, size).shape[2:] == size
        assert resized(images, size).abs().max() <= 1
    holes = torch.zeros(1, 1, 37, 23)
    holes[..., 17, 11] = 1
    smaller, there = with_holes(images, holes, (5, 4))
    assert (smaller.shape[2:], float(there.max())) == ((5, 4), 1.0)
    assert Translation(lambda x: x, *(run().inputs,) * 2).scale == OWN_SIZE


def test_pairs_and_sides_keep_their_proportions(tmp_path: Path) -> None:
    """As recipes are written out: what is larger is made smaller, what is hardly larger is not."""
    write_images(tmp_path / "halves", 30, (75, 200))  # two of 75 x 100
    assert "size: [48, 64]" in sparring.show("translate/paired", data=tmp_path / "halves")
    for side, size in (("a", (90, 61)), ("b", (90, 60))):
        write_images(tmp_path / "both" / side, 30, size)
    assert "size: [90, 61]" in sparring.show("translate/unpaired", data=tmp_path / "both")
