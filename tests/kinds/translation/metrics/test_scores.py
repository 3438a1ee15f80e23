from __future__ import annotations

import pytest
import torch

from sparring.base.draws import Key
from sparring.base.errors import RequestError
from sparring.kinds.scores import groups, metric, score
from sparring.kinds.translation.metrics import mae, psnr, ssim
from sparring.metrics import Features, Views
from sparring.metrics.features import Pixels
from tests.kinds.translation.metrics.made import blocks, noisy, pair_views
from tests.metrics.made import smooth_images

PAIRS = groups()["pairs"]
TRUTH = blocks(20, 1)
FAKE = noisy(TRUTH, 0.1)


def box(count: int = 20) -> torch.Tensor:
    holes = torch.zeros(count, 1, 24, 24, dtype=torch.bool)
    holes[:, :, 6:18, 3:12] = True
    return holes


@pytest.mark.parametrize(("name", "compare"), [("psnr", psnr), ("ssim", ssim), ("mae", mae)])
def test_the_value_is_the_mean_over_images(name: str, compare: object) -> None:
    assert callable(compare)
    for holes, where in ((None, "the whole image"), (box(), "in the hole")):
        each = compare(FAKE.double(), TRUTH.double(), holes)
        found = metric(name)(pair_views(FAKE, TRUTH, holes))
        assert found.value == pytest.approx(float(each.mean()), rel=1e-9)
        half = 1.96 * float(each.std()) / 20**0.5
        assert found.interval == pytest.approx((found.value - half, found.value + half), rel=1e-3)
        assert found.protocol["over"] == where
        assert found.n == 20


def test_ssim_says_how() -> None:
    found = metric("ssim")(pair_views(FAKE, TRUTH)).protocol
    assert {"window": 11, "sigma": 1.5, "k1": 0.01, "k2": 0.03, "covariance": "over n"}.items() <= found.items()


def test_of_small_images_the_weights_of_the_scales_are_scaled() -> None:
    found = metric("ms_ssim_pairs")(pair_views(FAKE, TRUTH, box()))
    assert (found.protocol["scales"], found.protocol["over"]) == (2, "the whole image")
    assert sum(found.protocol["weights"]) == pytest.approx(1, abs=1e-5)
    large = smooth_images(2, 1, side=176)
    whole = metric("ms_ssim_pairs")(pair_views(noisy(large, 0.1), large)).protocol
    assert whole["weights"] == pytest.approx([0.0448, 0.2856, 0.3001, 0.2363, 0.1333], abs=1e-4)


def test_an_image_that_equals_its_truth_does_not_make_the_mean_infinite() -> None:
    fake = FAKE.clone()
    fake[3] = TRUTH[3]
    found = metric("psnr")(pair_views(fake, TRUTH))
    assert found.value < 30
    assert found.note == "1 of 20 fakes equal their truth and count as 100 dB"
    assert metric("psnr")(pair_views(FAKE, TRUTH)).note is None


def test_images_without_a_hole_are_left_out() -> None:
    holes = box()
    holes[4:] = False
    for name in ("psnr", "ssim", "mae"):
        found = metric(name)(pair_views(FAKE, TRUTH, holes))
        assert found.n == 4
        assert found.value == pytest.approx(metric(name)(pair_views(FAKE[:4], TRUTH[:4], holes[:4])).value)
    holes[1:] = False
    assert metric("ssim").missing(pair_views(FAKE, TRUTH, holes)) == "needs at least 2 pairs with a hole, there are 1"


@pytest.mark.parametrize("name", [*PAIRS, "agreement", "pixel_accuracy", "lpips"])
def test_needs_pairs(name: str) -> None:
    pixels = Pixels(24 * 24 * 3)
    views = Views(heldout=pixels(TRUTH), fake=pixels(FAKE), key=Key(0))
    with pytest.raises(RequestError, match=f"metrics: '{name}' needs pairs: .*; to be had: fid") as refused:
        score([name], views, pixels)
    assert "\n" not in str(refused.value)


def test_small_images_are_refused() -> None:
    small = blocks(5, 1, side=10)
    assert metric("ssim").missing(pair_views(small, small)) == (
        "needs images of at least 11 pixels a side, and these are 10 x 10"
    )


def test_truths_and_holes_fit_the_fakes() -> None:
    with pytest.raises(ValueError, match="truth of shape"):
        pair_views(FAKE[:3], TRUTH)
    with pytest.raises(ValueError, match="holes of shape"):
        pair_views(FAKE, TRUTH, box(3))
    bare = Features(FAKE.flatten(1))
    with pytest.raises(ValueError, match="for fakes of no samples"):
        Views(heldout=bare, fake=bare, key=Key(0), truth=TRUTH)


def test_the_group_names_four() -> None:
    assert PAIRS == ("psnr", "ssim", "ms_ssim_pairs", "mae")
    scores = score(["pairs"], pair_views(FAKE, TRUTH), Pixels(4))
    assert list(scores) == list(PAIRS)
