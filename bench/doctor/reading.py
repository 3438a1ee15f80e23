"""From run directories to what the judge judges; and what it says, for people."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from judging import Played, badness, healthy_medians
from parts import Case, cause_of, settings_of
from playing import outcome_of, place

import sparring
from sparring.base.rundir import RunDir
from sparring.doctor import diagnose, judge
from sparring.doctor.cases import replayed
from sparring.recipe.recorded import read_recipe_of


def measured(cases: Sequence[Case], out: Path) -> list[tuple[Case, float]]:
    """The badness of those cases that were played."""
    found = []
    for case in cases:
        outcome = outcome_of(case, out)
        if outcome is not None:
            setting = settings_of(case.part)[case.setting]
            found.append((case, badness(outcome["scores"], setting.badness, setting.fields["steps"])))
    return found


def ratios(cases: Sequence[Case], out: Path) -> list[tuple[Case, float, float]]:
    """Each played case with its badness, and that over the healthy median of its setting."""
    found = measured(cases, out)
    medians = healthy_medians(found)
    return [(case, value, value / medians[case.setting]) for case, value in found if case.setting in medians]


def judged(cases: Sequence[Case], out: Path) -> list[Played]:
    """Every played case with what the doctor says of it."""
    runs = []
    for case, value, ratio in ratios(cases, out):
        path = place(case, out)
        told = sparring.diagnose(path)
        steps = settings_of(case.part)[case.setting].fields["steps"]
        cause, severity = cause_of(case) if case.cause else (None, None)
        runs.append(
            Played(
                case,
                value,
                ratio,
                told["verdict"],
                tuple(one["symptom"] for one in told["findings"] if one.get("kind", "illness") == "illness"),
                cause.symptoms if cause else frozenset(),
                round(severity.begin * steps) if severity else 0,
                first_alarm(path),
                steps,
            )
        )
    return runs


def first_alarm(path: Path) -> int | None:
    """The first step at which a finding of illness is opened, or at which the run fell.

    Played over again from what the run measured, since rules are functions of that alone: what is judged are the rules
    as they are, not those that were there when the run was played.
    """
    run = RunDir(path)
    found = diagnose(run, read_recipe_of(run))
    steps = [step for step, event in replayed(found.history, judge) if event.event == "opened"]
    steps += [int(fall["since_step"]) for fall in found.history.falls]
    return min(steps, default=None)


def told(found: dict[str, Any]) -> str:
    """The summary, for people."""
    lines = [", ".join(f"{name} {count}" for name, count in found["runs"].items())]
    for name, value in found.items():
        if isinstance(value, dict) and "interval" in value:
            low, high = value["interval"]
            lines.append(
                f"{name:34} {value['part']:4} of {value['whole']:4} {value['value']:7.3f}  ({low:.3f} to {high:.3f})"
            )
    lines.append(
        "alarm after onset: " + ", ".join(f"{name} {_short(n)}" for name, n in found["alarm after onset"].items())
    )
    lines.append("confusion (truth: verdicts): " + json.dumps(found["confusion"]))
    lines.append(
        f"{'cause':20} {'runs':>4} {'sick':>4} {'found':>5} {'named':>5}  {'alarms when healthy':>19}  first findings"
    )
    for name, one in found["by cause"].items():
        firsts = ", ".join(f"{symptom} {count}" for symptom, count in one["first findings"].items())
        calm = one["alarms on those that stayed healthy"]
        lines.append(
            f"{name:20} {one['runs']:4} {one['sick']:4} {one['found']:5} {one['named']:5}  {calm:19}  {firsts}"
        )
    lines.append("wrong:")
    for one in found["wrong"]:
        lines.append(
            f"  {one['run']}: {one['truth']} ({one['ratio']:.2f}), told {one['verdict']}: "
            f"{', '.join(one['findings']) or 'nothing'}; right: {', '.join(one['right']) or 'nothing'}"
        )
    return "\n".join(lines)


def table_of_ratios(cases: Sequence[Case], out: Path) -> str:
    """What the causes did, without any doctor."""
    found, told = ratios(cases, out), []
    for setting, middle in healthy_medians([(case, value) for case, value, _ in found]).items():
        spread = sorted(ratio for case, _, ratio in found if case.setting == setting and not case.cause)
        measure = settings_of(cases[0].part)[setting].badness
        told.append(f"{setting:22} {measure:9} {middle:8.4g}  healthy: {', '.join(f'{ratio:.2f}' for ratio in spread)}")
    for case, value, ratio in found:
        if case.cause:
            told.append(f"{case.cause:20} {case.severity:18} {case.setting:22} {value:9.4g}  {ratio:7.2f}")
    return "\n".join(told)


def _short(number: float | None) -> str:
    return "none" if number is None else f"{number:.3g}"
