"""What is asked of the operating system: signals, and folders that last."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def interrupts_to(handle: Callable[[int], None]) -> Iterator[None]:
    """Inside, Ctrl-C and SIGTERM call `handle` with their number; in other threads than the main one, which cannot have
    them, nothing changes."""
    before = {}
    for number in (signal.SIGINT, signal.SIGTERM):
        try:
            before[number] = signal.signal(number, lambda number, _: handle(number))
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
