from __future__ import annotations

import pytest
import torch
from torch import Tensor
from torchmetrics.functional.image import multiscale_structural_similarity_index_measure as reference

from sparring.base.draws import Key
from sparring.base.errors import RequestError
from sparring.kinds.scores import metric
from sparring.metrics import Features, Score, Views
from sparring.metrics.diversity import mean_distance
from sparring.metrics.pictures.ms_ssim import WEIGHTS, ms_ssim, scales
from tests.metrics.made import normal, smooth_images, views


def test_diversity_is_the_ratio_of_mean_distances() -> None:
    real, fake = normal(80, 5, 1), normal(60, 5, 2, scale=0.5)
    score = metric("diversity")(views(real, fake))
    expected = torch.pdist(fake).mean() / torch.pdist(real).mean()
    assert score.value == pytest.approx(float(expected), rel=1e-6)
    assert metric("diversity")(views(real, fake[:1].repeat(60, 1))).value == 0.0


def test_its_error_is_calibrated() -> None:
    found = [mean_distance(normal(40, 3, seed)) for seed in range(200)]
    values, errors = (torch.tensor(part) for part in zip(*found, strict=True))
    assert 0.85 < errors.mean() / values.std() < 1.15


def test_held_out_samples_that_are_all_alike_have_no_diversity() -> None:
    with pytest.raises(RequestError, match="all alike"):
        metric("diversity")(views(torch.zeros(5, 2), normal(5, 2, 1)))


@pytest.mark.parametrize(("side", "channels", "count"), [(176, 3, 5), (64, 3, 3), (32, 1, 2), (28, 1, 1)])
def test_ms_ssim_agrees_with_torchmetrics(side: int, channels: int, count: int) -> None:
    x = smooth_images(6, 1, side=side, channels=channels)
    y = (0.6 * x + 0.4 * smooth_images(6, 2, side=side, channels=channels) + 0.02 * torch.rand(x.shape)).clamp(0, 1)
    weights = tuple(weight / sum(WEIGHTS[:count]) for weight in WEIGHTS[:count])
    expected = reference(x, y, data_range=1.0, betas=weights, reduction="none", normalize="relu")
    assert torch.allclose(ms_ssim(x, y, count), expected, atol=1e-4)
    assert torch.allclose(ms_ssim(x, x), torch.ones(6), atol=1e-5)


def test_small_images_have_fewer_scales() -> None:
    assert [scales(side, 300) for side in (6, 8, 21, 22, 28, 32, 44, 64, 128, 176, 512)] == [
        1, 1, 1, 2, 2, 2, 3, 3, 4, 5, 5,
    ]  # fmt: skip
    x = torch.rand(3, 1, 6, 9)
    assert torch.allclose(ms_ssim(x, x), torch.ones(3), atol=1e-5)


def similarity(fake: Tensor, real: Tensor) -> Score:
    sides = [Features(images.flatten(1), samples=images) for images in (real, fake)]
    return metric("ms_ssim")(Views(heldout=sides[0], fake=sides[1], key=Key(0)))


def test_ms_ssim_tells_collapse_from_variety() -> None:
    real = smooth_images(100, 1)
    varied, collapsed = similarity(smooth_images(90, 2), real), similarity(smooth_images(90, 2, spread=0.1), real)
    assert varied.value < collapsed.value
    assert varied.interval[1] < collapsed.interval[0]
    assert varied.value == pytest.approx(varied.protocol["real_value"], abs=0.1)
    assert varied.protocol["pairs"] == 45
    assert varied.protocol["scales"] == 2
    one = smooth_images(1, 2).repeat(20, 1, 1, 1)
    assert similarity(one, real).value == pytest.approx(1.0, abs=1e-5)
