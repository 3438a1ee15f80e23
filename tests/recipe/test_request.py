"""What a person asks for: places of data, in the form that a recipe takes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

import sparring
from sparring.base.errors import RequestError
from sparring.pages.console import Talk
from sparring.recipe import kind_left_open, validated
from sparring.recipe.request import choose_recipe, fields_of, options_of
from tests.conftest import small_fields, write_images

QUIET = Talk(quiet=True)


@pytest.fixture
def two(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    for name in ("content.png", "style.png"):
        write_images(tmp_path, 1, (80, 80), name=name)
    for name in ("photos", "paintings"):
        write_images(tmp_path / name, 5, (80, 80))
    return tmp_path


def written(folder: Path, data: Any) -> str:
    """A recipe file whose data are these."""
    fields = {key: value for key, value in small_fields().items() if key != "data"} | {"data": data}
    path = folder / "own.yaml"
    path.write_text(yaml.safe_dump(fields))
    return str(path)


def asked(recipe: str | None, *words: str, data: Any) -> Any:
    return fields_of(recipe, words, data, None, "cpu", QUIET)["data"]


@pytest.mark.parametrize("kind", ["pairs", "sides", "images"])
def test_a_folder_goes_into_the_recipes_own_kind_of_data(kind: str, two: Path) -> None:
    place = str(two / "photos")
    assert asked(written(two, kind), data="photos") == {kind: {"path": place}}
    base = {kind: {"size": 32, "path": "old"}}
    assert asked(written(two, base), data=two / "photos") == {kind: {"size": 32, "path": place}}
    assert asked(written(two, {kind: {"size": 32}}), f"data.{kind}.fit=pad", data="photos")[kind]["fit"] == "pad"


def test_an_override_says_another_form_of_the_data(two: Path) -> None:
    """Pairs taken apart, for a recipe of two kinds; what both forms know stays."""
    recipe = written(two, {"sides": {"size": 32, "path": "old", "other": "older"}})
    found = asked(recipe, "data.pairs.apart=true", data="photos")
    assert found == {"pairs": {"path": str(two / "photos"), "size": 32, "apart": True}}
    assert set(asked(recipe, "data.sides.fit=pad", data="photos")) == {"sides"}
    assert asked(recipe, "steps=3", data="digits") == {"digits": {}}


def test_a_second_word_is_a_second_place(two: Path) -> None:
    wanted = {"content": str(two / "content.png"), "style": str(two / "style.png")}
    recipe = written(two, {"pictures": {"size": 32}})
    assert asked(recipe, "style.png", data="content.png") == {"pictures": {"size": 32, **wanted}}
    assert asked(recipe, "batch=4", "style.png", data="content.png") == {"pictures": {"size": 32, **wanted}}
    assert asked(recipe, data=("content.png", Path("style.png"))) == {"pictures": {"size": 32, **wanted}}
    places = {"path": str(two / "photos"), "other": str(two / "paintings")}
    assert asked(written(two, "sides"), "paintings", data="photos") == {"sides": places}
    assert options_of("photos", {"sides": places}) == {"sides": {"path": places["path"]}}, "the other is not kept"


@pytest.mark.parametrize(
    ("data", "words", "told"),
    [
        ("pictures", [], "data.pictures: photos is the content; name the style after it"),
        ("pairs", ["paintings"], "photos and paintings are two places, and data.pairs takes one; take the folder"),
        ("images", ["paintings"], "photos and paintings are two places, and data.images takes one"),
        ("sides", ["paintings", "style.png"], "--data: photos, paintings, style.png; data are one place, or two"),
        ("sides", ["nothere"], "'nothere' is not key=value"),
    ],
)
def test_places_too_few_or_too_many(two: Path, data: Any, words: list[str], told: str) -> None:
    with pytest.raises(RequestError) as refused:
        asked(written(two, data), *words, data="photos")
    assert told in str(refused.value)


def test_what_is_open_and_what_is_not(two: Path) -> None:
    for kind in ("pairs", "sides", "pictures", "images", "table"):
        assert kind_left_open({"data": kind}) == kind
        assert kind_left_open({"data": {kind: {"limit": 5}}}) == kind
    assert kind_left_open({"data": {"pairs": {"path": "x"}}}) is None
    assert kind_left_open({"data": {"pictures": {"content": "x", "style": "y"}}}) is None
    assert kind_left_open({"data": "digits"}) is None
    with pytest.raises(RequestError, match="leaves it open; give it by --data"):
        validated(small_fields(data={"sides": {"size": 32}}))


@pytest.mark.parametrize("kind", ["pairs", "sides", "pictures"])
def test_show_fills_in_places(kind: str, two: Path) -> None:
    text = sparring.show(written(two, {kind: {"size": 32}}))
    assert "PATH" in text
    assert "size: 32" in text


def test_the_recipe_is_chosen_by_the_folders(two: Path) -> None:
    for name in ("a", "b"):
        write_images(two / "alike" / name, 5)
        write_images(two / "unlike" / name, 5, name=name + "{}.png")
        write_images(two / "cycle" / f"train{name.upper()}", 5)
    assert choose_recipe("alike") == ("translate/paired", "two folders of images with the same names")
    assert choose_recipe("unlike")[0] == choose_recipe("cycle")[0] == "translate/unpaired"
    assert choose_recipe("content.png", "cpu", "style.png")[0] == "style/single"
    assert choose_recipe("photos", "cpu", "paintings")[0] == "translate/unpaired"
    assert choose_recipe("photos", "cpu")[0] == "image/few"
    for part in ("train", "val"):
        write_images(Path("halves", part), 3, (8, 16))
        write_images(Path("panoramas", part), 3, (8, 24))
    why = "images twice as wide as high in parts: two side by side"
    assert choose_recipe("halves", "cpu") == ("translate/paired", why)
    assert choose_recipe("halves/train", "cpu")[0] != "translate/paired"  # no parts: any pictures may be so wide
    assert choose_recipe("panoramas", "cpu")[0] != "translate/paired"
