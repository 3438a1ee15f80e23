"""Generators of rows for comparisons, one for each seed, and a table with synthetic rows below its own."""

from __future__ import annotations

import csv
import gzip
import io
import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from sparring.base.checking import no_link
from sparring.base.draws import Key
from sparring.base.errors import RequestError
from sparring.kinds.augmenting.answers import Comparison
from sparring.kinds.augmenting.asking import tell, writable
from sparring.kinds.kind import Augment, Say, Train, Wish
from sparring.kinds.tables.augment.comparing import Make, study_augmentation
from sparring.kinds.tables.augment.downstream import MODELS, task_of
from sparring.kinds.tables.data.aligning import aligned
from sparring.kinds.tables.data.column import Column, Sheet
from sparring.kinds.tables.data.constraints import parse_constraints
from sparring.kinds.tables.data.database import is_address, read_database
from sparring.kinds.tables.data.notes import about_target
from sparring.kinds.tables.data.source import Table
from sparring.kinds.tables.data.writing import ending_of, to_frame, whole, write_table
from sparring.kinds.tables.rows import codec_of, rows_of

if TYPE_CHECKING:
    import pandas as pd


class Synthesiser:
    """Trains a GAN on each seed's training rows, in a directory of its own below `folder`: asked again, it goes on.
    `changes` are overrides of all of them."""

    def __init__(self, folder: Path, train: Train, changes: Sequence[str] = ()) -> None:
        self.folder, self.train, self.changes = folder, train, tuple(changes)

    def __call__(self, sheet: Sheet, seed: int) -> Make:
        place = no_link(self.folder / f"seed-{seed}")
        place.mkdir(parents=True, exist_ok=True)
        kept = [at for at, column in enumerate(sheet.columns) if column.learned and _some(sheet.values[:, at])]
        columns = [sheet.columns[at] for at in kept]
        rows = place / "rows.csv"
        write_table(rows, columns, sheet.values[:, kept], {})
        kinds = json.dumps({column.name: column.kind for column in columns}, ensure_ascii=False)
        changes = (*self.changes, f"data.table.kinds={kinds}", "data.table.held_out=0", "score.metrics=[]")
        trained = self.train(rows, no_link(place / "run"), changes, seed)

        def make(count: int) -> NDArray[np.float64]:
            made = Sheet(codec_of(trained).columns, rows_of(trained, Wish(count), Key(seed, "samples")))
            found = np.where([column.missing for column in sheet.columns], np.nan, np.zeros((count, 1)))
            found[:, kept] = aligned(made, columns, "the generator")
            return found

        return make


def settled(options: Table, columns: Sequence[Column]) -> tuple[str, ...]:
    """What overrides say of a table's options where it is written anew with its learned columns alone. Raises
    RequestError where a constraint is wrong."""
    parse_constraints(options.constraints, columns)
    learned = [column for column in columns if column.learned]
    words = json.dumps([word for word in options.constraints if _of(learned, word)], ensure_ascii=False)
    values = json.dumps(list(options.values), ensure_ascii=False)
    plain = ("data.table.without=[]", "data.table.table=null", "data.table.limit=null")
    return *plain, f"data.table.values={values}", f"data.table.constraints={words}"


def _of(columns: Sequence[Column], constraint: str) -> bool:
    """Whether a constraint names no other columns than these."""
    try:
        parse_constraints([constraint], columns)
    except RequestError:
        return False
    return True


def _some(values: NDArray[np.float64]) -> bool:
    return not bool(np.isnan(values).all())


def answer(asked: Augment, train: Train, say: Say) -> Comparison:
    """Compares, tells, and writes the augmented table where it is wanted."""
    table = asked.source
    assert isinstance(table, Table)  # the kind has refused others
    if asked.target is None:
        raise RequestError("target: say which; --data people.csv --target COLUMN")
    if asked.to is not None:
        ending_of(asked.to, "to: ")
        writable(asked.to.parent, "to")
    writable(asked.folder, "out")
    sheet = table.model_copy(update={"target": asked.target}).sheet()
    say(told_of(sheet, asked.target))
    changes = settled(table, sheet.columns)
    found = study_augmentation(
        sheet,
        asked.target,
        Synthesiser(asked.folder, train, changes),
        seeds=asked.seeds,
        mixes=asked.mixes,
        models=asked.models or MODELS,
        rows=asked.count,
        say=say,
    )
    tell(found, asked.folder, say)
    if asked.to is not None:
        mix = found.overall.mix or min(asked.mixes)
        made = Synthesiser(asked.folder / "all", train, changes)(sheet, 0)(max(1, round(mix * len(sheet.values))))
        write_augmented(table.source, table.table, sheet, made, asked.to)
        say(f"{asked.to}: {len(sheet.values):,} real rows and {len(made):,} synthetic ones below")
    return found


def told_of(sheet: Sheet, target: str) -> str:
    """What is predicted, in a line. Raises RequestError where there is no such column."""
    place = task_of(sheet, target).target
    return about_target(sheet.columns[place], sheet.values[:, place])


def write_augmented(source: str, table: str | None, sheet: Sheet, made: NDArray[np.float64], to: Path) -> None:
    """Writes a table's own rows, as they are, with made ones below; a text file's to the letter where the ending stays
    the same. Raises RequestError where the path cannot be used."""
    ending = ending_of(to, "to: ")
    try:
        with whole(to) as part:
            alike = not is_address(source) and ending != ".parquet" and ending_of(Path(source)) == ending
            if not (alike and _written_below(Path(source), sheet, made, part)):
                frame = _joined(source, table, to_frame(sheet.columns, made, sheet.dialect))
                if ending == ".parquet":
                    frame.to_parquet(part, index=False)
                else:
                    frame.to_csv(part, index=False, sep="\t" if ".tsv" in ending else ",")
    except OSError as error:
        raise RequestError(f"to: {to} cannot be written ({error.strerror or error})") from None


def _written_below(source: Path, sheet: Sheet, made: NDArray[np.float64], part: Path) -> bool:
    """Writes rows below a text file's own; not where columns of it were left out."""
    above = _read(source, sheet)
    lines = csv.reader(io.StringIO(above, newline=""), delimiter=str(sheet.dialect.get("separator", ",")))
    if len(next(line for line in lines if line)) != len(sheet.columns):
        return False
    header = _text(part, sheet, made[:0])
    below = _text(part, sheet, made)[len(header) :]
    end = str(sheet.dialect.get("line_end", "\n"))
    text = above + ("" if above.endswith("\n") else end) + below
    written = text.encode(sheet.dialect.get("encoding", "utf-8"))
    part.write_bytes(gzip.compress(written) if source.suffix == ".gz" else written)
    return True


def _text(part: Path, sheet: Sheet, made: NDArray[np.float64]) -> str:
    """Rows as `write_table` spells them, below their header."""
    write_table(part, sheet.columns, made, sheet.dialect)
    return _read(part, sheet)


def _read(path: Path, sheet: Sheet) -> str:
    raw = path.read_bytes()
    text: str = (gzip.decompress(raw) if path.suffix == ".gz" else raw).decode(sheet.dialect.get("encoding", "utf-8"))
    return text


def _joined(source: str, table: str | None, made: pd.DataFrame) -> pd.DataFrame:
    """The source's own rows as pandas reads them, and made ones below."""
    import pandas as pd

    if is_address(source):
        own = read_database(source, table)[0]
    elif ending_of(Path(source)) == ".parquet":
        own = pd.read_parquet(source)
    else:
        own = pd.read_csv(source, sep=None, engine="python")
    return pd.concat([own, made], ignore_index=True)
