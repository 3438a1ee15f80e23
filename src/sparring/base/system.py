"""What is asked of the operating system: signals, and folders that last."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

INTERRUPTED = 130
"""The exit status of a command that Ctrl-C ended: 128 and the signal's number."""
_heard: list[int] = []
"""Signals by which `interrupts_to` stopped something."""
_raised: list[int] = []
"""Signals that became a KeyboardInterrupt, which may be the way something is meant to end."""


def listen() -> None:
    """From here on Ctrl-C ends this process with status 130, whatever it is doing; for commands, not for libraries.

    Python's own way is to raise KeyboardInterrupt wherever it happens to be: while a module is being imported this is
    often lost, or turned into another error. There is nothing to clear up before a verb's own work begins, and after it
    ended, so then the process simply ends; in between KeyboardInterrupt is raised, and a second Ctrl-C does not wait.
    """
    if signal.getsignal(signal.SIGINT) is not signal.SIG_IGN:  # as of what a shell started in the background
        signal.signal(signal.SIGINT, _interrupted)


def deafen() -> None:
    """From here on Ctrl-C changes nothing: all is done and said, and Python itself ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def _interrupted(number: int, frame: FrameType | None) -> None:
    if _heard or _raised or not _at_work(frame):
        os._exit(INTERRUPTED)
    _raised.append(number)
    raise KeyboardInterrupt


def _at_work(frame: FrameType | None) -> bool:
    """Whether the outermost of our functions below the command line is no import of a module."""
    outermost = None
    while frame is not None:
        name = str(frame.f_globals.get("__name__", ""))
        if name.startswith("sparring.") and not name.startswith(("sparring.cli", "sparring.__main__")):
            outermost = frame
        frame = frame.f_back
    return outermost is not None and outermost.f_code.co_name != "<module>"


def heard_nothing() -> None:
    """Forgets what was heard before, in a process that runs several commands one after the other."""
    _heard.clear()
    _raised.clear()


def stopped_by() -> int | None:
    """The last signal by which `interrupts_to` stopped something in this process."""
    return _heard[-1] if _heard else None


@contextmanager
def interrupts_to(handle: Callable[[int], None]) -> Iterator[None]:
    """Inside, Ctrl-C and SIGTERM call `handle` with their number; in other threads than the main one, which cannot have
    them, nothing changes."""
    before = {}

    def told(number: int, frame: FrameType | None) -> None:
        _heard.append(number)
        handle(number)

    for number in (signal.SIGINT, signal.SIGTERM):
        try:
            before[number] = signal.signal(number, told)
        except ValueError:  # not in the main thread
            break
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def sync_folder(folder: Path) -> None:
    """Makes renames within a folder last through a power cut."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
