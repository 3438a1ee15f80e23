"""Columns of pandas data frames: what they are by their types, where these say it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from sparring.base.errors import RequestError
from sparring.kinds.tables.data import classes
from sparring.kinds.tables.data.cells import Cells, Habits, Numbering, Place, Taken, misfit
from sparring.kinds.tables.data.column import Column, Kind
from sparring.kinds.tables.data.dates import DAY, MOST_DECIMALS, step_of
from sparring.kinds.tables.data.identifiers import counting_on, pattern_of, whole_keys
from sparring.kinds.tables.data.kinds import FEW_TEXTS, in_order, take
from sparring.kinds.tables.data.numerals import MOST_EXACT, decimals_of

if TYPE_CHECKING:
    import pandas as pd

NATIVE = (str, int, float, bool)
"""Values of categories that are kept as they are; others as texts."""


def take_series(name: str, series: pd.Series, place: Place, habits: Habits, forced: Kind | None = None) -> Taken:
    """What a column of a data frame is, or is to be. Raises RequestError where it cannot be read, or does not fit."""
    import pandas as pd
    from pandas.api import types

    dtype = str(series.dtype)
    if dtype == "string":
        dtype = f"string[{series.dtype.storage}]"
    if isinstance(series.dtype, pd.ArrowDtype):
        series = series.array.__arrow_array__().to_pandas()
    elif isinstance(series.dtype, pd.SparseDtype):
        series = series.sparse.to_dense()
    if series.isna().all():
        raise RequestError(f"column '{name}': all values are missing; data.table.without=[{name}] leaves it out")
    if isinstance(series.dtype, pd.CategoricalDtype):
        if forced in ("integer", "float", "datetime"):
            return take_series(name, series.astype(series.cat.categories.dtype), place, habits, forced)
        return _categorical(name, series, forced)
    found = types.infer_dtype(series, skipna=True) if series.dtype == object else ""
    if types.is_bool_dtype(series.dtype) or found == "boolean":
        return _as_choices(name, series, dtype, "boolean", forced, place, habits)
    if types.is_datetime64_any_dtype(series.dtype) or found in ("date", "datetime", "datetime64"):
        return _dates(name, series, "date" if found == "date" else dtype, forced, place, habits)
    numeric = types.is_numeric_dtype(series.dtype) and not types.is_complex_dtype(series.dtype)
    if numeric or found in ("integer", "floating", "mixed-integer-float", "decimal"):
        return _numbers(name, series, "decimal" if found == "decimal" else dtype, forced, place, habits)
    if types.is_string_dtype(series.dtype) and found not in (
        "bytes",
        "mixed",
        "complex",
        "time",
        "timedelta",
        "period",
    ):
        taken = _texts(name, series, dtype, place, habits, forced)
        mixed = ("values of several types, taken as texts",) if found.startswith("mixed") else ()
        return replace(taken, remarks=(*taken.remarks, *mixed))
    what = found if found else dtype
    raise RequestError(f"column '{name}': {what} values cannot be learned; data.table.without=[{name}] leaves it out")


def _texts(name: str, series: pd.Series, dtype: str, place: Place, habits: Habits, forced: Kind | None) -> Taken:
    """A column of texts, read as a file's are."""
    gone = series.isna().to_numpy()
    texts = series.astype(object).where(~gone, "").map(str)
    numbering = Numbering()
    codes = numbering.codes(texts.tolist())
    taken = take(Cells(name, list(numbering), codes, place), habits, forced)
    writing = {key: value for key, value in taken.column.writing.items() if key != "values"}
    null = bool(gone.any()) and writing.get("missing", "") == ""
    kind = "category" if taken.column.kind == "ordered" else "text"
    writing |= {"dtype": kind, "null": null} | ({"then": dtype} if dtype != "object" else {})
    return taken.with_writing(writing)


def _categorical(name: str, series: pd.Series, forced: Kind | None) -> Taken:
    """A pandas categorical: its own categories, in its own order, without those that no row has."""
    levels = [level if isinstance(level, NATIVE) else str(level) for level in series.cat.categories.tolist()]
    codes = series.cat.codes.to_numpy()
    used = np.unique(codes[codes >= 0])
    values = [levels[code] for code in used]
    ordered = bool(series.cat.ordered)
    if forced == "ordered" and not ordered:
        order = in_order([str(value) for value in values])
        used = np.array(sorted(used, key=lambda code: order.index(str(levels[code]))))
        values = [levels[code] for code in used]
    places = np.full(len(levels) + 1, np.nan)  # the last for a missing value, whose code is -1
    places[used] = np.arange(len(used))
    extra = {"dtype": "category", "levels": levels, "is_ordered": ordered}
    return _choice(name, forced or ("ordered" if ordered else "category"), values, places[codes], extra)


def _choice(name: str, kind: Kind, values: Sequence[Any], codes: NDArray[np.float64], extra: dict[str, Any]) -> Taken:
    """A column of choices, from its values and each row's place among them."""
    missing = bool(np.isnan(codes).any())
    if len(values) == 1 and not missing and kind in ("category", "boolean"):
        kind = "constant"
    if len(values) == 1 and missing and kind == "boolean":
        kind = "category"
    if kind == "boolean" and len(values) != 2:
        raise misfit(name, f"boolean takes two values, and the column has {len(values)}; try 'category'")
    if kind == "constant" and len(values) > 1:
        raise misfit(name, f"constant, and the column has {len(values)} values")
    writing = {"values": list(values)} | extra
    if kind == "identifier":
        writing = {"dtype": "text", "key": pattern_of(sorted(map(str, values)), sure=True)}
    words = tuple(map(str, values)) if kind not in ("identifier", "text") else ()
    column = Column(name, kind, words, missing=missing or kind == "text", writing=writing)
    return Taken(column, codes if column.learned else np.zeros(len(codes)), float(np.isnan(codes).mean()))


def _as_choices(
    name: str, series: pd.Series, dtype: str, kind: Kind, forced: Kind | None, place: Place, habits: Habits
) -> Taken:
    """Booleans or numbers whose values are choices, smallest first."""
    import pandas as pd

    if forced in ("integer", "float", "datetime"):
        return _numbers(name, series.astype("float64"), dtype, forced, place, habits)
    codes, values = pd.factorize(series, sort=True)
    found = np.where(codes < 0, np.nan, codes.astype(np.float64))
    return _choice(
        name,
        forced or kind,
        [value.item() if hasattr(value, "item") else value for value in values],
        found,
        {"dtype": dtype},
    )


def _numbers(name: str, series: pd.Series, dtype: str, forced: Kind | None, place: Place, habits: Habits) -> Taken:
    if forced not in (None, "integer", "float", "datetime"):
        return _as_choices(name, series, dtype, forced, forced, place, habits)
    if forced == "datetime":
        raise misfit(name, f"datetime, and the column has numbers ({dtype}); pandas.to_datetime makes dates of them")
    values = _as_floats(series, dtype)
    given = values[~np.isnan(values)]
    if np.isinf(given).any():
        row = int(np.flatnonzero(np.isinf(values))[0])
        raise RequestError(f"{place(row)}: '{values[row]}' in column '{name}' is infinite")
    whole = bool(np.all(np.rint(given) == given))
    if forced is None and whole:
        named = _whole_but_no_number(name, series, dtype, given, place, habits)
        if named is not None:
            return named
    if forced == "integer" and not whole:
        row = int(np.flatnonzero(np.rint(np.nan_to_num(values)) != np.nan_to_num(values))[0])
        raise misfit(name, f"{place(row)}: '{values[row]}' is no integer; did you mean 'float'?")
    decimals = decimals_of(given)
    integers = "int" in dtype.lower() or (
        series.dtype == object and all(isinstance(one, int) for one in series.dropna())
    )
    style: dict[str, Any] = {"style": "integer"} if integers else {"style": "repr"}
    if dtype == "decimal":
        style = {"style": "fixed", "shown": decimals} if decimals else {"style": "integer"}
    kind: Kind = forced or ("integer" if whole else "float")
    missing = len(given) < len(values)
    bounds = float(given.min()), float(given.max())
    column = Column(name, kind, (), *bounds, decimals, missing, writing=style | {"dtype": dtype})
    return Taken(column, values, 1 - len(given) / len(values))


def _as_floats(series: pd.Series, dtype: str) -> NDArray[np.float64]:
    """Numbers in 64 bits: of shorter floats the shortest decimals, of objects their value."""
    if dtype.lower() in ("float16", "float32"):
        short = series.to_numpy(dtype=dtype.lower(), na_value=np.nan)
        return short.astype(str).astype(np.float64)  # type: ignore[no-any-return]
    return series.to_numpy(dtype=np.float64, na_value=np.nan)  # type: ignore[no-any-return]


def _whole_but_no_number(
    name: str, series: pd.Series, dtype: str, given: NDArray[np.float64], place: Place, habits: Habits
) -> Taken | None:
    """Whole numbers that are keys, one value, 0 and 1, too long for exact numbers, or the codes of classes."""
    rows, known = len(series), series.nunique()
    keys = whole_keys(name, given, rows)
    if keys or (np.abs(given).max() > MOST_EXACT and "int" in dtype.lower() and known == rows):
        column = Column(name, "identifier", writing={"key": counting_on(int(series.max())), "dtype": dtype})
        return Taken(column, np.zeros(rows))
    if known == 1 or (known == 2 and set(given) == {0.0, 1.0}):
        return _as_choices(name, series, dtype, "category" if known == 1 else "boolean", None, place, habits)
    if np.abs(given).max() > MOST_EXACT and "int" in dtype.lower():
        kind: Kind = "text" if known > FEW_TEXTS and known > rows / 2 else "category"
        return _as_choices(name, series, dtype, kind, None, place, habits)
    if classes.are_classes(name, given, len(given), habits):
        taken = _as_choices(name, series, dtype, "category", None, place, habits)
        return replace(taken, remarks=(*taken.remarks, classes.remark(name)))
    return None


def _dates(name: str, series: pd.Series, dtype: str, forced: Kind | None, place: Place, habits: Habits) -> Taken:
    import pandas as pd

    if forced in ("integer", "float"):
        raise misfit(name, f"{forced}, and the column has dates ({dtype})")
    if forced not in (None, "datetime"):
        return _texts(name, series.astype(str).where(series.notna(), None), dtype, place, habits, forced)
    try:
        dates = pd.to_datetime(series)
    except (ValueError, TypeError) as error:
        raise RequestError(f"column '{name}': dates that pandas cannot read ({error})") from None
    aware = dates.dt.tz is not None
    if aware:
        dates = dates.dt.tz_convert("UTC").dt.tz_localize(None)
    gone = dates.isna().to_numpy()
    micros = dates.to_numpy().astype("datetime64[us]").astype(np.int64)
    values = np.where(gone, np.nan, micros / 1e6)
    given = values[~gone]
    if len(np.unique(given)) == 1 and not gone.any():
        return _texts(name, series.astype(str), dtype, place, habits, "constant")
    decimals = next(
        (digits for digits in range(MOST_DECIMALS) if not np.any(micros[~gone] % 10 ** (6 - digits))), MOST_DECIMALS
    )
    writing: dict[str, Any] = {"order": "Ymd", "mark": "-", "padded": True, "step": step_of(given), "dtype": dtype}
    if writing["step"] != DAY or aware:
        writing |= {"between": " ", "hours_padded": True, "seconds": True} | ({"zone": "+00:00"} if aware else {})
    if decimals:
        writing |= {"fraction": 3 if decimals <= 3 else MOST_DECIMALS, "parts": decimals, "whole": "bare"}
    bounds = float(given.min()), float(given.max())
    column = Column(name, "datetime", (), *bounds, decimals, bool(gone.any()), writing=writing)
    return Taken(column, values, float(gone.mean()))
