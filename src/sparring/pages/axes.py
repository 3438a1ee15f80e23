"""Axes: from numbers to places on a chart, and the ticks beside it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from sparring.pages.wording import MINUS, number, scientific

Scale = Literal["free", "linear", "from_zero"]
"""Logarithmic where the values ask for it, never so, or never so and reaching down to 0."""
WIDE = 1000.0
"""A log axis is taken, where one is wanted and all values are above 0, from this ratio of the largest to the
smallest."""
FARTHEST = 1e150
"""Values beyond this would overflow; they lie outside every axis."""
NICE = (1.0, 2.0, 2.5, 5.0, 10.0)


@dataclass(frozen=True)
class Axis:
    """A range of numbers laid out on [0, 1]."""

    low: float
    high: float
    log: bool = False

    def at(self, value: float) -> float:
        low, high, here = (math.log(x) if self.log else x for x in (self.low, self.high, value))
        return (here - low) / (high - low)

    def ticks(self, wanted: int) -> list[tuple[float, str]]:
        """About `wanted` places on [0, 1] with their labels."""
        values = _decades(self.low, self.high) if self.log else _even(self.low, self.high, wanted)
        if self.log and len(values) < 2:
            values = _even(self.low, self.high, wanted)
        labels = [number(value) for value in values] if self.log else _labels(values)
        return [(self.at(value), label) for value, label in zip(values, labels, strict=True)]


def value_axis(values: Sequence[float], scale: Scale) -> tuple[Axis, int]:
    """An axis for values, at least one; with how many of them it leaves outside.

    A few values far from all others (a spike) would flatten the rest to a line: the axis then covers the others.
    """
    ordered = sorted(min(max(value, -FARTHEST), FARTHEST) for value in values)
    low, high = ordered[0], ordered[-1]
    if scale == "free" and low > 0 and high > WIDE * low:
        return Axis(low / 1.2, high * 1.2, log=True), 0
    if scale == "from_zero" and low >= 0:
        return Axis(0.0, high * 1.05 or 1.0), 0
    inner_low, inner_high = ordered[len(ordered) // 50], ordered[-1 - len(ordered) // 50]
    room = (inner_high - inner_low) * 0.5
    if room > 0 and high - low > 8 * room:
        low, high = max(low, inner_low - room), min(high, inner_high + room)
    outside = sum(not low <= value <= high for value in values)
    return padded(low, high), outside


def padded(low: float, high: float) -> Axis:
    """A linear axis with a little room on both sides; some for a single value, too."""
    room = (high - low) * 0.05 or abs(high) * 0.1 or 1.0
    return Axis(low - room, high + room)


def _even(low: float, high: float, wanted: int) -> list[float]:
    """Multiples of a round step within a range."""
    rough = (high - low) / max(wanted, 1)
    if rough <= 0 or not math.isfinite(rough):
        return [low]
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(nice * power for nice in NICE if nice * power >= rough * 0.999)
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    return [place * step for place in range(first, last + 1)]


def _decades(low: float, high: float) -> list[float]:
    """Powers of ten within a range, at most six of them."""
    first, last = math.ceil(math.log10(low) - 1e-9), math.floor(math.log10(high) + 1e-9)
    stride = max(1, math.ceil((last - first + 1) / 6))
    return [10.0**power for power in range(first, last + 1, stride)]


def _labels(values: Sequence[float]) -> list[str]:
    """Labels as long as it takes to tell the values apart."""
    largest = max(map(abs, values), default=0.0)
    smallest = min((abs(value) for value in values if abs(value) > largest * 1e-9), default=1.0)
    if largest >= 1e10 or smallest < 1e-4:
        texts = ["0" if abs(v) <= largest * 1e-9 else scientific(v, 3) for v in values]
    else:
        unit, suffix = next(((u, s) for u, s in ((1e6, "M"), (1e3, "k")) if largest >= 10 * u), (1.0, ""))
        scaled = [value / unit for value in values]
        digits = next((d for d in range(8) if all(abs(round(v, d) - v) < 1e-9 * (largest / unit) for v in scaled)), 8)
        texts = [f"{v:,.{digits}f}{suffix if round(v, digits) else ''}" for v in scaled]
    return [text.replace("-0", "0") if _is_zero(text) else text.replace("-", MINUS) for text in texts]


def _is_zero(text: str) -> bool:
    return not any(character in "123456789" for character in text)
