"""From a study's runs to its answers: scores by arm, verdicts, main effects, costs and the arm to take.

Answers are drawn from runs on fresh seeds alone (`stage="final"`); the screening, which chose its finalists by its
scores, is only told of. How a verdict comes about is in docs/study-statistics.md.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from sparring.base.errors import RequestError, nearest
from sparring.kinds.scores import metric
from sparring.metrics import Better, Interval
from sparring.metrics.inference import Spread
from sparring.studies.answers.analysis import Analysis, Arm, Beside, Recommended
from sparring.studies.answers.contrasts import Contrast, Judged, Scale, Yardsticks, judge
from sparring.studies.answers.costs import cost_of
from sparring.studies.answers.factorial import cells_of, interactions, levels_of, main_effects
from sparring.studies.answers.phrases import effect_of_key_text, interaction_text, spelled, verdict_text
from sparring.studies.answers.records import RunRecord
from sparring.studies.answers.screening import screened

__all__ = ["Analysis", "analyse"]

CHEAPER = 0.05
"""A step shorter by more than this share counts as cheaper."""


def analyse(
    records: Sequence[RunRecord],
    *,
    better: Better,
    margin: float = 0.05,
    baseline: str | None = None,
    extractor: str = "",
) -> Analysis:
    """The answers of a study's runs. The baseline is the arm named, else the first that has runs on fresh seeds.

    No such runs, two of one arm and seed, several metrics, a margin outside (0, 1) or an unknown baseline is a
    RequestError.
    """
    final = [record for record in records if record.stage == "final"]
    _check(final, margin)
    names = [name for name in dict.fromkeys(r.arm for r in records) if any(r.arm == name for r in final)]
    chosen = names[0] if baseline is None else baseline
    if chosen not in names:
        raise RequestError(f"baseline: no run on fresh seeds of '{chosen}'; {nearest(chosen, names)}")
    names.sort(key=lambda name: name != chosen)
    runs = {name: sorted((r for r in final if r.arm == name), key=lambda r: r.seed) for name in names}
    by = Yardsticks(final[0].metric, better, _scale(final), margin, extractor)
    target = _mean([score for run in runs[chosen] if not math.isnan(score := score_of(run))])
    arms = [_arm(runs[name], by, target) for name in names]
    comparisons = judge(_pairs(arms, by), by, verdict_text)
    effects, together, left_out = _by_key(arms, by)
    first = {record.arm: record.overrides for record in reversed(records)}
    return Analysis(
        by=by,
        baseline=chosen,
        arms=arms,
        comparisons=comparisons,
        effects=effects,
        interactions=together,
        left_out=left_out,
        recommended=recommend(arms, by),
        screening=screened([r for r in records if r.stage == "screen"], list(first)[::-1], better),
    )


def _check(final: Sequence[RunRecord], margin: float) -> None:
    if not final:
        raise RequestError("study: no run on fresh seeds has ended yet, so there is nothing to answer from")
    if not 0 < margin < 1:
        raise RequestError(f"margin: {margin} is not between 0 and 1; 0.05 is 5 %")
    metrics = sorted({record.metric for record in final})
    if len(metrics) > 1:
        raise RequestError(f"study: runs are judged by {' and '.join(metrics)}; a study has one metric")
    seen: set[tuple[str, int]] = set()
    for record in final:
        if (record.arm, record.seed) in seen:
            raise RequestError(f"study: two runs of {record.arm} with seed {record.seed}: {record.directory}")
        seen.add((record.arm, record.seed))


def score_of(record: RunRecord) -> float:
    """A run's score; not a number where it failed."""
    if record.state == "failed" or record.score is None or not math.isfinite(record.score):
        return math.nan
    return record.score


def _scale(final: Sequence[RunRecord]) -> Scale:
    """Ratios for metrics from 0 or 1 up without bound (FID), whose scatter grows with them; differences for shares
    (coverage), for what can be below 0 (KID), and where a score is 0."""
    low, high = metric(final[0].metric).bounds
    scores = [score for record in final if not math.isnan(score := score_of(record))]
    return "ratio" if low >= 0 and math.isinf(high) and all(score > 0 for score in scores) else "difference"


def _arm(runs: Sequence[RunRecord], by: Yardsticks, target: float | None) -> Arm:
    scores = {run.seed: score_of(run) for run in runs}
    whole = [score for score in scores.values() if not math.isnan(score)]
    interval = _interval(whole, by.metric)
    failed = [math.isnan(score) for score in scores.values()]
    logs = _mean([math.log(score) for score in whole]) if by.scale == "ratio" else None
    return Arm(
        name=runs[0].arm,
        overrides=runs[0].overrides,
        scores=scores,
        mean=_mean(whole),
        interval=interval,
        geometric_mean=None if logs is None else math.exp(logs),
        n=len(whole),
        failed=sum(failed),
        why=tuple(f"seed {run.seed}: {run.why or 'no score'}" for run, fell in zip(runs, failed, strict=True) if fell),
        runs=tuple(run.directory for run in runs),
        cost=cost_of(runs, failed, target, by.better),
        steps_ms={run.seed: run.step_ms for run, fell in zip(runs, failed, strict=True) if not fell},
        beside=_beside(runs),
    )


def _interval(values: Sequence[float], name: str) -> Interval | None:
    """Student's 95 % interval of the mean within the metric's bounds; None for fewer than two values."""
    if len(values) < 2:
        return None
    (low, high), (least, most) = Spread.of(values).interval, metric(name).bounds
    return max(low, least), min(high, most)


def _beside(runs: Sequence[RunRecord]) -> dict[str, Beside]:
    """What is told of the runs but not judged by."""
    found = {}
    for name in dict.fromkeys(name for run in runs for name in run.beside):
        values = [run.beside[name] for run in runs if name in run.beside]
        found[name] = Beside(math.fsum(values) / len(values), _interval(values, name), len(values))
    return found


def _mean(values: Sequence[float]) -> float | None:
    return math.fsum(values) / len(values) if values else None


def ranked(arms: Sequence[Arm], by: Yardsticks) -> list[Arm]:
    """Best first: a failure is worse than every score, so fewer failures go before better means."""
    whole = [arm for arm in arms if arm.centre is not None]
    return sorted(whole, key=lambda arm: (arm.failed / (arm.n + arm.failed), -by.gain * (arm.centre or 0.0)))


def contrast(arm: Arm, against: Arm) -> Contrast:
    """Two arms over the seeds that both have."""
    seeds = [seed for seed in arm.scores if seed in against.scores]
    first, second = (np.array([one.scores[seed] for seed in seeds], dtype=np.float64) for one in (arm, against))
    return Contrast(arm.name, against.name, first, second)


def _pairs(arms: Sequence[Arm], by: Yardsticks) -> list[Contrast]:
    """Each arm against the baseline; the best against the runner-up, where that is another pair."""
    pairs = [contrast(arm, arms[0]) for arm in arms[1:]]
    best = ranked(arms, by)[:2]
    if len(best) == 2 and arms[0] not in best:
        pairs.append(contrast(*best))
    return pairs


def _by_key(arms: Sequence[Arm], by: Yardsticks) -> tuple[list[Judged], list[Judged], int]:
    """Main effects and interactions, each a family of its own, and how many seeds they leave out."""
    overrides = [arm.overrides for arm in arms]
    levels = levels_of(overrides)
    if levels is None:
        return [], [], 0
    cells, left_out = cells_of(levels, overrides, [arm.scores for arm in arms])
    effects = judge(main_effects(levels, cells, by.scale), by, effect_of_key_text)
    together = judge(interactions(levels, cells, by.scale), by, interaction_text, in_percent=by.scale == "ratio")
    return effects, together, left_out


def recommend(arms: Sequence[Arm], by: Yardsticks) -> Recommended:
    """The best arm; or, of those whose mean is within the margin of the best's, or that are equivalent to it, and that
    failed no more often, the cheapest, where its steps are surely shorter by more than 5 %."""
    order = ranked(arms, by)
    if not order:
        return Recommended(None, (), "none: every run failed")
    best, *others = order
    against = judge([contrast(arm, best) for arm in others], by, verdict_text)
    near = {one.contrast.arm: one for one in against if one.verdict not in ("worse", "failed")}
    open_ = [
        arm
        for arm in others
        if arm.name in near and arm.failed <= best.failed and _about_as_good(arm, best, near[arm.name], by)
    ]
    cheapest = min([best, *open_], key=lambda arm: arm.cost.step_ms or math.inf)
    name = spelled(by)
    if cheapest is not best and _surely_cheaper(cheapest, best):
        judged, share = near[cheapest.name], 1 - (cheapest.cost.step_ms or 0) / (best.cost.step_ms or 1)
        relation = "is equivalent to" if judged.verdict == "equivalent" else "cannot be told from"
        why = f"{cheapest.name}: {name} {relation} the best ({best.name}), and its steps are {share:.0%} shorter"
        return Recommended(cheapest.name, cheapest.overrides, why.replace("%", " %"))
    return Recommended(best.name, best.overrides, f"{best.name}: {_standing(arms, others, list(near))} ({name})")


def _about_as_good(arm: Arm, best: Arm, judged: Judged, by: Yardsticks) -> bool:
    """With few seeds much cannot be told; what looks much worse is not advised for being cheap."""
    if judged.verdict == "equivalent":
        return True
    mine, its = arm.centre, best.centre
    return mine is not None and its is not None and abs(mine - its) <= by.margin * abs(its)


def _surely_cheaper(arm: Arm, other: Arm) -> bool:
    """Whether the 95 % interval of the ratio of step times over common seeds is all below 1 - CHEAPER: machines that do
    other things too make single times differ by more."""
    common = [seed for seed in arm.steps_ms if min(arm.steps_ms[seed], other.steps_ms.get(seed, 0.0)) > 0]
    if len(common) < 2:
        return False
    _, high = Spread.of([math.log(arm.steps_ms[seed] / other.steps_ms[seed]) for seed in common]).interval
    return high < math.log(1 - CHEAPER)


def _standing(arms: Sequence[Arm], others: Sequence[Arm], near: Sequence[str]) -> str:
    """Why the best is taken: `others` have scores, those named `near` are not surely worse."""
    if not others:
        return "the only arm that did not fail in all seeds" if len(arms) > 1 else "the only arm"
    if not near:
        return "the best of the arms by its mean score, and surely better than all others"
    return f"the best of the arms by its mean score, though not surely better than {_listed(near)}"


def _listed(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
