"""Points of toy sets whose modes are known: all that the rest of the program asks of them."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from sparring import kinds
from sparring.base.draws import Key
from sparring.base.errors import RequestError
from sparring.base.files import npz, put_file
from sparring.data import Codec, DataSet, Rows, ValueCodec
from sparring.gan.game import Game
from sparring.gan.insight import Direction
from sparring.gan.insight.exploring import BRIEF
from sparring.gan.trained import Trained
from sparring.kinds import showing
from sparring.kinds.kind import Claim, Known, Made, Say, Scores, Shown, Told, Wish
from sparring.kinds.noise import NoiseKind
from sparring.kinds.points.showing import POINTS, drawings, scattered
from sparring.kinds.points.sources import Grid, Ring
from sparring.metrics import Extractor, Modes
from sparring.metrics.features import Pixels
from sparring.pages import sections
from sparring.pages.blocks import Block, Figure
from sparring.pages.page import Strip

ENDINGS = (".npz", ".csv")


class PointsKind(NoiseKind):
    """Points of toy sets whose modes are known."""

    name: ClassVar = "points"
    unit: ClassVar = "images"
    parts: ClassVar = (Ring, Grid)
    codecs: ClassVar = {"points": ValueCodec.from_json}
    extractors: ClassVar = ("pixels",)
    attributes: ClassVar = False
    pictured: ClassVar = False
    on_page: ClassVar = (1000, 2000)
    to: ClassVar = "samples.csv"

    def claim(self, place: str, other: str | None, device: str) -> Claim | None:
        named = kinds.source_at(place)
        return Claim(place, "made for it", 2) if named is not None and named.kind == self.name else None

    def given(self, made: Made, seed: int) -> NDArray[Any]:
        """Points [count, values]."""
        array: NDArray[Any] = made.samples.numpy()
        return array

    def write(self, to: Path, made: Made, seed: int) -> int:
        points = self.given(made, seed)
        put_file(to, _csv(made.samples) if to.suffix == ".csv" else npz("points", points, made.labels), endings=ENDINGS)
        return 1

    def extractor(self, name: str, data: DataSet, device: torch.device, say: Say) -> Extractor:
        return Pixels(math.prod(data.shape))

    def usual(self, game: Game, data: DataSet, extractor: Extractor) -> list[str]:
        return ["modes", "high_quality", "fid"]

    def known(self, data: DataSet, extractor: Extractor, names: Sequence[str], train: Tensor) -> Known:
        """The modes, in the units that metrics see."""
        if data.modes is None or not isinstance(data.codec, ValueCodec):
            return Known()
        codec = data.codec
        return Known(modes=Modes(codec.to_unit(data.modes.centres), data.modes.sigma / (codec.high - codec.low)))

    def lay(
        self, samples: Tensor, codec: Codec, columns: int | None = None, marks: Tensor | None = None, alt: str = ""
    ) -> Block:
        return Figure(scattered(samples, None, codec), alt)

    def show(self, trained: Trained, real: Rows | None, key: Key, seed: int = 0) -> Shown:
        samples = self.make(trained, Wish(POINTS), key).samples
        beside = None if real is None else real.stored(torch.arange(min(POINTS, len(real))))
        content = scattered(samples, beside, trained.codec)
        return Shown(Figure(content, "Points"), ".png", content)

    def report(self, trained: Trained, data: DataSet | None, scores: Scores, extractor: Extractor | None) -> Told:
        final = None
        if data is not None:
            samples = self.make(trained, Wish(POINTS), Key(0, "samples")).samples
            content = scattered(samples, data.stored(data.heldout[:POINTS]), trained.codec)
            final = Figure(content, "Grid of new samples of the generator")
        learned = showing.looked_into(self, trained, data, BRIEF)
        told = [sections.samples_section(final, None, step=trained.step), sections.learned_section(learned)]
        return Told(
            sections=[section for section in told if section is not None],
            command=self.command,
            made=None if final is None else final.png(),
        )

    def notes(self, trained: Trained) -> Sequence[str]:
        return ["Attribution is of images: two coordinates leave little to tell apart."]

    def strips(self, trained: Trained, method: str, found: list[Direction], rows: int) -> list[Strip]:
        return []

    def drawings(
        self, trained: Trained, methods: Mapping[str, list[Direction]], data: DataSet | None
    ) -> list[tuple[str, bytes]]:
        return drawings(trained, methods, data) if trained.codec.shape == (2,) else []

    def screen(
        self, samples: Tensor, codec: Codec, data: DataSet | None, columns: int | None = None, side: int = 720
    ) -> Image.Image:
        if codec.shape != (2,):
            raise RequestError(f"points of {codec.shape[0]} values cannot be drawn in the plane")
        real = None if data is None else data.stored(data.heldout[:POINTS])
        return Image.open(io.BytesIO(scattered(samples, real, codec)))


def _csv(samples: Tensor) -> str:
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow([f"x{place}" for place in range(samples.shape[1])])
    writer.writerows(samples.tolist())
    return text.getvalue()


KINDS = (PointsKind(),)
