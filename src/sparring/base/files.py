"""Files written whole, or line by line."""

from __future__ import annotations

import io
import json
import os
import secrets
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from filelock import FileLock, Timeout
from numpy.typing import NDArray
from torch import Tensor

from sparring.base.checking import lines_of, no_link, opened
from sparring.base.errors import RequestError

PART = ".part-"
"""What the names of unfinished files begin with."""

LOCK = ".lock"


@contextmanager
def held(folder: Path) -> Iterator[None]:
    """Holds a folder for this process alone. Raises RequestError where another has it."""
    lock = FileLock(no_link(folder / LOCK))
    try:
        lock.acquire(timeout=0)
    except Timeout:
        raise RequestError(f"out: {folder} is in use by another process") from None
    except OSError as error:
        raise RequestError(f"out: {folder} cannot be written ({error.strerror})") from None
    try:
        yield
    finally:
        lock.release()


@contextmanager
def fresh(path: Path, *, folder: bool = False) -> Iterator[Path]:
    """A new, empty file beside `path`, or a folder, under a name that nobody can have put a link or files of their own
    at; it is gone in the end unless it was renamed."""
    part = path.with_name(f"{PART}{secrets.token_hex(6)}-{path.name[-48:]}")
    try:
        if folder:
            part.mkdir()
        else:
            os.close(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666))
        yield part
    finally:
        removed(part)


def removed(path: Path) -> None:
    """Removes a file, a folder with all in it, or a link, which is not followed; nothing where nothing is there."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)


@contextmanager
def whole(path: Path) -> Iterator[Path]:
    """A file to write, which takes the place of `path` once it is whole and on the disk."""
    with fresh(path) as part:
        yield part
        with part.open("rb+") as file:
            os.fsync(file.fileno())
        os.replace(part, path)


def write_file(path: Path, content: str | bytes) -> None:
    """Writes a whole file, all or nothing."""
    with whole(path) as part:
        part.write_bytes(content.encode() if isinstance(content, str) else content)


def put_file(path: Path, content: str | bytes, name: str = "to", endings: Sequence[str] = ()) -> None:
    """Writes a file where a person wants it, with the folders above it. Raises RequestError, with the `name` of the
    option that said where, where that cannot be, or where the path has none of the endings."""
    if endings and path.suffix not in endings:
        raise RequestError(f"{name}: {path} ends in none of {', '.join(endings)}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_file(path, content)
    except OSError as error:
        raise RequestError(f"{name}: {path} cannot be written ({error.strerror})") from None


def npz(name: str, array: NDArray[np.generic], labels: Tensor | None) -> bytes:
    """An array under a name, then `labels`, as a .npz file."""
    arrays = {name: np.ascontiguousarray(array)}
    if labels is not None:
        arrays["labels"] = labels.numpy()
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **arrays)  # type: ignore[arg-type]
    return buffer.getvalue()


def append_line(path: Path, line: dict[str, Any]) -> None:
    """Adds one JSON object to a file of lines; a line that a killed process left unfinished is closed first. Raises
    RequestError where the file is a link, or none."""
    with os.fdopen(opened(path, os.O_RDWR | os.O_APPEND | os.O_CREAT), "a+b") as file:
        if file.tell():
            file.seek(-1, os.SEEK_END)
            if file.read(1) != b"\n":
                file.write(b"\n")
        file.write(json.dumps(line, allow_nan=False).encode() + b"\n")


def read_lines(path: Path) -> list[dict[str, Any]]:
    """The JSON objects of a file of lines, of any form; what is none is left out."""
    return lines_of(path).found
