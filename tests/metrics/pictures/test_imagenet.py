from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from PIL import Image

from sparring.base.errors import RequestError
from sparring.kinds.images.sources import Images
from sparring.metrics.frechet import frechet_distance
from sparring.metrics.pictures import extractors
from sparring.metrics.pictures.extractors import choose_extractor
from sparring.metrics.pictures.imagenet import ImageNet, installed, load_imagenet

pytestmark = pytest.mark.skipif(not installed(), reason="without the extra photos")
CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def imagenet() -> ImageNet:
    return load_imagenet()


@pytest.fixture(scope="module")
def crops() -> torch.Tensor:
    """120 crops of scikit-learn's two photos, [n, 3, 48, 48]."""
    from sklearn.datasets import load_sample_images

    draws = np.random.default_rng(0)
    found = []
    for number in range(120):
        picture = load_sample_images().images[number % 2]
        top, left = (int(draws.integers(0, edge - 96)) for edge in picture.shape[:2])
        found.append(torch.from_numpy(picture[top : top + 96, left : left + 96].copy()).permute(2, 0, 1) / 255)
    return F.interpolate(torch.stack(found), (48, 48), mode="area")


def test_features_hang_on_one_image_alone_and_grey_is_repeated(imagenet: ImageNet, crops: torch.Tensor) -> None:
    whole = imagenet(crops[:6])
    assert whole.values.shape == (6, imagenet.width)
    assert whole.probabilities is not None
    torch.testing.assert_close(whole.probabilities.sum(1), torch.ones(6))
    torch.testing.assert_close(imagenet(crops[2:3]).values, whole.values[2:3], atol=1e-4, rtol=1e-4)
    grey = crops[:2].mean(1, keepdim=True)
    torch.testing.assert_close(imagenet(grey).values, imagenet(grey.repeat(1, 3, 1, 1)).values)
    with pytest.raises(RequestError, match="1 or 3 channels"):
        imagenet(torch.zeros(1, 2, 48, 48))


def test_features_have_slopes(imagenet: ImageNet, crops: torch.Tensor) -> None:
    x = crops[:1].clone().requires_grad_()
    imagenet.graded(x).square().sum().backward()
    assert x.grad is not None
    assert float(x.grad.abs().max()) > 0


def test_distances_rise_with_what_a_person_sees(imagenet: ImageNet, crops: torch.Tensor) -> None:
    real = imagenet(crops[:60]).values

    def distance(made: torch.Tensor) -> float:
        return frechet_distance(real, imagenet(made).values)

    rest = crops[60:]
    blurred = [F.interpolate(F.avg_pool2d(rest, by), (48, 48)) for by in (2, 4)]
    values = [distance(rest), *map(distance, blurred)]
    assert values == sorted(values)
    assert values[2] > 1.5 * values[0]


def of_folder(folder: Path, shape: tuple[int, ...]) -> Any:
    draws = np.random.default_rng(0)
    folder.mkdir()
    for number in range(30):
        Image.fromarray(draws.integers(0, 255, shape, dtype=np.uint8)).save(folder / f"{number}.png")
    return Images(path=str(folder)).load()


def test_photos_are_seen_by_it_without_anybodys_saying(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SPARRING_CACHE", str(tmp_path / "cache"))
    said: list[str] = []
    photos = of_folder(tmp_path / "photos", (32, 32, 3))
    assert choose_extractor("auto", photos, CPU, said.append).name == "imagenet"
    assert not said
    trained: list[str] = []
    monkeypatch.setattr(extractors, "trained_on", lambda name, *rest: trained.append(name))
    choose_extractor("auto", of_folder(tmp_path / "small", (16, 16, 3)), CPU, said.append)
    choose_extractor("auto", of_folder(tmp_path / "grey", (32, 32)), CPU, said.append)
    assert not said
    monkeypatch.setattr(extractors, "installed", lambda: False)
    choose_extractor("auto", photos, CPU, said.append)
    assert trained == ["selfsup"] * 3
    assert said == [
        "scores by selfsup, which was trained on these very images: it flatters; better: pip install 'sparring[photos]'"
    ]
