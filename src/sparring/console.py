"""What people see while a run goes on: everything here goes to standard error."""

from __future__ import annotations

import time
from typing import Any

from rich.console import Console, JustifyMethod
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from sparring.data import called
from sparring.loop import Step
from sparring.match import Match

REFRESH_S = 0.2
PLAIN_S = 10.0
"""Seconds between lines where standard error is no terminal."""


class Talk:
    """Says things to the user, or keeps quiet."""

    def __init__(self, *, quiet: bool = False) -> None:
        self.console = Console(stderr=True, quiet=quiet, highlight=False, soft_wrap=True)

    def say(self, text: str) -> None:
        self.console.print(text, markup=False)

    def table(self, table: Table) -> None:
        self.console.print(table)


class Bar:
    """An observer: the progress bar, with samples a second, losses and the time left."""

    def __init__(self, talk: Talk) -> None:
        self.talk = talk
        self._shown_at = 0.0
        self._speed: tuple[float, int] | None = None
        self._progress: Progress | None = None
        self._period = REFRESH_S if talk.console.is_terminal else PLAIN_S

    def observe(self, match: Match, step: Step) -> None:
        now = time.perf_counter()
        if now - self._shown_at < self._period and match.step < match.steps:
            return
        self._shown_at = now
        text = self._text(match, step, now)
        if not self.talk.console.is_terminal:
            self.talk.say(f"step {match.step:,} of {match.steps:,}  {text}")
            return
        if self._progress is None:
            self._progress = Progress(
                BarColumn(bar_width=24),
                MofNCompleteColumn(),
                TextColumn("{task.description}"),
                TimeRemainingColumn(compact=True),
                console=self.talk.console,
            )
            self._task = self._progress.add_task("", total=match.steps, completed=match.step)
            self._progress.start()
        self._progress.update(self._task, completed=match.step, description=text)

    def close(self) -> None:
        if self._progress is not None:
            self._progress.stop()
            self._progress = None

    def _text(self, match: Match, step: Step, now: float) -> str:
        told = []
        if self._speed is not None and match.step > self._speed[1]:
            speed = (match.step - self._speed[1]) * match.batch / (now - self._speed[0])
            told.append(f"{speed:,.0f} {called(match.data.codec)}/s")
        self._speed = (now, match.step)
        for name, moves in (("D", step.discriminator), ("G", step.generator)):
            if moves:
                told.append(f"{name} {float(moves[-1]['loss']):.3f}")
        return "  ".join(told)


def scores_table(scores: dict[str, dict[str, Any]], title: str) -> Table:
    """Scores for people: value, interval, the same of training samples, and what is better."""
    table = Table(title=title, title_justify="left")
    yardsticks = {name: score["protocol"].get("training_data") for name, score in scores.items()}
    known = any(value is not None for value in yardsticks.values())
    for heading in ("score", "value", "95 % interval", *(["training data"] if known else []), "better", "n"):
        justify: JustifyMethod = "left" if heading in ("score", "better") else "right"
        table.add_column(heading, justify=justify, no_wrap=heading == "score")
    for name, score in scores.items():
        low, high = score["interval"]
        reference = "" if yardsticks[name] is None else _short(yardsticks[name])
        cells = [name, _short(score["value"]), f"{_short(low)} to {_short(high)}", *([reference] if known else [])]
        table.add_row(*cells, score["better"], str(score["n"]))
    return table


def _short(number: float) -> str:
    return f"{number:.4g}"
