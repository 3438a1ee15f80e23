"""How well probabilities fit what samples are."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def roc_auc(truth: NDArray[np.bool_], predicted: NDArray[np.float64]) -> float:
    """The chance that a true sample is ranked above another; equal ranks count half."""
    from scipy.stats import rankdata

    count = int(truth.sum())
    others = len(truth) - count
    return float((rankdata(predicted)[truth].sum() - count * (count + 1) / 2) / (count * others))
