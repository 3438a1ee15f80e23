"""Whole numbers that are the codes of classes, as far as a column's name and its values tell."""

from __future__ import annotations

import re
import shlex

import numpy as np
from numpy.typing import NDArray

from sparring.kinds.tables.data.cells import Habits

FEW = 10
"""Different values, at most, of what is taken for a class."""
OFTEN = 3
"""Rows of each, on average, at least."""
ENDINGS = ("class", "label", "type", "category", "species", "diagnosis", "outcome")
"""What names of classes end in."""
WORDS = frozenset({"group", "cluster", "segment", "sex", "gender", "target", "status"})
"""Or what their last word is."""


def are_classes(name: str, values: NDArray[np.float64], rows: int, habits: Habits) -> bool:
    """Whether whole numbers (each value once or more often, of so many rows) are classes: few, in a column named like
    one, or two in the column that models are to predict."""
    few = len(np.unique(values))
    if not habits.classes or few > FEW or rows < OFTEN * few:
        return False
    word = [part.lower() for part in re.findall(r"[A-Z]?[^\W_A-Z]+|[A-Z]+", name)][-1:]
    named = bool(word) and (word[0].endswith(ENDINGS) or word[0] in WORDS)
    return named or (few == 2 and name == habits.target)


def remark(name: str) -> str:
    """What is told of such a column."""
    return f"whole numbers, taken for classes; {shlex.quote(f'{name}=integer')} makes them numbers"
