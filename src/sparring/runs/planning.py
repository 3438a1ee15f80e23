"""What a run will cost, from a short probe on a copy that leaves nothing behind."""

from __future__ import annotations

import copy
import gc
import re
from typing import Any, Literal, NamedTuple

import torch

from sparring.base import clock
from sparring.base.draws import Key
from sparring.base.errors import RequestError
from sparring.data import DataSet
from sparring.engine import Engine, Plan, ranks
from sparring.engine.machine import out_of_memory, peak_memory
from sparring.gan.loop import Step
from sparring.gan.match import Match
from sparring.gan.measuring import draw_for, overfitting
from sparring.recipe import Recipe
from sparring.recipe.build import OwnNets, build
from sparring.runs.observers import Log

UNITS = {"s": 1.0, "m": 60.0, "min": 60.0, "h": 3600.0, "d": 86400.0}
SHOWN = 64
"""Samples in a picture."""


FAR_LONGER = 3.0
"""How many times the seconds that were asked for ten steps may take."""
MOST_PROBED = 100_000
"""Steps of a probe, however little time they seem to take."""
STANDING_S = 1e-6
"""What a step takes by a clock that stands still."""


class Budget(NamedTuple):
    """What `--for` says: the run's total."""

    amount: float
    unit: Literal["s", "cpu", "steps", "images"]
    """`s` are seconds of the whole command, `cpu` of processors at work on training steps."""

    @property
    def timed(self) -> bool:
        """Whether the clock decides how many steps that are."""
        return self.unit in ("s", "cpu")


class Cost(NamedTuple):
    """What a step and everything beside the steps takes."""

    step_s: float
    cpu_s: float
    """Of processors, all threads and processes added."""
    log_s: float
    picture_s: float
    save_s: float
    controllers_s: float
    memory: int
    """The process's peak, in bytes."""

    def seconds(self, recipe: Recipe, steps: int) -> float:
        """Of a training of so many steps, without the scores at the end."""
        control = self.controllers_s / 4
        pictures = min(steps, steps / (recipe.sample_every or max(steps // 10, 1)))
        each = self.step_s + self.log_s / recipe.log_every + control
        if recipe.save_every:
            each += self.save_s / recipe.save_every
        total = each * steps + pictures * self.picture_s
        return total if recipe.save_every else total * (1 + self.save_s / 60)

    def steps(self, recipe: Recipe, seconds: float) -> int:
        """How many steps fit into so many seconds."""
        steps = max(1, int(seconds / self.step_s))
        return max(1, int(steps * seconds / max(self.seconds(recipe, steps), 1e-9)))


def measure(recipe: Recipe, data: DataSet, plan: Plan, own: OwnNets, seconds: float) -> Cost:
    """Plays a copy of the match for so many seconds and times it: at least ten steps, unless these take far longer."""
    match = build(recipe, data, Engine(plan), copy.deepcopy(dict(own)))
    period = recipe.period()
    steps = match.play(Key(recipe.seed, "probe"), lambda number: match.now(late(recipe, number)))
    _advance(match, steps, max(5, period))
    counted, began, worked = 0, clock.now(), clock.processor()
    while any(ranks.any_of(_wanted(counted, clock.now() - began, seconds))):
        step = _advance(match, steps, period)
        counted += period
    step_s = max((clock.now() - began) / counted, STANDING_S)
    cpu_s = max((clock.processor() - worked) / counted, STANDING_S) * ranks.count()
    log = Log(None, 1)
    rows = min(SHOWN, len(data.train))
    return Cost(
        step_s=step_s,
        cpu_s=cpu_s,
        log_s=_timed(lambda: log.line(match, step)),
        picture_s=_timed(lambda: draw_for(match, rows, Key(0))),
        save_s=_timed(lambda: (match.sampler(), copy.deepcopy(match.state()))),
        controllers_s=_timed(lambda: overfitting(match, Key(0))) if match.controllers else 0.0,
        memory=peak_memory(match.engine.device),
    )


def _wanted(counted: int, spent_s: float, seconds: float) -> bool:
    """Whether another round of steps is to be timed."""
    if counted < 10:
        return not counted or spent_s < FAR_LONGER * seconds
    return spent_s < seconds and counted < MOST_PROBED


def parse_budget(text: str) -> Budget:
    """`10m`, `10m-cpu`, `5000steps` or `200kimg`. Raises RequestError for other words."""
    amount, unit = r"([0-9]{1,15}(?:\.[0-9]{1,15})?)", r"(?:(kimg|img|images|steps)|(min|s|m|h|d)(-cpu)?)"
    found = re.fullmatch(rf"{amount}\s*{unit}", text.strip())
    if not found or float(found[1]) <= 0:
        raise RequestError(f"for: '{text}' is no budget; write 90s, 10m, 2h, 15m-cpu, 5000steps or 200kimg")
    number = float(found[1])
    if found[3]:
        return Budget(number * UNITS[found[3]], "cpu" if found[4] else "s")
    if found[2] == "steps":
        return Budget(number, "steps")
    return Budget(number * (1000 if found[2] == "kimg" else 1), "images")


def late(recipe: Recipe, number: int) -> int:
    """A step as far as lazy terms go, but from the middle of the run, where both players move."""
    period = recipe.period()
    return (recipe.steps // 2 // period) * period + number


def _advance(match: Match, steps: Any, count: int) -> Step:
    for _ in range(count):
        step: Step = next(steps)
        match.take(step)
        float(sum(float(losses["loss"]) for losses in (*step.discriminator, *step.generator)))
    return step


def _timed(act: Any) -> float:
    act()
    began = clock.now()
    act()
    return clock.now() - began


def what_fits(recipe: Recipe, data: DataSet, plan: Plan, own: OwnNets) -> str:
    """Advice in words: the largest halving of the batch whose parts were seen to fit, as `microbatch`."""
    size = (recipe.microbatch or recipe.batch) // 2
    while size >= 1:
        gc.collect()
        if torch.cuda.is_available():
            torch.cuda.empty_cache()
        try:
            measure(recipe.model_copy(update={"microbatch": size}), data, plan, own, 0.0)
        except RequestError as error:  # so small parts, or any, are not for this recipe
            return f"take a smaller batch, network or images ({error})"
        except (RuntimeError, MemoryError, ValueError) as error:
            if isinstance(error, ValueError):  # batch normalisation of a single sample
                break
            if not out_of_memory(error):
                raise
            size //= 2
            continue
        return f"microbatch={size} was tried and fits"
    return "not even one sample at a time fits; take a smaller network or smaller images"
