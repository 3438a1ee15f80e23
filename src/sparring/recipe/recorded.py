"""Whether a run is the one that a request would go on with."""

from __future__ import annotations

from typing import Any

from sparring.base.checking import Damaged
from sparring.base.errors import RequestError
from sparring.base.rundir import RunDir
from sparring.base.words import read_yaml
from sparring.recipe.recipe import Recipe, validated

FREE_TO_CHANGE = {
    *(
        "steps",
        "recipe_steps",
        "budget",
        "clocked",
        "about",
        "log_every",
        "sample_every",
        "save_every",
        "keep",
        "score",
    ),
    *("doctor", "tracker"),
}
"""What may differ between a run and the request that goes on with it."""


def must_be_same(run: RunDir, recipe: Recipe, asked: Recipe) -> None:
    """Raises RequestError where what is asked for is another run than the one that is there."""
    if recipe.name != asked.name:
        raise RequestError(f"out: {run.path} holds a run of the recipe {recipe.name}, not {asked.name}; take another")
    if asked.data == recipe.data.decided()[0]:  # of a run from before that was written down
        asked = asked.model_copy(update={"data": recipe.data})
    fixed = set(Recipe.model_fields) - FREE_TO_CHANGE
    there, here = (_compared(one, fixed) for one in (recipe, asked))
    told = difference(there, here)
    if told is not None:
        raise RequestError(
            f"out: {run.path} holds a run with {told[0]}={_named(told[1])}, not {_named(told[2])}; "
            "take another directory"
        )


def _compared(recipe: Recipe, fixed: set[str]) -> dict[str, Any]:
    """What of a recipe is to be the same: of its data not by which version's rules they are read."""
    found = recipe.model_dump(mode="json", include=fixed)
    for options in found["data"].values() if isinstance(found["data"], dict) else ():
        for name in recipe.data.dated:
            options.pop(name, None)
    return found


def difference(one: Any, other: Any, path: str = "") -> tuple[str, Any, Any] | None:
    """The dotted key at which two recipes' fields first differ, with both values; None where they do not."""
    if one == other:
        return None
    if not (isinstance(one, dict) and isinstance(other, dict)) or (
        len(one) == len(other) == 1 and one.keys() != other.keys()
    ):
        return path, one, other
    for key in [*one, *(key for key in other if key not in one)]:
        found = difference(one.get(key), other.get(key), f"{path}.{key}" if path else str(key))
        if found is not None:
            return found
    return None


def _named(value: Any) -> Any:
    """A choice by its name alone."""
    return next(iter(value)) if isinstance(value, dict) and len(value) == 1 else value


def read_recipe_of(run: RunDir) -> Recipe:
    """The resolved recipe of a run."""
    text = run.read_recipe()
    try:
        fields = read_yaml(text, str(run.recipe))
    except (RecursionError, ValueError) as error:
        raise Damaged(run.recipe, "nested too deeply" if isinstance(error, RecursionError) else error) from None
    if not isinstance(fields, dict):
        raise Damaged(run.recipe, "not a mapping")
    try:
        return validated(fields)
    except RequestError as error:
        raise RequestError(f"{run.recipe}: {error}") from None
