"""Games: one file a task."""

from __future__ import annotations

from typing import Annotated

from sparring.games.noise import FromNoise
from sparring.games.table import Table
from sparring.part import OneOf

Game = Annotated[FromNoise | Table, OneOf()]

__all__ = ["FromNoise", "Game", "Table"]
