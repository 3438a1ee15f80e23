"""Work of known length, told while it is done to whoever listens: a feature network in training, samples scored."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Protocol, TypeVar

from sparring.base import clock

T = TypeVar("T")


class Listener(Protocol):
    """Hears of work; one piece of it may lie within another."""

    def heard(self, what: str, done: int, total: int) -> None:
        """`done` of `total` parts of `what` are done, the first time 0."""


class TooLong(Exception):
    """Work would take longer than it may."""

    def __init__(self, what: str, seconds: float) -> None:
        super().__init__(what)
        self.what = what
        self.seconds = seconds
        """All of it, as it looks so far."""


class Limit:
    """Ends work that will take more than so many seconds from when this is made, as soon as that shows."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self._began = clock.now()
        self._at: dict[str, float] = {}

    def heard(self, what: str, done: int, total: int) -> None:
        now = clock.now()
        if done == 0:
            self._at[what] = now
            return
        spent = now - self._at.get(what, now)
        whole = spent / done * total
        sure = done >= min(SURE, total) and spent > SHORT_S
        if sure and self._at[what] - self._began + whole > self.seconds:
            raise TooLong(what, whole)


SURE, SHORT_S = 10, 0.5
"""Parts, and seconds, of which the whole can be told."""

_listeners: ContextVar[tuple[Listener, ...]] = ContextVar("listeners", default=())


@contextmanager
def heard_by(listener: Listener) -> Iterator[None]:
    """Inside, the listener hears of all work, beside those that already do."""
    token = _listeners.set((*_listeners.get(), listener))
    try:
        yield
    finally:
        _listeners.reset(token)


def through(items: Iterable[T], what: str, total: int) -> Iterator[T]:
    """The items, of which there are `total`; each counts as done once the next one is asked for."""
    listeners = _listeners.get()
    for done, item in enumerate(items):
        for listener in listeners:
            listener.heard(what, done, total)
        yield item
    for listener in listeners:
        listener.heard(what, total, total)
