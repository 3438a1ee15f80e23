"""What a person asks for, as the fields of a recipe."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from sparring import zoo
from sparring.chooser import choose_recipe
from sparring.console import Talk
from sparring.data import PLACES, options_of
from sparring.data.files import FORMATS
from sparring.data.tables.column import KINDS
from sparring.errors import RequestError, nearest
from sparring.recipe import Recipe

Place = str | Path
Places = Place | Sequence[Place]
"""One place of data, or two."""


def told_apart(recipe: str | None, overrides: Sequence[str]) -> tuple[str | None, tuple[str, ...]]:
    """A first word that is `key=value` is no recipe's name."""
    if recipe is not None and "=" in recipe:
        return None, (recipe, *overrides)
    return recipe, tuple(overrides)


def fields_of(
    recipe: str | None,
    overrides: Sequence[str],
    data: Places | None,
    seed: int | None,
    device: str,
    talk: Talk,
) -> dict[str, Any]:
    """The fields of the recipe asked for, one chosen for the data where none was."""
    recipe, overrides = told_apart(recipe, overrides)
    places: list[str] = []
    if data is not None:
        recipe, overrides, places = _with_places(recipe, overrides, data)
    first, second = (*places, None, None)[:2]
    if recipe is None:
        recipe, why = choose_recipe(first, device, second)
        talk.say(f"recipe: {recipe} ({why})")
    fields = zoo.read_recipe(recipe)
    if first is not None:
        fields["data"] = options_of(first, _as_said(fields.get("data"), overrides), second)
    if seed is not None:
        fields["seed"] = seed
    if isinstance(fields.get("data"), dict) and "table" in fields["data"]:
        overrides = [_of_a_column(word) for word in overrides]
    return zoo.override(fields, overrides)


def _with_places(recipe: str | None, overrides: Sequence[str], data: Places) -> tuple[str | None, list[str], list[str]]:
    """A recipe's name, overrides and one or two places of data: on the command line the second place of
    `--data ONE OTHER` comes as a word among the others. Raises RequestError for more than two."""
    places = [str(data)] if isinstance(data, str | Path) else [str(place) for place in data]
    words = list(overrides)
    if recipe is not None and not zoo.is_recipe(recipe) and _is_place(recipe):
        words, recipe = [recipe, *words], None
    places += [word for word in words if _is_place(word)]
    if not 1 <= len(places) <= 2:
        told = ", ".join(places) or "nothing"
        raise RequestError(f"--data: {told}; data are one place, or two: a picture and its style, or two folders")
    return recipe, [word for word in words if not _is_place(word)], places


def _is_place(word: str) -> bool:
    """Whether a word is a path rather than `key=value`."""
    path = Path(word).expanduser()
    return "=" not in word and (path.suffix.lower() in FORMATS or path.exists())


def _as_said(data: Any, overrides: Sequence[str]) -> Any:
    """A recipe's data, or where an override is of data in another form (`data.pairs.apart=true`), these in that one."""
    said = [parts[1] for parts in (word.partition("=")[0].split(".") for word in overrides) if parts[0] == "data"][:1]
    kind, options = next(iter(data.items())) if isinstance(data, dict) and len(data) == 1 else (data, {})
    if not said or said[0] == kind or said[0] not in PLACES or kind not in PLACES:
        return data
    return {said[0]: options}


def _of_a_column(word: str) -> str:
    """An override, or where it is `column=kind` of a table, the override that says so: of a column, too, that is called
    like a key of the recipe, which takes no kind."""
    name, equals, value = word.partition("=")
    keys = Recipe.option_names()
    if value in KINDS and (name in keys or name.partition(".")[0] not in keys):
        return f"data.table.kinds.{word}"
    if not equals or name.partition(".")[0] in keys or nearest(name, keys).startswith("did you mean"):
        return word
    raise RequestError(f"{word}: no key '{name}', and no kind '{value}' of a column; {nearest(value, KINDS)}")


def names_columns(word: str) -> bool:
    """Whether an override is of the data, or how a table is read."""
    return _of_a_column(word).startswith("data.")
