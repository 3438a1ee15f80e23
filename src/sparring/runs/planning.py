"""What a run will cost, from a short probe on a copy that leaves nothing behind."""

from __future__ import annotations

import copy
import gc
import re
import time
from typing import Any, NamedTuple

import torch

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


class Cost(NamedTuple):
    """What a step and everything beside the steps takes."""

    step_s: float
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
    """Plays a copy of the match for so many seconds (at least ten steps) and times it."""
    match = build(recipe, data, Engine(plan), copy.deepcopy(dict(own)))
    period = recipe.period()
    steps = match.play(Key(recipe.seed, "probe"), lambda number: match.now(late(recipe, number)))
    _advance(match, steps, max(5, period))
    counted, began = 0, time.perf_counter()
    while any(ranks.any_of(counted < 10 or time.perf_counter() - began < seconds)):
        step = _advance(match, steps, period)
        counted += period
    step_s = (time.perf_counter() - began) / counted
    log = Log(None, 1)
    rows = min(SHOWN, len(data.train))
    return Cost(
        step_s=step_s,
        log_s=_timed(lambda: log.line(match, step)),
        picture_s=_timed(lambda: draw_for(match, rows, Key(0))),
        save_s=_timed(lambda: (match.sampler(), copy.deepcopy(match.state()))),
        controllers_s=_timed(lambda: overfitting(match, Key(0))) if match.controllers else 0.0,
        memory=peak_memory(match.engine.device),
    )


def parse_budget(text: str) -> tuple[float, str]:
    """`10m`, `5000steps` or `200kimg` as a number and `s`, `steps` or `images`. Raises RequestError for other words."""
    found = re.fullmatch(r"(\d+(?:\.\d+)?)\s*(kimg|img|images|steps|min|s|m|h|d)", text.strip())
    if not found or float(found[1]) <= 0:
        raise RequestError(f"for: '{text}' is no budget; write 90s, 10m, 2h, 5000steps or 200kimg")
    number, unit = float(found[1]), found[2]
    if unit in UNITS:
        return number * UNITS[unit], "s"
    if unit == "steps":
        return number, "steps"
    return number * (1000 if unit == "kimg" else 1), "images"


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
    began = time.perf_counter()
    act()
    return time.perf_counter() - began


def what_fits(recipe: Recipe, data: DataSet, plan: Plan, own: OwnNets) -> str:
    """Advice in words: the largest halving of the batch whose parts were seen to fit, as `microbatch`."""
    size = (recipe.microbatch or recipe.batch) // 2
    while size >= 1:
        gc.collect()
        if torch.cuda.is_available():
            torch.cuda.empty_cache()
        try:
            measure(recipe.model_copy(update={"microbatch": size}), data, plan, own, 0.0)
        except (RuntimeError, MemoryError, ValueError) as error:
            if isinstance(error, ValueError):  # batch normalisation of a single sample
                break
            if not out_of_memory(error):
                raise
            size //= 2
            continue
        return f"microbatch={size} was tried and fits"
    return "not even one sample at a time fits; take a smaller network or smaller images"
