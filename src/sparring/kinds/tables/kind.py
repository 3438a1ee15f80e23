"""Tables: all that the rest of the program asks of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

import torch
from torch import Tensor

from sparring.base.draws import Key
from sparring.base.errors import RequestError
from sparring.data import Codec, DataSet, Rows
from sparring.gan.game import Game
from sparring.gan.insight import Direction
from sparring.gan.insight.exploring import PLACES, REACH
from sparring.gan.trained import Trained
from sparring.kinds.kind import Augment, Claim, Concern, Known, Made, Say, Scores, Shown, Told, Train, Wish
from sparring.kinds.noise import NoiseKind
from sparring.kinds.tables.data.codec import TableCodec
from sparring.kinds.tables.data.source import Table, fewer_lines
from sparring.kinds.tables.extractor import Columns
from sparring.kinds.tables.game import Table as TableGame
from sparring.kinds.tables.metrics import NEED_TARGET, PRIVACY, TABLE, TABLE_DEFAULTS, concerns
from sparring.kinds.tables.nets import Tabular
from sparring.kinds.tables.rows import codec_of, constraints_of, fitting, rows_of
from sparring.kinds.tables.terms import Auxiliary
from sparring.metrics import Extractor
from sparring.pages import wording
from sparring.pages.blocks import Block
from sparring.pages.page import Strip

FEW = 2000
"""Rows under which augmentation and dropout decide."""
SNAPSHOT = 100
"""Rows shown while training, at most."""


class TablesKind(NoiseKind):
    """Rows of a table."""

    name: ClassVar = "tables"
    unit: ClassVar = "rows"
    parts: ClassVar = (Table, TableGame, Tabular, Auxiliary)
    codecs: ClassVar = {"table": TableCodec.from_json}
    metrics: ClassVar = (*TABLE, *PRIVACY)
    groups: ClassVar = {
        "table": tuple(known.name for known in TABLE),
        "privacy": tuple(known.name for known in PRIVACY),
    }
    extractors: ClassVar = ("columns",)
    sparse: ClassVar = True
    of_training: ClassVar = True
    wishes: ClassVar = ("where", "balance")
    attributes: ClassVar = False
    pictured: ClassVar = False
    to: ClassVar = "samples.csv"

    def claim(self, place: str, other: str | None, device: str) -> Claim | None:
        if not Table.named(place):
            return None
        if fewer_lines(place, FEW):
            return Claim("table/few", f"a table of fewer than {FEW:,} rows", 2)
        return Claim("table", "a table", 2)

    def make(self, trained: Trained, wish: Wish, key: Key) -> Made:
        """Rows in which the constraints hold, and that meet the conditions of the wish."""
        return Made(torch.from_numpy(rows_of(trained, wish, key)), trained.codec)

    def given(self, made: Made, seed: int) -> Any:
        """A pandas DataFrame with the columns and types of the table."""
        from sparring.kinds.tables.data.writing import to_frame

        codec = _table(made.codec)
        return to_frame(codec.columns, made.samples.numpy(), codec.dialect, seed=seed)

    def write(self, to: Path, made: Made, seed: int) -> int:
        from sparring.kinds.tables.data.writing import write_table

        codec = _table(made.codec)
        write_table(to, codec.columns, made.samples.numpy(), codec.dialect, seed=seed)
        return 1

    def concerns(self, scores: Scores) -> list[Concern]:
        return concerns(scores)

    def extractor(self, name: str, data: DataSet, device: torch.device, say: Say) -> Extractor:
        return Columns(_table(data.codec))

    def usual(self, game: Game, data: DataSet, extractor: Extractor) -> list[str]:
        target = _table(data.codec).target
        return [name for name in TABLE_DEFAULTS if target is not None or name not in NEED_TARGET]

    def known(self, data: DataSet, extractor: Extractor, names: Sequence[str], train: Tensor) -> Known:
        from sparring.kinds.tables.showing import columns_of

        return Known(about=columns_of(_table(data.codec)))

    def lay(
        self, samples: Tensor, codec: Codec, columns: int | None = None, marks: Tensor | None = None, alt: str = ""
    ) -> Block:
        from sparring.kinds.tables.showing import cells_of

        return cells_of(samples, _table(codec), alt or "rows")

    def show(self, trained: Trained, real: Rows | None, key: Key, seed: int = 0) -> Shown:
        """Of a hundred rows those in which the constraints hold: drawing until there are enough may never end early in
        a run."""
        from sparring.kinds.tables.data.writing import as_csv

        codec = codec_of(trained)
        drawn = trained.draw(SNAPSHOT, key, trained.labels(key, SNAPSHOT)).numpy()
        rows = fitting(drawn, constraints_of(trained))
        block = self.lay(torch.from_numpy(rows), codec, alt="new rows")
        return Shown(block, ".csv", as_csv(codec.columns, rows, codec.dialect, seed=seed))

    def report(self, trained: Trained, data: DataSet | None, scores: Scores, extractor: Extractor | None) -> Told:
        from sparring.kinds.tables.panel import render_table
        from sparring.kinds.tables.showing import SHOWN, cells_of, panel_of
        from sparring.pages import sections

        made = self.make(trained, Wish(SHOWN), Key(0, "samples"))
        told = [sections.rows_section(cells_of(made.samples, codec_of(trained), "new rows"))]
        panel = None if data is None else panel_of(trained, data, scores)
        if panel is not None:
            told.append(sections.html_section("table", "Like the real ones?", render_table(panel), "made"))
        return Told(told, self.command)  # rows along latent directions are for who asks: `explore` has them

    def strips(self, trained: Trained, method: str, found: list[Direction], rows: int) -> list[Strip]:
        """One row along each direction, as far as it is learned."""
        from sparring.gan.insight.exploring import along
        from sparring.kinds.tables.showing import cells_of

        key, places = Key("strips"), torch.linspace(-REACH, REACH, PLACES).tolist()
        latents, labels = trained.latents(key, 1), trained.labels(key, 1)
        laid = []
        for number, direction in enumerate(found, 1):
            samples = trained.made(along(trained, direction, latents, places), labels, PLACES, key)
            cells = cells_of(samples, codec_of(trained), f"{method} {number}", learned=True)
            walk = replace(cells, heads=[wording.number(place) for place in places], marked=True)
            laid.append(Strip(f"{method} {number}", direction.share, walk))
        return laid

    def demo(self, trained: Trained, data: DataSet | None, folder: Path, blocks: Any) -> None:
        from sparring.kinds.tables.demo import lay_out

        lay_out(trained, folder, blocks)

    def kept(self, given: Any, cache: Path) -> Path | None:
        from sparring.kinds.tables.data.source import is_frame, kept_frame

        return kept_frame(given, cache) if is_frame(given) else None

    def augment(self, asked: Augment, train: Train, say: Say) -> Any:
        from sparring.kinds.tables.augment.synthesis import answer

        if not isinstance(asked.source, Table):
            return super().augment(asked, train, say)
        return answer(asked, train, say)


def _table(codec: Codec) -> TableCodec:
    if not isinstance(codec, TableCodec):
        raise RequestError(f"data: rows of a table are asked for, and these are {codec.noun}")
    return codec


KINDS = (TablesKind(),)
