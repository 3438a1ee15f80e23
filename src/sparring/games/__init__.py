"""Games: one file a task."""

from __future__ import annotations

from typing import Annotated

from sparring.games.noise import FromNoise
from sparring.part import OneOf

Game = Annotated[FromNoise, OneOf()]

__all__ = ["FromNoise", "Game"]
