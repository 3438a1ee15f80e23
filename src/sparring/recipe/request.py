"""What a person asks for, as the fields of a recipe."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from sparring import kinds
from sparring.base.cache import cache_directory
from sparring.base.errors import RequestError
from sparring.base.part import parse, read_choice
from sparring.data import Source
from sparring.data.source import SourceOptions
from sparring.kinds import zoo
from sparring.kinds.kind import Claim
from sparring.pages.console import Talk
from sparring.recipe.recipe import Recipe, override

Place = str | Path
Places = Place | Sequence[Place]
"""One place of data, or two."""
ARRAYS = (
    "images: numpy.savez('images.npz', images=..., labels=...), then data='images.npz'; rows: pandas.DataFrame(...)"
)
"""How arrays are given as data."""


def told_apart(recipe: Place | None, overrides: Sequence[str]) -> tuple[str | None, tuple[str, ...]]:
    """A first word that is `key=value` is no recipe's name."""
    recipe = None if recipe is None else str(recipe)
    if recipe is not None and "=" in recipe:
        return None, (recipe, *overrides)
    return recipe, tuple(overrides)


def fields_of(
    recipe: Place | None,
    overrides: Sequence[str],
    data: Any,
    seed: int | None,
    device: str,
    talk: Talk,
) -> dict[str, Any]:
    """The fields of the recipe asked for, one chosen for the data (as `places_of` takes them) where none was."""
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
    own = fields.get("steps", Recipe.model_fields["steps"].default)
    found = override(fields, spelt(overrides, fields.get("data")))
    if found.get("steps", own) != own and found.get("recipe_steps") is None:
        found["recipe_steps"] = own
    return _decided(found, talk)


def _decided(fields: dict[str, Any], talk: Talk) -> dict[str, Any]:
    """The fields with what the data decide written out, as far as they can be read; whatever is wrong with them is said
    when they are."""
    try:
        source: Source = parse(lambda: read_choice(fields.get("data"), kinds.parts(Source)))
        decided, told = source.decided()
    except RequestError:
        return fields
    if decided == source:
        return fields
    if told:
        talk.say(f"data: {told}")
    return fields | {"data": {source.recipe_name(): decided.model_dump(mode="json", exclude_unset=True)}}


def _with_places(recipe: str | None, overrides: Sequence[str], data: Any) -> tuple[str | None, list[str], list[str]]:
    """A recipe's name, overrides and one or two places of data: on the command line the second place of
    `--data ONE OTHER` comes as a word among the others. Raises RequestError for more than two."""
    places, words = places_of(data), list(overrides)
    if recipe is not None and not zoo.is_recipe(recipe) and _is_place(recipe):
        words, recipe = [recipe, *words], None
    places += [word for word in words if _is_place(word)]
    if not 1 <= len(places) <= 2:
        told = ", ".join(places) or "nothing"
        raise RequestError(f"--data: {told}; data are one place, or two: a picture and its style, or two folders")
    return recipe, [word for word in words if not _is_place(word)], places


def _is_place(word: str) -> bool:
    """Whether a word is a path rather than `key=value`."""
    return "=" not in word and (Path(word).suffix.lower() in kinds.reads() or os.path.exists(os.path.expanduser(word)))


def _as_said(data: Any, overrides: Sequence[str]) -> Any:
    """A recipe's data, or where an override is of data in another form (`data.pairs.apart=true`), these in that one."""
    said = [parts[1] for parts in (word.partition("=")[0].split(".") for word in overrides) if parts[0] == "data"][:1]
    name, options = next(iter(data.items())) if isinstance(data, dict) and len(data) == 1 else (data, {})
    if not said or said[0] == name or not all(map(_is_placed, (said[0], name))):
        return data
    return {said[0]: options}


def _is_placed(name: Any) -> bool:
    """Whether a recipe calls a source of data so that lie somewhere."""
    source = kinds.source_named(name) if isinstance(name, str) else None
    return source is not None and bool(source.places)


def spelt(overrides: Sequence[str], data: Any) -> list[str]:
    """Overrides of a recipe with these data, written in full: `column=kind` of a table, say."""
    name = next(iter(data)) if isinstance(data, dict) and len(data) == 1 else data
    source = kinds.source_named(name) if isinstance(name, str) else None
    return list(overrides) if source is None else [source.spelt(word, Recipe.option_names()) for word in overrides]


def choose_recipe(data: str | None, device: str = "auto", other: str | None = None) -> tuple[str, str]:
    """A recipe's name for `--data DATA`, or `--data DATA OTHER`, and why."""
    if data is None:
        return "digits", "no data was given: scikit-learn's digits"
    best: Claim | None = None
    for kind in kinds.kinds():
        if best is not None and best.sure > kind.sure_at_most:
            continue
        claim = kind.claim(data, other, device)
        if claim is not None and (best is None or claim.sure > best.sure):
            best = claim
    if best is None:
        raise RequestError(f"--data: {data} is of no kind that is known")
    return best.recipe, best.why


def options_of(given: str, base: Any = None, other: str | None = None) -> dict[str, Any]:
    """What `--data GIVEN`, or `--data GIVEN OTHER`, writes into a recipe: the source that is sure to read it, else the
    recipe's own, with those of the recipe's options on data that it has too.

    Raises RequestError where the source takes one place and there are two, or the other way round.
    """
    name, options = next(iter(base.items())) if isinstance(base, dict) and len(base) == 1 else (base, None)
    own = kinds.source_named(name) if isinstance(name, str) else None
    sure = kinds.source_at(given)
    if own is not None and own.takes(given) and (sure is None or (sure.places and sure.kind == own.kind)):
        source = own
    else:
        source = sure or kinds.last_source()
    # Options of one name mean the same in sources that share their options; others may mean something else
    alike = source is own or issubclass(source, SourceOptions)
    keep = {
        key: value
        for key, value in (options if isinstance(options, dict) and alike else {}).items()
        if key in source.model_fields and key not in source.places
    }
    new, places = source.recipe_name(), [source.at(one) for one in (given, other) if one is not None]
    if other is not None and len(source.places) < 2:
        told = source.whole or f"two are for {' and '.join(_of_two_places())}"
        raise RequestError(f"--data: {given} and {other} are two places, and data.{new} takes one; {told}")
    if not source.places:
        return {new: keep}
    wanted = [place for place in source.places if source.model_fields[place].is_required()]
    if len(places) < len(wanted):
        first, second = wanted
        told = f"name the {second} after it: --data {first.upper()} {second.upper()}"
        raise RequestError(f"data.{new}: {given} is the {first}; {told}")
    return {new: keep | dict(zip(source.places, places, strict=False))}


def _of_two_places() -> list[str]:
    return [f"data.{name}" for name, source in kinds.parts(Source).items() if len(source.places) > 1]


def places_of(data: Any) -> list[str]:
    """The places of what was given as data: paths and names as they are, another object's as the path of a file in the
    cache with its content, so that a recipe can name it. Raises RequestError for what no kind of data takes."""
    if isinstance(data, str | Path):
        return [str(data)]
    if isinstance(data, Sequence) and all(isinstance(place, str | Path) for place in data):
        return [str(place) for place in data]
    for kind in kinds.kinds():
        path = kind.kept(data, cache_directory())
        if path is not None:
            return [str(path)]
    several = isinstance(data, list | tuple) and len(data) > 0
    name = f"{type(data).__name__} of {type(data[0]).__name__}" if several else type(data).__name__
    raise RequestError(f"data: {name} is not taken; give a path, a name or a pandas DataFrame ({ARRAYS})")


def place_of(data: Any) -> str:
    """The only place of what was given as data. Raises RequestError for two, and as `places_of` does."""
    places = places_of(data)
    if len(places) != 1:
        raise RequestError(f"data: {', '.join(places) or 'nothing'}; one place is taken here")
    return places[0]
