"""What a recipe can say about a table."""

from __future__ import annotations

import hashlib
import os
import re
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np
import torch
from pydantic import Field, field_validator

from sparring.base.errors import RequestError, nearest
from sparring.base.paths import given_path
from sparring.data import Codec, DataSet, Found, Source
from sparring.data.dataset import assemble
from sparring.kinds.tables.data.aligning import aligned
from sparring.kinds.tables.data.cells import Habits
from sparring.kinds.tables.data.codec import TableCodec, table_codec
from sparring.kinds.tables.data.coding import NumberCode
from sparring.kinds.tables.data.column import CHOICES, KINDS, Sheet
from sparring.kinds.tables.data.constraints import parse_constraints
from sparring.kinds.tables.data.database import check_said, is_address, say_address
from sparring.kinds.tables.data.encoding import blocks
from sparring.kinds.tables.data.notes import about_target
from sparring.kinds.tables.data.reading import read_sheet
from sparring.kinds.tables.data.vector import ConditionVector
from sparring.kinds.tables.data.writing import ENDINGS, imported_pyarrow, whole

if TYPE_CHECKING:
    import pandas as pd


class Table(Source):
    """Your rows: a CSV, TSV or Parquet file, or a table of a database at an SQLAlchemy address."""

    kind: ClassVar[str] = "tables"
    places: ClassVar[tuple[str, ...]] = ("path",)
    dated: ClassVar[tuple[str, ...]] = ("classes",)

    path: str
    """The file, or the database's address."""
    table: str | None = None
    """Of a database, which table."""
    kinds: dict[str, str] = {}
    """What columns are taken for, where it is not what was found: integer, float, category, ordered, boolean, datetime,
    identifier, text or constant, by their names."""
    without: tuple[str, ...] = ()
    """Columns left out altogether."""
    values: tuple[str, ...] = ()
    """Words that are values here, though elsewhere they say that there is none: `[none]`."""
    classes: Literal["said", "named"] = "said"
    """Which columns of whole numbers are choices: those that are `said` to be (`column=category`), or those as well
    that are `named` like a class and have few values, and a target of two values. Runs of before this keep theirs."""
    target: str | None = None
    """The column that models are to predict from the others; scores tell how useful made rows are for that."""
    constraints: tuple[str, ...] = ()
    """What holds in every row: `a <= b`, `a + b == c`, `unique a`. Made rows that break one are made again."""
    numbers: NumberCode = "auto"
    """How networks see numbers: by the components of a Gaussian `mixture`, by `ranks`, or, column by column, by the
    mixture where it fits and else by ranks (`auto`)."""
    held_out: float = Field(0.1, ge=0, le=0.25)
    """Part of the rows that is held out for scores, drawn by their number; at least 20, but a quarter of fewer than
    80."""
    limit: int | None = Field(None, ge=2)
    """Train on this many rows only."""

    @field_validator("without", "constraints", "values", mode="before")
    @classmethod
    def _one_is_a_list(cls, value: Any) -> Any:
        return (value,) if isinstance(value, str) else value

    @field_validator("path")
    @classmethod
    def _holds_no_password(cls, path: str) -> str:
        if is_address(path) and re.search(r"://[^/@:]*:(?!\$)[^@]+@", path):
            raise ValueError("a password would be kept in the recipe; write $NAME, a variable of the environment")
        return path

    @classmethod
    def named(cls, place: str) -> bool:
        """By its ending, or the form of its address."""
        return is_address(place) or place.lower().endswith(ENDINGS)

    @classmethod
    def takes(cls, place: str) -> bool:
        return cls.named(place)

    @classmethod
    def at(cls, place: str) -> str:
        if not is_address(place):
            return super().at(place)
        say_address(place)
        return place

    @classmethod
    def spelt(cls, word: str, keys: Sequence[str]) -> str:
        """An override, or where it is `column=kind` of a table, the override that says so: of a column, too, that is
        called like a key of the recipe, which takes no kind."""
        name, equals, value = word.partition("=")
        if is_address(value):
            say_address(value)
        if value in KINDS and (name in keys or name.partition(".")[0] not in keys):
            return f"data.table.kinds.{word}"
        if not equals or name.partition(".")[0] in keys or nearest(name, keys).startswith("did you mean"):
            return word
        raise RequestError(f"{word}: no key '{name}', and no kind '{value}' of a column; {nearest(value, KINDS)}")

    def load(self) -> DataSet:
        return self.of(self.sheet(), self.name)

    def sheet(self) -> Sheet:
        """The table as it was read."""
        return read_sheet(self.source, kinds=self.kinds, without=self.without, table=self.table, habits=self.habits)

    @property
    def habits(self) -> Habits:
        """What it says of how cells are to be read."""
        values = frozenset(word.strip().lower() for word in self.values)
        return Habits(values=values, classes=self.classes == "named", target=self.target)

    @property
    def name(self) -> str:
        """What messages call it."""
        return "database" if is_address(self.path) else Path(self.path).name

    @property
    def source(self) -> str:
        """The path, or the address with variables of the environment put in: so no recipe holds a password. Raises
        RequestError for an address that nobody said."""
        if not is_address(self.path):
            return self.path
        check_said(self.path)
        return os.path.expandvars(self.path)

    def trusted(self) -> None:
        if is_address(self.path):
            say_address(self.path)

    def of(self, sheet: Sheet, name: str) -> DataSet:
        """The data set of a table that was read."""
        if not any(column.learned for column in sheet.columns):
            raise RequestError(
                f"data: no column of {name} can be learned; say what one is: data.table.kinds.NAME=category"
            )
        names = [column.name for column in sheet.columns if column.learned]
        if self.target is not None and self.target not in names:
            raise RequestError(
                f"data.table.target: no column '{self.target}' to be learned; {nearest(self.target, names)}"
            )
        constraints = parse_constraints(self.constraints, sheet.columns)
        constraints.check(sheet.values)
        values = torch.from_numpy(np.ascontiguousarray(sheet.values))

        target = None if self.target is None else sheet.place(self.target)

        def codec(train: torch.Tensor) -> TableCodec:
            return table_codec(sheet.columns, sheet.values[train.numpy()], sheet.dialect, self.numbers, target)

        title, *notes = sheet.notes or ("",)  # what it is, and how large
        if target is not None:
            notes.append(about_target(sheet.columns[target], sheet.values[:, target]))
        found = Found(name, title=title, notes=notes)
        return self._assembled(values, codec, found)

    def like(self, codec: Codec) -> DataSet:
        """The rows at this path as a codec of other rows counts them."""
        if not isinstance(codec, TableCodec):
            return super().like(codec)
        kinds = {
            column.name: "category" if column.kind in CHOICES else column.kind  # it may show fewer of them
            for column in codec.columns
            if column.learned
        }
        sheet = read_sheet(self.source, kinds=kinds, table=self.table, asked=f"data: {self.name}", habits=self.habits)
        values = torch.from_numpy(aligned(sheet, codec.columns, self.name))
        return self._assembled(values, codec, Found(self.name))

    def _assembled(
        self, values: torch.Tensor, codec: TableCodec | Callable[[torch.Tensor], TableCodec], found: Found
    ) -> DataSet:
        """The data set, with its conditions where it has any."""
        data = assemble(
            found.what, values, None, codec, found, by_number=True, fraction=self.held_out, limit=self.limit
        )
        assert isinstance(data.codec, TableCodec)
        conditions = ConditionVector(data.codec, data.samples, data.train)
        if not len(conditions):
            return data
        return replace(data, labels=conditions.of_rows, label_names=conditions.names, conditions=conditions)


def is_frame(given: object) -> bool:
    """Whether a Python object is a pandas DataFrame."""
    pandas = sys.modules.get("pandas")  # who has one has imported it
    return pandas is not None and isinstance(given, pandas.DataFrame)


def kept_frame(frame: pd.DataFrame, cache: Path) -> Path:
    """The path of a Parquet file in the cache with a data frame's rows, under a name that is its content's: so a recipe
    can name it. Raises RequestError where there is no pyarrow, or the cache cannot be written."""
    import pandas as pd

    digest = hashlib.sha256(repr([(str(name), str(kind)) for name, kind in frame.dtypes.items()]).encode())
    try:
        digest.update(pd.util.hash_pandas_object(frame, index=False).to_numpy().tobytes())
    except TypeError as error:
        raise RequestError(f"data: the data frame holds what is no value of a table ({error})") from None
    path = cache / "frames" / f"{digest.hexdigest()[:32]}.parquet"
    if not path.exists():
        imported_pyarrow("data: a data frame")
        try:
            with whole(path) as part:
                frame.to_parquet(part, index=False)
        except (OSError, ValueError, TypeError) as error:
            raise RequestError(f"data: the data frame cannot be kept at {path} ({error})") from None
    return path


def fewer_lines(given: str, count: int) -> bool:
    """Whether a table has fewer rows than that, as far as lines of text, or a Parquet file's own word, tell; of a
    database it is not known."""
    if is_address(given):
        return False
    path = given_path(given, "data")
    if not path.is_file():
        return False
    if path.suffix == ".parquet":
        imported_pyarrow("reading Parquet")
        from pyarrow import parquet

        try:
            return bool(parquet.read_metadata(path).num_rows < count)
        except (OSError, ValueError):
            return False  # what is wrong with it is said where it is read
    lines, last = 0, b"\n"
    for block in blocks(path):
        lines, last = lines + block.count(b"\n"), block[-1:]
        if lines > count:
            return False
    return lines + (last != b"\n") <= count
