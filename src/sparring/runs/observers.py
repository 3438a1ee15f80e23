"""Observers read each step and write nothing to the training. (Controllers, too, only read: what they set are
schedules, which the training reads.)"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, Protocol

import torch
from rich.progress import Progress

from sparring.base import clock
from sparring.base.draws import Key
from sparring.base.files import append_line
from sparring.base.rundir import RunDir
from sparring.engine.machine import peak_memory
from sparring.gan.game import Losses
from sparring.gan.loop import Step
from sparring.gan.match import Match
from sparring.gan.measuring import gradient_norm, heldout_logits
from sparring.gan.schedules import value
from sparring.pages.console import FIRST_S, PLAIN_S, Talk, bars
from sparring.pages.wording import about


class Observer(Protocol):
    """Is shown every step."""

    def observe(self, match: Match, step: Step) -> None: ...


class Log:
    """Writes a line of numbers every so many steps, to `log.jsonl` and the tracker."""

    def __init__(self, run: RunDir | None, every: int, show: Callable[[dict[str, Any]], None] | None = None) -> None:
        self.run = run
        self.every = every
        self.show = show
        self._last: tuple[float, int] | None = None

    def observe(self, match: Match, step: Step) -> None:
        if step.number % self.every and step.number + 1 != match.steps:
            return
        line = self.line(match, step)
        if self.run is not None:
            append_line(self.run.log, line)
            match.engine.track({k: v for k, v in line.items() if isinstance(v, float)}, match.step)
        if self.show is not None:
            self.show(line)

    def line(self, match: Match, step: Step) -> dict[str, Any]:
        """The numbers of a step; those that cannot be had in it (no move, say) are left out."""
        now = match.now(step.number)
        line: dict[str, Any] = {
            "step": match.step,
            "images": match.step * match.batch,
            "attempt": match.attempt,
            "seconds": round(match.seconds, 3),
            "images_per_s": self._speed(match),
            "memory_mb": round(peak_memory(match.engine.device) / 2**20, 1),
        }
        for side, moves in (("discriminator", step.discriminator), ("generator", step.generator)):
            player = match.players[side]
            for name, number in _mean(moves).items():
                line[f"{side}_{name}"] = number
            line[f"{side}_lr"] = value(player.rate, now)
            if moves:
                norm = gradient_norm(player.net)
                line[f"{side}_gradient"] = None if norm is None else float(norm)
            for layer in player.random[:1]:
                line[f"{side}_dropout"] = float(layer.rate.float().mean())
        for path, adaptive in match.controllers.items():
            line[f"adaptive/{path}"] = adaptive.at(now)
        line |= heldout_logits(match, Key(match.seed, "probes", step.number))
        return {name: number for name, number in line.items() if number is not None and math.isfinite(number)}

    def _speed(self, match: Match) -> float | None:
        here = (clock.now(), match.step)
        last, self._last = self._last, here
        if last is None or here[1] <= last[1] or here[0] <= last[0]:
            return None
        return round((here[1] - last[1]) * match.batch / (here[0] - last[0]), 2)


class Pictures:
    """Shows samples of the averaged generator every so many steps, always of the same latents."""

    def __init__(self, every: int, draw: Callable[[Match], None]) -> None:
        self.every = every
        self.draw = draw

    def observe(self, match: Match, step: Step) -> None:
        if match.step % self.every == 0 or match.step == match.steps:
            self.draw(match)


def _mean(moves: list[Losses]) -> dict[str, float]:
    """The mean over a step's moves."""
    names = {name: None for move in moves for name in move}
    return {n: float(torch.stack([move[n] for move in moves if n in move]).mean()) for n in names}


REFRESH_S = 0.2


class Bar:
    """An observer: the progress bar, with samples a second, losses and the time left."""

    def __init__(self, talk: Talk, unit: str, left: Callable[[Match], float | None] = lambda match: None) -> None:
        """`left` gives the seconds until all is done, where a budget says so."""
        self.talk, self.unit, self.left = talk, unit, left
        self._shown_at = 0.0
        self._began: tuple[float, int] | None = None
        self._speed: tuple[float, int] | None = None
        self._progress: Progress | None = None

    def observe(self, match: Match, step: Step) -> None:
        now = clock.now()
        self._began = self._began or (now, match.step)
        if now - self._shown_at < self._period(now) and match.step < match.steps:
            return
        self._shown_at = now
        text = self._text(match, step, now)
        if not self.talk.console.is_terminal:
            left = self._left(match, now)
            told = f"  about {about(left)} left" if left is not None and match.step < match.steps else ""
            self.talk.say(f"step {match.step:,} of {match.steps:,}  {text}{told}")
            return
        if self._progress is None:
            self._progress = bars(self.talk.console)
            self._task = self._progress.add_task("", total=match.steps, completed=match.step)
            self._progress.start()
        self._progress.update(self._task, completed=match.step, total=match.steps, description=text)

    def close(self) -> None:
        if self._progress is not None:
            self._progress.stop()
            self._progress = None

    def _period(self, now: float) -> float:
        """Seconds between one show and the next: where standard error is no terminal, few in the first minute."""
        if self.talk.console.is_terminal:
            return REFRESH_S
        assert self._began is not None
        return FIRST_S if now - self._began[0] < PLAIN_S else PLAIN_S

    def _left(self, match: Match, now: float) -> float | None:
        """Seconds that are left: of the budget, or at the speed so far."""
        told = self.left(match)
        if told is not None or self._began is None or match.step <= self._began[1]:
            return told
        return (now - self._began[0]) / (match.step - self._began[1]) * (match.steps - match.step)

    def _text(self, match: Match, step: Step, now: float) -> str:
        told = []
        if self._speed is not None and match.step > self._speed[1] and now > self._speed[0]:
            speed = (match.step - self._speed[1]) * match.batch / (now - self._speed[0])
            told.append(f"{speed:,.0f} {self.unit}/s")
        self._speed = (now, match.step)
        for name, moves in (("D", step.discriminator), ("G", step.generator)):
            if moves:
                told.append(f"{name} {float(moves[-1]['loss']):.3f}")
        return "  ".join(told)
