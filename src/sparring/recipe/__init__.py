"""What a person asks for: every option of a run."""

from __future__ import annotations

from sparring.recipe.recipe import PlayerOptions, Recipe, Scoring, kind_left_open, override, to_yaml, validated

__all__ = [
    "PlayerOptions",
    "Recipe",
    "Scoring",
    "kind_left_open",
    "override",
    "to_yaml",
    "validated",
]
