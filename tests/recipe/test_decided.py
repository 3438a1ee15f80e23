"""The size that images are made at, decided when a run begins: their own where a recipe can afford it, else in
proportion."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

import sparring
from sparring.base.errors import RequestError
from sparring.base.words import read_yaml
from sparring.data.pictures.fitting import size_for
from sparring.pages.console import Talk
from sparring.recipe import validated
from sparring.recipe.request import fields_of
from tests.conftest import small_fields, write_images


class Heard(Talk):
    """Keeps what is said."""

    def __init__(self) -> None:
        super().__init__(quiet=True)
        self.lines: list[str] = []

    def say(self, line: str) -> None:
        self.lines.append(line)


def options(recipe: str, place: Path, *words: str) -> tuple[Any, list[str]]:
    talk = Heard()
    (found,) = fields_of(recipe, words, place, None, "cpu", talk)["data"].values()
    return found, talk.lines


@pytest.mark.parametrize(
    ("sizes", "largest", "made", "smaller"),
    [
        ([(28, 28)] * 3, 32, None, (28, 28)),
        ([(48, 30)] * 3, 32, (48, 30), (32, 20)),  # 1,440 pixels of at most 1,536
        ([(38, 41)] * 3, 32, (30, 32), (30, 32)),
        ([(90, 60)] * 3, 64, (90, 60), (64, 43)),
        ([(100, 75)] * 3, 64, (64, 48), (64, 48)),
        ([(75, 100), (150, 200), (149, 200)], 64, (48, 64), (48, 64)),
        ([(30, 20), (33, 22), (60, 40)], 64, (33, 22), (33, 22)),
        ([(40, 30), (30, 40)], 32, None, (32, 32)),
        ([], 32, None, (32, 32)),
    ],
)
def test_sizes(sizes: list[tuple[int, int]], largest: int, made: Any, smaller: tuple[int, int]) -> None:
    assert size_for(sizes, largest) == (made, smaller)


def test_own_sizes_and_proportions_are_written_into_the_recipe_and_told(tmp_path: Path) -> None:
    kept, told = options("image/small", write_images(tmp_path / "kept", 24, (48, 30)))
    assert kept["size"] == [48, 30]
    assert told == [
        "data: made at their own size, 48 x 30, which takes about 1.41 times the work of 32 x 32; "
        "data.images.size=[32,20] makes them smaller"
    ]
    assert sparring.show("image/small", data=tmp_path / "kept").count("size: [48, 30]") == 1
    reduced, told = options("image/small", write_images(tmp_path / "reduced", 24, (60, 45)))
    assert (reduced["size"], told) == ([32, 24], [])
    fields = {"data": {"images": reduced}}
    notes = validated(small_fields(**fields)).data.load().found.notes
    assert notes[0] == "fitted to 32 x 24 (fit: crop; data.images.size sets another)"


def test_what_is_said_or_fits_is_left_alone(tmp_path: Path) -> None:
    place = write_images(tmp_path / "p", 24, (48, 30))
    assert options("image/small", place, "data.images.size=[32,24]") == (
        {"size": [32, 24], "largest": 32, "path": str(place)},
        [],
    )
    assert options("image/medium", place) == ({"largest": 64, "path": str(place)}, [])
    assert options("image/small", tmp_path / "none") == ({"largest": 32, "path": str(tmp_path / "none")}, [])
    assert "size" not in options("image/small", place, "data.images.largest=null")[0]


def test_arrays(tmp_path: Path) -> None:
    np.savez(tmp_path / "some.npz", images=np.zeros((30, 20, 90, 3), np.uint8))
    assert options("image/small", tmp_path / "some.npz")[0]["size"] == [7, 32]


def test_a_run_goes_on_by_the_same_words_though_it_began_before_sizes_were_decided(tmp_path: Path) -> None:
    place = write_images(tmp_path / "p", 40, (21, 15))
    recipe, out = tmp_path / "own.yaml", tmp_path / "run"
    recipe.write_text(
        yaml.safe_dump(small_fields(data={"images": {"largest": 16}}, score={"metrics": []}, doctor="off"))
    )
    words = {"data": place, "out": out, "device": "cpu", "quiet": True}
    sparring.train(str(recipe), "data.images.size=[16,12]", **words)
    kept = read_yaml((out / "recipe.yaml").read_text(), "")
    kept["data"]["images"]["size"] = None  # which is what was written then, and gave 16 x 12
    (out / "recipe.yaml").write_text(yaml.safe_dump(kept))
    assert sparring.train(str(recipe), for_="14steps", **words).step == 14
    with pytest.raises(RequestError, match=r"data\.images\.size=None, not \[12, 12\]"):
        sparring.train(str(recipe), "data.images.size=[12,12]", **words)
