"""Where a person wants something written: nothing that is there already is replaced unless that is said."""

from __future__ import annotations

import os
import re
import shutil
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from sparring.base.errors import RequestError
from sparring.base.files import PART

NUMBERED = re.compile(r"[0-9]+\.\w+")
"""Names of the files that a folder of samples has."""


def must_be_free(paths: Iterable[Path | None], overwrite: bool, name: str = "to") -> None:
    """Raises RequestError, with the `name` of the option that said where, where one of the paths (None: nowhere) is
    taken and is not to be replaced."""
    taken = [path for path in paths if path is not None and _is_taken(path)]
    if taken and not overwrite:
        more = f" (and {len(taken) - 1:,} more)" if len(taken) > 1 else ""
        raise RequestError(f"{name}: {taken[0]} is there already{more}; take another name, or --overwrite")


@contextmanager
def replacing(path: Path, overwrite: bool, name: str = "to") -> Iterator[None]:
    """Room at a path for what is written in this context: a file that was there is left to who writes, which replaces
    it whole; a folder of samples comes back where writing fails. Raises RequestError as `must_be_free`, and where a
    folder holds other things than samples."""
    must_be_free([path], overwrite, name)
    if path.is_symlink() or not path.is_dir() or not _is_taken(path):
        yield
        return
    other = sorted(one.name for one in path.iterdir() if not (NUMBERED.fullmatch(one.name) and one.is_file()))
    if other:
        raise RequestError(f"{name}: {path} holds other things than samples ({other[0]}), and is not overwritten")
    aside = Path(tempfile.mkdtemp(prefix=PART, dir=path.parent)) / path.name
    os.replace(path, aside)
    try:
        yield
    except BaseException:
        if not path.exists():
            os.replace(aside, path)
        raise
    finally:
        shutil.rmtree(aside.parent, ignore_errors=True)


def _is_taken(path: Path) -> bool:
    """Whether a path leads to something other than an empty folder."""
    if path.is_dir() and not path.is_symlink():
        return any(path.iterdir())
    return os.path.lexists(path)
