"""Recipes as text: the zoo, files, `key=value` overrides, and back to YAML."""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any

from sparring.base.errors import RequestError, nearest
from sparring.base.paths import given_path
from sparring.base.words import read_yaml
from sparring.kinds.names import folders, left_out_if_broken

FIRST = ("name", "about", "data", "game", "objective", "generator")
"""The first keys of a recipe, for messages: to ask the recipe itself would take PyTorch."""


def names() -> list[str]:
    """The zoo's recipes, sorted."""
    return sorted(_texts())


@cache
def _texts() -> dict[str, Traversable]:
    """The file of each recipe, by its name: its path below a kind's folder `recipes`.

    Raises RequestError where two kinds bring one of the same name."""
    found: dict[str, Traversable] = {}
    for kind, package in folders().items():
        mine: dict[str, Traversable] = {}
        with left_out_if_broken(kind, package):
            folder = files(package) / "recipes"
            if folder.is_dir():
                _collect(folder, "", mine)
        for name in mine.keys() & found.keys():
            raise RequestError(f"kinds: {package} brings a recipe '{name}', and there is one of that name; rename it")
        found |= mine
    return found


def _collect(folder: Traversable, prefix: str, found: dict[str, Traversable]) -> None:
    for entry in folder.iterdir():
        if entry.is_dir():
            _collect(entry, f"{prefix}{entry.name}/", found)
        elif entry.name.endswith(".yaml"):
            found[prefix + entry.name.removesuffix(".yaml")] = entry


def recipes(name: str | None = None) -> dict[str, str]:
    """The zoo: each recipe's name with what it is for; with a name, that one's text."""
    if name is not None:
        return {name: text(name)}
    return {one: str(read_recipe(one).get("about", "")) for one in names()}


def text(name: str) -> str:
    """A recipe of the zoo as it is written. Raises RequestError with the nearest name."""
    if name not in names():
        raise RequestError(f"recipe: '{name}' is not in the zoo; {nearest(name, names())}")
    return _texts()[name].read_text()


def is_recipe(name: str) -> bool:
    """Whether a name is one of the zoo, or a YAML file's."""
    return name in names() or Path(name).suffix in (".yaml", ".yml")


def read_recipe(name: str) -> dict[str, Any]:
    """The fields of a recipe: of the zoo by its name, or of a YAML file by its path."""
    path = given_path(name, "recipe")
    if path.suffix in (".yaml", ".yml") and path.is_file():
        try:
            content = path.read_text()
        except (OSError, UnicodeDecodeError) as error:
            raise RequestError(f"{path}: cannot be read as text ({error})") from None
    elif path.suffix in (".yaml", ".yml"):
        raise RequestError(f"recipe: no such file: {path}")
    else:
        content = text(name)
    fields = read_yaml(content, name)
    if not isinstance(fields, dict):
        raise RequestError(f"{name}: not a recipe: a mapping of {', '.join(FIRST)}, ...")
    return {"name": path.stem if path.suffix else name} | fields
