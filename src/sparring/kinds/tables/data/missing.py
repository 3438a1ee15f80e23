"""Cells that say that there is no value, and blanks around those that have one."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

WORDS = frozenset({"", "na", "n/a", "nan", "null", "none", "<na>", "#n/a"})
"""Say so in every column, in lower case."""
STRAYS = frozenset({"?", "-", "."})
"""Say so beside values that have letters or digits."""


def is_missing_word(cell: str) -> bool:
    """Whether a cell may mean that there is no value."""
    word = cell.strip().lower()
    return word in WORDS or word in STRAYS


def missing_spellings(words: Iterable[str]) -> frozenset[str]:
    """Which of the ways to say that there is no value a column's words have."""
    short = {word for word in words if len(word) < 7}
    return frozenset({word.strip().lower() for word in short} & (WORDS | STRAYS))


def absent(words: Sequence[str], values: frozenset[str] = frozenset()) -> NDArray[np.bool_]:
    """Which words mean nothing, if the others are numbers or dates; those of `values`, in lower case, never do."""
    short = {word for word in words if len(word) < 5 and word.lower() not in values}
    empty = {word for word in short if word.lower() in WORDS or word in STRAYS}
    return np.fromiter(map(empty.__contains__, words), dtype=np.bool_, count=len(words))


def absent_choices(
    words: Sequence[str], habits: frozenset[str], values: frozenset[str] = frozenset()
) -> tuple[NDArray[np.bool_], str]:
    """Which words mean nothing, if the others are names, and a remark; those of `values` never do.

    A sign is a name beside other signs (`+` and `-`); `None` is one where the file spells missing cells otherwise.
    """
    gone = absent(words, values)
    others = [word for word, is_gone in zip(words, gone, strict=True) if not is_gone]
    if not others or not all(any(letter.isalnum() for letter in word) for word in others):
        gone &= np.fromiter((word not in STRAYS for word in words), dtype=np.bool_, count=len(words))
    remark = ""
    elsewhere = sorted(habits - {"none"} - STRAYS)
    if elsewhere:
        for number, word in enumerate(words):
            if gone[number] and word.lower() == "none":
                gone[number] = False
                spelled = f"'{elsewhere[0]}'" if elsewhere[0] else "empty"
                remark = f"'{word}' is taken for a value (missing cells are {spelled})"
    read = next((word for word, is_gone in zip(words, gone, strict=True) if is_gone and word.lower() == "none"), None)
    if read is not None:
        remark = f"'{read}' is read as missing; data.table.values=[{read}] keeps it as a value"
    return gone, remark


def padding(words: Sequence[str], stripped: Sequence[str]) -> tuple[str, str, bool]:
    """The blanks that all words begin with, those they end with, and whether that varies."""
    if words == stripped:
        return "", "", False
    before, after = set(), set()
    for word, bare in zip(words, stripped, strict=True):
        if bare:
            start = word.index(bare)
            before.add(word[:start])
            after.add(word[start + len(bare) :])
    varies = len(before) > 1 or len(after) > 1
    return before.pop() if len(before) == 1 else "", after.pop() if len(after) == 1 else "", varies
