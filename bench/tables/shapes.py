"""How near the columns of synthetic rows, and pairs of them, come to real ones: 1 is equal, 0 has nothing in common."""

from __future__ import annotations

from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd
from encoding import codes
from numpy.typing import NDArray
from scipy import stats
from sets import Typing

BINS = 10
"""A number beside a category is cut at the training rows' tenths."""


def shapes(synthetic: pd.DataFrame, real: pd.DataFrame, typing: Typing) -> float:
    """The mean over columns."""
    return float(np.mean([shape(synthetic[name], real[name], typing) for name in typing.columns]))


def shape(synthetic: pd.Series[Any], real: pd.Series[Any], typing: Typing) -> float:
    """One less the Kolmogorov-Smirnov distance of numbers that are there, or the total variation of categories."""
    if synthetic.name in typing.categories:
        return alike(synthetic.fillna("\0"), real.fillna("\0"))
    first, second = synthetic.dropna().to_numpy(), real.dropna().to_numpy()
    if not len(first) or not len(second):
        return float(len(first) == len(second))
    return 1 - float(stats.ks_2samp(first, second, method="asymp").statistic)


def alike(first: pd.Series[Any], second: pd.Series[Any]) -> float:
    """What two distributions over values have in common: one less their total variation."""
    shares = [one.value_counts(normalize=True) for one in (first, second)]
    return float(pd.concat(shares, axis=1).fillna(0.0).min(axis=1).sum())


def pairs(synthetic: pd.DataFrame, real: pd.DataFrame, train: pd.DataFrame, typing: Typing) -> float | None:
    """The mean over pairs of columns: two numbers by their rank correlations, one less half the difference; others by
    their table of counts, one less the total variation. None for a single column."""
    edges = {name: np.nanquantile(train[name], np.linspace(0, 1, BINS + 1)[1:-1]) for name in typing.numbers}
    cut = [{name: cells(one[name], edges.get(name), typing) for name in typing.columns} for one in (synthetic, real)]
    found = []
    for one, other in combinations(typing.columns, 2):
        if one in edges and other in edges:
            first, second = (rank_correlation(frame[one], frame[other]) for frame in (synthetic, real))
            found.append(1 - abs(first - second) / 2)
        else:
            joined = [pd.Series(side[one] * 1_000_000 + side[other]) for side in cut]
            found.append(alike(*joined))
    return float(np.mean(found)) if found else None


def cells(column: pd.Series[Any], edges: NDArray[np.float64] | None, typing: Typing) -> NDArray[np.int64]:
    """A category's place, or the tenth a number lies in; -1 where missing."""
    values = codes(column, typing)
    if edges is not None:
        values = np.where(np.isnan(values), np.nan, np.searchsorted(edges, values, side="right"))
    return np.nan_to_num(values, nan=-1).astype(np.int64)


def rank_correlation(first: pd.Series[Any], second: pd.Series[Any]) -> float:
    """Spearman's, over rows that have both; 0 where one does not vary."""
    both = first.notna() & second.notna()
    if first[both].nunique() < 2 or second[both].nunique() < 2:
        return 0.0
    return float(stats.spearmanr(first[both], second[both]).statistic)


def missing_off(synthetic: pd.DataFrame, real: pd.DataFrame) -> float | None:
    """By how much the rates of missing values are off, over the columns that have some; None where none has."""
    have = [name for name in real if real[name].isna().any()]
    return float((synthetic[have].isna().mean() - real[have].isna().mean()).abs().mean()) if have else None
