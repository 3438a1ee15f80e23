"""From fakes with a truth each, and data, to scores."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from sparring import kinds
from sparring.base.errors import RequestError
from sparring.kinds.kind import Made
from sparring.metrics.features import Pixels
from sparring.recipe import Recipe, Scoring
from sparring.runs.scoring import score

PAIRS = ["psnr", "ssim", "ms_ssim_pairs", "mae", "agreement", "pixel_accuracy", "patch_kid"]
Scored = Callable[..., dict[str, Any]]


@pytest.fixture
def scored(pictures: Path, small: Callable[..., Recipe]) -> Scored:
    """Scores of images that lie off their truths by some grey levels, or of truths."""
    data = small(data={"images": {"path": str(pictures)}}).data.load()
    truths = data.stored(data.heldout)

    def scores(names: list[str], off: int, **more: Any) -> dict[str, Any]:
        fakes = (truths.int() + off).clamp(0, 255).to(torch.uint8)
        made = Made(fakes, data.codec, **more)
        pixels = Pixels(truths[0].numel())
        kind = kinds.kind_named("translation")
        return score(kind, made, data, Scoring(extractor="pixels"), pixels, names, {"step": 3})

    scores.truth = truths  # type: ignore[attr-defined]
    return scores


def test_truths_are_in_the_data_s_own_format(scored: Any) -> None:
    found = scored(PAIRS, 0, truth=scored.truth)
    assert list(found) == PAIRS
    assert [found[name]["value"] for name in PAIRS[:-1]] == pytest.approx([100, 1, 1, 0, 1, 1])
    assert found["psnr"]["protocol"]["step"] == 3
    off = scored(["mae"], 2, truth=scored.truth)["mae"]
    assert off["value"] == pytest.approx(2 / 255, rel=0.03)


def test_only_patches_have_a_yardstick_of_training_data(scored: Any) -> None:
    found = scored(PAIRS, 5, truth=scored.truth)
    for name in PAIRS:
        assert ("training_data" in found[name]["protocol"]) == (name == "patch_kid"), name


def test_holes_come_with_the_truths(scored: Any) -> None:
    holes = torch.zeros(len(scored.truth), 1, 12, 12, dtype=torch.bool)
    holes[:, :, 2:5] = True
    found = scored(["pairs"], 2, truth=scored.truth, holes=holes)
    assert list(found) == PAIRS[:4]
    assert found["mae"]["protocol"]["over"] == "in the hole"


def test_without_truths_it_says_so(scored: Any) -> None:
    assert list(scored(["patch_kid"], 3)) == ["patch_kid"]
    with pytest.raises(RequestError, match="'psnr' needs pairs: the truth of each fake, and these have none"):
        scored(["psnr"], 3)
