"""Melodies of one voice: all that Sparring asks of them."""

from __future__ import annotations

import html
import math
from pathlib import Path
from typing import ClassVar

import torch
from torch import Tensor

from sparring.base.draws import Key
from sparring.base.files import put_file
from sparring.base.part import Part
from sparring.data import Codec, DataSet, Rows
from sparring.gan.game import Game
from sparring.gan.trained import Trained
from sparring.kinds.kind import Claim, Made, Say, Shown, Sign, Wish
from sparring.kinds.noise import SHOWN, NoiseKind
from sparring.metrics.features import Extractor, Pixels
from sparring.pages.blocks import Block, Html
from sparring_melodies.data import END, NOTES, REST, Melodies, MelodyCodec, text
from sparring_melodies.metric import IN_KEY
from sparring_melodies.net import Tune

AGAIN = "the same melodies come again and again"


class Transposed(Part):
    """What `sparring sample` takes beside its own options."""

    transpose: int = 0
    """Half tones up; what leaves the two octaves comes in again at their other end."""


class MelodiesKind(NoiseKind):
    """Melodies of one voice, made from noise."""

    name: ClassVar = "melodies"
    unit: ClassVar = "melodies"
    parts: ClassVar = (Melodies, Tune)
    codecs: ClassVar = {"melody": lambda fields: MelodyCodec(fields["length"])}
    metrics: ClassVar = (IN_KEY,)
    extractors: ClassVar = ("pixels",)
    reads: ClassVar = (".abc",)
    sparse: ClassVar = True
    signs: ClassVar = (Sign("repeated", 0.5, True, "repeated_melodies", AGAIN, ("discriminator.terms.r1.weight=1",)),)
    asks: ClassVar = {"sample": Transposed}
    draws: ClassVar = False
    to: ClassVar = "samples.abc"

    def claim(self, place: str, other: str | None, device: str) -> Claim | None:
        return Claim("melodies", "lines of notes", 2) if Melodies.named(place) else None

    def make(self, trained: Trained, wish: Wish, key: Key) -> Made:
        made = super().make(trained, wish, key)
        by = wish.more.transpose if isinstance(wish.more, Transposed) else 0
        moved = ((made.samples.int() + by) % REST).to(torch.uint8)
        return made._replace(samples=torch.where(made.samples < REST, moved, made.samples))

    def given(self, made: Made, seed: int) -> list[str]:
        return text(made.samples).splitlines()

    def write(self, to: Path, made: Made, seed: int) -> int:
        put_file(to, text(made.samples), endings=(".abc", ".txt"))
        return 1

    def extractor(self, name: str, data: DataSet, device: torch.device, say: Say) -> Extractor:
        return Pixels(math.prod(data.shape))

    def usual(self, game: Game, data: DataSet, extractor: Extractor) -> list[str]:
        return ["fid", "in_key"]

    def lay(
        self, samples: Tensor, codec: Codec, columns: int | None = None, marks: Tensor | None = None, alt: str = ""
    ) -> Block:
        """A line each, in paragraphs of so many; notes that speak for a melody are bold."""
        weights = torch.zeros(samples.shape) if marks is None else marks.sum(2)
        lines = [
            " ".join(f"<b>{NOTES[n]}</b>" if w > 0 else NOTES[n] for n, w in zip(*melody, strict=True) if n < END)
            for melody in zip(samples.tolist(), weights.tolist(), strict=True)
        ]
        each = columns or len(lines)
        parts = ["\n".join(lines[first : first + each]) for first in range(0, len(lines), each)]
        return Html(f'<pre aria-label="{html.escape(alt)}">' + "\n\n".join(parts) + "</pre>")

    def show(self, trained: Trained, real: Rows | None, key: Key, seed: int = 0) -> Shown:
        made = self.make(trained, Wish(SHOWN), key)
        return Shown(self.lay(made.samples, made.codec), ".abc", text(made.samples).encode())

    def replay(self, content: bytes, suffix: str) -> Block | None:
        return Html(f"<pre>{html.escape(content.decode())}</pre>")

    def features(self, samples: Tensor, codec: Codec) -> Tensor:
        return codec.encode(codec.decode(samples.detach())).flatten(1)

    def numbers(self, made: Tensor, real: Tensor, codec: Codec) -> dict[str, float]:
        return {"repeated": 1 - len(torch.unique(made, dim=0)) / len(made)}


KINDS = (MelodiesKind(),)
