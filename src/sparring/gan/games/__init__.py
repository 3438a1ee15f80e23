"""Games that are of no kind of data: from noise, and what games that start from samples share."""

from __future__ import annotations

from sparring.gan.game import Game
from sparring.gan.games.inputs import FromInputs
from sparring.gan.games.noise import FromNoise, NoiseGame, as_verdict, refuse_own, takes_no_inputs, with_latents

GAMES: tuple[type[Game], ...] = (FromNoise,)
"""The games that a recipe can choose, beside those that kinds of data bring."""

__all__ = [
    "GAMES",
    "FromInputs",
    "FromNoise",
    "Game",
    "NoiseGame",
    "as_verdict",
    "refuse_own",
    "takes_no_inputs",
    "with_latents",
]
