"""What the scores of pairs say: means, paired differences, verdicts."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from typing import Any, NamedTuple

from mistakes import MISTAKES
from scipy.stats import t as student


class Difference(NamedTuple):
    """A mean of paired differences, mistaken less correct, with its 95 % interval by Student's distribution."""

    mean: float
    low: float
    high: float

    @staticmethod
    def of(pairs: Sequence[dict[str, dict[str, float]]], name: str) -> Difference:
        each = [pair["mistaken"][name] - pair["correct"][name] for pair in pairs]
        mean = statistics.fmean(each)
        if len(each) < 2:
            return Difference(mean, -math.inf, math.inf)
        half = float(student.ppf(0.975, len(each) - 1)) * statistics.stdev(each) / math.sqrt(len(each))
        return Difference(mean, mean - half, mean + half)


RUINED = 0.5
"""A mistake that takes so much of the coverage ruins."""


def verdict(pairs: Sequence[dict[str, dict[str, float]]]) -> str:
    """What the scores say, in a few words."""
    fid, coverage = Difference.of(pairs, "fid"), Difference.of(pairs, "coverage")
    if fid == coverage == (0.0, 0.0, 0.0):
        return "changes nothing, to the last bit"
    worse = fid.low > 0 or coverage.high < 0
    better = fid.high < 0 or coverage.low > 0
    left = [pair["mistaken"]["coverage"] / max(pair["correct"]["coverage"], 1e-9) for pair in pairs]
    if worse and max(left) <= RUINED and not better:
        return "ruins"
    if worse and better:
        return "one score better, one worse"
    return "harms" if worse else "helps" if better else "cannot be told apart"


def results(runs: dict[str, dict[str, Any]], names: Sequence[str]) -> list[dict[str, Any]]:
    """A line for each mistake: means, differences, verdict."""
    lines = []
    for name in names:
        pairs, mistake = [runs[name][seed] for seed in sorted(runs[name], key=int)], MISTAKES[name]
        line: dict[str, Any] = {"mistake": name, "recipe": mistake.recipe, "with": list(mistake.both)}
        line["seeds"] = sorted(int(seed) for seed in runs[name])
        for score in ("fid", "coverage", *(["telling"] if mistake.telling else [])):
            mean, low, high = Difference.of(pairs, score)
            line[score] = {side: statistics.fmean(p[side][score] for p in pairs) for side in ("correct", "mistaken")}
            line[score] |= {"difference": mean, "interval": [low, high]}
        lines.append(line | {"verdict": verdict(pairs)} | ({"telling_of": mistake.telling} if mistake.telling else {}))
    return lines


def table(lines: Sequence[dict[str, Any]], protocol: dict[str, Any]) -> str:
    """The results, for people."""
    yard = protocol["training_data"]
    told = [
        f"{protocol['steps']:,} steps; {protocol['samples']:,} samples against as many held-out images of "
        f"{protocol['data']}; features: {protocol['extractor']} {protocol['hash']}",
        "differences: mistaken less correct version, same seed; 95 % intervals by Student's distribution",
        f"{'mistake':22} {'recipe':14} {'FID (classifier)':>17} {'difference':>28}   {'coverage':>14} "
        f"{'difference':>23}  verdict",
        f"{'(training images)':22} {'':14} {yard['fid']:>17.2f} {'':>28}   {yard['coverage']:>14.3f}",
    ]
    for line in lines:
        fid, cover = line["fid"], line["coverage"]
        told.append(
            f"{line['mistake']:22} {line['recipe'].split('/')[1]:14} {_two(fid, '7.1f')} {_apart(fid, '+8.1f'):>28}   "
            f"{_two(cover, '5.3f')} {_apart(cover, '+.3f'):>23}  {line['verdict']}"
        )
        if "telling" in line:
            tell = line["telling"]
            told.append(f"{'':22} {line['telling_of']}: {_two(tell, '.3f')}, difference {_apart(tell, '+.3f')}")
    return "\n".join(told)


def _two(score: dict[str, Any], style: str) -> str:
    return f"{score['correct']:{style}} > {score['mistaken']:{style}}"


def _apart(score: dict[str, Any], style: str) -> str:
    return f"{score['difference']:{style}} [{score['interval'][0]:{style}},{score['interval'][1]:{style}}]"
