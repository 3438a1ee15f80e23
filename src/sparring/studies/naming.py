"""What arms are called: by the last words of what they change, and by its values."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import Any

GENERIC = ("weight", "value")
"""Last words of keys that name nothing by themselves: an arm is called `r1=0.3`, not `weight=0.3`."""


def short(keys: Sequence[str]) -> dict[str, str]:
    """Each key's last words, as few as tell it from the others."""
    paths = {key: key.split(".") for key in keys}
    found = {}
    for key, path in paths.items():
        words = path[:-1] if path[-1] in GENERIC and len(path) > 1 else path
        count = 1
        while count < len(words) and any(
            other != key and _tail(paths[other], count) == ".".join(words[-count:]) for other in keys
        ):
            count += 1
        found[key] = ".".join(words[-count:])
    return found


def _tail(path: Sequence[str], count: int) -> str:
    words = path[:-1] if path[-1] in GENERIC and len(path) > 1 else path
    return ".".join(words[-count:])


def as_word(value: Any) -> str:
    """A value as an override writes it."""
    if isinstance(value, str) and re.fullmatch(r"[A-Za-z][\w./*-]*", value):
        return value
    return json.dumps(value)


def shown(value: Any) -> str:
    """A value as an arm's name has it: a choice by its name and what it sets."""
    if isinstance(value, dict):
        told = [_choice(key, inner) for key, inner in value.items()]
        return told[0] if len(told) == 1 else " ".join(told)
    if isinstance(value, list):
        return "-".join(map(shown, value))
    return "none" if value is None else str(value)


def _choice(key: str, inner: Any) -> str:
    if not inner:
        return str(key)
    if isinstance(inner, dict):
        return f"{key}({' '.join(f'{name}={shown(one)}' for name, one in inner.items())})"
    return f"{key}={shown(inner)}"
