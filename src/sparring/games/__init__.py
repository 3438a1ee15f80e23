"""Games: one file a task."""

from __future__ import annotations

from typing import Annotated

from sparring.games.inpaint import Inpaint
from sparring.games.noise import FromNoise
from sparring.games.paired import Paired
from sparring.games.table import Table
from sparring.games.unpaired import Cycle, Unpaired
from sparring.part import OneOf

Game = Annotated[FromNoise | Table | Paired | Unpaired | Cycle | Inpaint, OneOf()]
GAMES = (FromNoise, Table, Paired, Unpaired, Cycle, Inpaint)

__all__ = ["GAMES", "Cycle", "FromNoise", "Game", "Inpaint", "Paired", "Table", "Unpaired"]
