from __future__ import annotations

from pathlib import Path
from zipfile import ZipFile

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor

from sparring.base.draws import Key
from sparring.kinds.scores import metric
from sparring.metrics import Features, Score, Views
from sparring.metrics.pictures.patches import patch_distance, patch_side, patches, texture
from tests.kinds.translation.metrics.made import blocks, noisy
from tests.metrics.made import normal


def scored(fake: Tensor, real: Tensor, truth: Tensor | None = None) -> Score:
    sides = [Features(images.flatten(1)[:, :4], samples=images) for images in (real, fake)]
    return metric("patch_kid")(Views(heldout=sides[0], fake=sides[1], key=Key(0), truth=truth))


def blurred(images: Tensor, sigma: float) -> Tensor:
    place = torch.arange(-9, 10).float()
    window = torch.exp(-place.square() / (2 * sigma**2))
    window = window / window.sum()
    flat = F.pad(images.flatten(0, 1)[:, None], (9, 9, 9, 9), mode="reflect")
    return F.conv2d(F.conv2d(flat, window[None, None, :, None]), window[None, None, None]).reshape(images.shape)


def test_patches_tile_an_image_of_64_pixels() -> None:
    images = torch.rand(2, 3, 64, 64)
    found = patches(images)
    rows = [torch.cat(list(found[:, 4 * row : 4 * row + 4].unbind(1)), 3) for row in range(4)]
    assert torch.equal(torch.cat(rows, 2), images)


@pytest.mark.parametrize(("height", "width", "side"), [(256, 100, 16), (32, 64, 16), (28, 28, 14), (6, 9, 3)])
def test_patches_reach_the_borders(height: int, width: int, side: int) -> None:
    images = torch.rand(2, 1, height, width)
    found = patches(images)
    assert found.shape == (2, 16, 1, side, side)
    assert patch_side(height, width) == side
    assert torch.equal(found[:, 0], images[:, :, :side, :side])
    assert torch.equal(found[:, -1], images[:, :, -side:, -side:])
    assert texture(found.flatten(0, 1)).isfinite().all()


def test_texture_by_hand() -> None:
    steps = torch.tensor([0.0, 0.2]).repeat(8)[None, None, None].expand(1, 1, 16, 16)
    found = texture(steps)[0]
    assert float(found[0]) == pytest.approx(0.1)
    fine, none = float(torch.tensor(0.2 / 0.1).log1p()), 0.0
    assert found[1:9].tolist() == pytest.approx([fine, fine, none, none, fine, fine, fine, fine], abs=1e-6)
    assert found[9:].tolist() == pytest.approx([0.0] * 16, abs=1e-6)
    assert texture(torch.rand(5, 3, 16, 16)).shape == (5, 75)
    assert texture(torch.rand(5, 3, 3, 3)).shape == (5, 27)


def plain(x: Tensor, y: Tensor, paired: bool) -> float:
    """The definition, image by image."""

    def k(a: Tensor, b: Tensor) -> float:
        return float(((a @ b.T / a.shape[1] + 1) ** 3).mean())

    n, m = len(x), len(y)
    own = [sum(k(s[i], s[j]) for i in range(len(s)) for j in range(len(s)) if i != j) for s in (x, y)]
    across = [k(x[i], y[j]) for i in range(n) for j in range(m) if not paired or i != j]
    return own[0] / (n * (n - 1)) + own[1] / (m * (m - 1)) - 2 * sum(across) / len(across)


@pytest.mark.parametrize(("n", "m", "paired"), [(7, 5, False), (6, 6, False), (6, 6, True)])
def test_agrees_with_the_definition_and_its_error_with_leaving_images_out(n: int, m: int, paired: bool) -> None:
    x, y = normal(n * 3, 4, 1).reshape(n, 3, 4), normal(m * 3, 4, 2, shift=0.5).reshape(m, 3, 4)
    found = patch_distance(x, y, paired=paired)
    assert found.value == pytest.approx(plain(x, y, paired), rel=1e-9)

    def spread(values: list[float]) -> float:
        each = torch.tensor(values, dtype=torch.float64)
        return float((each - each.mean()).square().sum()) * (len(each) - 1) / len(each)

    def without(s: Tensor, i: int) -> Tensor:
        return torch.cat((s[:i], s[i + 1 :]))

    if paired:
        expected = spread([plain(without(x, i), without(y, i), True) for i in range(n)])
    else:
        expected = spread([plain(without(x, i), y, False) for i in range(n)])
        expected += spread([plain(x, without(y, i), False) for i in range(m)])
    assert found.standard_error == pytest.approx(expected**0.5, rel=1e-6)


def test_is_unbiased_though_patches_of_an_image_are_alike_and_its_error_is_calibrated() -> None:
    def images(seed: int) -> Tensor:
        return normal(20, 3, 2 * seed)[:, None] + 0.3 * normal(20 * 8, 3, 2 * seed + 1).reshape(20, 8, 3)

    found = [patch_distance(images(2 * seed), images(2 * seed + 1)) for seed in range(200)]
    values, errors = (torch.tensor(part) for part in zip(*found, strict=True))
    assert abs(float(values.mean())) < 3 * float(values.std()) / 200**0.5
    assert 0.9 < float(errors.mean() / values.std()) < 2.0


def test_equal_pairs_give_nothing() -> None:
    truth = blocks(10, 1, side=32)
    found = scored(truth, truth, truth)
    assert found.value == pytest.approx(0, abs=1e-12)
    assert found.protocol["against"] == "the truths"
    assert scored(truth, blocks(12, 2, side=32)).protocol["against"] == "held-out samples"


@pytest.mark.parametrize("paired", [False, True])
def test_ranks_blur_and_noise(paired: bool) -> None:
    real = noisy(blocks(40, 1, side=48), 0.02)
    source = real if paired else noisy(blocks(40, 2, side=48), 0.02, seed=6)
    truth = source if paired else None
    fakes = [source, blurred(source, 0.7), blurred(source, 1.5), blurred(source, 4)]
    values = [scored(fake, real, truth) for fake in fakes]
    assert values[0].interval[0] <= 0 <= values[0].interval[1]
    for worse, better in zip(values[1:], values, strict=False):
        assert worse.value > better.value
    assert values[1].interval[0] > 0
    assert scored(noisy(source, 0.1), real, truth).interval[0] > values[0].interval[1]


def maps(folder: Path, part: str, count: int) -> Tensor:
    images = []
    with ZipFile(folder / "image-to-image" / "maps.zip") as archive:
        names = sorted(name for name in archive.namelist() if f"{part}/" in name and name.endswith(".jpg"))[:count]
        for name in names:
            with archive.open(name) as file:
                both = Image.open(file).convert("RGB")
                right = both.crop((both.width // 2, 0, both.width, both.height))
                images.append(torch.from_numpy(np.asarray(right.resize((64, 64), Image.Resampling.LANCZOS)).copy()))
    return torch.stack(images).permute(0, 3, 1, 2).float() / 255


def test_on_maps_real_ones_are_near_each_other_and_blurred_ones_are_not(shared: Path) -> None:
    heldout, train = maps(shared, "val", 50), maps(shared, "train", 100)
    real, slight, strong = (scored(fake, heldout) for fake in (train, blurred(train, 1), blurred(train, 2)))
    assert real.interval[0] <= 0
    assert real.value < slight.value / 3 < strong.value / 3
    assert real.interval[1] < slight.interval[0]
    paired = [scored(blurred(heldout, sigma), heldout, heldout).value for sigma in (0.5, 1, 2)]
    assert 0 < paired[0] < paired[1] < paired[2]
