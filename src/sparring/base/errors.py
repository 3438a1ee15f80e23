"""The ways a request can end other than well, one class for each exit status."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class SparringError(Exception):
    """An end that is explained in one line and shown without a traceback."""

    exit_status = 1


class RequestError(SparringError):
    """The request or the data is wrong: the line names the key or file, the value and the nearest valid choice."""

    exit_status = 2


class TrainingError(SparringError):
    """Training failed beyond recovery; the run directory is intact."""

    exit_status = 3


def nearest(word: str, known: Iterable[str]) -> str:
    """The known name closest to `word`, as the tail of a message; all names where none is close."""
    names = sorted(known)
    close = difflib.get_close_matches(word, names, n=1, cutoff=0.5)
    if close:
        return f"did you mean '{close[0]}'?"
    return "known: " + ", ".join(names) if names else "none is known here"
