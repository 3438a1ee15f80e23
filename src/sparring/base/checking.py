"""The reader of what a run's or a study's directory holds, which may be damaged, or have come from somebody else: no
link is followed, nothing is opened that can block, sizes and depths are bounded, and what is read has the form that it
was written in, or it is said what is wrong with which file."""

from __future__ import annotations

import errno
import json
import os
import stat
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from pydantic import TypeAdapter, ValidationError
from pydantic_core import from_json

from sparring.base.errors import RequestError
from sparring.base.part import explain

TEXT_BYTES, JSON_BYTES, LINES_BYTES, PICTURE_BYTES = 2**24, 2**28, 2**32, 2**26
"""Of a recipe, a JSON file, a file of lines and a picture, at most."""
NO_LINKS = "a symbolic link, which could lead anywhere and is not followed here; put in its place what it leads to"


class Damaged(RequestError):
    """A file of a run is not as it was written."""

    def __init__(self, path: Path, what: object, advice: str = "") -> None:
        super().__init__(f"{path}: damaged ({what})" + (f"; {advice}" if advice else ""))
        self.path = path
        self.what = str(what)
        """In a few words."""

    def advised(self, advice: str) -> Damaged:
        """The same with what to do about it, or what works without the file."""
        return Damaged(self.path, self.what, advice)


class Lines(NamedTuple):
    """A file of lines, as far as it can be read."""

    found: list[dict[str, Any]]
    wrong: str = ""
    """What could not be, in a sentence; nothing where all could."""


def no_link(path: Path) -> Path:
    """The path itself. Raises RequestError where a link is there."""
    if path.is_symlink():
        raise RequestError(f"{path}: {NO_LINKS}")
    return path


def opened(path: Path, flags: int) -> int:
    """A descriptor of a plain file, opened with these flags. Raises RequestError for a link, Damaged for a folder or a
    device, FileNotFoundError, and OSError for whatever else is in the way."""
    safe = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0)
    no_link(path)
    try:
        handle = os.open(path, flags | safe, 0o666)
    except IsADirectoryError:
        raise Damaged(path, "a folder in place of a file") from None
    except OSError as error:
        if error.errno in (errno.ELOOP, errno.EMLINK):
            raise RequestError(f"{path}: {NO_LINKS}") from None
        if error.errno in (errno.ENXIO, errno.ENODEV):
            raise Damaged(path, "a pipe or a device in place of a file") from None
        raise
    kind = os.fstat(handle).st_mode
    if not stat.S_ISREG(kind):
        os.close(handle)
        raise Damaged(path, f"a {'folder' if stat.S_ISDIR(kind) else 'pipe or a device'} in place of a file")
    return handle


def read_bytes(path: Path, most: int) -> bytes:
    """A file's content. Raises Damaged where it is missing, cannot be read or has more than so many bytes."""
    try:
        with os.fdopen(opened(path, os.O_RDONLY), "rb") as file:
            size = os.fstat(file.fileno()).st_size
            if size > most:
                raise Damaged(path, f"{size:,} bytes, and {most:,} are the most that such a file can have")
            return file.read()
    except OSError as error:
        raise Damaged(path, "missing" if isinstance(error, FileNotFoundError) else error.strerror or error) from None


def read_text(path: Path, most: int = TEXT_BYTES) -> str:
    """A text in UTF-8. Raises Damaged."""
    try:
        return read_bytes(path, most).decode()
    except UnicodeDecodeError as error:
        raise Damaged(path, f"not UTF-8 at byte {error.start}") from None


def read_json(path: Path, form: Any, most: int = JSON_BYTES) -> Any:
    """A JSON file of a form, which is anything that Pydantic can check. Raises Damaged."""
    content = read_bytes(path, most)
    try:
        return checked(_parsed(content), form)
    except ValueError as error:
        raise Damaged(path, error) from None


def lines_of(path: Path, form: Any = dict[str, Any]) -> Lines:
    """The JSON objects of a form in a file of lines; of none, where there is no file. What a killed process left
    unfinished is left out, and whatever else is no such object too, but told."""
    if not os.path.lexists(path):
        return Lines([])
    try:
        content = read_bytes(path, LINES_BYTES)
    except Damaged as error:
        return Lines([], f"{error}; left out")
    check = _adapter(form).validator
    found, wrong, first = [], 0, ""
    for number, text in enumerate(content.splitlines(), 1):
        try:
            line = _parsed(text)
            check.validate_python(line)
        except ValueError as error:
            if isinstance(error, ValidationError) or not text.startswith(b"{"):
                wrong += 1
                first = first or f"line {number}: {_why(error)}"
            continue
        found.append(line)
    if not wrong:
        return Lines(found)
    more = f", and {wrong - 1:,} more such line{'s' * (wrong > 2)}" if wrong > 1 else ""
    return Lines(found, f"{path}: damaged ({first}{more}); left out")


def checked(value: Any, form: Any) -> Any:
    """A value that has a form, as it is. Raises ValueError, which says what is wrong in a line."""
    try:
        _adapter(form).validator.validate_python(value)
    except ValidationError as error:
        raise ValueError(_why(error)) from None
    return value


def _parsed(text: bytes) -> Any:
    """JSON of bounded depth. Raises ValueError."""
    try:
        return from_json(text)
    except ValueError:
        if b"\\ud" not in text:
            raise
    try:
        return json.loads(text)  # names of files that are not UTF-8 were written as lone surrogates
    except RecursionError:
        raise ValueError("nested too deeply") from None


def _why(error: ValueError) -> str:
    return explain(error) if isinstance(error, ValidationError) else str(error)


@cache
def _adapter(form: Any) -> TypeAdapter[Any]:
    return TypeAdapter(form)
