"""Numbers as people write them: with marks between thousands, a comma for the point, a currency, a percent sign."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

MOST_EXACT = 2.0**53
"""Whole numbers beyond are not exact in 64 bits of floating point."""
MOST_DECIMALS = 15
FULL = 17
"""Decimals of numbers that use all digits there are."""
TRIED = 2000
"""Words by which a way of writing is chosen."""
POINTS = (
    (".", ""),
    (".", ","),
    (",", ""),
    (",", "."),
    (".", " "),
    (",", " "),
    (".", "'"),
    (",", "\xa0"),
    (",", "\u202f"),
)
"""Marks before decimals and between thousands, likeliest first."""
EUROPEAN = ((".", ""), (",", ""), (".", ","), *POINTS[3:])
CURRENCY = r"[$€£¥₹]|(?:USD|EUR|GBP|CHF|JPY|CAD|AUD|INR|CNY|SEK|NOK|DKK|PLN)"
AFFIXED = re.compile(rf"[+-]?((?:{CURRENCY})\s?)?[+-]?[0-9.,][0-9.,' \xa0\u202feE+-]*?(\s?(?:%|{CURRENCY}|kr|zł))?")
PLAIN = re.compile(r"[+-]?(?:(?:0|[1-9][0-9]*)(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
INFINITE = frozenset({"inf", "infinity"})


class Numerals(NamedTuple):
    """Words, read as numbers."""

    values: NDArray[np.float64]
    writing: dict[str, Any]
    decimals: int
    exact: bool
    """Whether each is spelled again as it was."""


def read_numerals(words: Sequence[str], *, comma: bool = False, zeros: bool = False) -> Numerals | None:
    """Words as numbers, and how these were written; None where one is no number, or would lose digits.

    With `zeros`, leading zeros are no hindrance. An infinite number is read as one.
    """
    finite = [word for word in words if word.lstrip("+-").lower() not in INFINITE]
    affixed = AFFIXED.fullmatch(finite[0]) if finite else None
    if affixed is None:
        return None
    prefix, suffix = affixed[1] or "", affixed[2] or ""
    for point, thousands in EUROPEAN if comma else POINTS:
        pattern = _pattern(point, thousands, prefix, suffix, zeros)
        if not all(map(pattern.fullmatch, finite[:50])):
            continue
        if all(map(pattern.fullmatch, finite)) and (not thousands or any(thousands in word for word in finite)):
            marks = {"point": point.strip("."), "thousands": thousands, "prefix": prefix, "suffix": suffix}
            return _read(words, {key: mark for key, mark in marks.items() if mark})
    return None


def _pattern(point: str, thousands: str, prefix: str, suffix: str, zeros: bool) -> re.Pattern[str]:
    if (point, thousands, prefix, suffix, zeros) == (".", "", "", "", False):
        return PLAIN
    whole = "[0-9]+" if zeros else "(?:0|[1-9][0-9]*)"
    if thousands:
        whole = rf"(?:0|[1-9][0-9]{{0,2}}(?:{re.escape(thousands)}[0-9]{{3}})*)"
    dot = re.escape(point)
    body = rf"(?:{whole}(?:{dot}[0-9]*)?|{dot}[0-9]+)(?:[eE][+-]?[0-9]+)?"
    sign = rf"(?:[+-]?{re.escape(prefix)}|{re.escape(prefix)}[+-]?)"
    return re.compile(sign + body + re.escape(suffix))


def _read(words: Sequence[str], marks: dict[str, Any]) -> Numerals | None:
    bodies = words if not marks else [_unmarked(word, marks) for word in words]
    values = np.fromiter(map(float, bodies), dtype=np.float64, count=len(bodies))
    finite = values[np.isfinite(values)]
    if len(finite) != len(values):  # the caller refuses it, and says where
        return Numerals(values, {"style": "repr"}, 0, False)
    if np.abs(finite).max() > MOST_EXACT and not any("." in body or "e" in body or "E" in body for body in bodies):
        return None
    if marks.get("prefix") and any(word.startswith(("-", "+")) for word in words):
        marks["sign_first"] = True
    if np.any((values == 0) & np.signbit(values)):
        marks = marks | {"minus_zero": True}
    decimals = decimals_of(values)
    tried = _telling(values)
    some = [words[place] for place in tried]
    ways = [marks | way for way in _ways([bodies[place] for place in tried], bodies)]
    hits = [_hits(some, spell_numbers(values[tried], way)) for way in ways]
    for place in sorted(range(len(ways)), key=lambda place: -hits[place]):
        spelled = spell_numbers(values, ways[place])
        if spelled == list(words):
            return Numerals(values, ways[place], decimals, True)
        if np.array_equal([float(_unmarked(text, marks)) for text in spelled], values):
            return Numerals(values, ways[place], decimals, False)
    return Numerals(values, marks | {"style": "repr"}, decimals, False)


def _telling(values: NDArray[np.float64]) -> NDArray[np.int64]:
    """Places of numbers that tell ways of writing apart: many, some of them whole, the smallest and the largest."""
    spread = np.arange(0, len(values), max(1, len(values) // TRIED))
    sizes = np.argsort(np.abs(values))
    whole = np.flatnonzero(np.rint(values) == values)
    return np.unique(np.concatenate([spread, whole[:200], sizes[:200], sizes[-200:]]))


def _hits(words: Sequence[str], spelled: Sequence[str]) -> int:
    return sum(word == again for word, again in zip(words, spelled, strict=True))


def _unmarked(word: str, marks: Mapping[str, Any]) -> str:
    """A number as Python writes it."""
    for key in ("prefix", "suffix", "thousands"):
        if mark := marks.get(key):
            word = word.replace(mark, "", 1 if key == "prefix" else -1)
    return word.replace(marks.get("point", "."), ".").strip()


def _ways(some: list[str], bodies: Sequence[str]) -> list[dict[str, Any]]:
    """The ways that numbers like these may be written, likeliest first."""
    digits = [len(body.partition(".")[2]) for body in some]
    raised = [body for body in some if "e" in body.lower()]
    raising = any("e" in body or "E" in body for body in bodies)
    bare = any(body.lstrip("+-").startswith(".") for body in bodies)
    if len(raised) == len(some):
        mantissas = [len(body.lower().partition("e")[0].partition(".")[2]) for body in raised]
        ways = [{"style": "exponent", "shown": most} for most in sorted(set(mantissas), reverse=True)[:3]]
        return [way | ({"upper": True} if "E" in some[0] else {}) for way in ways] + [{"style": "repr"}]
    if not raising and max(digits) == 0:
        width = {len(body) for body in bodies} if any(_zero_led(body) for body in some) else set()
        return [{"style": "integer"} | ({"width": width.pop()} if len(width) == 1 else {})]
    ways = [{"style": "fixed", "shown": max(digits)}, {"style": "trimmed"}, {"style": "repr"}]
    if not raising:
        ways[1:] = [way | {"positional": True} for way in ways[1:]]
    return [way | {"bare": True} for way in ways] + ways if bare else ways


def _zero_led(body: str) -> bool:
    return len(body) > 1 and body[0] == "0" and body[1].isdecimal()


def decimals_of(values: NDArray[np.float64]) -> int:
    """How many digits after the point numbers have, at most; `FULL` where they use all there are."""
    left = values
    for decimals in range(MOST_DECIMALS + 1):
        left = left[rounded(left, decimals) != left]
        if not len(left):
            return decimals
    return FULL


def rounded(values: NDArray[np.float64], decimals: int) -> NDArray[np.float64]:
    """Numbers to so many digits after the point; what is too large to have so many stays."""
    if decimals > MOST_DECIMALS:
        return values
    scale = 10.0**decimals
    with np.errstate(over="ignore"):
        scaled = values * scale
    return np.where(np.abs(scaled) < MOST_EXACT, np.rint(scaled) / scale, values)


def spell_numbers(values: NDArray[np.float64], writing: Mapping[str, Any]) -> list[str]:
    """Finite numbers as text, in a way of writing."""
    texts = _digits(values if writing.get("minus_zero") else values + 0.0, writing)
    if writing.get("bare"):
        texts = [_bare(text) for text in texts]
    if writing.keys() & {"point", "thousands", "prefix", "suffix"}:
        mark = _marker(writing)
        texts = list(map(mark, texts))
    return texts


def _digits(values: NDArray[np.float64], writing: Mapping[str, Any]) -> list[str]:
    style = writing["style"]
    if style == "integer":
        texts = list(map(str, map(int, np.rint(values).tolist())))
        width = writing.get("width", 0)
        return [text.zfill(width) for text in texts] if width else texts
    if style == "fixed":
        return list(map(f"%.{writing['shown']}f".__mod__, values.tolist()))
    if style == "exponent":
        texts = list(map(f"%.{writing['shown']}e".__mod__, values.tolist()))
        return [text.upper() for text in texts] if writing.get("upper") else texts
    texts = list(map(repr, values.tolist()))
    if writing.get("positional") and any("e" in text for text in texts):
        texts = [_positional(text) if "e" in text else text for text in texts]
    if style == "trimmed":
        return [text[:-2] if text.endswith(".0") else text for text in texts]
    return texts


def _positional(text: str) -> str:
    return str(np.format_float_positional(float(text), trim="0"))


def _bare(text: str) -> str:
    """A number without the zero before its point."""
    if text.startswith("0."):
        return text[1:]
    return "-" + text[2:] if text.startswith("-0.") else text


def _marker(writing: Mapping[str, Any]) -> Callable[[str], str]:
    """Sets marks between thousands, another point, a prefix and a suffix."""
    point, thousands = str(writing.get("point", ".")), str(writing.get("thousands", ""))
    prefix, suffix = str(writing.get("prefix", "")), str(writing.get("suffix", ""))
    sign_first = writing.get("sign_first", False)

    def mark(text: str) -> str:
        sign, body = ("-", text[1:]) if text.startswith("-") else ("", text)
        whole, dot, rest = body.partition(".")
        if thousands and len(whole) > 3:
            whole = f"{int(whole):,}".replace(",", thousands)
        body = whole + (point if dot else "") + rest
        return sign + prefix + body + suffix if sign_first else prefix + sign + body + suffix

    return mark
