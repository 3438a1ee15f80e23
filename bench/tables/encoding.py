"""Typed tables as matrices for the models that judge them, the same way for real and synthetic rows."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sets import Typing
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

MOST_CATEGORIES = 255
"""What gradient boosting takes as a category; the values of others are numbers to it."""


class Features:
    """All columns but the target: numbers as they are, categories as their place; NaN where missing or never seen."""

    def __init__(self, typing: Typing, target: str = "") -> None:
        self.names = [name for name in typing.columns if name != target]
        self.typing = typing
        self.chosen = [at for at, name in enumerate(self.names) if name in typing.categories]
        self.counted = [at for at in range(len(self.names)) if at not in self.chosen]

    def matrix(self, frame: pd.DataFrame) -> NDArray[np.float64]:
        columns = [codes(frame[name], self.typing) for name in self.names]
        return np.stack(columns, axis=1) if columns else np.empty((len(frame), 0))

    def boosted(self, seed: int, *, numeric: bool = False) -> Any:
        """scikit-learn's gradient boosting of histograms, at its defaults."""
        few = [at for at in self.chosen if len(self.typing.categories[self.names[at]]) <= MOST_CATEGORIES]
        kind = HistGradientBoostingRegressor if numeric else HistGradientBoostingClassifier
        return kind(categorical_features=few or None, random_state=seed)

    def linear(self, *, numeric: bool = False) -> Any:
        """Logistic or ridge regression on standardised numbers, missing ones the median, and on categories one-hot."""
        numbers = make_pipeline(SimpleImputer(strategy="median", keep_empty_features=True), StandardScaler())
        categories = OneHotEncoder(handle_unknown="ignore")
        parts = ColumnTransformer([("numbers", numbers, self.counted), ("categories", categories, self.chosen)])
        return make_pipeline(parts, Ridge() if numeric else LogisticRegression(max_iter=1000))


def codes(column: pd.Series[Any], typing: Typing) -> NDArray[np.float64]:
    """A column as numbers, NaN where missing or never seen."""
    if column.name not in typing.categories:
        return column.to_numpy(dtype=np.float64)
    found = pd.Categorical(column, categories=list(typing.categories[str(column.name)])).codes.astype(np.float64)
    return np.where(found < 0, np.nan, found)
