"""Every shipped recipe: it is valid, it is what it says as text, and it trains."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image

import sparring
from sparring.base.words import read_yaml
from sparring.gan.surgery import random_layers
from sparring.kinds import zoo
from sparring.recipe import Recipe, kind_left_open, to_yaml, validated
from sparring.recipe.request import choose_recipe
from tests.conftest import write_images
from tests.kinds.tables.data.files import write_mixed
from tests.kinds.translation.from_images import RECIPES, TRANSLATED, data_of, mask, picture, words_of

NAMES = zoo.names()
ASKED = {
    "digits", "ring", "grid", "stacked_digits",
    "image/small", "image/medium", "image/large", "image/few", "table", "table/few",
    "classic/dropout-dense", "classic/dropout-mlp", "classic/two-phase", "classic/leaky-mlp",
    "classic/leaky-mlp-by-sides", "classic/tanh-leaky", *RECIPES,
}  # fmt: skip
SIZES = {"image/small": (28, 3), "image/medium": (64, 3), "image/large": (128, 3), "image/few": (64, 3)}


OPEN = ("image/", "table", "translate/", "style/", "inpaint/")
"""Recipes for a person's own data."""


def shown(name: str) -> Recipe:
    return validated(read_yaml(sparring.show(name), name))


def test_the_zoo_is_whole() -> None:
    assert set(NAMES) >= ASKED


@pytest.mark.parametrize("name", NAMES)
def test_a_recipe_says_what_it_is_for_and_is_itself_again_as_text(name: str) -> None:
    recipe = shown(name)
    assert recipe.name == name
    assert recipe.about.endswith(".")
    assert validated(read_yaml(to_yaml(recipe), name)) == recipe
    assert (kind_left_open(zoo.read_recipe(name)) is not None) == name.startswith(OPEN)


@pytest.mark.parametrize("name", [name for name in NAMES if name not in RECIPES])
def test_a_recipe_trains_and_samples(name: str, tmp_path: Path) -> None:
    """A few small steps on what it is made for, down to samples."""
    if name.startswith("table"):
        rows = write_mixed(tmp_path / "rows.csv", 200)
        run = sparring.train(name, "steps=2", "score.metrics=[]", data=rows, out=tmp_path / "run", quiet=True)
        assert list(run.sample(3).columns) == list(pd.read_csv(rows).columns)
        assert (tmp_path / "run" / "report.html").exists()
        return
    words = ["batch=4", "steps=2", "score.metrics=[]", "precision=fp32"]
    if name == "image/large":
        words += [
            f"{side}.net.r3gan.{key}" for side in ("generator", "discriminator") for key in ("width=16", "most=32")
        ]
    edge, channels = SIZES.get(name, (28, 1))
    own = (
        None
        if zoo.read_recipe(name).get("data") in ("digits", "ring", "grid", "stacked_digits")
        else tmp_path / "i.npz"
    )
    if own is not None:
        images = np.random.default_rng(0).integers(0, 256, (60, edge, edge, channels), dtype=np.uint8)
        np.savez(own, images=images, labels=np.arange(60) % 3)
    run = sparring.train(name, *words, data=own, out=tmp_path / "run", quiet=True)
    assert run.step == 2
    samples = run.sample(3)
    if own is not None:
        assert samples.shape[1:] == ((edge, edge) if channels == 1 else (edge, edge, channels))
    assert np.isfinite(samples).all()
    assert (tmp_path / "run" / "report.html").exists()


@pytest.mark.parametrize("name", RECIPES)
def test_a_recipe_trains_and_translates(name: str, tmp_path: Path) -> None:
    """Two small steps, down to a picture of another size than those of training."""
    run = sparring.train(name, *words_of(name), data=data_of(name, tmp_path), out=tmp_path / "run", quiet=True)
    assert run.step == 2
    assert (run.path / "report.html").exists()
    assert (run.path / "samples" / "step-0000002.png").exists()
    source = picture(tmp_path / "in.png", "L" if name == "inpaint/medical" else "RGB")
    holes = mask(tmp_path / "mask.png") if name.startswith("inpaint") else None
    (written,) = sparring.translate(run.path, source, tmp_path / "out.png", mask=holes)
    given, made = (np.asarray(Image.open(path)) for path in (source, written))
    assert made.shape == given.shape
    assert made.shape[:2] == TRANSLATED
    changed = (made != given).reshape(*TRANSLATED, -1).any(-1)
    inside = np.ones(TRANSLATED, bool) if holes is None else np.asarray(Image.open(holes)) > 0
    assert changed[inside].mean() > 0.9
    assert not changed[~inside].any()


def test_other_data_keep_what_the_recipe_says_of_data(tmp_path: Path) -> None:
    """leaky-mlp ends in a sigmoid: whatever it is given lies in [0, 1]."""
    images = write_images(tmp_path / "images", 30, mode="L")
    kept: Any = validated(read_yaml(sparring.show("classic/leaky-mlp", data=images), "shown")).data
    assert (kept.range, kept.path) == ("unit", str(images))
    assert "fashion_mnist: {" in sparring.show("classic/leaky-mlp", data="fashion_mnist")
    assert "range: unit" in sparring.show("classic/leaky-mlp", data="fashion_mnist")


@pytest.mark.parametrize("size", [(48, 64), (32, 32), (17, 30), (64, 96)])
@pytest.mark.parametrize("name", ["image/medium", "image/few"])
def test_smaller_and_longer_images_fit_too(name: str, size: tuple[int, int], tmp_path: Path) -> None:
    """Strides give way where images are small."""
    images = np.random.default_rng(0).integers(0, 256, (40, *size, 3), dtype=np.uint8)
    np.savez(tmp_path / "i.npz", images=images)
    words = ["batch=4", "steps=1", "score.metrics=[]", "data.images.largest=96", "precision=fp32"]
    run = sparring.train(name, *words, data=tmp_path / "i.npz", out=tmp_path / "run", quiet=True)
    assert run.sample(2).shape == (2, *size, 3)


@pytest.mark.parametrize(
    ("count", "edge", "chosen"),
    [(600, 12, "digits"), (600, 32, "image/small"), (40, 64, "image/few"), (600, 64, "image/medium"), (40, 8, "digits")],
)  # fmt: skip
def test_the_recipe_is_chosen_by_size_and_count(count: int, edge: int, chosen: str, tmp_path: Path) -> None:
    images = torch.randint(0, 256, (count, edge, edge, 1), dtype=torch.uint8)
    np.savez(tmp_path / "some.npz", images=images.numpy())
    name, why = choose_recipe(str(tmp_path / "some.npz"), "cpu")
    assert name == chosen
    assert str(edge) in why or str(count) in why


def test_few_images_are_augmented_and_dropped(tmp_path: Path) -> None:
    """image/few: dropout in the discriminator, DiffAugment for all it sees; on while training, off at sampling."""
    run = sparring.train(
        "image/few", "batch=4", "steps=1", "score.metrics=[]", data=write_images(tmp_path / "i", 24, (20, 28)),
        out=tmp_path / "run", quiet=True,
    )  # fmt: skip
    assert list(run.recipe.augment) == ["diff_augment"]
    layers = random_layers(run.discriminator)
    assert layers
    assert all(layer.kind == "channel" for layer in layers)
    assert run.sample(2).shape == (2, 20, 28, 3)
