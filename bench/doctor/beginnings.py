"""What the doctor says of runs that have only begun: of every played run as it stood at parts of its way, and of runs
that were made far shorter than their recipe. None that becomes healthy may be called sick there, and none may be called
healthy that turns out sick; what is broken from the first step on is sick at once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from judging import WORSE
from parts import Case, settings_of
from playing import outcome_of, place, play_all
from reading import ratios

import sparring
from sparring.base.rundir import RunDir
from sparring.doctor import diagnose, judge, verdict
from sparring.recipe.recorded import read_recipe_of

PARTS_OF_THE_WAY = (0.02, 0.05, 0.1, 0.2, 0.4, 0.7, 1.0)
SHORT = (0.03, 0.1)
"""Parts of their recipe that short runs take."""
AT_ONCE = ("bad-range",)
"""Causes that no length is needed to see."""


def on_the_way(path: Path) -> dict[float, str]:
    """The verdict of a played run as it stood at parts of its way."""
    run = RunDir(path)
    recipe = read_recipe_of(run)
    found = diagnose(run, recipe)
    verdicts = {}
    for part in PARTS_OF_THE_WAY:
        then = found.history.until(round(part * recipe.whole))
        if then.steps:
            verdicts[part] = verdict(judge(then), then)
    return verdicts


def shortened(cases: Sequence[Case], out: Path, jobs: int) -> dict[float, dict[str, dict[str, int]]]:
    """The verdicts of runs that end at a part of their recipe: the first healthy one of each setting, and those with a
    cause that shows at once."""
    firsts = list({case.setting: case for case in reversed(cases) if not case.cause}.values())
    chosen = [*firsts, *(case for case in cases if case.cause in AT_ONCE)]
    found: dict[float, dict[str, dict[str, int]]] = {}
    for part in SHORT:
        where = out / f"short-{part:g}"
        counts: dict[str, Counter[str]] = {"healthy": Counter(), "broken": Counter()}
        for setting in {case.setting for case in chosen}:
            mine = [case for case in chosen if case.setting == setting]
            steps = max(round(part * settings_of(cases[0].part)[setting].fields["steps"]), 1)
            play_all(mine, where, jobs, (f"steps={steps}",))
            for case in mine:
                told = sparring.diagnose(place(case, where))["verdict"]
                counts["broken" if case.cause else "healthy"][told] += 1
        found[part] = {name: dict(count) for name, count in counts.items()}
    return found


def summary(cases: Sequence[Case], out: Path, jobs: int) -> dict[str, Any]:
    """Verdicts on the way, counted for runs that end well, for those that end ill, and of these for what shows at
    once; and those of short runs."""
    played = [case for case in cases if outcome_of(case, out) is not None]
    counts: dict[str, dict[float, Counter[str]]] = {}
    for case, _, ratio in ratios(played, out):
        group = "broken" if case.cause in AT_ONCE else "ends ill" if ratio > WORSE else "ends well"
        for part, told in on_the_way(place(case, out)).items():
            counts.setdefault(group, {}).setdefault(part, Counter())[told] += 1
    way = {group: {part: dict(count) for part, count in of.items()} for group, of in counts.items()}
    return {"on the way": way, "short": shortened(played, out, jobs) if played else {}}


def told(found: dict[str, Any]) -> str:
    """The same, for people."""
    lines = [f"{'runs':12} {'part':>5} {'sick':>5} {'early':>5} {'healthy':>7}"]
    for group, of in found["on the way"].items():
        lines += [_line(group, part, count) for part, count in of.items()]
    for part, of in found["short"].items():
        lines += [_line(f"short {group}", part, count) for group, count in of.items() if count]
    return "\n".join(lines)


def _line(name: str, part: float, count: dict[str, int]) -> str:
    numbers = [count.get(one, 0) for one in ("sick", "too-early", "healthy")]
    return f"{name:12} {part:5.0%} {numbers[0]:5} {numbers[1]:5} {numbers[2]:7}"
