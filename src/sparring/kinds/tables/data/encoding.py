"""Which bytes are which letters: a look at a whole text file before it is read."""

from __future__ import annotations

import codecs
import gzip
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO, NamedTuple

from sparring.base.errors import RequestError

BLOCK = 1 << 20
MARKS = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))


class Encoded(NamedTuple):
    """How a text file is encoded."""

    encoding: str
    line_end: str
    note: str = ""


def blocks(path: Path) -> Iterator[bytes]:
    """A file's bytes, unpacked where it is a .gz. Raises RequestError where they cannot be had."""
    try:
        with opened(path) as file:
            while block := file.read(BLOCK):
                yield block
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise RequestError(f"{path}: not a whole .gz file ({error})") from None
    except OSError as error:
        raise RequestError(f"{path}: cannot be read ({error.strerror})") from None


def opened(path: Path) -> IO[bytes]:
    return gzip.open(path) if path.suffix.lower() == ".gz" else path.open("rb")  # type: ignore[return-value]


def examined(path: Path) -> Encoded:
    """How a file is encoded. Raises RequestError where it is empty, no text, or text in no one encoding."""
    head = next(blocks(path), b"")
    if not head.strip():
        raise RequestError(f"{path}: empty; wanted a header and rows")
    encoding = next((name for mark, name in MARKS if head.startswith(mark)), "utf-8")
    line_end = _line_end(head.replace(b"\0", b""))
    bad = _first_bad(path, encoding)
    if bad is None:
        return Encoded(encoding, line_end, "" if encoding == "utf-8" else f"encoding: {encoding}")
    if encoding != "utf-8" or bad.letters:
        before = ", though lines before it are" if bad.letters else ""
        raise RequestError(f"{path}: line {bad.line}: {bad.byte} is not {encoding.upper()}{before}; save it as UTF-8")
    other = _first_bad(path, "cp1252")
    if other is not None:
        raise RequestError(f"{path}: line {other.line}: {other.byte} is neither UTF-8 nor Windows-1252")
    return Encoded("cp1252", line_end, f"encoding: Windows-1252 (line {bad.line} is not UTF-8); written so again")


class Bad(NamedTuple):
    """The first byte that an encoding does not have."""

    line: int
    byte: str
    letters: bool
    """Whether letters beyond ASCII were read before it."""


def _first_bad(path: Path, encoding: str) -> Bad | None:
    decoder = codecs.getincrementaldecoder(encoding)()
    line, letters = 1, False
    for block in (*blocks(path), b""):
        if encoding != "utf-16" and b"\0" in block:
            line += _lines(block[: block.index(b"\0")])
            raise RequestError(f"{path}: line {line}: a zero byte; this is no text file{_what(path)}")
        pending = decoder.getstate()[0]
        try:
            text = decoder.decode(block, final=not block)
        except UnicodeDecodeError as error:
            before = (pending + block)[: error.start]
            byte = (pending + block)[error.start : error.start + 1].hex() or "an odd end"
            letters = letters or any(value > 127 for value in before)
            return Bad(line + _lines(before), f"byte 0x{byte}", letters)
        letters = letters or not text.isascii()
        line += text.count("\n") or text.count("\r")
    return None


def _lines(data: bytes) -> int:
    return data.count(b"\n") or data.count(b"\r")


def _line_end(head: bytes) -> str:
    if b"\n" not in head:
        return "\r" if b"\r" in head else "\n"
    return "\r\n" if head.count(b"\r\n") * 2 > head.count(b"\n") else "\n"


def _what(path: Path) -> str:
    """What a file that is no text may be."""
    head = next(blocks(path), b"")[:4]
    known = {b"PK\x03\x04": ", but an .xlsx or .zip (save the sheet as .csv)", b"PAR1": ", but a .parquet: name it so"}
    return known.get(head, "")
