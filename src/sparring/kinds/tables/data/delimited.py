"""Reading CSV and its like: the separator, the quotes, and every cell exactly as it is written."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import chain, islice
from pathlib import Path
from typing import IO, Any, NamedTuple, NoReturn

from sparring.base.errors import RequestError
from sparring.kinds.tables.data.cells import Cells, Gathering, shown
from sparring.kinds.tables.data.encoding import Encoded, examined, opened
from sparring.kinds.tables.data.missing import is_missing_word

SEPARATORS = {",": "comma", ";": "semicolon", "\t": "tab", "|": "bar"}
LONGEST = 1_000_000
"""Characters of a cell, at most."""
ROWS_AT_ONCE = 50_000
SAMPLE = 1 << 18
LOOKS_LIKE_A_NUMBER = re.compile(r"\s*[+-]?(?:[0-9]+[.,]?[0-9]*|[.,][0-9]+)(?:[eE][+-]?[0-9]+)?\s*")


class Text(NamedTuple):
    """A delimited text file, read."""

    cells: list[Cells]
    rows: int
    dialect: dict[str, Any]
    notes: list[str]


def read_delimited(path: Path, chosen: Callable[[list[str]], Sequence[int]]) -> Text:
    """Reads a file; of the header's names, `chosen` gives the places of the columns to read.

    Raises RequestError where it is no table.
    """
    encoded = examined(path)
    with _text(path, encoded) as file:
        sample = file.read(SAMPLE)
    separator = _separator(sample)
    quotes = _quotes(sample, separator, whole=len(sample) < SAMPLE)
    header, names, notes = _header(path, encoded, separator)
    places = list(chosen(names))
    columns, rows = _read(path, encoded, separator, len(header), places)
    cells: list[Cells] = []
    for place, column in zip(places, columns, strict=True):
        writing = quotes[place] if place < len(quotes) else {}
        if header[place] != names[place]:
            writing = writing | {"header": header[place]}
        cells.append(column.cells(names[place], _Place(path, encoded, separator), writing))
    dialect = {
        "from": "text",
        "ending": path.name.lower().removesuffix(".gz").rpartition(".")[2],
        "separator": separator,
        "encoding": encoded.encoding,
        "line_end": encoded.line_end,
        "header_quoted": bool(quotes) and all(quote.get("header_quoted") for quote in quotes),
    }
    if separator != ("\t" if dialect["ending"] == "tsv" else ","):
        notes.insert(0, f"separator: {SEPARATORS[separator]}")
    return Text(cells, rows, dialect, [*notes, *([encoded.note] if encoded.note else [])])


@dataclass(frozen=True)
class _Place:
    """Says on which line a row is, by reading the file again: only errors ask."""

    path: Path
    encoded: Encoded
    separator: str

    def __call__(self, row: int) -> str:
        with _cells_up_to(LONGEST), _text(self.path, self.encoded) as file:
            reader = csv.reader(file, delimiter=self.separator, strict=True)
            next(reader)
            line = reader.line_num
            left = row
            for record in reader:
                if not _blank(record):
                    if left == 0:
                        break
                    left -= 1
                line = reader.line_num
        return f"{self.path}: line {line + 1}"


@contextmanager
def _cells_up_to(characters: int) -> Iterator[None]:
    """Inside, the csv module refuses longer cells."""
    before = csv.field_size_limit(characters)
    try:
        yield
    finally:
        csv.field_size_limit(before)


def _text(path: Path, encoded: Encoded) -> IO[str]:
    return io.TextIOWrapper(opened(path), encoding=encoded.encoding, newline="")


def _header(path: Path, encoded: Encoded, separator: str) -> tuple[list[str], list[str], list[str]]:
    """The header as it is written, the columns' names, and notes."""
    with _text(path, encoded) as file:
        try:
            header = next((row for row in csv.reader(file, delimiter=separator, strict=True) if row), [])
        except csv.Error as error:
            raise RequestError(f"{path}: line 1: {error}") from None
    if all(LOOKS_LIKE_A_NUMBER.fullmatch(cell) for cell in header):
        first = ", ".join(header[:3])
        raise RequestError(f"{path}: line 1: only numbers ({first}); the first line has to name the columns")
    names, notes = [], []
    for number, cell in enumerate(header, 1):
        name = cell.strip()
        if not name:
            name = f"column_{number}"
            notes.append(f"column {number} has no name: called {name}")
        names.append(name)
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        where = " and ".join(str(place + 1) for place, name in enumerate(names) if name == twice)
        raise RequestError(f"{path}: columns {where} are both named '{twice}'; rename one")
    return header, names, notes


def _read(path: Path, encoded: Encoded, separator: str, width: int, places: list[int]) -> tuple[list[Gathering], int]:
    """The columns, and the number of rows."""
    columns = [Gathering() for _ in places]
    count = 0
    for records in _records(path, encoded, separator, width):
        flat = list(chain.from_iterable(records))
        for place, column in zip(places, columns, strict=True):
            column.add(flat[place::width])
        count += len(records)
    if count == 0:
        raise RequestError(f"{path}: a header and no rows")
    if count == 1:
        raise RequestError(f"{path}: one row; a table to learn from has more")
    return columns, count


def _records(path: Path, encoded: Encoded, separator: str, width: int) -> Iterator[list[list[str]]]:
    """The rows below the header, many at a time, each `width` cells wide; blank lines are passed over."""
    place = _Place(path, encoded, separator)
    count = 0
    try:
        with _cells_up_to(LONGEST), _text(path, encoded) as file:
            reader = csv.reader(file, delimiter=separator, strict=True)
            next(row for row in reader if row)
            while records := list(islice(reader, ROWS_AT_ONCE)):
                if set(map(len, records)) != {width}:
                    records = _even(records, width, count, place)
                count += len(records)
                if records:
                    yield records
    except csv.Error as error:
        _refuse(path, encoded, separator, reader.line_num, error)


def _even(records: list[list[str]], width: int, count: int, place: _Place) -> list[list[str]]:
    """Rows without the blank ones. Raises RequestError for the first that is longer or shorter than the header."""
    kept = [record for record in records if not _blank(record)]
    for number, record in enumerate(kept):
        if len(record) != width:
            cells = f"{len(record)} cell" + "s" * (len(record) != 1)
            raise RequestError(f"{place(count + number)}: {cells}, and the header has {width}")
    return kept


def _blank(record: list[str]) -> bool:
    return not record or (len(record) == 1 and not record[0].strip())


def _refuse(path: Path, encoded: Encoded, separator: str, line: int, error: csv.Error) -> NoReturn:
    """Raises RequestError for what the csv module refuses, in a person's words."""
    told = str(error)
    if "field larger" in told:
        where = _column_of_long(path, encoded, separator, line)
        told = f"a cell of over {LONGEST:,} characters{where}; is a quote not closed?"
    elif "unexpected end" in told:
        told = "the file ends within a quoted cell; a quote before it is not closed"
    elif "expected after" in told:
        told = "a quote within a quoted cell is not doubled"
    raise RequestError(f"{path}: line {line}: {told}")


def _column_of_long(path: Path, encoded: Encoded, separator: str, last: int) -> str:
    """In which column the line that ends with, or breaks off at, line `last` goes beyond what a cell may hold."""
    with _cells_up_to(LONGEST), _text(path, encoded) as file:
        reader = csv.reader(file, delimiter=separator, strict=True)
        start = 0
        try:
            for _ in reader:
                start = reader.line_num
        except csv.Error:
            pass
    with _text(path, encoded) as file:
        text = "".join(islice(file, start, last))
    with _cells_up_to(len(text) + 1):
        record = next(csv.reader(io.StringIO(text, newline=""), delimiter=separator), [])
    place = next((place for place, cell in enumerate(record) if len(cell) > LONGEST), None)
    return "" if place is None else f" in column {place + 1} (it begins {shown(record[place], 20)})"


def _separator(sample: str) -> str:
    """Which separator cuts most of the first lines into as many cells as the header."""
    best = (0.0, 0)
    found = ","
    for separator in SEPARATORS:
        rows = _few(sample, separator)
        width = len(rows[0]) if rows else 1
        if width < 2:
            continue
        even = sum(len(row) == width for row in rows[1:]) / max(1, len(rows) - 1)
        if (even, width) > best:
            best, found = (even, width), separator
    return found


def _few(sample: str, separator: str) -> list[list[str]]:
    """The first rows as a separator cuts them, without the last, which may be cut short."""
    rows = []
    try:
        for row in islice(csv.reader(io.StringIO(sample, newline=""), delimiter=separator), 101):
            if not _blank(row):
                rows.append(row)
    except csv.Error:
        pass
    return rows[:-1] if len(rows) > 2 else rows


def _quotes(sample: str, separator: str, *, whole: bool) -> list[dict[str, Any]]:
    """Of each column, whether its header, its cells and its missing cells are quoted, by the first rows."""
    mark = re.escape(separator)
    token = re.compile(rf'(?:"((?:[^"]|"")*)"|([^{mark}\r\n]*))({mark}|\r\n|\n|\r|\Z)')
    rows: list[list[tuple[bool, str]]] = [[]]
    for match in token.finditer(sample):
        rows[-1].append((match[1] is not None, match[1] if match[1] is not None else match[2]))
        if match[3] != separator:
            if len(rows) > 2000 or match.end() == len(sample):
                break
            rows.append([])
    rows = [row for row in rows if any(quoted or text for quoted, text in row)]
    if not whole:
        rows = rows[:-1]
    if not rows:
        return []
    return [_quoted([row[place] for row in rows if place < len(row)]) for place in range(len(rows[0]))]


def _quoted(column: list[tuple[bool, str]]) -> dict[str, Any]:
    cells = [quoted for quoted, text in column[1:] if not is_missing_word(text)]
    gone = [quoted for quoted, text in column[1:] if is_missing_word(text)]
    found = {
        "header_quoted": column[0][0],
        "quoted": bool(cells) and all(cells),
        "missing_quoted": bool(gone) and all(gone),
    }
    return {key: True for key, value in found.items() if value}
