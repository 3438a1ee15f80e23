"""The image files of a folder or a zip, and the labels that class folders give."""

from __future__ import annotations

import lzma
import os
import stat
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path, PurePosixPath

from sparring.base.errors import RequestError, nearest
from sparring.base.paths import beside, given_path

FORMATS = {
    ".png": "PNG", ".jpg": "JPEG", ".jpeg": "JPEG", ".bmp": "BMP", ".gif": "GIF", ".tif": "TIFF", ".tiff": "TIFF",
    ".webp": "WEBP", ".ppm": "PPM", ".pgm": "PPM",
}  # fmt: skip
"""File endings that are read, with the format their content must have."""


UNPACKING = (
    zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError, OSError, NotImplementedError, RuntimeError, ValueError,
    KeyError, IndexError, OverflowError, MemoryError, struct.error,
)  # fmt: skip
"""What Python's zipfile and gzip raise on bytes that are no archive, or no longer one."""


@dataclass(frozen=True, slots=True)
class File:
    """One image file, in a folder or a zip. There may be millions, so it holds little."""

    name: str
    """Its path below the folder or within the zip, with slashes."""
    read: Callable[[], bytes]
    size: int = 0
    """In bytes."""
    changed: int = 0
    """When, in nanoseconds; 0 within a zip, which has a time of its own."""


def readable(given: str | Path, names: Iterable[str] = ()) -> Path:
    """A path that people gave. Raises RequestError where nothing is there, with the nearest that is (or the nearest of
    the data sets' `names`), or where it may not be read."""
    path = given_path(given, "data")
    if not path.exists():
        known = [*beside(path), *names]
        raise RequestError(f"{path}: no such file, folder or named data set; {nearest(path.name, known)}")
    if not os.access(path, os.R_OK):
        raise RequestError(f"{path}: cannot be read (permission denied)")
    return path


def files_of(path: Path) -> tuple[list[File], int]:
    """The image files of a folder or a zip, and how many other files there are. Raises RequestError for none."""
    if path.is_dir():
        files, others = files_of_folder(path)
    elif path.suffix == ".zip":
        files, others = files_of_zip(path)
    else:
        raise RequestError(
            f"{path}: not a folder, .zip, .npz, idx .gz or CIFAR .bin, nor a table (.csv, .tsv, .parquet)"
        )
    if not files:
        what = f"{others} files, none of them an image" if others else "empty"
        raise RequestError(f"{path}: {what}; wanted .png, .jpg, .bmp, .gif, .tif, .webp or .pgm files")
    return files, others


def files_of_folder(folder: Path) -> tuple[list[File], int]:
    """The image files below a folder, by name, and how many other files there are."""
    images, others = [], 0
    for name, entry in walk(folder, ""):
        if os.path.splitext(name)[1].lower() in FORMATS:
            told = entry.stat()
            images.append(File(name, partial(_content, folder, name), told.st_size, told.st_mtime_ns))
        else:
            others += 1
    return images, others


def walk(folder: Path | str, prefix: str) -> Iterator[tuple[str, os.DirEntry[str]]]:
    """The files below a folder with their names, sorted part by part; hidden ones, linked folders and folders that
    cannot be read are passed over."""
    try:
        with os.scandir(folder) as found:
            entries = sorted((entry for entry in found if not entry.name.startswith(".")), key=lambda one: one.name)
    except PermissionError:
        return
    for entry in entries:
        if entry.is_dir(follow_symlinks=False):
            yield from walk(entry.path, f"{prefix}{entry.name}/")
        elif entry.is_file():
            yield prefix + entry.name, entry


def _content(folder: Path, name: str) -> bytes:
    return (folder / name).read_bytes()


def files_of_zip(path: Path) -> tuple[list[File], int]:
    """The image files of a zip, by name; it is never unpacked. Unsafe names and bombs are refused."""
    try:
        archive = zipfile.ZipFile(path)
        entries = archive.infolist()
    except UNPACKING as error:
        raise RequestError(f"{path}: not a readable zip file ({error})") from None
    images, others = [], 0
    for entry in sorted(entries, key=lambda one: one.filename):
        place = PurePosixPath(entry.filename.replace("\\", "/"))
        if not place.parts:
            continue
        if place.is_absolute() or ".." in place.parts or ":" in place.parts[0]:
            raise RequestError(f"{path}: holds a path that leads out of it, '{entry.filename}'; pack it anew without")
        if entry.is_dir() or any(part.startswith((".", "__MACOSX")) for part in place.parts):
            continue
        if place.suffix.lower() not in FORMATS:
            others += 1
            continue
        check_entry(path, entry)
        if entry.file_size > 1_000_000_000 or entry.file_size > 1000 * max(entry.compress_size, 10_000):
            raise RequestError(
                f"{path}: '{entry.filename}' unpacks to {entry.file_size:,} bytes from {entry.compress_size:,}; "
                "a decompression bomb?"
            )
        images.append(File(place.as_posix(), partial(archive.read, entry), entry.file_size))
    return images, others


def check_entry(path: Path, entry: zipfile.ZipInfo) -> None:
    """Raises RequestError for a member of a zip that cannot be read: encrypted, packed in a way that Python has not, or
    a link, which stands for a file of this machine."""
    told = ""
    if entry.flag_bits & 1:
        told = "is encrypted; pack it anew without a password"
    elif entry.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA):
        told = f"is packed by method {entry.compress_type}, which is not read; pack it anew (deflate)"
    elif stat.S_ISLNK(entry.external_attr >> 16):
        told = "is a link; pack the files themselves"
    if told:
        raise RequestError(f"{path}: '{entry.filename}' {told}")


def folder_labels(files: list[File]) -> tuple[list[int], tuple[str, ...]] | None:
    """Labels from class folders: the first folder in which the paths differ; None where there are no classes.

    Folders are classes when every file is in one, there are at least two, and five files a folder on average.
    """
    paths = [PurePosixPath(file.name).parts[:-1] for file in files]
    depth = 0
    while paths and all(len(path) > depth for path in paths) and len({path[depth] for path in paths}) == 1:
        depth += 1
    if not paths or not all(len(path) > depth for path in paths):
        return None
    names = tuple(sorted({path[depth] for path in paths}))
    if len(names) < 2 or len(files) < 5 * len(names):
        return None
    number = {name: index for index, name in enumerate(names)}
    return [number[path[depth]] for path in paths], names
