"""Kinds of data whose generator starts from noise: what they share, by `lay` and `extractor` of each."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

from PIL import Image
from torch import Tensor

from sparring import kinds
from sparring.base.draws import Key, permutation
from sparring.base.errors import RequestError
from sparring.data import Codec, DataSet, Rows
from sparring.gan.insight import Direction
from sparring.gan.insight.exploring import BRIEF, Effort
from sparring.gan.trained import Trained
from sparring.kinds.kind import Explored, Kind, Made, Scores, Shown, Told, Wish
from sparring.kinds.studio import Screen, Studio
from sparring.metrics import Extractor
from sparring.pages.blocks import Block
from sparring.pages.page import Strip

SCREEN = 2_000_000
"""Room for a block on a demo's page, in bytes."""
FINAL = 100
"""Fresh samples in a report, and as many held-out ones."""
SHOWN = 64
"""Samples shown while training."""


class NoiseKind(Kind):
    """A kind whose samples are made from latents."""

    attributes: ClassVar[bool] = True
    """Whether what the discriminator looks at is worth showing: value by value of a sample."""
    pictured: ClassVar[bool] = True
    """Whether the way between two samples, and the training samples nearest to new ones, are worth showing."""
    draws: ClassVar[bool] = True
    """Whether `screen` gives pictures; else it gives HTML."""
    on_page: ClassVar[tuple[int, int]] = (16, 64)
    """Samples on a demo's page: at first, and at most."""
    to: ClassVar[str] = "samples/"
    """Where a report's `sparring sample` writes."""

    @property
    def command(self) -> str:
        """What a report says that draws new samples."""
        return f"sparring sample {{run}} --count 64 --to {self.to}"

    def make(self, trained: Trained, wish: Wish, key: Key) -> Made:
        for name in ("where", "balance"):
            if getattr(wish, name) and name not in self.wishes:
                able = " or ".join(kind.name for kind in kinds.kinds() if name in kind.wishes)
                raise RequestError(f"{name}: is for {able}; {trained.name} makes {self.name}")
        checked_count(wish.count)
        labels = trained.labels(key, wish.count, wish.label)
        return Made(trained.draw(wish.count, key, labels), trained.codec, None if labels is None else labels.cpu())

    def fakes(self, trained: Trained, data: DataSet, numbers: Tensor, count: int, key: Key) -> Made:
        return self.make(trained, Wish(count), key)

    def show(self, trained: Trained, real: Rows | None, key: Key, seed: int = 0) -> Shown:
        made = self.make(trained, Wish(SHOWN), key)
        block = self.lay(made.samples, made.codec)
        content = block.png()
        if content is None:
            raise NotImplementedError(f"{self.name}: a block without a picture; write `show` to say how it is kept")
        return Shown(block, ".png", content)

    def report(self, trained: Trained, data: DataSet | None, scores: Scores, extractor: Extractor | None) -> Told:
        from sparring.kinds import showing
        from sparring.pages import sections

        made = self.make(trained, Wish(FINAL), Key(0, "samples"))
        final = self.lay(made.samples, made.codec, alt="New samples of the generator")
        real = self._real(data)
        told = [sections.samples_section(final, real, step=trained.step)]
        if self.pictured:
            told.append(sections.interpolation_section(showing.interpolation(self, trained), self.unit))
        told.append(sections.learned_section(showing.looked_into(self, trained, data, BRIEF), self.unit))
        if self.pictured and data is not None:
            chosen = extractor or showing.by_values(trained)
            found = showing.neighbours(self, trained, data, chosen)
            told.append(sections.neighbours_section(found.blocks(self, data), found.by, self.unit))
        return Told(
            sections=[section for section in told if section is not None],
            command=self.command,
            made=final.png(),
            real=None if real is None else real.png(),
        )

    def _real(self, data: DataSet | None) -> Block | None:
        """Held-out samples, as many as there are fresh ones."""
        if data is None or not len(data.heldout):
            return None
        shown = data.heldout[permutation(Key("shown"), len(data.heldout))[:FINAL]]
        alt = f"Real samples of {data.name}, held out from training"
        return self.lay(data.stored(shown), data.codec, alt=alt)

    def explore(self, trained: Trained, data: DataSet | None, extractor: Extractor, effort: Effort) -> Explored:
        from sparring.kinds import showing
        from sparring.pages import sections

        explored, found = showing.explored(self, trained, data, effort)
        near = showing.neighbours(self, trained, data, extractor) if self.pictured and data is not None else None
        pages = sections.explored_sections(
            explored,
            showing.interpolation(self, trained) if self.pictured else None,
            [] if near is None or data is None else near.blocks(self, data),
            "" if near is None else near.by,
            self.unit,
        )
        beside = {"neighbours": [] if near is None else near.to_json(), "neighbours_by": showing.named(extractor)}
        return Explored(pages, found.to_json() | beside | {"notes": explored.notes})

    def notes(self, trained: Trained) -> Sequence[str]:
        """What cannot be shown of what networks of this kind learned, and why, in sentences."""
        return ()

    def strips(self, trained: Trained, method: str, found: list[Direction], rows: int) -> list[Strip]:
        """Samples of so many latents along each direction."""
        from sparring.kinds import showing

        return showing.strips(self, trained, method, found, rows)

    def drawings(
        self, trained: Trained, methods: Mapping[str, list[Direction]], data: DataSet | None
    ) -> list[tuple[str, bytes]]:
        """Captions and PNGs of what is drawn of directions, by the method that found them, beside strips."""
        return []

    def demo(self, trained: Trained, data: DataSet | None, folder: Path, blocks: Any) -> None:
        from sparring.kinds.demo import lay_out

        lay_out(Studio(self, trained, data), blocks)

    def screen(
        self, samples: Tensor, codec: Codec, data: DataSet | None, columns: int | None = None, side: int = 720
    ) -> Screen:
        """Samples on a demo's page: a picture whose longer edge is about `side` pixels, or HTML."""
        block = self.lay(samples, codec, columns)
        content = block.png()
        return block.html(SCREEN) if content is None else Image.open(io.BytesIO(content))


def checked_count(count: int) -> None:
    """Raises RequestError for what is no number of samples."""
    if count < 1:
        raise RequestError(f"count: {count} is no number of samples")
