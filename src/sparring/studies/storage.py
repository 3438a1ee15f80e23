"""The tasks of a study and what came of them, in an Optuna study: SQLite, a database server, or a journal file, which
several processes and machines may share (Akiba et al. 2019, https://arxiv.org/abs/1907.10902)."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sparring.base.checking import checked
from sparring.base.errors import RequestError
from sparring.studies.answers.records import RecordForm, RunRecord
from sparring.studies.sequence import Task, TaskForm

if TYPE_CHECKING:
    from optuna.storages import BaseStorage
    from optuna.trial import FrozenTrial

BEAT_S = 20.0
"""Seconds between signs of life."""
PATIENCE_S = 120.0
"""Seconds without one after which a task is given to others."""
LOCKED_S = 15.0
"""Seconds to wait for a SQLite file that another program holds."""


class Queue:
    """Tasks waiting, under way and done.

    A task is a trial, with the task itself, its owner and its record among the trial's attributes. A trial that failed
    without a record was given up: its task is to be put in the queue again.
    """

    def __init__(self, url: str, name: str, owner: str) -> None:
        self.url = url
        self.owner = owner
        self._claimed: set[int] = set()
        self._beats: dict[int, tuple[Any, float]] = {}
        self._clock: Callable[[], float] = time.monotonic
        self._file = Path(url.removeprefix("sqlite:///")) if url.startswith("sqlite:///") else None
        self._made = False
        if self._file is not None and self._file.exists() and not self._file.is_file():
            raise RequestError(f"storage: {self._file} is no file")
        with self._explained():
            import optuna

            optuna.logging.set_verbosity(optuna.logging.ERROR)
            self._optuna = optuna
            self._states = optuna.trial.TrialState
            self._storage = _open(url)
            study = optuna.create_study(study_name=name, storage=self._storage, load_if_exists=True)
            self._study = self._storage.get_study_id_from_name(study.study_name)
        self._made = True

    def agreed(self, key: str, value: Any) -> Any:
        """What all who share the study go by: what the first of them said."""
        with self._explained():
            if key not in self._storage.get_study_user_attrs(self._study):
                self._storage.set_study_user_attr(self._study, key, value)
            return self._storage.get_study_user_attrs(self._study)[key]

    def done(self) -> dict[Task, RunRecord]:
        """What came of the tasks that are done."""
        found: dict[Task, RunRecord] = {}
        for trial in self._trials():
            if "record" in trial.user_attrs and trial.state.is_finished():
                found.setdefault(self._task(trial), self._record(trial.user_attrs["record"]))
        return found

    def add(self, tasks: Iterable[Task]) -> None:
        """Puts tasks in the queue, but for those that are there."""
        there = {self._task(trial) for trial in self._trials() if not self._given_up(trial)}
        with self._explained():
            for task in tasks:
                if task not in there:
                    self._storage.create_new_trial(self._study, self._waiting(task))

    def _waiting(self, task: Task) -> FrozenTrial:
        distributions = self._optuna.distributions
        # a choice for each arm would have to be the same in all trials; categories of one are not worth an axis
        return self._optuna.trial.create_trial(
            state=self._states.WAITING,
            params={"seed": task.seed, "until": task.until},
            distributions={
                "seed": distributions.IntDistribution(0, 10_000),
                "until": distributions.IntDistribution(1, 1000),
            },
            user_attrs={"task": list(task), "arm": task.arm},
        )

    def claim(self, order: Callable[[Task], Any]) -> tuple[int, Task] | None:
        """Takes the waiting task that comes first by `order` (then by age) and gives it with its number, None where
        none waits."""
        trials = self._trials()
        waiting = [trial for trial in trials if trial.state == self._states.WAITING]
        for trial in sorted(waiting, key=lambda trial: (order(self._task(trial)), trial.number)):
            with self._explained():
                if not self._took(trial):
                    continue
                task = self._task(trial)
                first = min(one.number for one in trials if self._task(one) == task and not self._given_up(one))
                if first != trial.number:  # two who share the study put it in at once
                    self._storage.set_trial_state_values(trial._trial_id, self._states.FAIL)
                    continue
                self._claimed.add(trial._trial_id)
                self._storage.set_trial_user_attr(trial._trial_id, "owner", self.owner)
                self._beat(trial._trial_id)
                return trial._trial_id, task
        return None

    def _took(self, trial: FrozenTrial) -> bool:
        """Whether the trial was still to be had."""
        try:
            return self._storage.set_trial_state_values(trial._trial_id, self._states.RUNNING)
        except RuntimeError:  # someone else's by now
            return False

    def finish(self, number: int, record: RunRecord) -> None:
        """Keeps what came of a claimed task."""
        failed = record.state == "failed" or record.selection is None
        with self._explained():
            self._claimed.discard(number)
            try:
                self._storage.set_trial_user_attr(number, "record", json.dumps(record.to_json()))
                state, values = (
                    (self._states.FAIL, None) if failed else (self._states.COMPLETE, [float(record.selection or 0.0)])
                )
                self._storage.set_trial_state_values(number, state, values)
            except RuntimeError:
                pass  # taken for dead meanwhile; whoever does it again finds the run played

    def give_up(self, number: int) -> None:
        """Lets others have a claimed task."""
        with self._explained():
            self._claimed.discard(number)
            self._fail(number)

    def _fail(self, number: int) -> None:
        with suppress(RuntimeError):  # it is finished
            self._storage.set_trial_state_values(number, self._states.FAIL)

    def take_back(self) -> None:
        """Gives up what an earlier process of this owner had claimed: there is only one at a time."""
        for trial in self._trials():
            if trial.state == self._states.RUNNING and trial.user_attrs.get("owner") == self.owner:
                with self._explained():
                    self._fail(trial._trial_id)

    def reclaim(self) -> None:
        """Gives up tasks whose owner has not been heard of for long. Signs of life are compared with themselves, so
        that clocks of machines need not agree."""
        now = self._clock()
        for trial in self._trials():
            number = trial._trial_id
            if trial.state != self._states.RUNNING or number in self._claimed:
                self._beats.pop(number, None)
                continue
            beat = trial.user_attrs.get("beat")
            last, since = self._beats.get(number, (None, now))
            if number not in self._beats or last != beat:
                self._beats[number] = (beat, now)
            elif now - since > PATIENCE_S:
                with self._explained():
                    self._fail(number)

    @contextmanager
    def beating(self) -> Iterator[None]:
        """Shows signs of life of what was claimed, as long as it lasts."""
        over = threading.Event()

        def beat() -> None:
            while not over.wait(BEAT_S):
                for number in list(self._claimed):
                    try:
                        self._beat(number)
                    except Exception:  # whoever uses the storage next will say what is wrong
                        break

        thread = threading.Thread(target=beat, daemon=True)
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join()

    def _beat(self, number: int) -> None:
        self._storage.set_trial_user_attr(number, "beat", time.time())

    def _given_up(self, trial: FrozenTrial) -> bool:
        return trial.state == self._states.FAIL and "record" not in trial.user_attrs

    def _trials(self) -> list[FrozenTrial]:
        with self._explained():
            found = self._storage.get_all_trials(self._study, deepcopy=False)
        return [trial for trial in found if "task" in trial.user_attrs]

    def _task(self, trial: FrozenTrial) -> Task:
        """A trial's task. Raises RequestError where it is none."""
        try:
            return Task(*checked(trial.user_attrs["task"], TaskForm))
        except ValueError as error:
            raise self._damaged(f"task of trial {trial.number}: {error}") from None

    def _record(self, text: Any) -> RunRecord:
        """What came of a task. Raises RequestError where it is not as it was written."""
        try:
            return RunRecord.from_json(checked(json.loads(checked(text, str)), RecordForm))
        except (ValueError, RecursionError) as error:
            raise self._damaged(f"a record: {error or 'nested too deeply'}") from None

    def _damaged(self, what: str) -> RequestError:
        where = self._file or _without_password(self.url)
        advice = "" if self._file is None else f"; {REMADE}"
        return RequestError(f"storage: {where}: damaged ({what}){advice}")

    def close(self) -> None:
        """Lets the connections go."""
        self._storage.remove_session()
        engine = getattr(self._storage, "engine", None)
        if engine is not None:
            engine.dispose()

    @contextmanager
    def _explained(self) -> Iterator[None]:
        """Turns whatever goes wrong with the storage into a RequestError."""
        if self._made and self._file is not None and not self._file.exists():
            raise RequestError(f"storage: {self._file} is gone; {KEPT}")
        try:
            yield
        except Exception as error:
            kinds = {kind.__module__.split(".")[0] for kind in type(error).__mro__}
            if isinstance(error, RequestError) or not (kinds & KINDS or isinstance(error, OF_STORAGE)):
                raise
            told = _reason(error)
            if "not a database" in told or "malformed" in told or isinstance(error, OF_CONTENT):
                raise self._damaged(told) from None
            if "locked" in told:
                told = f"{self._file or self.url} is locked by another program"
            else:
                told = f"{_without_password(self.url)} cannot be used ({told})"
            raise RequestError(f"storage: {told}; {KEPT}") from None


OF_CONTENT = (ValueError, KeyError, TypeError, AttributeError, RecursionError)
"""What a storage raises where what it holds is not what was written."""
OF_STORAGE = (OSError, ImportError, *OF_CONTENT)
KINDS = {"optuna", "sqlalchemy", "sqlite3", "alembic"}
"""Packages whose errors are the storage's."""
REMADE = "remove it, and the same command makes it anew from the runs, which are kept"
KEPT = "runs are kept, and the same command goes on once it can be used"


def _open(url: str) -> BaseStorage:
    from optuna.storages import JournalStorage, RDBStorage
    from optuna.storages.journal import JournalFileBackend

    if url.startswith("journal:"):
        return JournalStorage(JournalFileBackend(url.removeprefix("journal:")))
    options: dict[str, Any] = {"pool_pre_ping": True}
    if url.startswith("sqlite"):
        options = {"connect_args": {"timeout": LOCKED_S}}
    return RDBStorage(url, engine_kwargs=options)


def _reason(error: BaseException) -> str:
    """The innermost cause, in a line."""
    while error.__cause__ is not None:
        error = error.__cause__
    origin = getattr(error, "orig", None) or error
    lines = [line.strip() for line in str(origin).splitlines() if line.strip()]
    return lines[0][:160] if lines else type(origin).__name__


def _without_password(url: str) -> str:
    head, at, tail = url.rpartition("@")
    if not at or "://" not in head:
        return url
    scheme, _, login = head.partition("://")
    return f"{scheme}://{login.partition(':')[0]}@{tail}"
