"""What all tests share: one thread, a cache of their own, and small data and recipes."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
import pytest
import torch
from PIL import Image

from sparring.recipe import Recipe, validated

torch.set_num_threads(1)


@pytest.fixture(scope="session", autouse=True)
def own_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Trained feature networks and downloads go to a folder of this test session."""
    cache = tmp_path_factory.mktemp("cache")
    before = os.environ.get("SPARRING_CACHE")
    os.environ["SPARRING_CACHE"] = str(cache)
    os.environ.pop("SPARRING_DATA", None)
    yield cache
    if before is None:
        del os.environ["SPARRING_CACHE"]
    else:
        os.environ["SPARRING_CACHE"] = before


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """A test that sets the number of threads (a resumed run does) sets it for itself alone."""
    yield
    torch.set_num_threads(1)


def small_fields(**changes: Any) -> dict[str, Any]:
    """The fields of a recipe that trains in milliseconds a step."""
    return {
        "name": "small",
        "data": {"digits": {}},
        "objective": "non_saturating",
        "game": {"from_noise": {"latent": {"normal": {"size": 8}}}},
        "generator": {"net": {"dense": {"widths": [16]}}},
        "discriminator": {"net": {"dense": {"widths": [16]}}},
        "batch": 16,
        "steps": 12,
        "log_every": 5,
        "score": {"extractor": "pixels"},
    } | changes


def small_recipe(**changes: Any) -> Recipe:
    return validated(small_fields(**changes))


@pytest.fixture
def small() -> Callable[..., Recipe]:
    return small_recipe


def write_images(
    folder: Path,
    count: int,
    size: tuple[int, int] = (12, 12),
    mode: str = "RGB",
    name: str = "{:03d}.png",
    seed: int = 0,
) -> Path:
    """Random images of a height and width, all different."""
    folder.mkdir(parents=True, exist_ok=True)
    source = np.random.default_rng(seed)
    channels = len(Image.new(mode, (1, 1)).getbands())
    for number in range(count):
        pixels = source.integers(0, 256, (*size, channels), dtype=np.uint8)
        Image.fromarray(pixels.squeeze(), mode if channels == 2 else None).save(folder / name.format(number))
    return folder


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    """A folder of 40 colour images of 12 x 12."""
    return write_images(tmp_path / "pictures", 40)


SHARED = Path(__file__).resolve().parents[2] / "shared" / "data"


@pytest.fixture
def shared() -> Path:
    """Real data sets for development, where this machine has them."""
    if not SHARED.is_dir():
        pytest.skip("no development data on this machine")
    return SHARED
