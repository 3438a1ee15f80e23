"""Numbers that people write: ASCII digits, finite, and within what the program can count to."""

from __future__ import annotations

import math
import re
from decimal import Decimal

LARGEST_WHOLE = 2**63 - 1
"""What PyTorch, NumPy and databases count to."""

_WHOLE = re.compile(r"[-+]?[0-9]{1,19}")
_REAL = re.compile(r"[-+]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][-+]?[0-9]{1,5})?")
_LONGEST = 400
"""Characters of a number: the longest finite float64 in full has 309 digits before the point."""


def whole(word: object) -> int | None:
    """A whole number of at most 64 bits, as `12` or `-3`; None for other words. Python's own `int` also takes digits of
    other scripts, underscores and spaces, and `str.isdigit` even `²`, which `int` does not."""
    text = str(word)
    if not _WHOLE.fullmatch(text):
        return None
    number = int(text)
    return number if abs(number) <= LARGEST_WHOLE else None


def exact(word: object) -> Decimal | None:
    """A number as it is written, `1.50` or `2e-4`; None for other words and for what is beyond float64."""
    text = str(word)
    if len(text) > _LONGEST or not _REAL.fullmatch(text) or not math.isfinite(float(text)):
        return None
    return Decimal(text)


def real(word: object) -> float | None:
    """A finite number of float64, as `1.5` or `2e-4`; None for other words."""
    found = exact(word)
    return None if found is None else float(found)
