"""What people see while a run goes on: everything here goes to standard error."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.console import Console, JustifyMethod
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn
from rich.table import Table

from sparring.base import clock
from sparring.base.numbers import whole
from sparring.base.progress import heard_by
from sparring.pages.naming import flattered, titled
from sparring.pages.readings import MADE_OF
from sparring.pages.wording import about, p_text

FIRST_S, PLAIN_S = 10.0, 60.0
"""Seconds after which work of some length is first told of where standard error is no terminal, and from then on."""
QUICK_S = 1.0
"""Seconds of work that no bar is shown for."""
P_TOLD = "p: the probability of as much where nothing is memorised"
OF_HELD_OUT = "samples are made of the held-out inputs themselves, and can score better than training data do"


def console(**options: Any) -> Console:
    """Rich's, which would take a `COLUMNS` of the environment that only looks like a number for one."""
    sizes = ("COLUMNS", "LINES")
    around = {name: word for name, word in os.environ.items() if name not in sizes or whole(word) is not None}
    return Console(_environ=around, **options)


class Talk:
    """Says things to the user, or keeps quiet."""

    def __init__(self, *, quiet: bool = False) -> None:
        self.console = console(stderr=True, quiet=quiet, highlight=False, soft_wrap=True)

    def say(self, text: str) -> None:
        self.console.print(text, markup=False)

    def table(self, table: Table) -> None:
        self.console.print(table)

    @contextmanager
    def progress(self) -> Iterator[None]:
        """Inside, work of known length is shown, with the time that is left: a bar on a terminal, lines elsewhere."""
        told: Bars | Lines = Bars(self.console) if self.console.is_terminal else Lines(self)
        try:
            with heard_by(told):
                yield
        finally:
            told.close()


class Bars:
    """Shows a bar for each piece of work that is under way, and takes it away after."""

    def __init__(self, console: Console) -> None:
        self._progress = bars(console, transient=True)
        self._tasks: dict[str, TaskID] = {}
        self._began = clock.now()

    def heard(self, what: str, done: int, total: int) -> None:
        if done == total:
            if what in self._tasks:
                self._progress.remove_task(self._tasks.pop(what))
        elif what in self._tasks:
            self._progress.update(self._tasks[what], completed=done)
        else:
            self._tasks[what] = self._progress.add_task(what, total=total, completed=done)
        if clock.now() - self._began > QUICK_S:
            self._progress.start()

    def close(self) -> None:
        self._progress.stop()


class Lines:
    """Says now and then how far work is."""

    def __init__(self, talk: Talk) -> None:
        self._talk = talk
        self._began: dict[str, float] = {}
        self._next = clock.now() + FIRST_S

    def heard(self, what: str, done: int, total: int) -> None:
        now = clock.now()
        if done == 0:
            self._began[what] = now
        elif now >= self._next and done < total:
            self._next = now + PLAIN_S
            left = (now - self._began[what]) / done * (total - done)
            self._talk.say(f"{what}: {done:,} of {total:,}, about {about(left)} left")

    def close(self) -> None:
        pass


def bars(console: Console, *, transient: bool = False) -> Progress:
    """Bars with counts and the time that is left."""
    columns = BarColumn(bar_width=24), MofNCompleteColumn(), TextColumn("{task.description}")
    return Progress(*columns, TimeRemainingColumn(compact=True), console=console, transient=transient)


def scores_table(scores: dict[str, dict[str, Any]], title: str) -> Table:
    """Scores for people: value, interval, the same of training samples, the probability of as much where nothing is
    memorised, and what is better."""
    protocols = {name: score["protocol"] for name, score in scores.items()}
    beside: dict[str, dict[str, str]] = {"training data": {}, "p": {}}
    for name, protocol in protocols.items():
        if protocol.get("training_data") is not None:
            beside["training data"][name] = _short(protocol["training_data"])
        if protocol.get("p_value") is not None:
            beside["p"][name] = p_text(protocol["p_value"]).removeprefix("p ").removeprefix("= ")
    shown = {heading: cells for heading, cells in beside.items() if cells}
    told = [P_TOLD] if beside["p"] else []
    if beside["training data"] and any(MADE_OF in protocol for protocol in protocols.values()):
        told.append(OF_HELD_OUT)
    told += flattered(str(protocol.get("extractor", "")) for protocol in protocols.values())
    narrow: dict[str, Any] = {"box": SIMPLE_HEAD, "show_edge": False, "pad_edge": False, "padding": (0, 1, 0, 0)}
    caption = "\n".join(told) or None
    table = Table(title=title, title_justify="left", caption=caption, caption_justify="left", **narrow)
    for heading in ("score", "value", "95 % interval", *shown, "better", "n"):
        justify: JustifyMethod = "left" if heading in ("score", "better") else "right"
        table.add_column(heading, justify=justify, no_wrap=True)
    for name, score in scores.items():
        low, high = score["interval"]
        named = titled(name, str(protocols[name].get("extractor", "")))
        cells = [named, _short(score["value"]), f"{_short(low)} to {_short(high)}"]
        cells += [cells_of.get(name, "") for cells_of in shown.values()]
        table.add_row(*cells, score["better"], str(score["n"]))
    return table


def _short(number: float) -> str:
    return f"{number:.4g}"
