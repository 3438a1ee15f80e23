"""Plays sick runs again with the doctor's treatment, and healthy ones to see whether it does harm."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from pathlib import Path
from statistics import fmean, stdev
from typing import Any

import torch
from judging import WORSE, badness, healthy_medians, share, value_of, worst_of
from parts import Case, settings_of
from playing import outcome_of, place, play_all
from reading import first_alarm, measured
from scipy.stats import t as student

from sparring.base.files import read_lines
from sparring.base.rundir import RunDir

TREAT = "doctor=treat"
HEALTHY_SEEDS = 1
"""Healthy runs of each setting that are treated too."""


def treated(cases: Sequence[Case], wanted: Collection[Case], out: Path, jobs: int) -> dict[str, Any]:
    """What treatment did to the wanted ones of a part's sick runs, and to healthy ones."""
    found = measured(cases, out)
    medians = healthy_medians(found)
    sick = [case for case, value in found if case in wanted and case.cause and value > WORSE * medians[case.setting]]
    untouched = _firsts([case for case, value in found if not case.cause and value <= WORSE * medians[case.setting]])
    place_again = out / "treated"
    play_all([*sick, *untouched], place_again, jobs, (TREAT,))
    before, after = dict(found), dict(measured([*sick, *untouched], place_again))
    lines = [
        {
            "run": f"{case.setting}/{case.name}",
            "before": before[case] / medians[case.setting],
            "after": after[case] / medians[case.setting],
            "treated": treatments(place(case, place_again)),
        }
        for case in sick
    ]
    return {
        "mended": share(lines, lambda line: line["after"] <= WORSE).to_json(),  # type: ignore[arg-type]
        "sick": lines,
        "healthy": _harm([twins(case, out, place_again) for case in untouched]),
    }


def _firsts(cases: Sequence[Case]) -> list[Case]:
    """The first few of each setting."""
    by_setting: dict[str, list[Case]] = {}
    for case in cases:
        by_setting.setdefault(case.setting, []).append(case)
    return [case for group in by_setting.values() for case in group[:HEALTHY_SEEDS]]


def twins(case: Case, out: Path, again: Path) -> dict[str, Any]:
    """A healthy run beside its treated twin, of the same seed."""
    setting = settings_of(case.part)[case.setting]
    first, second = outcome_of(case, out), outcome_of(case, again)
    assert first is not None
    assert second is not None
    value = badness(second["scores"], setting.badness, setting.fields["steps"])
    worst = worst_of(first["scores"][-1], setting.badness)
    path = place(case, again)
    return {
        "run": f"{case.setting}/{case.name}",
        "untreated": value_of(first["scores"][-1], setting.badness),
        "worst of its interval": worst,
        "treated": value,
        "harmed": value > worst,
        "alarm": first_alarm(path),
        "treatments": treatments(path),
        "same bits": same_bits(place(case, out), path),
    }


def treatments(path: Path) -> list[Any]:
    """What was changed in a run, in the order of its findings."""
    return [line["overrides"] for line in read_lines(RunDir(path).findings) if line.get("event") == "treated"]


def same_bits(first: Path, second: Path) -> bool:
    """Whether two runs ended with the same weights and the same averages, bit for bit."""
    states = []
    for path in (first, second):
        run = RunDir(path)
        saved = run.saved_steps()
        if not saved:
            return False
        state = run.load(saved[-1])
        states.append(
            {"step": torch.tensor(state["step"])} | _flat(state["nets"]) | _flat({"average": state["average"]})
        )
    one, other = states
    return one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)


def _flat(nets: dict[str, Any]) -> dict[str, torch.Tensor]:
    return {f"{side}.{name}": tensor for side, net in nets.items() for name, tensor in (net or {}).items()}


def _harm(pairs: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Healthy runs beside their treated twins: by pairs, and where nothing was found, to the bit."""
    differences = [pair["treated"] / pair["untreated"] - 1 for pair in pairs]
    half = float("nan")
    if len(pairs) > 1:
        half = float(student.ppf(0.975, len(pairs) - 1)) * stdev(differences) / len(pairs) ** 0.5
    mean = fmean(differences) if pairs else float("nan")
    quiet = [pair for pair in pairs if pair["alarm"] is None]
    return {
        "pairs": len(pairs),
        "mean relative difference": mean,
        "interval": [mean - half, mean + half],
        "harmed beyond their interval": [pair["run"] for pair in pairs if pair["harmed"]],
        "nothing found": len(quiet),
        "nothing found, yet other bits": [pair["run"] for pair in quiet if not pair["same bits"]],
        "runs": list(pairs),
    }


def told(found: dict[str, Any]) -> str:
    """The same, for people."""
    mended, healthy = found["mended"], found["healthy"]
    low, high = mended["interval"]
    lines = [f"{'run':60} {'before':>7} {'after':>7}  treatments"]
    for one in found["sick"]:
        lines.append(f"{one['run']:60} {one['before']:7.2f} {one['after']:7.2f}  {one['treated']}")
    lines.append(f"mended: {mended['part']} of {mended['whole']} = {mended['value']:.3f} ({low:.3f} to {high:.3f})")
    low, high = healthy["interval"]
    lines.append(
        f"healthy: {healthy['pairs']} pairs, treated over untreated less 1: {healthy['mean relative difference']:+.4f} "
        f"({low:+.4f} to {high:+.4f}); harmed {healthy['harmed beyond their interval']}; nothing found in "
        f"{healthy['nothing found']}, of which other bits: {healthy['nothing found, yet other bits']}"
    )
    return "\n".join(lines)
