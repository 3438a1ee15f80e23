"""Two baselines without a network: columns resampled each for itself, and a Gaussian copula on ranks."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import stats


class Independent:
    """Every column resampled for itself: its shape is right, and nothing between columns is."""

    def __init__(self, frame: pd.DataFrame, seed: int) -> None:
        self.frame = frame
        self.source = np.random.default_rng(seed)

    def sample(self, count: int) -> pd.DataFrame:
        rows = len(self.frame)
        return pd.DataFrame(
            {name: self.frame[name].to_numpy()[self.source.integers(0, rows, count)] for name in self.frame}
        )


class Copula:
    """A Gaussian copula on ranks.

    A column's values lie sorted on [0, 1]: numbers by size, categories by frequency, missing ones last. A value stands
    for a random place among its equals, so that frequent ones have long intervals; places become normal numbers, whose
    correlations are the model. Samples are values that were seen.
    """

    def __init__(self, frame: pd.DataFrame, seed: int) -> None:
        self.columns = list(frame)
        self.source = np.random.default_rng(seed)
        self.sorted: dict[str, NDArray[np.object_]] = {}
        normals = np.empty(frame.shape)
        for place, name in enumerate(frame):
            order = self.order(frame[name])
            self.sorted[str(name)] = frame[name].to_numpy()[order]
            ranks = np.empty(len(frame))
            ranks[order] = (np.arange(len(frame)) + 0.5) / len(frame)
            normals[:, place] = stats.norm.ppf(ranks)
        found = np.atleast_2d(np.corrcoef(normals, rowvar=False))
        values, vectors = np.linalg.eigh(found)
        self.root = vectors * np.sqrt(np.maximum(values, 0))  # columns that say the same leave zeros

    def order(self, column: pd.Series[float]) -> NDArray[np.int64]:
        """Where each sorted place's value comes from, equals shuffled."""
        keys = column
        if column.dtype == object:
            counts = column.value_counts()
            places = dict(zip(counts.index, range(len(counts)), strict=True))
            keys = column.map(places)
        return np.lexsort((self.source.random(len(column)), keys.fillna(np.inf).to_numpy(dtype=np.float64)))

    def sample(self, count: int) -> pd.DataFrame:
        normals = self.source.standard_normal((count, len(self.columns))) @ self.root.T
        uniform = stats.norm.cdf(normals)
        rows = len(next(iter(self.sorted.values())))
        places = np.minimum((uniform * rows).astype(np.int64), rows - 1)
        return pd.DataFrame({name: self.sorted[name][places[:, at]] for at, name in enumerate(self.columns)})
