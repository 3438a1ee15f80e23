"""Standard output and standard error where nobody reads them, or nothing more fits."""

from __future__ import annotations

import errno
import io
import os
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from typing import Any, TextIO, cast


class Patient:
    """A stream that takes what can no longer be written, and keeps why: a training does not end with the terminal that
    it was started from."""

    def __init__(self, stream: TextIO) -> None:
        self.stream = stream
        self.failed: OSError | None = None

    def __getattr__(self, name: str) -> Any:
        return getattr(self.stream, name)

    def write(self, text: str) -> int:
        if self.failed is None:
            try:
                self.stream.write(text)
            except UnicodeEncodeError:  # names of files that are not in the terminal's encoding
                self.stream.write(text.encode(self.stream.encoding, "backslashreplace").decode(self.stream.encoding))
            except OSError as error:
                self._fail(error)
        return len(text)

    def writelines(self, lines: Iterable[str]) -> None:
        for line in lines:
            self.write(line)

    def flush(self) -> None:
        if self.failed is None:
            try:
                self.stream.flush()
            except OSError as error:
                self._fail(error)

    def _fail(self, error: OSError) -> None:
        """What is left in the buffer goes nowhere: Python would try again at its end, and complain."""
        self.failed = error
        with suppress(OSError, ValueError, io.UnsupportedOperation):
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, self.stream.fileno())
            os.close(nowhere)

    @property
    def lost(self) -> OSError | None:
        """Why something was not written; not that its reader had enough."""
        return None if self.failed is None or self.failed.errno == errno.EPIPE else self.failed


@contextmanager
def patient() -> Iterator[tuple[Patient, Patient]]:
    """Inside, standard output and standard error are patient."""
    before = sys.stdout, sys.stderr
    out, err = (Patient(stream or io.StringIO()) for stream in before)  # None where a parent closed it
    sys.stdout, sys.stderr = cast(TextIO, out), cast(TextIO, err)
    try:
        yield out, err
    finally:
        sys.stdout, sys.stderr = before
