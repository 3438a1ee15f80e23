"""The clocks that budgets of time go by: never backwards, whatever the system's does."""

from __future__ import annotations

import time

_last = {"now": 0.0, "processor": 0.0}
_command: list[float] = []


def now() -> float:
    """Seconds, of which only differences mean something; on one machine the same for all processes."""
    return _onwards("now", time.monotonic())


def processor() -> float:
    """Seconds that processors worked for this process, all threads added."""
    return _onwards("processor", time.process_time())


def command_begins() -> None:
    """Says that the command this process was started for begins now."""
    _command[:] = [now()]


def part_begins() -> None:
    """Says that one of several trainings of a command begins now, each with a budget of its own."""
    if _command:
        command_begins()


def began() -> float:
    """When the command began; without one, as in a notebook, now."""
    return _command[0] if _command else now()


def _onwards(name: str, read: float) -> float:
    _last[name] = max(_last[name], read)
    return _last[name]
