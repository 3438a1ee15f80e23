"""Images made from images: all that the rest of the program asks of them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar

import torch
from torch import Tensor

from sparring.base.draws import Key
from sparring.base.errors import RequestError
from sparring.base.paths import given_path
from sparring.data import Codec, DataSet, Rows
from sparring.gan.game import Game
from sparring.gan.insight.exploring import BRIEF
from sparring.gan.trained import Trained
from sparring.kinds.kind import Claim, Kind, Known, Made, Say, Scores, Shown, Told, Way, Wish
from sparring.kinds.translation.detail import FLAT, detail
from sparring.kinds.translation.games.images import FromImages
from sparring.kinds.translation.games.inpaint import Inpaint
from sparring.kinds.translation.games.paired import Paired
from sparring.kinds.translation.games.unpaired import Cycle, Unpaired
from sparring.kinds.translation.metrics import AGREEMENT, LPIPS, PAIRS, PIXEL_ACCURACY
from sparring.kinds.translation.scale import Options
from sparring.kinds.translation.sources.crops import Pictures
from sparring.kinds.translation.sources.layouts import likely
from sparring.kinds.translation.sources.pairs import Pairs
from sparring.kinds.translation.sources.sides import Sides
from sparring.metrics import Extractor
from sparring.metrics.pictures.extractors import EXTRACTORS, choose_extractor, usual_of
from sparring.metrics.pictures.ms_ssim import MS_SSIM
from sparring.metrics.pictures.patches import PATCH_KID
from sparring.pages.blocks import Block, Figure
from sparring.pages.drawing import laid, png

SHOWN = 16
"""Images whose translation is shown while training."""
TARGETS = 200
"""Training images whose main colours are looked at."""
RECIPES = {
    "halves": ("translate/paired", "images twice as wide as high in parts: two side by side"),
    "pairs": ("translate/paired", "two folders of images with the same names"),
    "sides": ("translate/unpaired", "two folders of images with other names"),
}
"""What is trained by files that lie so, and why."""


class TranslationKind(Kind):
    """Images made from images: pairs, two kinds, holes to fill."""

    name: ClassVar = "translation"
    unit: ClassVar = "images"
    parts: ClassVar = (Pairs, Sides, Pictures, Paired, Unpaired, Cycle, Inpaint)
    metrics: ClassVar = (*PAIRS, AGREEMENT, PIXEL_ACCURACY, LPIPS, MS_SSIM, PATCH_KID)
    groups: ClassVar = {"pairs": tuple(known.name for known in PAIRS)}
    extractors: ClassVar = EXTRACTORS
    against_overfitting: ClassVar = ("augment.diff_augment.cutout=0.5",)
    signs: ClassVar = (FLAT,)
    sure_at_most: ClassVar = 1
    asks: ClassVar = {"translate": Options}

    def claim(self, place: str, other: str | None, device: str) -> Claim | None:
        path = given_path(place, "data")
        if other is not None:
            if path.is_dir() or path.suffix == ".zip":
                return Claim("translate/unpaired", "two folders of images", 1)
            return Claim("style/single", "two pictures", 1)
        layout = likely(path)
        return None if layout is None else Claim(*RECIPES[layout], 1)

    def make(self, trained: Trained, wish: Wish, key: Key) -> Made:
        raise RequestError(
            f"{trained.name}: makes images of images; sparring translate {trained.name} INPUT --to OUTPUT"
        )

    def fakes(self, trained: Trained, data: DataSet, numbers: Tensor, count: int, key: Key) -> Made:
        from sparring.kinds.translation.remaking import remade
        from sparring.kinds.translation.showing import game_of

        rows = Rows(data, numbers, trained.device, heldout=True)
        found = remade(game_of(trained), trained.generator, rows, key, count)
        return Made(found.made, data.codec, truth=found.truth, holes=found.holes)

    def given(self, made: Made, seed: int) -> Any:
        raise RequestError("sample: makes images of images; sparring translate RUN INPUT --to OUTPUT")

    def write(self, to: Path, made: Made, seed: int) -> int:
        raise RequestError(f"to: {to}: images are made of images; sparring translate RUN INPUT --to {to}")

    def translate(self, trained: Trained, source: Path, to: Path, way: Way, say: Say) -> list[Path]:
        from sparring.kinds.translation.remaking import translation_of
        from sparring.kinds.translation.translating import translate

        return translate(translation_of(trained, way), source, to, way.mask, way.tile, say, way.overwrite)

    def extractor(self, name: str, data: DataSet, device: torch.device, say: Say) -> Extractor:
        return choose_extractor(name, data, device, say)

    def usual(self, game: Game, data: DataSet, extractor: Extractor) -> list[str]:
        return list(game.scores_of(data.shape)) if isinstance(game, FromImages) else usual_of(extractor)

    def known(self, data: DataSet, extractor: Extractor, names: Sequence[str], train: Tensor) -> Known:
        """Some training images, where any of the metrics looks at their colours."""
        if {AGREEMENT.name, PIXEL_ACCURACY.name}.isdisjoint(names):
            return Known()
        return Known(targets=data.codec.to_unit(data.stored(train[:TARGETS])))

    def numbers(self, made: Tensor, real: Tensor, codec: Codec) -> dict[str, float]:
        return detail(made, real, codec)

    def lay(
        self, samples: Tensor, codec: Codec, columns: int | None = None, marks: Tensor | None = None, alt: str = ""
    ) -> Block:
        return laid(codec.to_unit(samples), columns, marks, alt)

    def show(self, trained: Trained, real: Rows | None, key: Key, seed: int = 0) -> Shown:
        """What is made of held-out images, always the same; of training ones where none are held out."""
        from sparring.kinds.translation.remaking import remade, strips, values_of
        from sparring.kinds.translation.showing import game_of

        assert real is not None  # a training has its data at hand
        found = remade(game_of(trained), trained.generator, real, key, min(SHOWN, len(real)))
        content = png(strips(found, values_of(trained.codec)))
        return Shown(Figure(content, "Images"), ".png", content)

    def report(self, trained: Trained, data: DataSet | None, scores: Scores, extractor: Extractor | None) -> Told:
        from sparring.kinds import showing
        from sparring.kinds.translation.showing import game_of, looked_at, shown
        from sparring.pages import sections

        final = None if data is None else shown(trained, data)
        learned = showing.guarded(lambda: looked_at(trained, data, BRIEF))
        told = [sections.samples_section(final, None, "Held-out images"), sections.learned_section(learned)]
        fills = game_of(trained).fills
        return Told(
            sections=[section for section in told if section is not None],
            command="sparring translate {run} INPUT --to OUTPUT" + (" --mask MASK" if fills else ""),
            purpose="Fill holes of images" if fills else "Turn images into others",
            again="The same by",
            samples="Images",
            starts="images",
            made=None if final is None else final.png(),
        )

    def demo(self, trained: Trained, data: DataSet | None, folder: Path, blocks: Any) -> None:
        from sparring.kinds.translation.demo import lay_out

        lay_out(trained, data, folder)


KINDS = (TranslationKind(),)
