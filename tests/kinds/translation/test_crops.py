"""Two pictures as crops of each."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from sparring.base.errors import RequestError
from sparring.data import DataSet
from sparring.kinds.translation.sources.crops import Pictures
from tests.conftest import write_images


@pytest.fixture
def two(tmp_path: Path) -> Path:
    """A slope from left to right, and one from top to bottom in another colour."""
    across = np.zeros((80, 120, 3), np.uint8)
    across[..., 0] = np.arange(120) * 2
    down = np.zeros((90, 70, 3), np.uint8)
    down[..., 2] = 60 + np.arange(90)[:, None]
    Image.fromarray(across).save(tmp_path / "content.png")
    Image.fromarray(down).save(tmp_path / "style.png")
    return tmp_path


def load(two: Path, **options: Any) -> DataSet:
    return Pictures(content=str(two / "content.png"), style=str(two / "style.png"), **options).load()


def test_crops_of_both_sides(two: Path) -> None:
    data = load(two, size=16, count=200)
    assert not data.paired
    assert data.samples.shape == data.inputs.samples.shape == (200, 3, 16, 16)
    assert data.inputs.samples[:, 1:].max() == 0  # the content is red alone
    assert data.samples[:, :2].max() == 0
    assert (len(data.train), len(data.heldout)) == (180, 20)
    assert not set(data.train.tolist()) & set(data.heldout.tolist())
    assert load(two, size=16, count=200).fingerprint == data.fingerprint
    assert torch.equal(load(two, size=16, count=300).samples[:200], data.samples)


def test_places_and_scales_are_spread(two: Path) -> None:
    """The slope tells where a crop was cut, and how much smaller the picture was."""
    crops = load(two, size=16, count=400, scale=(0.5, 1.0)).inputs.samples[:, 0].float()
    slope = (crops[:, 8, 13] - crops[:, 8, 2]) / 11 / 2
    assert 0.9 < slope.min() < 1.15
    assert 1.8 < slope.max() < 2.1
    middle = crops[:, 8, 8] / 2
    assert middle.min() < 12
    assert middle.max() > 108
    alone = load(two, size=16, count=50, scale=(1.0, 1.0)).inputs.samples[:, 0].float()
    assert torch.allclose(alone[:, 8, 13] - alone[:, 8, 2], torch.full((50,), 22.0), atol=1.1)


def test_a_crop_is_never_larger_than_the_picture(two: Path) -> None:
    assert load(two, size=64, count=50, scale=(0.1, 0.2)).samples.shape == (50, 3, 64, 64)
    with pytest.raises(RequestError, match=r"data.pictures.size: 72 is more than .*style.png has, 90 x 70"):
        load(two, size=72)
    with pytest.raises(RequestError, match=r"data.pictures.size: 64"):
        load(two, size=64, largest=80)


def test_from_the_cache_as_from_memory(two: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plain = load(two, size=16, count=100)
    monkeypatch.setenv("SPARRING_CACHE", str(two / "cache"))
    monkeypatch.setenv("SPARRING_DATA_MEMORY", "0")
    mapped = load(two, size=16, count=100)
    assert mapped.file is not None
    assert mapped.fingerprint == plain.fingerprint
    monkeypatch.setattr(Pictures, "_of", None)  # nothing is cut again
    assert torch.equal(load(two, size=16, count=100).samples, plain.samples)


def test_pictures_of_different_kinds(two: Path) -> None:
    write_images(two, 1, (90, 90), mode="L", name="style.png")
    with pytest.raises(RequestError, match=r"data.pictures.channels: the images are mixed, .*say channels=3"):
        load(two)
    assert load(two, channels=3, size=16, count=40).shape == (3, 16, 16)


def test_no_pictures(two: Path) -> None:
    with pytest.raises(RequestError, match=r"a folder; data.pictures.content takes one picture"):
        Pictures(content=str(two), style=str(two / "style.png")).load()
    (two / "style.png").write_text("no image")
    with pytest.raises(RequestError, match=r"style.png: not an image"):
        load(two)
    with pytest.raises(RequestError, match=r"stile.png: no such file.*did you mean 'style.png'"):
        Pictures(content=str(two / "content.png"), style=str(two / "stile.png")).load()
    write_images(two, 1, (90, 90), name="style.png")
    (two / "style.png").write_bytes((two / "style.png").read_bytes()[:900])
    with pytest.raises(RequestError, match=r"style.png: "):
        load(two)


def test_scales_are_checked() -> None:
    with pytest.raises(ValueError, match="scale: "):
        Pictures(content="x", style="y", scale=(0.5, 2.0))
