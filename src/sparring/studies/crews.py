"""Who plays a study's tasks: this process, or several beside each other."""

from __future__ import annotations

import multiprocessing
import os
import pickle
import sys
import threading
import time
import traceback
from contextlib import suppress
from multiprocessing import connection
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import NamedTuple, Protocol

import torch

from sparring.base.errors import RequestError, SparringError
from sparring.base.system import interrupts_to
from sparring.engine import Plan
from sparring.engine.launcher import LONGEST, end_with_parent, ended_how
from sparring.studies.answers.records import RunRecord
from sparring.studies.design import Design
from sparring.studies.runs import Player
from sparring.studies.sequence import Task

GRACE_S = 60.0
"""How long workers have to save what they are at when told to stop."""


class End(NamedTuple):
    """What became of a task."""

    number: int
    """What it was given with."""
    record: RunRecord | None
    """None where it was left: stopped by the user, or its process was killed."""
    killed: str = ""
    """How the process ended, where it did."""


class Crew(Protocol):
    """Plays tasks."""

    def free(self) -> bool:
        """Whether a task can be given."""

    def give(self, number: int, task: Task) -> None: ...

    def wait(self, seconds: float) -> list[End]:
        """What ended, waiting so long at most where nothing did."""

    def stop(self) -> None:
        """Has all end what they are at, each with a checkpoint."""

    def close(self) -> None: ...


class Alone:
    """This process itself."""

    def __init__(self, design: Design, folder: Path, plan: Plan) -> None:
        self._about = (design, folder, plan)
        self._player: Player | None = None
        self._given: tuple[int, Task] | None = None
        self._stopped = False

    def free(self) -> bool:
        return self._given is None

    def give(self, number: int, task: Task) -> None:
        self._given = number, task

    def wait(self, seconds: float) -> list[End]:
        if self._given is None:
            time.sleep(seconds)
            return []
        (number, task), self._given = self._given, None
        if self._stopped:
            return [End(number, None)]
        if self._player is None:
            self._player = Player(*self._about)
        return [End(number, self._player.play(task))]

    def stop(self) -> None:
        self._stopped = True

    def close(self) -> None:
        pass


class _Worker:
    """A process, its pipe, and what it is at."""

    def __init__(self, process: BaseProcess, pipe: Connection) -> None:
        self.process = process
        self.pipe = pipe
        self.task: tuple[int, Task] | None = None
        self.ready = False


class Processes:
    """Several processes, each with its own threads, or its own GPU."""

    def __init__(self, count: int, design: Design, folder: Path, plan: Plan) -> None:
        self.count = count
        self._payload = pickle.dumps((design, folder, plan))
        self._plan = plan
        self._workers = [self._hired(place) for place in range(count)]
        self._stopping = False

    def _hired(self, place: int) -> _Worker:
        context = multiprocessing.get_context("spawn")
        mine, theirs = context.Pipe()
        gpu = place if self._plan.device == "cuda" else None
        process = context.Process(target=_serve, args=(theirs, self._payload, self._plan.threads, gpu), daemon=True)
        process.start()
        theirs.close()
        return _Worker(process, mine)

    def free(self) -> bool:
        return any(worker.task is None for worker in self._workers) and not self._stopping

    def give(self, number: int, task: Task) -> None:
        worker = next(worker for worker in self._workers if worker.task is None)
        worker.task = number, task
        with suppress(OSError):  # it has ended, which is seen at the next look
            worker.pipe.send(task)

    def wait(self, seconds: float) -> list[End]:
        """Raises what a process raised."""
        if self._stopping and all(worker.task is None for worker in self._workers):
            return []
        connection.wait([pipe for worker in self._workers for pipe in (worker.pipe, worker.process.sentinel)], seconds)
        return [end for place in range(self.count) for end in self._looked(place)]

    def _looked(self, place: int) -> list[End]:
        worker = self._workers[place]
        ends = []
        over = not worker.process.is_alive()  # asked first, so that what it said last is heard
        try:
            while worker.pipe.poll():
                how, what = worker.pipe.recv()
                if how == "ready":
                    worker.ready = True
                elif how == "done":
                    assert worker.task is not None
                    ends.append(End(worker.task[0], what))
                    worker.task = None
                elif how == "explained":
                    raise what
                else:
                    raise RuntimeError(f"a process of the study failed:\n{what}")
        except (EOFError, ConnectionResetError):
            worker.process.join(GRACE_S)  # it is about to end
            over = True
        return ends + self._replaced(place) if over else ends

    def _replaced(self, place: int) -> list[End]:
        """Sees to a process that has ended by itself."""
        worker = self._workers[place]
        worker.process.join()
        code = worker.process.exitcode or 0
        if not worker.ready and code > 0:
            raise RequestError(
                f"jobs: a process ended with status {code} before it began; a script that starts a study is imported "
                "by each process, so its own calls belong under if __name__ == '__main__':"
            )
        left, worker.task = worker.task, None
        if not self._stopping:
            self._workers[place] = self._hired(place)
        return [] if left is None else [End(left[0], None, ended_how(code))]

    def stop(self) -> None:
        if not self._stopping:
            self._stopping = True
            for worker in self._workers:
                if worker.process.is_alive():
                    worker.process.terminate()

    def close(self) -> None:
        for worker in self._workers:
            if worker.task is not None and worker.process.is_alive():
                worker.process.terminate()  # it saves what it is at
            worker.pipe.close()  # which is how a worker learns that there is no more to do
        for worker in self._workers:
            worker.process.join(1.0 if worker.task is None else GRACE_S)
            if worker.process.is_alive():
                worker.process.kill()
                worker.process.join()


class _Told:
    """Whether this process was told to stop."""

    def __init__(self) -> None:
        self.stop = False

    def __call__(self, number: int) -> None:
        self.stop = True


def _serve(pipe: Connection, payload: bytes, threads: int, gpu: int | None) -> None:
    """What a worker does: each task that comes, until the pipe closes or it is told to stop."""
    os.setpgrp()  # so that Ctrl-C reaches the process that watches, and it alone
    if gpu is not None:
        known = os.environ.get("CUDA_VISIBLE_DEVICES", "")
        places = known.split(",") if known else [str(place) for place in range(max(1, torch.cuda.device_count()))]
        os.environ["CUDA_VISIBLE_DEVICES"] = places[gpu % len(places)]
    torch.set_num_threads(threads)
    threading.Thread(target=end_with_parent, daemon=True).start()
    told = _Told()
    with interrupts_to(told):
        try:
            design, folder, plan = pickle.loads(payload)
            player = Player(design, folder, plan)
            pipe.send(("ready", None))
            while not told.stop:
                if pipe.poll(0.2):
                    task = pipe.recv()
                    pipe.send(("done", None if told.stop else player.play(task)))
            return
        except (EOFError, BrokenPipeError, ConnectionResetError):
            return  # nobody is there to tell
        except SparringError as error:
            pipe.send(("explained", error))
        except KeyboardInterrupt:
            return
        except BaseException:
            pipe.send(("bug", traceback.format_exc()[-LONGEST:]))
    sys.stderr.flush()
