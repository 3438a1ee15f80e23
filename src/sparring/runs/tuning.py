"""Which of several equivalent ways a run is computed: tried on copies of the run's own first steps, the fastest taken.

What is tried gives the same results up to rounding, but for bf16, which is tried only where the recipe says
`precision: auto`. The choice is written to the run's `environment.json` and replayed on resume; it is kept in the cache
by recipe and machine, so that the arms of a comparison share it.
"""

from __future__ import annotations

import copy
import hashlib
import json
import math
import statistics
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import chain, islice
from typing import Any, NamedTuple

import torch

from sparring.base.cache import cache_directory
from sparring.base.draws import Key
from sparring.base.files import write_file
from sparring.data import DataSet
from sparring.engine import Engine, Plan, choose_plan, ranks
from sparring.engine.compiling import can_compile
from sparring.engine.machine import environment, free_threads, multiplies_bf16, out_of_memory
from sparring.gan.match import Match
from sparring.gan.recording import REHEARSALS
from sparring.recipe import Recipe
from sparring.recipe.build import OwnNets, build, can_be_compiled, can_be_recorded, can_join
from sparring.runs.planning import late

SHORTEST = 120.0
"""Seconds of training under which nothing is tried."""
LONG = 3600.0
"""Seconds from which compiling is tried: that alone takes a minute or two on a CPU."""
GAIN = 0.97
"""The part of the time at hand that another way must stay under, so that noise alone changes nothing."""
BLOCKS = 5
REPLAYED = REHEARSALS + 2
"""Periods of a recipe after which moves of each kind were replayed, where a plan records them."""
VERSION = 2
"""Of what the cache holds."""


class Trial(NamedTuple):
    """One way that was tried."""

    change: str
    """What it changes of the best way before it, as `field=value`."""
    step_s: float
    against_s: float
    """Seconds a step of this way, and of the best before it, in turns."""
    taken: bool
    exact: bool
    """Whether it is the same mathematics, up to rounding in float32."""
    failed: str = ""
    """Why it cannot be had."""

    def line(self) -> str:
        """For people."""
        if self.failed:
            return f"{self.change:<20} failed: {self.failed}"
        told = f"{self.change:<20} {self.step_s * 1000:9.4g} ms against {self.against_s * 1000:9.4g} ms"
        return told + ("  taken" if self.taken else "") + ("" if self.exact else "  (not the same mathematics)")

    def short(self) -> str:
        """For people, in half a line."""
        if self.failed:
            return f"{self.change} failed ({self.failed})"
        ratio = self.step_s / self.against_s
        return f"{self.change} {'taken' if self.taken else 'left'} ({ratio:.2f} of the time)"


class Choice(NamedTuple):
    """The plan taken, and what it was chosen from."""

    plan: Plan
    trials: tuple[Trial, ...] = ()
    why: str = ""
    """Where nothing was tried, the reason; where the cache had it, that."""
    probed_s: float | None = None
    """What a step took, where that was measured and nothing tried."""

    @property
    def step_s(self) -> float | None:
        """What a step takes by the plan, as far as it was measured."""
        timed = [trial for trial in self.trials if not trial.failed]
        if not timed:
            return self.probed_s
        return timed[-1].step_s if timed[-1].taken else timed[-1].against_s

    def tell(self, say: Callable[[str], None]) -> None:
        """Says what was tried, where anything was, and of cores that others use."""
        threads = torch.get_num_threads()
        if self.trials and not self.why:
            say("execution plan, by trial: " + ", ".join(trial.short() for trial in self.trials))
        elif self.plan.device == "cpu" and self.plan.threads < threads:
            say(f"threads: {self.plan.threads} of {threads}, beside what else runs on this machine")

    def has_tried(self, field: str) -> bool:
        """Whether another value of this field of the plan was tried."""
        return any(trial.change.startswith(f"{field}=") for trial in self.trials)

    def to_json(self) -> dict[str, Any]:
        return {"why": self.why, "trials": [trial._asdict() for trial in self.trials]}


def choose(
    recipe: Recipe, data: DataSet, device: str, own: OwnNets, seconds: float | None = None, *, always: bool = False
) -> Choice:
    """The plan for a run of `seconds` (None: as long as its steps take); `always` tries even for short ones."""
    images = data.codec.maps
    plain = choose_plan(device, recipe.precision, images=images, deterministic=recipe.deterministic)
    if recipe.plan == "plain":
        return Choice(plain, why="plan=plain")
    if ranks.count() > 1:
        return Choice(plain, why="nothing is tried by several processes")
    if plain.device == "cpu":
        plain = plain._replace(threads=free_threads())
    place = cache_directory() / "plans" / f"{identity(recipe, data, plain, own)}.json"
    known = _remembered(place)
    compiles = can_compile(plain.device) and can_be_compiled(recipe, own)
    if known is not None and (not compiles or known.has_tried("compiled")):
        return known
    try:
        step_s = quick(recipe, data, plain, own) if seconds is None else None
        length = step_s * recipe.steps if step_s is not None else seconds or 0.0
        compiles = compiles and length >= LONG
        if known is not None and not compiles:
            return known
        if length < SHORTEST and not always:
            return Choice(plain, why=f"nothing was tried for a run under {SHORTEST:.0f} s", probed_s=step_s)
        block_s = min(0.5, max(0.1, length / 1000))
        most = None if seconds is None or always else _affordable(seconds, recipe, data, plain, own)
        ways = () if known is not None else islice(candidates(recipe, data, plain, own), most)
        found = _tried(recipe, data, known or Choice(plain), own, ways, block_s)
        if compiles:
            found = _tried(recipe, data, found, own, [("compiled", True, True)], block_s)
    except (RuntimeError, MemoryError) as error:
        if not out_of_memory(error):
            raise
        return Choice(plain, why="memory ran out")  # the run itself says what to lower
    finally:
        torch.set_num_threads(plain.threads)
    _remember(place, found)
    return found


def _affordable(seconds: float, recipe: Recipe, data: DataSet, plan: Plan, own: OwnNets) -> int:
    """How many ways may be tried in a tenth of a budget of time; of each, and of the best before it, so many blocks
    are timed, after two to warm up."""
    each = 2 * (BLOCKS + 2) * quick(recipe, data, plan, own) * recipe.period()
    return int(0.1 * seconds / each)


Way = tuple[str, Any, bool]
"""A field of the plan, another value for it, and whether that is the same mathematics."""


def candidates(recipe: Recipe, data: DataSet, plain: Plan, own: OwnNets) -> Iterator[Way]:
    """What to try, but for compiling."""
    if recipe.precision == "auto" and multiplies_bf16(plain.device):
        yield "precision", "fp32" if plain.precision == "bf16" else "bf16", False
    if data.codec.maps:
        yield "channels_last", not plain.channels_last, True
    if can_join(recipe, data, own):
        yield "joined", not plain.joined, True
    if plain.device == "cuda" and can_be_recorded(recipe, own):
        yield "graphs", True, True
    if plain.device == "cpu" and plain.threads > 1:
        yield "threads", max(1, plain.threads // 2), True


def _tried(recipe: Recipe, data: DataSet, start: Choice, own: OwnNets, ways: Iterable[Way], block_s: float) -> Choice:
    """One field after the other, each against the best so far."""
    best, trials = start.plan, list(start.trials)
    kept = _Runner(recipe, data, best, own)
    for field, value, exact in ways:
        plan = best._replace(**{field: value})
        change = f"{field}={value}"
        try:
            runner = _Runner(recipe, data, plan, own)
            ours, theirs = _in_turns(runner, kept, block_s)
        except Exception as error:
            if field not in ("compiled", "graphs") or (out_of_memory(error) and field == "compiled"):
                raise
            trials.append(Trial(change, 0.0, 0.0, False, exact, _first_line(error)))  # these fail in many ways
            continue
        looked_at = REPLAYED * kept.period if plan.graphs else 1
        if exact and not _same(runner.losses[:looked_at], kept.losses[:looked_at]):
            trials.append(Trial(change, ours, theirs, False, exact, "its losses are others"))
            continue
        taken = ours < GAIN * theirs
        trials.append(Trial(change, ours, theirs, taken, exact))
        if taken:
            best, kept = plan, runner
    return Choice(best, tuple(trials))


def _same(one: Sequence[Sequence[float]], other: Sequence[Sequence[float]]) -> bool:
    """Whether the losses of steps are equal but for rounding, in bf16 too; what is not finite judges nothing."""
    pairs = zip(chain.from_iterable(one), chain.from_iterable(other), strict=True)
    return all(abs(a - b) <= 0.03 * (1 + abs(b)) or not math.isfinite(a - b) for a, b in pairs)


def _first_line(error: Exception) -> str:
    return next(iter(str(error).strip().splitlines()), type(error).__name__)[:120]


class _Runner:
    """A copy of the match that plays on from the middle of the run; nothing of the run itself is touched."""

    def __init__(self, recipe: Recipe, data: DataSet, plan: Plan, own: OwnNets) -> None:
        self.match: Match = build(recipe, data, Engine(plan), copy.deepcopy(dict(own)))
        self.period = recipe.period()
        key, clock = Key(recipe.seed, "tuning"), lambda number: self.match.now(late(recipe, number))
        self.steps = self.match.play(key, clock)
        self.losses: list[list[float]] = []
        """Those of its first steps, from the same weights and draws in every copy."""

    def run(self, periods: int) -> float:
        """Seconds a step."""
        self.match.engine.take_over()
        began = time.perf_counter()
        for _ in range(periods * self.period):
            step = next(self.steps)
            self.match.take(step)
            if len(self.losses) < REPLAYED * self.period:
                self.losses.append([float(moved["loss"]) for moved in (*step.discriminator, *step.generator)])
        self.match.engine.settle()
        return (time.perf_counter() - began) / (periods * self.period)


def quick(recipe: Recipe, data: DataSet, plan: Plan, own: OwnNets) -> float:
    """About what a step takes, in seconds."""
    runner = _Runner(recipe, data, plan, own)
    runner.run(1)
    return min(runner.run(1) for _ in range(3))


def _in_turns(one: _Runner, other: _Runner, block_s: float) -> tuple[float, float]:
    """Seconds a step of each, medians of blocks in turns, so that the machine's moods meet both."""
    periods = {runner: _warm(runner, block_s) for runner in (one, other)}
    times: dict[_Runner, list[float]] = {one: [], other: []}
    for _ in range(BLOCKS):
        for runner, found in times.items():
            found.append(runner.run(periods[runner]))
    return statistics.median(times[one]), statistics.median(times[other])


def _warm(runner: _Runner, block_s: float) -> int:
    """Runs until warm; gives the periods that fill a block."""
    runner.run(1)
    step_s = runner.run(1)
    return max(1, round(block_s / BLOCKS / (step_s * runner.period)))


FREE = {"name", "about", "seed", "steps", "budget", "clocked", "keep", "score", "tracker"} | {
    f"{what}_every" for what in ("log", "sample", "save")
}
"""What of a recipe has no influence on a step's time."""


def identity(recipe: Recipe, data: DataSet, plain: Plan, own: OwnNets) -> str:
    """Names what was measured: the recipe, the samples' format, the networks, the machine."""
    told = {
        "version": VERSION,
        "recipe": recipe.model_dump(mode="json", exclude=FREE | {"data"}),
        "samples": [*data.shape, str(data.samples.dtype), data.classes, *data.views],
        "own": {side: repr(net) for side, net in own.items()},
        "plain": plain.to_json(),
        "machine": environment(),
    }
    return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()[:24]


def _remembered(place: Any) -> Choice | None:
    try:
        stored = json.loads(place.read_text())
        trials = tuple(Trial(**trial) for trial in stored["trials"])
        return Choice(Plan(**stored["plan"]), trials, "tried before on this machine")
    except (OSError, ValueError, TypeError, KeyError):
        return None  # not there, or not ours


def _remember(place: Any, found: Choice) -> None:
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        write_file(place, json.dumps({"plan": found.plan.to_json()} | found.to_json()))
    except OSError:
        pass  # a cache that cannot be written costs a few seconds the next time
