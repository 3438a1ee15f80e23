"""Writing rows: as the text file that was read was written, as Parquet, as a data frame of the original's types."""

from __future__ import annotations

import base64
import gzip
import io
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from sparring.base import files
from sparring.base.errors import RequestError
from sparring.base.system import sync_folder
from sparring.kinds.tables.data.column import NUMBERS, Column
from sparring.kinds.tables.data.frametypes import NULLS
from sparring.kinds.tables.data.spelling import Keys, keys_for, settled, spell

if TYPE_CHECKING:
    import pandas as pd

ROWS_AT_ONCE = 100_000
TEXTS = (".csv", ".tsv", ".txt")
ENDINGS = (*TEXTS, *(f"{ending}.gz" for ending in TEXTS), ".parquet")


def ending_of(path: Path, key: str = "") -> str:
    """A table file's ending, in lower case. Raises RequestError, which begins with `key`, where it is none that is read
    and written here."""
    name = path.name.lower()
    for ending in ENDINGS:
        if name.endswith(ending):
            return ending
    raise RequestError(f"{key}{path} ends in none of {', '.join(ENDINGS)}")


def to_frame(
    columns: Sequence[Column],
    values: NDArray[np.float64],
    dialect: Mapping[str, Any],
    *,
    seed: int = 0,
    taken: Mapping[str, Collection[str]] = {},
) -> pd.DataFrame:
    """Rows as a data frame, of the original's types or those that pandas gives a file's columns; dates are dates."""
    import pandas as pd

    keys = keys_for(columns, len(values), seed, taken)
    series = [_with_none(column, _series(column, values[:, place], keys)) for place, column in enumerate(columns)]
    frame = pd.concat(series, axis=1) if series else pd.DataFrame(index=range(len(values)))
    frame.columns = pd.Index([column.writing.get("label", column.name) for column in columns])
    return frame


def _series(column: Column, values: NDArray[np.float64], keys: Keys) -> pd.Series:
    """A column with the type it had."""
    import pandas as pd

    writing, dtype = column.writing, column.writing["dtype"]
    near = settled(column, values)
    if column.kind == "text":
        return _typed(pd.Series([None] * len(values), dtype=object), writing.get("then", "object"))
    if dtype == "text" or (column.kind == "identifier" and dtype not in ("decimal",)):
        return _worded(column, values, keys)
    if column.kind == "datetime":
        return _dated(near, dtype)
    if column.kind in NUMBERS:
        return _numbers(column, near, dtype)
    places = np.where(np.isnan(near), -1, near).astype(np.int64)
    own = writing.get("values", list(column.categories))
    if dtype == "category":
        levels = writing.get("levels", own)
        spots = np.array([*(levels.index(value) for value in own), -1], dtype=np.int64)
        ordered = writing.get("is_ordered", column.kind == "ordered")
        return pd.Series(pd.Categorical.from_codes(spots[places], levels, ordered=ordered))
    table = np.array([*own, np.nan], dtype=object)
    return _typed(pd.Series(table[places]), dtype)


def _with_none(column: Column, series: pd.Series) -> pd.Series:
    """With None for missing values, where the original has it."""
    return series.where(series.notna(), None) if column.writing.get("none") and series.dtype == object else series


def _worded(column: Column, values: NDArray[np.float64], keys: Keys) -> pd.Series:
    """Texts as they are written, or keys."""
    import pandas as pd

    texts = pd.Series(np.array(spell(column, values, keys), dtype=object), dtype=object)
    gap = column.writing.get("missing", "")
    if column.learned and column.writing.get("null", gap in NULLS):
        texts[np.isnan(values)] = np.nan
    dtype = column.writing.get("then", "object" if column.writing["dtype"] == "text" else column.writing["dtype"])
    return _typed(texts, dtype)


def _dated(values: NDArray[np.float64], dtype: str) -> pd.Series:
    import pandas as pd

    gone = np.isnan(values)
    micros = np.rint(np.where(gone, 0, values) * 1e6).astype(np.int64).astype("datetime64[us]")
    micros[gone] = np.datetime64("NaT")
    dates = pd.Series(micros)
    if dtype == "date":
        return dates.dt.date.astype(object).where(~gone, None)
    if dtype == "object":
        return dates.astype(object)
    if "," in dtype:
        dates = dates.dt.tz_localize("UTC")
    return _typed(dates, dtype)


def _numbers(column: Column, values: NDArray[np.float64], dtype: str) -> pd.Series:
    import pandas as pd

    if dtype == "decimal":
        from decimal import Decimal

        texts = spell(column, values, {})
        return pd.Series([Decimal(text) if text else None for text in texts], dtype=object)
    if dtype == "object" and column.kind == "integer":
        return pd.Series([None if np.isnan(value) else int(value) for value in values], dtype=object)
    return _typed(pd.Series(values), dtype)


def _typed(series: pd.Series, dtype: str) -> pd.Series:
    """With its type; as it is where that has no place for it (dates out of bounds, missing values)."""
    try:
        return series if str(series.dtype) == dtype else series.astype(dtype)
    except (ValueError, TypeError, OverflowError):
        return series


def write_table(
    path: Path,
    columns: Sequence[Column],
    values: NDArray[np.float64],
    dialect: Mapping[str, Any],
    *,
    seed: int = 0,
    taken: Mapping[str, Collection[str]] = {},
) -> None:
    """Writes rows, all or nothing: texts as the original was written (by default with commas), or Parquet.

    New identifiers are a function of `seed`, and none of `taken` by column. Raises RequestError where the file cannot
    be written.
    """
    path = Path(path)
    ending = ending_of(path, "to: ")
    try:
        with whole(path) as part:
            if ending == ".parquet":
                _write_parquet(part, to_frame(columns, values, dialect, seed=seed, taken=taken), columns, dialect)
            else:
                with _opened(part, ending, dialect) as file:
                    for block in _lines(columns, values, _for_ending(dialect, ending), seed, taken):
                        file.write(block)
    except OSError as error:
        raise RequestError(f"to: {path} cannot be written ({error.strerror or error})") from None


def as_csv(
    columns: Sequence[Column], values: NDArray[np.float64], dialect: Mapping[str, Any], *, seed: int = 0
) -> bytes:
    """Rows as `write_table` writes them to a .csv file."""
    told = _for_ending(dialect, ".csv")
    return "".join(_lines(columns, values, told, seed, {})).encode(dialect.get("encoding", "utf-8"))


@contextmanager
def whole(path: Path) -> Iterator[Path]:
    """A file that takes the place of `path`, in a folder that is made, once it is whole and on the disk."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with files.whole(path) as part:
        yield part
    sync_folder(path.parent)


@contextmanager
def _opened(part: Path, ending: str, dialect: Mapping[str, Any]) -> Iterator[IO[str]]:
    opener: Any = gzip.open if ending.endswith(".gz") else open
    with (
        opener(part, "wb") as raw,
        io.TextIOWrapper(raw, encoding=dialect.get("encoding", "utf-8"), newline="") as file,
    ):
        yield file


def _for_ending(dialect: Mapping[str, Any], ending: str) -> dict[str, Any]:
    """The original's dialect; under another ending, with the separator that this one stands for."""
    ending = ending.removesuffix(".gz").lstrip(".")
    known = dict(dialect)
    if ending != dialect.get("ending"):
        usual = {"csv": ",", "tsv": "\t"}
        crossed = ending == "tsv" or dialect.get("ending") == "tsv" or "separator" not in dialect
        if crossed:
            known["separator"] = usual.get(ending, "\t" if dialect.get("ending") == "tsv" else ",")
    return known


def _lines(
    columns: Sequence[Column],
    values: NDArray[np.float64],
    dialect: Mapping[str, Any],
    seed: int,
    taken: Mapping[str, Collection[str]],
) -> Iterator[str]:
    """The file's text, many lines at a time."""
    separator, end = dialect.get("separator", ","), dialect.get("line_end", "\n")
    special = re.compile(f'[{re.escape(separator)}"\r\n]')
    yield _header(columns, separator, special) + end
    keys = keys_for(columns, len(values), seed, taken)
    for start in range(0, len(values), ROWS_AT_ONCE):
        block = values[start : start + ROWS_AT_ONCE]
        some = {name: made[start : start + ROWS_AT_ONCE] for name, made in keys.items()}
        texts = [_cells(column, block[:, place], some, special) for place, column in enumerate(columns)]
        if len(texts) == 1:
            texts = [[text or '""' for text in texts[0]]]  # a blank line is no row
        yield end.join(map(separator.join, zip(*texts, strict=True))) + end


def _header(columns: Sequence[Column], separator: str, special: re.Pattern[str]) -> str:
    names = [column.writing.get("header", column.name) for column in columns]
    quoted = [column.writing.get("header_quoted", False) for column in columns]
    return separator.join(
        _quoted(name) if quote or special.search(name) else name for name, quote in zip(names, quoted, strict=True)
    )


def _cells(column: Column, values: NDArray[np.float64], keys: Keys, special: re.Pattern[str]) -> list[str]:
    """A column's cells, quoted where the original's are or where they must be."""
    texts = spell(column, values, keys)
    if column.writing.get("quoted"):
        bare = column.kind == "text" or (column.learned and not column.writing.get("missing_quoted"))
        gone = (
            (np.isnan(values) if column.learned else np.full(len(values), bare))
            if bare
            else np.zeros(len(values), bool)
        )
        return [text if is_gone else _quoted(text) for text, is_gone in zip(texts, gone.tolist(), strict=True)]
    if special.search("".join(texts)):
        return [_quoted(text) if special.search(text) else text for text in texts]
    return texts


def _quoted(text: str) -> str:
    return '"' + text.replace('"', '""') + '"'


def _write_parquet(part: Path, frame: pd.DataFrame, columns: Sequence[Column], dialect: Mapping[str, Any]) -> None:
    pyarrow = imported_pyarrow("Parquet")
    from pyarrow import parquet

    frame.columns = frame.columns.map(str)
    schema = None
    if "schema" in dialect:
        whole = pyarrow.ipc.read_schema(pyarrow.py_buffer(base64.b64decode(dialect["schema"])))
        if set(frame.columns) <= set(whole.names):
            schema = pyarrow.schema([whole.field(name) for name in frame.columns])
    try:
        table = pyarrow.Table.from_pandas(frame, schema=schema, preserve_index=False)
    except (pyarrow.ArrowInvalid, pyarrow.ArrowTypeError):
        table = pyarrow.Table.from_pandas(frame, preserve_index=False)
    parquet.write_table(table, part)


def imported_pyarrow(what: str) -> Any:
    """PyArrow. Raises RequestError where it is not installed."""
    try:
        import pyarrow
    except ModuleNotFoundError:
        raise RequestError(f"{what} needs the package pyarrow: pip install 'sparring[tables]'") from None
    return pyarrow
