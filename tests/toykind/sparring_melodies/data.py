"""Melodies as they are written, as numbers, and as networks see them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
import torch.nn.functional as F
from pydantic import Field
from torch import Tensor

from sparring.base.errors import RequestError
from sparring.data import Codec, DataSet, Found, SourceOptions, assemble
from sparring.data.files import readable

OCTAVE = ("C", "^C", "D", "^D", "E", "F", "^F", "G", "^G", "A", "^A", "B")
NOTES = (*OCTAVE, *(note.lower() for note in OCTAVE), "z")
REST, END = 24, 25
"""The number of a rest, and of what fills a melody up to its length."""


def numbers(line: str, length: int, where: str) -> list[int]:
    """A line's notes as so many numbers; bars are left out."""
    found = re.findall(r"\^?[A-Ga-gz]|[^\s|]", line)
    for note in found:
        if note not in NOTES:
            raise RequestError(f"{where}: '{note}' is no note; known: {' '.join(NOTES)}")
    return ([NOTES.index(note) for note in found] + [END] * length)[:length]


def text(samples: Tensor) -> str:
    """A line for each of the samples, [n, length]."""
    return "".join(" ".join(NOTES[note] for note in sample if note < END) + "\n" for sample in samples.tolist())


@dataclass(frozen=True)
class MelodyCodec(Codec):
    """Stored is a number for each place, uint8 [length]; networks see the share of each note there, [length, notes]."""

    length: int
    kind: ClassVar = "melody"
    range: ClassVar = "unit"
    noun: ClassVar = "melodies"

    @property
    def shape(self) -> tuple[int, ...]:
        return self.length, END + 1

    def encode(self, stored: Tensor) -> Tensor:
        return F.one_hot(stored.long(), END + 1).float()

    def decode(self, seen: Tensor) -> Tensor:
        """At each place the note of the largest share; nothing follows an end."""
        notes = seen.argmax(2)
        return notes.masked_fill((notes == END).cumsum(1) > 0, END).to(torch.uint8)

    def to_json(self) -> dict[str, Any]:
        return {"kind": self.kind, "length": self.length}


class Melodies(SourceOptions):
    """Lines of notes in the manner of ABC, one melody a line: `C D ^F | z c`."""

    kind: ClassVar[str] = "melodies"
    places: ClassVar[tuple[str, ...]] = ("path",)

    path: str
    """The file."""
    length: int = Field(16, ge=2)
    """Notes of a melody, at most; longer ones are cut."""

    @classmethod
    def named(cls, place: str) -> bool:
        return place.lower().endswith(".abc")

    takes = named

    def load(self) -> DataSet:
        path = readable(self.path)
        lines = enumerate(path.read_text(errors="replace").splitlines(), 1)
        rows = [numbers(line, self.length, f"{path}:{n}") for n, line in lines if line.strip() and line[1:2] != ":"]
        samples, codec = torch.tensor(rows, dtype=torch.uint8).reshape(-1, self.length), MelodyCodec(self.length)
        options = {"fraction": self.held_out, "limit": self.limit}
        return assemble(path.stem, samples, None, codec, Found(f"{path}: melodies"), **options)
