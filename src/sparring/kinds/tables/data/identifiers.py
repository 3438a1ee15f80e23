"""Keys: which columns are, and new ones of the same make that none of the real ones is."""

from __future__ import annotations

import re
import zlib
from collections.abc import Collection, Iterator, Mapping, Sequence
from itertools import count, pairwise
from typing import Any
from uuid import UUID

import numpy as np
from numpy.typing import NDArray

from sparring.kinds.tables.data.column import Column

KEY_NAMES = frozenset({"id", "ids", "key", "pk", "uuid", "guid", "uid", "identifier"})
COUNT_NAMES = frozenset(
    {
        "index",
        "idx",
        "no",
        "nr",
        "num",
        "number",
        "row",
        "rownames",
        "rownum",
        "rowid",
        "unnamed",
        "column",
        "serial",
    }
)
"""What columns that only count the rows are called."""
UUIDS = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
HASHES = re.compile(r"(?=.*[a-f])(?=.*[0-9])[0-9a-f]+|(?=.*[A-F])(?=.*[0-9])[0-9A-F]+")
MAILS = re.compile(r"[^@\s,;]+@[^@\s,;]+\.[A-Za-z]{2,}")
NUMBERED = re.compile(r"(.*?)([0-9]+)([^0-9]*)")
DIGITS, UPPER, LOWER = "0123456789", "ABCDEFGHIJKLMNOPQRSTUVWXYZ", "abcdefghijklmnopqrstuvwxyz"
CLASSES = {"9": DIGITS, "A": UPPER, "a": LOWER, "X": DIGITS + UPPER, "x": DIGITS + LOWER, "*": DIGITS + UPPER + LOWER}
FEWEST = 10
"""Rows without which nothing is called a key by its looks."""
LONGEST = 128
"""Letters of a key, at most."""
GAPS = 64
"""Stretches without a real code that are kept to draw new ones from."""


def key_name(name: str) -> bool:
    """Whether a column is called a key."""
    return bool(KEY_NAMES & _tokens(name))


def counter_name(name: str) -> bool:
    """Whether a column is called a key, or a row's number."""
    tokens = _tokens(name)
    return bool(KEY_NAMES & tokens) or (bool(tokens) and tokens <= COUNT_NAMES) or name == "#"


def _tokens(name: str) -> set[str]:
    spaced = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", name)
    return {token.lower() for token in re.split(r"[^A-Za-z]+", spaced) if token}


def whole_keys(name: str, values: NDArray[np.float64], rows: int) -> bool:
    """Whether a column of whole numbers, all given, is one of keys: none twice, and called so."""
    if rows < FEWEST or len(values) != rows or len(np.unique(values)) != rows:
        return False
    return key_name(name) or (counter_name(name) and values.max() - values.min() == rows - 1)


def counting_on(highest: int) -> dict[str, Any]:
    """How keys that are whole numbers go on."""
    return {"form": "count", "next": highest + 1}


def pattern_of(words: Sequence[str], *, sure: bool = False) -> dict[str, Any] | None:
    """How distinct words are made, without any of them; None where they share no pattern.

    With `sure`, where a person says that these are keys, there is always one.
    """
    prose = any(len(word) > LONGEST or word.count(" ") > 1 for word in words)
    if sure or (len(words) >= FEWEST and not prose):
        for form, pattern in (("uuid", UUIDS), ("mail", MAILS)):
            if all(map(pattern.fullmatch, words)):
                return {"form": form, "upper": form == "uuid" and words[0] != words[0].lower()}
        lengths = {len(word) for word in words}
        if len(lengths) == 1 and min(lengths) >= 16 and all(map(HASHES.fullmatch, words)):
            return {"form": "hash", "length": lengths.pop(), "upper": words[0] != words[0].lower()}
        found = _numbered(words) or (_code(words) if len(lengths) == 1 else None)
        if found is not None:
            return found
    return {"form": "hash", "length": 16, "upper": False} if sure else None


def _numbered(words: Sequence[str]) -> dict[str, Any] | None:
    """Numbers between texts that all share, nearly without gaps: `user_1`, `AB-00123`."""
    parts = [match.groups() if (match := NUMBERED.fullmatch(word)) else None for word in words]
    known = [part for part in parts if part is not None]
    if len(known) != len(words) or len({(part[0], part[2]) for part in known}) != 1:
        return None
    digits = {len(part[1]) for part in known}
    led = any(part[1][0] == "0" and len(part[1]) > 1 for part in known)
    if led and len(digits) > 1:
        return None
    numbers = [int(part[1]) for part in known]
    same_width = len(digits) == 1
    if same_width and max(numbers) - min(numbers) > 2 * len(words):
        return None  # a code drawn at random, not a count
    width = digits.pop() if same_width and led else 0
    return {"form": "count", "next": max(numbers) + 1, "width": width, "before": known[0][0], "after": known[0][2]}


def _code(words: Sequence[str]) -> dict[str, Any] | None:
    """Letters and digits at the same places in all, and stretches of such codes that no word is in."""
    shape = [_letter(set(letters)) for letters in zip(*words, strict=True)]
    free = [(place, kind) for place, kind in enumerate(shape) if kind in CLASSES]
    if None in shape or not free or not all(any(letter in DIGITS for letter in word) for word in words):
        return None
    alphabets = [CLASSES[str(kind)] for _, kind in free]
    numbers = sorted({_number([word[place] for place, _ in free], alphabets) for word in words})
    template = [kind if kind in CLASSES else f"={words[0][place]}" for place, kind in enumerate(shape)]
    return {"form": "code", "template": template, "free": _gaps(numbers, alphabets)}


def _letter(letters: set[str]) -> str | None:
    """What may stand at a place: a class of letters, or `=` for the one that all have; None for other mixtures."""
    if len(letters) == 1:
        return "="
    return next((kind for kind, alphabet in CLASSES.items() if letters <= set(alphabet)), None)


def _number(letters: Sequence[str], alphabets: Sequence[str]) -> int:
    number = 0
    for letter, alphabet in zip(letters, alphabets, strict=True):
        number = number * len(alphabet) + alphabet.index(letter)
    return number


def _gaps(numbers: Sequence[int], alphabets: Sequence[str]) -> list[list[int]]:
    """The longest stretches between codes in use, a tenth taken off at each end, so that they tell of no code."""
    space = 1
    for alphabet in alphabets:
        space *= len(alphabet)
    ends = [-1, *numbers, space]
    gaps = sorted(((after - before - 1, before + 1) for before, after in pairwise(ends)), reverse=True)
    return [[start + length // 10, length - 2 * (length // 10)] for length, start in gaps[:GAPS] if length >= 20]


def fresh_identifiers(column: Column, wanted: int, seed: int = 0, taken: Collection[str] = ()) -> list[str]:
    """New keys of a column's make, all different, none a real one nor one of `taken`."""
    used = set(taken)
    found: list[str] = []
    source = np.random.default_rng([seed, zlib.crc32(column.name.encode())])
    for key in _keys(column.writing["key"], source):
        if len(found) == wanted:
            break
        if key not in used:
            used.add(key)
            found.append(key)
    return found


def _keys(make: Mapping[str, Any], source: np.random.Generator) -> Iterator[str]:
    """Keys without end."""
    if make["form"] == "code":
        yield from _codes(make, source)
    number = make.get("next", 0)
    while make["form"] == "count":
        yield f"{make.get('before', '')}{str(number).zfill(make.get('width', 0))}{make.get('after', '')}"
        number += 1
    while True:
        block = source.bytes(32 * 1024)
        for start in range(0, len(block), 32):
            yield _drawn(make, block[start : start + 32])


def _drawn(make: Mapping[str, Any], data: bytes) -> str:
    """One key of random bytes."""
    if make["form"] == "mail":
        return f"{data[:6].hex()}@example.com"
    text = str(UUID(bytes=data[:16], version=4))
    if make["form"] == "hash":
        text = (data.hex() * (make["length"] // 64 + 1))[: make["length"]]
    return text.upper() if make["upper"] else text


def _codes(make: Mapping[str, Any], source: np.random.Generator) -> Iterator[str]:
    """Codes from the stretches without real ones, until half of them are used; then codes that are longer than any."""
    free = [(int(start), int(length)) for start, length in make["free"]]
    room = sum(length for _, length in free)
    used: set[int] = set()
    while len(used) * 2 < room:
        number = int(source.integers(0, min(room, 2**62)))
        if number not in used:
            used.add(number)
            yield _spelled(_place(number, free), make["template"])
    for width in count(1):
        for number in range(10**width):
            yield _spelled(int(source.integers(0, 2**62)), make["template"]) + f"{number:0{width}d}"


def _place(number: int, free: Sequence[tuple[int, int]]) -> int:
    """The number of a code from its place among those that are free."""
    for start, length in free:
        if number < length:
            return start + number
        number -= length
    raise ValueError(number)


def _spelled(number: int, template: Sequence[str]) -> str:
    letters = []
    for kind in reversed(template):
        if kind.startswith("="):
            letters.append(kind[1:])
        else:
            number, digit = divmod(number, len(CLASSES[kind]))
            letters.append(CLASSES[kind][digit])
    return "".join(reversed(letters))
