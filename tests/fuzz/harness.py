"""Runs command lines in forked children and judges how they end.

The children run the command line itself, without another start of Python: a case takes milliseconds. A child that says
nothing for `LIMIT` seconds hangs, and is ended; one that dies takes its case with it, and another goes on behind it.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import resource
import select
import signal
import sys
import time
import traceback
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

LIMIT = 60.0
"""Seconds that a case may take."""
MEMORY = 12 * 2**30
"""Bytes of addresses that a child may have: what asks for more than any machine's memory is found without taking it."""
STATUSES = (0, 2, 3)
"""How a command ends that nobody interrupts."""


@dataclass(frozen=True)
class Case:
    """A command line, and what is around it."""

    words: tuple[str, ...]
    environment: Mapping[str, str] = field(default_factory=dict)
    refused: bool = False
    """Whether it has to be refused, rather than either refused or done."""

    def __str__(self) -> str:
        told = " ".join(repr(word[:60] + "…" * (len(word) > 60)) for word in self.words)
        return " ".join([*(f"{name}={value[:30]!r}" for name, value in self.environment.items()), told])


@dataclass(frozen=True)
class End:
    """How a case ended."""

    status: int | None
    error: str = ""
    """What was said on standard error."""
    trace: str = ""
    """Of what nobody caught."""
    seconds: float = 0.0
    elsewhere: tuple[str, ...] = ()
    """Files that changed outside the folder in which the case ran."""


def faults(case: Case, end: End) -> list[str]:
    """What is wrong with an end; nothing where it is an answer."""
    if end.status is None:
        return [end.error]
    found = [f"outside: {', '.join(end.elsewhere[:3])}"] if end.elsewhere else []
    if end.trace or "Traceback (most recent call last)" in end.error:
        return [*found, "traceback: " + (end.trace or end.error).strip().splitlines()[-1][:300]]
    if end.status not in STATUSES:
        found.append(f"status {end.status}")
    said = [line for line in end.error.splitlines() if line.startswith("sparring: ")]
    if end.status and (len(said) != 1 or end.error.rstrip("\n").splitlines()[-1] != said[0]):
        found.append(f"status {end.status} without one line at the end: {end.error[-300:]!r}")
    if "Warning:" in end.error:
        found.append(f"a library's warning: {end.error[:300]!r}")
    if case.refused and end.status == 0:
        found.append("taken")
    return found


def run(cases: Sequence[Case], world: Path, work: Path) -> Iterator[tuple[Case, End]]:
    """Each case with its end, in order. Cases run in empty folders below `work`; below `world` nothing may change, but
    for what belongs to the runs in `world/runs`."""
    begun = 0
    while begun < len(cases):
        reader, writer = os.pipe()
        sys.stdout.flush()
        sys.stderr.flush()
        child = os.fork()
        if child == 0:
            os.close(reader)
            _child(cases[begun:], world, work, writer)
        os.close(writer)
        with open(reader, "rb", buffering=0) as told:
            for end in _heard(told, child):
                yield cases[begun], end
                begun += 1


def _heard(told: io.RawIOBase, child: int) -> Iterator[End]:
    """What a child tells; the last end is of the case in which it hung or died, where it did."""
    unread = b""
    while True:
        if not select.select([told], [], [], LIMIT)[0]:
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
            yield End(None, f"hangs: nothing in {LIMIT:.0f} s")
            return
        more = told.read(2**16)
        if not more:
            _, status = os.waitpid(child, 0)
            if status:
                yield End(None, f"died: {os.waitstatus_to_exitcode(status)}")
            return
        *lines, unread = (unread + more).split(b"\n")
        for line in lines:
            found = json.loads(line)
            yield End(**found | {"elsewhere": tuple(found["elsewhere"])})


def _child(cases: Sequence[Case], world: Path, work: Path, writer: int) -> None:
    try:
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
        os.setsid()  # without a terminal: nothing can be read from it
        before = marks(world)
        for case in cases:
            folder = work / hashlib.sha256(str(case).encode(errors="surrogateescape")).hexdigest()[:16]
            folder.mkdir(exist_ok=True)
            os.chdir(folder)
            end = _ended(case)
            after = marks(world)
            named = tuple(os.path.abspath(word) for word in case.words if "/" in word and len(word) < 4096)
            changed = sorted(
                name
                for name in before.keys() | after.keys()
                if before.get(name) != after.get(name) and not str(world / name).startswith(named)
            )
            for name in after.keys() - before.keys():  # what the case itself was told to write there
                (world / name).unlink(missing_ok=True)
                after.pop(name)
            before = after
            told = {**vars(end), "elsewhere": changed}
            os.write(writer, json.dumps(told).encode() + b"\n")
        os._exit(0)
    except BaseException:
        traceback.print_exc(file=sys.__stderr__)
        os._exit(70)


def _ended(case: Case) -> End:
    from sparring import cli

    streams, arguments, environment = (sys.stdin, sys.stdout, sys.stderr), sys.argv, dict(os.environ)
    out, err = io.BytesIO(), io.BytesIO()
    own = (  # named, so that they are not closed before they are read
        io.TextIOWrapper(io.BytesIO()),
        io.TextIOWrapper(out, encoding="utf-8", write_through=True),
        io.TextIOWrapper(err, encoding="utf-8", errors="backslashreplace", write_through=True),
    )
    sys.stdin, sys.stdout, sys.stderr = own
    sys.argv = ["sparring", *case.words]
    os.environ.update(case.environment)
    status, trace, began = 0, "", time.perf_counter()
    try:
        cli.main()
    except SystemExit as ended:
        status = ended.code if isinstance(ended.code, int) else 0 if ended.code is None else 1
    except BaseException:
        status, trace = 1, traceback.format_exc()
    seconds = time.perf_counter() - began
    sys.stdin, sys.stdout, sys.stderr = streams
    sys.argv = arguments
    os.environ.clear()
    os.environ.update(environment)
    said = err.getvalue().decode(errors="replace")
    del own
    return End(status, said, trace, seconds)


def marks(world: Path) -> dict[str, tuple[int, int]]:
    """Size and time of change of what lies below a folder, but for the runs in it."""
    found = {}
    for folder, folders, files in os.walk(world):
        folders[:] = [name for name in folders if name not in ("runs", "cache")]
        for name in files:
            stat = os.lstat(os.path.join(folder, name))
            found[os.path.relpath(os.path.join(folder, name), world)] = stat.st_size, stat.st_mtime_ns
    return found


def warm() -> None:
    """Imports here what each child would import anew."""
    import matplotlib.font_manager
    import matplotlib.pyplot
    import pandas
    import scipy.stats
    import sklearn.ensemble

    import sparring.api
    import sparring.cli

    assert matplotlib.font_manager
    assert matplotlib.pyplot
    assert pandas
    assert scipy.stats
    assert sklearn.ensemble
    assert sparring.api
    assert sparring.cli
