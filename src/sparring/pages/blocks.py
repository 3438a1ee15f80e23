"""What is made, as parts of a page: pictures, cells of a table, or HTML of a kind of data's own."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass

from sparring.pages import pictures
from sparring.pages.filling import part


class Block(ABC):
    """A part of a page."""

    @abstractmethod
    def html(self, room: int) -> str:
        """Safe HTML, with what it embeds in so many bytes; as text they take a third more."""

    @abstractmethod
    def png(self) -> bytes | None:
        """The same as a picture, where it is one."""


@dataclass(frozen=True)
class Figure(Block):
    """A picture with its caption."""

    picture: bytes
    """A PNG."""
    alt: str
    caption: str = ""
    comfortable: int = pictures.COMFORTABLE
    """Pixels on the page that a small picture is enlarged towards, by a whole factor."""

    def html(self, room: int) -> str:
        fitted = pictures.picture(self.picture, self.alt, room, comfortable=self.comfortable)
        return part("parts.html", "shown", fitted, self.caption)

    def png(self) -> bytes | None:
        return self.picture


@dataclass(frozen=True)
class Cells(Block):
    """Rows of a table, as text."""

    columns: list[str]
    rows: list[list[str]]
    label: str
    """What the rows are, for those who cannot see the table."""
    heads: list[str] | None = None
    """The place of each row, such as that along a direction."""
    marked: bool = False
    """Whether cells that differ from those of the row above are to stand out."""

    def html(self, room: int) -> str:
        heads: list[str] | list[None] = [None] * len(self.rows) if self.heads is None else self.heads
        return part("parts.html", "cells", self, list(zip(heads, self._classed(), strict=True)))

    def _classed(self) -> list[list[tuple[str, str]]]:
        """The cells of each row, with their classes of the style sheet."""
        if not self.marked:
            return [[(cell, "") for cell in row] for row in self.rows]
        pairs = zip(self.rows, [*self.rows[:1], *self.rows], strict=False)
        return [
            [(cell, "quiet" if cell == last else "strong") for cell, last in zip(row, above, strict=True)]
            for row, above in pairs
        ]

    def png(self) -> bytes | None:
        return None


@dataclass(frozen=True)
class Html(Block):
    """HTML that is safe already: sounds to play, drawings in SVG. It runs no scripts, and fetches nothing."""

    text: str

    def html(self, room: int) -> str:
        return self.text

    def png(self) -> bytes | None:
        return None
