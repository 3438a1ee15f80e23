"""Files from elsewhere: kept in a cache, and used only where their SHA-256 is the pinned one."""

from __future__ import annotations

import gzip
import hashlib
import http.client
import os
import shutil
import tempfile
import urllib.request
from pathlib import Path

from sparring.base.errors import RequestError
from sparring.base.paths import given_path

TIMEOUT = 60.0
"""Seconds without an answer."""


def cache_directory() -> Path:
    """Where downloads and trained feature networks are kept: `SPARRING_CACHE`, or `sparring` in the user's cache."""
    named = os.environ.get("SPARRING_CACHE")
    if named:
        return given_path(named, "SPARRING_CACHE")
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "sparring"


def cached_file(name: str, url: str, sha256: str, *, cache: Path | None = None, unpacked: bool = False) -> Path:
    """The file `name` in the cache, fetched from `url` where it is not there yet.

    `sha256` is the digest, or its first digits, of the file (`unpacked`: of what it holds under gzip). A file that
    differs is removed, with a RequestError that names what was wanted and found. Without a network the error says
    where to put the file.
    """
    path = (cache_directory() if cache is None else cache) / name
    if not path.exists():
        _fetch(path, url, sha256, unpacked)
    else:
        _check(path, path, sha256, unpacked)
    return path


def digest(path: Path, *, unpacked: bool = False) -> str:
    """SHA-256 of a file, or of what it holds under gzip."""
    with gzip.open(path) if unpacked else path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _fetch(path: Path, url: str, sha256: str, unpacked: bool) -> None:
    part = _temporary(path)
    try:
        try:
            with urllib.request.urlopen(url, timeout=TIMEOUT) as answer, part.open("wb") as out:
                shutil.copyfileobj(answer, out, 1 << 20)
                out.flush()
                os.fsync(out.fileno())
        except (OSError, http.client.HTTPException, ValueError) as error:
            reason = getattr(error, "reason", None) or error
            raise RequestError(f"{path.name}: cannot fetch {url} ({reason}); put the file at {path}") from None
        _check(part, path, sha256, unpacked)
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def _temporary(path: Path) -> Path:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, part = tempfile.mkstemp(prefix=".part-", dir=path.parent)
    except OSError as error:
        raise RequestError(
            f"SPARRING_CACHE: cannot write to {path.parent} ({error.strerror}); name a folder that can be written"
        ) from None
    os.close(handle)
    return Path(part)


def _check(file: Path, path: Path, sha256: str, unpacked: bool) -> None:
    try:
        found = digest(file, unpacked=unpacked)
    except (OSError, EOFError) as error:  # not gzip, or cut short
        found = str(error)
    if not found.startswith(sha256.lower()):
        file.unlink(missing_ok=True)
        wanted = sha256[:12]
        raise RequestError(
            f"{path}: SHA-256 should begin with {wanted}, found {found[: max(8, len(wanted))]}; the file was removed"
        )
