"""The folders of all kinds of data, by name: ours, and those of other packages."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from importlib.metadata import EntryPoint, entry_points

from sparring.base.errors import RequestError

BUILT_IN = ("tables", "translation", "points", "images")
"""Our kinds, in the order in which a place of data is offered to them; the last takes what no other does."""
GROUP = "sparring.kinds"
"""The entry points by which other packages bring kinds."""


@cache
def folders() -> Mapping[str, str]:
    """The package of each kind's folder, by the folder's name: ours, then those of other packages.

    Raises RequestError where two have the same name."""
    found = {name: f"sparring.kinds.{name}" for name in BUILT_IN}
    for point in sorted(entry_points(group=GROUP), key=lambda point: point.name):
        if found.setdefault(point.name, point.value) != point.value:
            raise RequestError(
                f"kinds: two are called {point.name}, {found[point.name]} and {_told(point)}; remove one"
            )
    return found


@contextmanager
def left_out_if_broken(name: str, package: str) -> Iterator[None]:
    """Goes on where another package is broken: the log says so once, and what needs that kind does not find it."""
    try:
        yield
    except Exception as error:
        if name in BUILT_IN:
            raise
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        _log(f"kinds: {name}, of the package {package}, cannot be used: {reason}")


@cache
def _log(message: str) -> None:
    import logging

    logging.getLogger("sparring").warning(message)


def _told(point: EntryPoint) -> str:
    return point.value if point.dist is None else f"{point.value} of {point.dist.name}"
