"""Steps as a run makes them: the loop, its checks, averaging, the log with its probes.

python sparring_run.py dcgan --update alternating --precision auto [--parts]
"""

from __future__ import annotations

import argparse
import collections
import time
from collections.abc import Callable, Iterator
from typing import Any

import networks
import torch
from worker import answer, images, serve

from sparring.data import Batch, DataSet, Found
from sparring.data.codec import image_codec
from sparring.data.dataset import assemble
from sparring.engine import Engine
from sparring.gan.match import Match
from sparring.gan.surgery import random_layers
from sparring.recipe import validated
from sparring.recipe.build import build, fitted
from sparring.runs.controllers import Controllers
from sparring.runs.observers import Log
from sparring.runs.trainer import check_losses
from sparring.runs.tuning import choose

RUN_S = 600.0
"""Seconds of the run that a plan is chosen for: long enough to try, not to compile."""


def data_of(network: str) -> DataSet:
    """Images of noise, or a table."""
    if network == "table":
        from table_rows import table  # pandas comes along, which the others' memory does not hold

        return table()
    samples = torch.from_numpy(images(networks.SHAPES[network]))
    return assemble("noise", samples, None, image_codec(samples, "signed"), Found("noise"))


def steps_of(match: Match, log: Log) -> Iterator[None]:
    observers = [Controllers(), log]
    for step in match.play():
        check_losses(step)
        match.take(step)
        for observer in observers:
            observer.observe(match, step)
        yield


class Clock:
    """Adds up the time spent in functions, by name."""

    def __init__(self, settle: Callable[[], object]) -> None:
        self.settle = settle
        self.seconds: dict[str, float] = collections.defaultdict(float)

    def timed(self, inner: Callable[..., Any], name: str) -> Callable[..., Any]:
        def outer(*given: Any, **named: Any) -> Any:
            self.settle()
            began = time.perf_counter()
            result = inner(*given, **named)
            self.settle()
            self.seconds[name] += time.perf_counter() - began
            return result

        return outer

    def watch(self, owner: Any, function: str, name: str) -> None:
        object.__setattr__(owner, function, self.timed(getattr(owner, function), name))


def parts(match: Match, log: Log, settle: Callable[[], object], count: int = 30) -> None:
    """Seconds a step of each part."""
    clock = Clock(settle)
    for side, player in match.players.items():
        clock.watch(player.optimiser, "step", "optimisers")
        clock.watch(match.duel.net(side), "forward", f"{side} forward")
        for layer in random_layers(player.net):
            clock.watch(layer, "forward", "dropout, within the forward passes")
    clock.watch(match.engine, "backward", "backward")
    Batch.samples = property(clock.timed(Batch.samples.fget, "data"))  # type: ignore[method-assign, assignment, arg-type]
    if match.average is not None:
        clock.watch(match.average, "update", "averaging")
    clock.watch(log, "observe", "log and probes")
    steps = steps_of(match, log)
    next(steps)
    clock.seconds.clear()
    began = time.perf_counter()
    for _ in range(count):
        next(steps)
    clock.seconds["whole step"] = time.perf_counter() - began
    answer({"parts": {name: seconds / count for name, seconds in clock.seconds.items()}})


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("network")
    options.add_argument("--update", default="alternating")
    options.add_argument("--precision", default="auto")
    options.add_argument("--plan", default="auto", choices=["auto", "plain"])
    options.add_argument("--compiled", action="store_true", help="with compiled networks, whatever a trial would say")
    options.add_argument("--device", default="auto")
    options.add_argument("--batch", type=int)
    options.add_argument("--parts", action="store_true", help="time the parts of a step, no more")
    said = options.parse_args()
    data = data_of(said.network)
    fields = networks.recipe(said.network, said.batch, said.update, said.precision)
    recipe = fitted(validated(fields | {"data": "digits", "plan": said.plan}), data, {})
    plan = choose(recipe, data, said.device, {}, RUN_S).plan._replace(compiled=said.compiled)
    match = build(recipe, data, Engine(plan))
    settle = torch.cuda.synchronize if plan.device == "cuda" else lambda: None
    log = Log(None, recipe.log_every, show=lambda line: None)
    if said.parts:
        parts(match, log, settle)
        return
    steps = steps_of(match, log)
    serve(lambda: next(steps), settle, {"precision": plan.precision, "plan": plan.to_json()})


if __name__ == "__main__":
    main()
