"""Games: one file a task."""

from __future__ import annotations

from typing import Annotated

from sparring.errors import RequestError
from sparring.games.images import FromImages
from sparring.games.inpaint import Inpaint
from sparring.games.noise import FromNoise
from sparring.games.paired import Paired
from sparring.games.table import Table
from sparring.games.unpaired import Cycle, Unpaired
from sparring.part import OneOf

Game = Annotated[FromNoise | Table | Paired | Unpaired | Cycle | Inpaint, OneOf()]
NoiseGame = FromNoise | Table
"""Games whose generator starts from latents."""
ImageGame = Paired | Unpaired | Cycle | Inpaint
"""Games whose generator starts from images."""
GAMES = (FromNoise, Table, Paired, Unpaired, Cycle, Inpaint)


def with_latents(game: Game, what: str) -> NoiseGame:
    """A game whose generator starts from latents. Raises RequestError that says `what` needs these, for the others."""
    if isinstance(game, FromImages):
        raise RequestError(f"{what}: needs a generator with latents, and the game {game.recipe_name()} has none")
    return game


__all__ = [
    "GAMES",
    "Cycle",
    "FromImages",
    "FromNoise",
    "Game",
    "ImageGame",
    "Inpaint",
    "NoiseGame",
    "Paired",
    "Table",
    "Unpaired",
    "with_latents",
]
