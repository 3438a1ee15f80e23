"""Starts the processes of one training on this machine, watches over them, and gives what the first one gave.

Each is a fresh interpreter with the variables that torchrun would set. The process that starts them does no training:
so it sees the end of each, and ends the others where one was killed, instead of leaving them to wait for it.
"""

from __future__ import annotations

import multiprocessing
import os
import pickle
import signal
import socket
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing import connection
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from typing import Any, NamedTuple

import torch

from sparring.base.errors import RequestError, SparringError, TrainingError
from sparring.base.system import interrupts_to
from sparring.engine.ranks import Lost

GRACE_S = 10.0
"""How long the others have to end by themselves where one failed."""
LONGEST = 20_000
"""Characters of a traceback that are told: what a pipe takes before anyone reads it."""


class End(NamedTuple):
    """How a process ended."""

    how: str
    """done, explained, bug, killed, or unborn: it never came to its work."""
    what: Any = None
    """Its result, its error, its traceback, or its exit code."""


def run_processes(count: int, work: Callable[..., Any], *arguments: Any) -> Any:
    """Calls `work(*arguments)` in `count` new processes and gives what the first gave, which must be small.

    Raises what one of them raised, if that was a SparringError; TrainingError where one was killed; KeyboardInterrupt
    where this process was told to stop before there was anything to keep, or told twice.
    """
    try:
        payload = pickle.dumps((work, arguments))
    except (pickle.PicklingError, AttributeError, TypeError) as error:
        raise RequestError(f"devices: {_cannot_travel(error)}") from None
    context, port = multiprocessing.get_context("spawn"), free_port()
    threads = max(1, torch.get_num_threads() // count)
    processes: list[BaseProcess] = []
    pipes: list[Connection] = []
    for rank in range(count):
        mine, theirs = context.Pipe(duplex=False)
        process = context.Process(target=_serve, args=(rank, count, port, threads, theirs, payload), daemon=True)
        process.start()
        theirs.close()
        processes.append(process)
        pipes.append(mine)
    with _passing_on(processes) as told:
        try:
            ends = _ends(processes, pipes)
        finally:
            _end(processes)
    return _judged(ends, stopped=bool(told))


def _serve(rank: int, count: int, port: int, threads: int, pipe: Connection, payload: bytes) -> None:
    """What each new process does."""
    place = {"RANK": rank, "LOCAL_RANK": rank, "WORLD_SIZE": count, "LOCAL_WORLD_SIZE": count, "GROUP_RANK": 0}
    os.environ.update({name: str(number) for name, number in place.items()})
    os.environ.update({"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)})
    os.environ.setdefault("OMP_NUM_THREADS", str(threads))  # else Fabric sets it
    torch.set_num_threads(threads)
    os.setpgrp()  # so that Ctrl-C reaches the process that watches, and it alone
    threading.Thread(target=end_with_parent, daemon=True).start()
    pipe.send(End("begun"))
    try:
        try:
            work, arguments = pickle.loads(payload)
        except (AttributeError, ImportError) as error:
            raise RequestError(f"devices: {_cannot_travel(error)}") from None
        pipe.send(End("done", work(*arguments)))
        pipe.close()
        return
    except SparringError as error:
        pipe.send(End("explained", error))
    except BaseException:
        pipe.send(End("bug", traceback.format_exc()[-LONGEST:]))
    pipe.close()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(1)  # threads of the process group may wait for ever


def end_with_parent() -> None:
    """Waits, in a thread, for the process that started this one to end, and ends this one with it."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        connection.wait([parent.sentinel])
        os._exit(1)


def _ends(processes: list[BaseProcess], pipes: list[Connection]) -> dict[int, End]:
    """How each process ended, in the order in which they did, until all did, or a while after one failed."""
    ends: dict[int, End] = {}
    deadline = None
    while len(ends) < len(processes):
        waiting = {process.sentinel: rank for rank, process in enumerate(processes) if rank not in ends}
        left = None if deadline is None else max(0.0, deadline - time.monotonic())
        over = connection.wait(list(waiting), left)
        if not over:
            break
        for sentinel in over:
            rank = waiting[sentinel]  # type: ignore[index]
            processes[rank].join()
            ends[rank] = _told(processes[rank], pipes[rank])
        if deadline is None and any(end.how != "done" for end in ends.values()):
            deadline = time.monotonic() + GRACE_S
    return ends


def _told(process: BaseProcess, pipe: Connection) -> End:
    """What an ended process had sent last."""
    last = End("unborn", process.exitcode)
    try:
        while pipe.poll():
            last = pipe.recv()
    except EOFError:
        pass
    return End("killed", process.exitcode) if last.how == "begun" else last


def _end(processes: list[BaseProcess]) -> None:
    for process in processes:
        if process.is_alive():
            process.kill()  # a process that waits for another would not hear anything softer
    for process in processes:
        process.join()


def _judged(ends: dict[int, End], *, stopped: bool) -> Any:
    """The first process's result, or the error that explains the end: what only followed from it comes last."""
    if 0 in ends and ends[0].how == "done":
        return ends[0].what
    explained = [ends[rank].what for rank in sorted(ends) if ends[rank].how == "explained"]
    for error in explained:
        if not isinstance(error, Lost):
            raise error
    if stopped:
        raise KeyboardInterrupt
    for rank, end in ends.items():
        if end.how == "unborn":
            raise RequestError(
                f"devices: process {rank} ended with status {end.what} before it began; a script that trains on "
                "several devices is imported by each process, so its own calls belong under if __name__ == '__main__':"
            )
        if end.how == "killed":
            raise TrainingError(
                f"process {rank} of the training {ended_how(end.what)}; the others were ended, the run is kept as of "
                "its last checkpoint, and the same command goes on"
            )
        if end.how == "bug":
            raise RuntimeError(f"process {rank} of the training failed:\n{end.what}")
    raise explained[0]


def ended_how(code: int) -> str:
    """How a process ended, in words."""
    return f"was ended by {signal.Signals(-code).name}" if code < 0 else f"ended with status {code}"


@contextmanager
def _passing_on(processes: list[BaseProcess]) -> Iterator[list[int]]:
    """Ctrl-C and SIGTERM go to the processes, which end cleanly; a second one ends them at once. Gives what came."""
    told: list[int] = []

    def pass_on(number: int) -> None:
        told.append(number)
        if len(told) > 1:
            raise KeyboardInterrupt
        for process in processes:
            if process.is_alive():
                process.terminate()

    with interrupts_to(pass_on):
        yield told


def free_port() -> int:
    """A port of this machine at which nobody listens now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _cannot_travel(error: BaseException) -> str:
    return (
        f"what was given from Python cannot go to other processes ({error}); define own networks in a module that can "
        "be imported, or take devices=1"
    )
