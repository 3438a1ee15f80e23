"""Numbers, times and names as people read them."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any, TypeGuard

MINUS = "−"


def is_number(value: Any) -> TypeGuard[int | float]:
    """Whether a value of a JSON file is a finite number."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return False
    return math.isfinite(value) if isinstance(value, float) else abs(value) < 2**1000


def number(value: float) -> str:
    """Four significant digits, thousands apart: 0.4277, 12,346, 1.23e−5."""
    if not math.isfinite(value):
        return str(value)
    size = abs(value)
    if size == 0:
        return "0"
    if size < 1e-3 or size >= 1e7:
        text = scientific(value, 3)
    elif size >= 999.95:
        text = f"{value:,.0f}"
    else:
        text = f"{value:.4g}"
    return text.replace("-", MINUS)


def scientific(value: float, digits: int) -> str:
    """1.23e-5, without the zeros that Python pads exponents and mantissas with."""
    mantissa, exponent = f"{value:.{digits - 1}e}".split("e")
    mantissa = mantissa.rstrip("0").rstrip(".") if "." in mantissa else mantissa
    return f"{mantissa}e{int(exponent)}"


def interval(bounds: Any) -> str:
    """0.99 to 1.25; nothing where there are no two numbers."""
    if not isinstance(bounds, (list, tuple)) or len(bounds) != 2 or not all(map(is_number, bounds)):
        return ""
    return f"{number(bounds[0])} to {number(bounds[1])}"


def duration(seconds: float) -> str:
    """7.1 s, 12 min 30 s, 3 h 5 min."""
    if seconds < 60:
        return f"{seconds:.3g} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest} s"
    hours, minutes = divmod(minutes, 60)
    return f"{hours:,} h {minutes} min"


def about(seconds: float) -> str:
    """A time that is known roughly: 40 s, 12 min, 5.1 h."""
    if seconds < 120:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"


def megabytes(value: float) -> str:
    return f"{value:,.0f} MB" if value < 10_000 else f"{value / 1024:,.1f} GB"


def times(count: int) -> str:
    return {1: "once", 2: "twice"}.get(count, f"{count:,} times")


def plain(value: Any, real: Callable[[float], str] = number) -> str:
    """A value of a recipe or a protocol on one line, with numbers that are not whole written by `real`."""
    if value is None:
        return "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return real(value)
    if isinstance(value, (list, tuple)):
        return f"[{', '.join(plain(inner, real) for inner in value)}]"
    if isinstance(value, dict):
        return f"{{{', '.join(f'{key}: {plain(inner, real)}' for key, inner in value.items())}}}"
    return str(value)


def exact(value: Any) -> str:
    """The same with all digits, so that two values that differ never look alike."""
    return plain(value, repr)


def words(name: Any) -> str:
    """A name of a file's as words: mode_collapse as mode collapse."""
    return str(name).replace("_", " ")


def one_of(unit: str) -> str:
    """What one of several is called: an image of images, a melody of melodies."""
    return unit[:-3] + "y" if unit.endswith("ies") else unit.removesuffix("s")


def flat(value: Any, path: str = "") -> dict[str, Any]:
    """Nested mappings as one, by dotted path; empty mappings and lists are leaves."""
    if not isinstance(value, dict) or (not value and path):
        return {path: value}
    found: dict[str, Any] = {}
    for key, inner in value.items():
        found |= flat(inner, f"{path}.{key}" if path else str(key))
    return found


def p_text(p: float) -> str:
    """p = .03, p < .001."""
    if p < 0.001:
        return "p < .001"
    if p > 0.995:
        return "p = 1"
    return "p = " + (f"{p:.2f}" if p >= 0.1 else f"{p:.3f}").lstrip("0")


def aligned(rows: Sequence[Sequence[str]]) -> list[str]:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
