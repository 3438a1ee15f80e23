"""The clocks that budgets of time go by: never backwards, whatever the system's does."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

_last = {"now": 0.0, "processor": 0.0}
_command: list[float] = []


def now() -> float:
    """Seconds, of which only differences mean something; on one machine the same for all processes."""
    return _onwards("now", time.monotonic())


def processor() -> float:
    """Seconds that processors worked for this process, all threads added."""
    return _onwards("processor", time.process_time())


@contextmanager
def command() -> Iterator[None]:
    """A command, from its first line to its last: budgets of time count from where this begins."""
    _command[:] = [now()]
    try:
        yield
    finally:
        _command.clear()


def part_begins() -> None:
    """Says that one of several trainings of a command begins now, each with a budget of its own."""
    if _command:
        _command[:] = [now()]


def began() -> float:
    """When the command began; without one, as in a notebook, now."""
    return _command[0] if _command else now()


def _onwards(name: str, read: float) -> float:
    _last[name] = max(_last[name], read)
    return _last[name]
