"""Paths that people give: each goes through `given_path`, so that opening it later can neither block nor surprise."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator
from pathlib import Path

from sparring.base.errors import RequestError

_GONE = (errno.ENOENT, errno.ENOTDIR)
_BLOCKING = {
    stat.S_IFIFO: "a pipe",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
}


def given_path(given: str | os.PathLike[str], option: str = "") -> Path:
    """A path as a person gave it, `~` written out. What lies there is a file, a folder, or nothing yet.

    Raises RequestError, with the name of the `option` that said it, for no path at all, for one that the system cannot
    look up (too long, a loop of links, a folder that may not be entered, no user of that name), for a name that is not
    UTF-8, and for pipes, sockets and devices, which may block whoever opens them.
    """
    text = os.fspath(given)
    head = f"{option}: " if option else ""
    shown = text if len(text) <= 120 else f"{text[:60]}...{text[-40:]}"
    if not text.strip():
        raise RequestError(f"{head}'{text}' is no path; name a file or a folder")
    try:
        text.encode()
    except UnicodeEncodeError:
        raise RequestError(f"{head}{os.fsencode(text)!r:.120} is not UTF-8, as names must be; rename it") from None
    if "\0" in text:
        raise RequestError(f"{head}{shown!r} holds a zero byte; no path does")
    try:
        path = Path(text).expanduser()
    except RuntimeError:
        user = Path(text).parts[0]
        raise RequestError(f"{head}{shown}: there is no user '{user[1:]}'; write ./{user} for a file's name") from None
    try:
        found = os.stat(path)
    except OSError as error:
        if error.errno in _GONE:
            return path
        raise RequestError(f"{head}{shown}: {(error.strerror or str(error)).lower()}") from None
    blocking = _BLOCKING.get(stat.S_IFMT(found.st_mode))
    if blocking is not None:
        raise RequestError(f"{head}{shown}: {blocking}, which is never opened; name a file or a folder")
    return path


def beside(path: Path) -> list[str]:
    """The names next to a path, for a message; none where its folder cannot be read."""
    try:
        return [one.name for one in path.parent.iterdir() if one.name.isprintable()]
    except OSError:
        return []


def entries(folder: Path) -> Iterator[Path]:
    """What lies in a folder, sorted by name. Raises RequestError where it may not be read."""
    try:
        yield from sorted(folder.iterdir())
    except OSError as error:
        raise RequestError(f"{folder}: cannot be read ({(error.strerror or str(error)).lower()})") from None
