"""Reading a person's table: text files, Parquet, data frames, databases."""

from __future__ import annotations

import base64
import gc
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from sparring.base.errors import RequestError, nearest
from sparring.base.paths import beside, given_path
from sparring.kinds.tables.data.cells import Habits, Taken
from sparring.kinds.tables.data.column import KINDS, Kind, Sheet
from sparring.kinds.tables.data.database import is_address, read_database
from sparring.kinds.tables.data.delimited import read_delimited
from sparring.kinds.tables.data.frames import take_series
from sparring.kinds.tables.data.kinds import take
from sparring.kinds.tables.data.missing import missing_spellings
from sparring.kinds.tables.data.notes import about_columns
from sparring.kinds.tables.data.writing import ending_of, imported_pyarrow

if TYPE_CHECKING:
    import pandas as pd


def read_sheet(
    source: str | Path | pd.DataFrame,
    *,
    kinds: Mapping[str, str] = {},
    without: Sequence[str] = (),
    table: str | None = None,
    asked: str = "data.table.kinds",
    habits: Habits | None = None,
) -> Sheet:
    """Reads a table: a .csv, .tsv, .txt (or one of them in .gz), a .parquet, a pandas data frame, or a table of the
    database at an SQLAlchemy address.

    `kinds` says what columns are to be taken for, `without` leaves columns out, `table` names the database's table.
    `asked` is what errors call `kinds` where it names a column that is not there; `habits` is what a person says of how
    cells are to be read.
    Raises RequestError where the source is no table, or a request does not fit it.
    """
    for name, kind in kinds.items():
        if kind not in KINDS:
            raise RequestError(f"data.table.kinds.{name}: no kind '{kind}'; {nearest(str(kind), KINDS)}")
    wanted = _Wanted(kinds, without, asked, habits or Habits())
    if not isinstance(source, str | Path):
        return _of_frame(source, wanted, "data frame", {"from": "frame"})
    if is_address(source):
        frame, name = read_database(str(source), table)
        return _of_frame(frame, wanted, name, {"from": "database"})
    if table is not None:
        raise RequestError(f"data.table.table: '{table}', but {source} is no address of a database")
    path = given_path(source, "data")
    _there(path)
    if ending_of(path) == ".parquet":
        return _of_parquet(path, wanted)
    with _uncollected():
        return _of_text(path, wanted)


@contextmanager
def _uncollected() -> Iterator[None]:
    """Inside, Python does not look for rings of objects: among millions of cells there are none, and it takes long."""
    before = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if before:
            gc.enable()


class _Wanted:
    """What a person asks of the columns."""

    def __init__(self, kinds: Mapping[str, str], without: Sequence[str], asked: str, habits: Habits) -> None:
        self.kinds, self.without, self.asked, self.habits = kinds, tuple(without), asked, habits

    def places(self, names: list[str]) -> list[int]:
        """The columns to read. Raises RequestError for names that are none."""
        for key, asked in (("data.table.without", self.without), (self.asked, self.kinds)):
            for name in asked:
                if name not in names:
                    raise RequestError(f"{key}: no column '{name}'; {nearest(name, names)}")
        for name in self.without:
            if name in self.kinds:
                raise RequestError(f"data.table.kinds.{name}: the column is left out by data.table.without")
        places = [place for place, name in enumerate(names) if name not in self.without]
        if not places:
            raise RequestError("data.table.without: leaves no column")
        return places

    def kind(self, name: str) -> Kind | None:
        return next((kind for kind in KINDS if kind == self.kinds.get(name)), None)

    def left_out(self) -> list[str]:
        return [f"left out: {', '.join(self.without)}"] if self.without else []


def _there(path: Path) -> None:
    """Raises RequestError where a path is no file, with the nearest one that is."""
    if path.is_dir():
        raise RequestError(f"{path}: a folder; a table is a file")
    if not path.exists():
        raise RequestError(f"{path}: no such file; {nearest(path.name, beside(path))}")


def _of_text(path: Path, wanted: _Wanted) -> Sheet:
    text = read_delimited(path, wanted.places)
    missing = frozenset[str]().union(*(missing_spellings(cells.words) for cells in text.cells))
    comma = text.dialect["separator"] == ";"
    habits = replace(wanted.habits, comma=comma, missing=missing - wanted.habits.values)

    def taken() -> Iterator[Taken]:
        for place, cells in enumerate(text.cells):
            text.cells[place] = None  # type: ignore[call-overload]  # its words are many, and read once
            yield _explained(path, partial(take, cells, habits, wanted.kind(cells.name)))

    title = f"{path.name}: {text.rows:,} rows x {len(text.cells)} columns"
    return _sheet(taken(), text.rows, len(text.cells), text.dialect, [title, *text.notes, *wanted.left_out()])


def _explained(source: object, read: Callable[[], Taken]) -> Taken:
    """With the source's name before an error that lacks it."""
    try:
        return read()
    except RequestError as error:
        told = str(error)
        raise error if told.startswith(("data.", str(source))) else RequestError(f"{source}: {told}") from None


def _of_frame(frame: pd.DataFrame, wanted: _Wanted, name: str, dialect: dict[str, Any]) -> Sheet:
    import pandas as pd
    from pandas.api.types import is_object_dtype

    if not isinstance(frame, pd.DataFrame):
        raise RequestError(f"data: {type(frame).__name__} is no table; wanted a path, an address or a pandas DataFrame")
    if frame.columns.nlevels > 1:
        raise RequestError(f"{name}: column names of several levels; join them to one")
    names = [str(label).strip() or f"column_{place}" for place, label in enumerate(frame.columns, 1)]
    twice = next((one for one in names if names.count(one) > 1), None)
    if twice is not None:
        raise RequestError(f"{name}: two columns are named '{twice}'; rename one")
    if len(frame) < 2:
        what = "one row; a table to learn from has more" if len(frame) else "no rows"
        raise RequestError(f"{name}: {what}")
    places = wanted.places(names)
    spelled = (frame.iloc[:, place].dropna() for place in places if is_object_dtype(frame.dtypes.iloc[place]))
    missing = (missing_spellings(cell for cell in cells if isinstance(cell, str)) for cells in spelled)
    nulls = frozenset({""}) if bool(frame.isna().to_numpy().any()) else frozenset[str]()
    habits = replace(wanted.habits, missing=nulls.union(*missing) - wanted.habits.values)

    def taken() -> Iterator[Taken]:
        for place in places:
            yield _as_it_was(_explained(name, partial(take_one, place)), frame.iloc[:, place])

    def take_one(place: int) -> Taken:
        return take_series(names[place], frame.iloc[:, place], _row_of(name), habits, wanted.kind(names[place]))

    notes = [f"{name}: {len(frame):,} rows x {len(places)} columns", *wanted.left_out()]
    if not isinstance(frame.index, pd.RangeIndex) and frame.index.name is not None:
        notes.append(f"the index '{frame.index.name}' is left out; reset_index() makes it a column")
    return _sheet(taken(), len(frame), len(places), dialect, notes)


def _row_of(name: str) -> Callable[[int], str]:
    return lambda row: f"{name}: row {row + 1}"


def _as_it_was(taken: Taken, series: pd.Series) -> Taken:
    """With the column's label, where it is no text, and whether its missing values are None."""
    writing = dict(taken.column.writing)
    if isinstance(series.name, int | np.integer):
        writing["label"] = int(series.name)
    if series.dtype.kind == "O" and any(value is None for value in series[series.isna()][:1]):
        writing["none"] = True
    return taken.with_writing(writing)


def _of_parquet(path: Path, wanted: _Wanted) -> Sheet:
    pyarrow = imported_pyarrow("reading Parquet")
    from pyarrow import parquet

    try:
        schema = parquet.read_schema(path)
        places = wanted.places(schema.names)
        for field in (schema.field(place) for place in places):
            if pyarrow.types.is_nested(field.type):
                left = f"data.table.without=[{field.name}] leaves it out"
                raise RequestError(f"{path}: column '{field.name}' is nested ({field.type}); {left}")
        frame = parquet.read_table(path, columns=[schema.names[place] for place in places]).to_pandas()
    except (pyarrow.ArrowException, OSError) as error:
        raise RequestError(f"{path}: not a readable Parquet file ({str(error).splitlines()[0]})") from None
    plain = schema.remove_metadata()
    dialect = {"from": "parquet", "schema": base64.b64encode(plain.serialize().to_pybytes()).decode()}
    named = [name for name in frame.index.names if name is not None]
    read = _of_frame(
        frame.reset_index(named) if named else frame,
        _Wanted(wanted.kinds, (), wanted.asked, wanted.habits),
        path.name,
        dialect,
    )
    return Sheet(read.columns, read.values, read.dialect, (*read.notes, *wanted.left_out()))


def _sheet(taken: Iterator[Taken], rows: int, width: int, dialect: dict[str, Any], notes: list[str]) -> Sheet:
    """Columns side by side."""
    values = np.empty((rows, width))
    known = []
    for place, one in enumerate(taken):
        values[:, place] = one.values
        known.append(Taken(one.column, np.empty(0), one.absent, one.remarks))
    return Sheet(tuple(one.column for one in known), values, dialect, (*notes, *about_columns(known)))
