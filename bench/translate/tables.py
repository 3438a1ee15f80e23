"""From results to a table of means with intervals, and what holds of what was asked for."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from scipy import stats

Result = dict[str, Any]
BETTER = {"psnr": 1, "ssim": 1, "patch_kid": -1, "kid": -1, "fid": -1}


def told(results: Sequence[Result]) -> str:
    """A line a system."""
    names = [name for name in [*BETTER, "cpu_s"] if any(name in one for one in results)]
    systems = list(dict.fromkeys(one["system"] for one in results))
    lines = [f"{'system':<22}" + "".join(f"{name:>28}" for name in names)]
    for system in systems:
        cells = "".join(f"{_cell(values_of(results, system, name)):>28}" for name in names)
        lines.append(f"{system:<22}{cells}")
    return "\n".join(lines)


def values_of(results: Sequence[Result], system: str, name: str) -> list[float]:
    return [one[name] for one in results if one["system"] == system and name in one]


def _cell(values: Sequence[float]) -> str:
    if not values:
        return ""
    mean, half = interval(values)
    return f"{mean:.4g}" if math.isnan(half) else f"{mean:.4g} ({mean - half:.4g} to {mean + half:.4g})"


def interval(values: Sequence[float]) -> tuple[float, float]:
    """A mean, and half of its 95 % interval by Student's t."""
    if len(values) < 2:
        return float(np.mean(values)), math.nan
    half = stats.t.ppf(0.975, len(values) - 1) * np.std(values, ddof=1) / math.sqrt(len(values))
    return float(np.mean(values)), float(half)


def verdicts(task: str, results: Sequence[Result]) -> list[dict[str, Any]]:
    """What was asked for, of the means over seeds."""

    def mean(system: str, name: str) -> float:
        found = values_of(results, system, name)
        return float(np.mean(found)) if found else math.nan

    def one(what: str, holds: bool, *numbers: float) -> dict[str, Any]:
        return {"what": what, "holds": bool(holds), "why": " against ".join(f"{number:.4g}" for number in numbers)}

    ours = {name: mean("sparring", name) for name in BETTER}
    if task == "maps":
        near = {name: mean("nearest pair", name) for name in BETTER}
        blurred = mean("reconstruction alone", "patch_kid")
        return [
            one("PSNR above the nearest pair's", ours["psnr"] > near["psnr"], ours["psnr"], near["psnr"]),
            one("SSIM above the nearest pair's", ours["ssim"] > near["ssim"], ours["ssim"], near["ssim"]),
            one(
                "KID of patches at most half of the reconstruction's alone",
                ours["patch_kid"] <= blurred / 2,
                ours["patch_kid"],
                blurred,
            ),
        ]
    if task in ("unpaired", "cycle"):
        others = [(name, mean(name, "kid")) for name in ("identity", "histogram matching")]
        return [one(f"KID below that of {name}", ours["kid"] < kid, ours["kid"], kid) for name, kid in others]
    found = []
    for name in ("biharmonic", "telea", "mean"):
        for metric, more in (("psnr", 2.0), ("ssim", 0.05)):
            its = mean(name, metric)
            found.append(
                one(f"{metric} in the hole {more:g} above {name}", ours[metric] >= its + more, ours[metric], its)
            )
    return found
