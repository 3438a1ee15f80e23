"""Which arm of a study the others are compared with: the first, and so the recipe's own where it is among them."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from typing import Any

from sparring.base.errors import RequestError
from sparring.recipe import Recipe, override, validated
from sparring.studies.naming import as_word

Values = Mapping[str, tuple[Any, ...]]
Named = Mapping[str, tuple[str, ...]]


def own_first(fields: dict[str, Any], vary: Values, arms: Named) -> tuple[Values, Named]:
    """The same values of each key and the same named arms, those first that leave the recipe of these fields as it
    is."""

    def changes(words: Sequence[str]) -> bool:
        return _recipe(fields, words) != own

    own = _recipe(fields, ())
    values = {
        key: tuple(sorted(held, key=lambda value, key=key: changes((f"{key}={as_word(value)}",))))  # type: ignore[misc]
        for key, held in vary.items()
    }
    return values, dict(sorted(arms.items(), key=lambda arm: changes(arm[1])))


def _recipe(fields: dict[str, Any], words: Sequence[str]) -> Recipe | None:
    """The recipe with overrides; None where there is none, of which a design tells."""
    try:
        return validated(override(copy.deepcopy(fields), words))
    except RequestError:
        return None
