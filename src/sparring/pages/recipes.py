"""Recipes in brief, and where they differ."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sparring.base.errors import RequestError
from sparring.base.words import read_yaml
from sparring.pages.wording import exact, flat, number, plain

ABSENT = "–"


@dataclass(frozen=True)
class RecipeDifference:
    """A key that is not the same in all recipes."""

    key: str
    values: list[str]


def fields_of(recipe_yaml: str) -> dict[str, Any]:
    """A recipe's fields; none where the text is no recipe."""
    try:
        fields = read_yaml(recipe_yaml, "recipe.yaml")
    except (RequestError, ValueError):
        return {}
    return fields if isinstance(fields, dict) else {}


def recipe_differences(texts: Sequence[str]) -> list[RecipeDifference]:
    """The keys, as dotted paths, whose values differ, in the order of the recipes."""
    each = [{key: value for key, value in flat(fields_of(text)).items() if value != {}} for text in texts]
    keys = dict.fromkeys(key for one in each for key in one)
    found = []
    for key in keys:
        values = [one.get(key, ...) for one in each]
        if any(value != values[0] for value in values):
            shown = [ABSENT if value is ... else exact(value) for value in values]
            found.append(RecipeDifference(key, shown))
    return found


def in_brief(recipe_yaml: str) -> list[tuple[str, str]]:
    """What a reader wants to know of a recipe first."""
    fields = fields_of(recipe_yaml)
    told = [
        ("Objective", _choice(fields.get("objective"))),
        ("Generator", _player(fields.get("generator"))),
        ("Discriminator", _player(fields.get("discriminator"))),
        ("Augmentation", _parts(fields.get("augment"))),
        ("Batch", plain(fields["batch"]) if "batch" in fields else ""),
        ("Seed", plain(fields["seed"]) if "seed" in fields else ""),
    ]
    return [(name, value) for name, value in told if value]


def _choice(value: Any) -> str:
    """`hinge` of `hinge` as of `{hinge: {...}}`."""
    return str(next(iter(value), "")) if isinstance(value, dict) else "" if value is None else str(value)


def _player(value: Any) -> str:
    """Network, surgery and terms: dense, dropout (rate 0.3), r1 (weight 1)."""
    if not isinstance(value, dict):
        return ""
    told = [_choice(value.get("net")), _parts(value.get("surgery")), _parts(value.get("terms"))]
    return ", ".join(part for part in told if part)


def _parts(value: Any) -> str:
    """Named parts, each with the number that says how strong it is."""
    if not isinstance(value, dict):
        return ""
    return ", ".join(_part(str(name), options) for name, options in value.items())


def _part(name: str, options: Any) -> str:
    for key in ("rate", "weight"):
        strength = options.get(key) if isinstance(options, dict) else None
        if isinstance(strength, dict | str):
            return f"{name} ({key} {_choice(strength)})"
        if isinstance(strength, int | float):
            return f"{name} ({key} {number(strength)})"
    return name
