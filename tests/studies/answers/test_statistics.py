"""From runs to verdicts."""

from __future__ import annotations

import json
import math
import random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from sparring.base.errors import RequestError
from sparring.studies.answers.analysis import Analysis
from sparring.studies.answers.statistics import analyse
from tests.studies.answers.made import record, simulated, study


def fid(scores: dict[str, list[float | None]], **changes: object) -> Analysis:
    return analyse(study(scores, **changes), better="lower")


def test_a_comparison_by_hand() -> None:
    """Against SciPy's paired test of the logs."""
    base, other = [60.0, 50, 55, 70, 64], [50.0, 43, 50, 58, 59]
    one = fid({"rate=0": base, "rate=0.25": other}).comparisons[0]
    logs = stats.ttest_rel(np.log(other), np.log(base))
    assert one.p_holm == pytest.approx(logs.pvalue)
    assert one.measured.percent == pytest.approx(100 * (math.exp(np.mean(np.log(other) - np.log(base))) - 1))
    ends = [100 * math.expm1(end) for end in logs.confidence_interval(0.95)]
    assert one.measured.percent_interval == pytest.approx(ends)
    assert one.measured.difference == pytest.approx(-7.8)
    assert one.measured.interval == pytest.approx(stats.ttest_rel(other, base).confidence_interval(0.95))
    assert one.verdict == "better"


def test_an_arm_by_hand() -> None:
    arm = fid({"rate=0": [60.0, 50, 55], "rate=1": [1.0, 2, 3]}).arm("rate=0")
    assert arm.mean == 55
    assert arm.interval == pytest.approx(stats.t.interval(0.95, 2, 55, 5 / math.sqrt(3)))
    assert arm.geometric_mean == pytest.approx(stats.gmean([60, 50, 55]))
    assert (arm.n, arm.failed, arm.runs) == (3, 0, tuple(f"rate=0/seed-{seed}" for seed in range(3)))


def test_no_interval_leaves_the_metrics_bounds() -> None:
    arms = analyse(study({"a=0": [0.99, 0.7], "a=1": [0.5, 0.6]}, metric="coverage"), better="higher").arms
    assert arms[0].interval is not None
    assert arms[0].interval[0] >= 0
    assert arms[0].interval[1] == 1


def test_sentences_for_beginners() -> None:
    waves = [[0.06 * math.sin(7 * seed + 2 * arm) for seed in range(8)] for arm in range(4)]
    effects = {"rate=0": 0.0, "rate=0.1": -0.005, "rate=0.25": -0.2, "rate=0.5": 0.3}
    rows = zip(effects.items(), waves, strict=True)
    told = fid({arm: [50 * math.exp(effect + one) for one in wave] for (arm, effect), wave in rows}).sentences()
    assert told == [
        "rate=0.1 cannot be told from rate=0: FID 1.4 % lower (95 %: 7.2 % lower to 4.8 % higher), p = .60 after Holm; 8 seeds; needs about 204 more seeds",
        "rate=0.25 is better than rate=0: FID 18 % lower (95 % 12 to 24 %), p < .001 after Holm; 8 seeds",
        "rate=0.5 is worse than rate=0: FID 35 % higher (95 % 34 to 37 %), p < .001 after Holm; 8 seeds",
        "rate=0.25 is better than rate=0.1: FID 17 % lower (95 % 12 to 22 %), p < .001 after Holm; 8 seeds",
    ]


@pytest.mark.parametrize("metric", ["fid", "kid", "coverage"])
def test_families_of_equal_arms_hold_a_false_verdict_in_5_percent_at_most(metric: str) -> None:
    source, better = np.random.default_rng(5), "lower" if metric != "coverage" else "higher"
    studies, false = (2000 if metric == "fid" else 700), 0
    arms = {f"rate={i}": 0.0 for i in range(4)}
    for _ in range(studies):
        scores = simulated(source, arms, 6)
        if metric != "fid":
            scores = {arm: [math.log(one) / 10 for one in row] for arm, row in scores.items()}
        told = analyse(study(scores, metric=metric), better=better).comparisons
        false += any(one.verdict in ("better", "worse") for one in told)
    assert false / studies <= 0.05 + 2.5 * math.sqrt(0.05 * 0.95 / studies)


def test_families_hold_where_an_arm_fails_by_chance() -> None:
    """Failures as likely in each arm: the exact test keeps its promise, too."""
    source, false = np.random.default_rng(6), 0
    for _ in range(600):
        scores = simulated(source, {"a=0": 0.0, "a=1": 0.0, "a=2": 0.0}, 8)
        told = fid({arm: [None if source.random() < 0.2 else one for one in row] for arm, row in scores.items()})
        false += any(one.verdict in ("better", "worse") for one in told.comparisons)
    assert false / 600 <= 0.05 + 2.5 * math.sqrt(0.05 * 0.95 / 600)


def test_seeds_asked_for_give_the_power_promised() -> None:
    """A study that cannot tell says how many more; studies of that size tell in 80 %."""
    log_gains = np.array([-0.2, 0.1, -0.15, 0.05, -0.1, 0.02])
    one = fid({"rate=0": [50.0] * 6, "rate=0.5": (50 * np.exp(log_gains)).tolist()}).comparisons[0]
    assert one.verdict == "cannot tell"
    assert one.needs is not None
    told = f"needs about {one.needs} more seeds"
    assert told in fid({"rate=0": [50.0] * 6, "rate=0.5": (50 * np.exp(log_gains)).tolist()}).sentences()[0]
    drawn = np.random.default_rng(7).normal(log_gains.mean(), log_gains.std(ddof=1), (2000, 6 + one.needs))
    assert (stats.ttest_1samp(drawn, 0, axis=1).pvalue <= 0.05).mean() == pytest.approx(0.8, abs=0.03)


def test_more_comparisons_need_more_seeds() -> None:
    row = (50 * np.exp([-0.2, 0.1, -0.15, 0.05, -0.1, 0.02])).tolist()
    alone = fid({"rate=0": [50.0] * 6, "rate=0.5": row}).comparisons[0]
    other = (50 * np.exp([0.2, -0.1, -0.15, 0.05, 0.1, 0.02])).tolist()
    among = fid({"rate=0": [50.0] * 6, "rate=0.5": row, "rate=0.6": other, "rate=0.7": other[::-1]}).comparisons[0]
    assert alone.needs is not None
    assert among.needs is not None
    assert among.needs > alone.needs


def test_equivalent() -> None:
    scores = simulated(np.random.default_rng(8), {"rate=0": 0.0, "rate=0.1": 0.01}, 8, 0.01)
    one = fid(scores).comparisons[0]
    assert one.verdict == "equivalent"
    assert fid(scores).sentences()[0].startswith("rate=0.1 is equivalent to rate=0 within 5 %: FID ")
    assert analyse(study(scores), better="lower", margin=0.002).comparisons[0].verdict != "equivalent"


def test_arms_that_are_the_same_runs_are_equivalent_where_they_are_many() -> None:
    scores = [60.0, 50, 55, 52, 51]
    one = fid({"rate=0": scores, "rate=0.0": scores}).comparisons[0]
    assert (one.verdict, one.p_holm, one.measured.percent) == ("equivalent", 1.0, 0.0)
    assert fid({"rate=0": scores[:2], "rate=0.0": scores[:2]}).comparisons[0].verdict == "cannot tell"
    found = {"a=0": [8.0, 8.0], "a=1": [8.0, 8.0]}  # a coarse score at its bound
    assert analyse(study(found, metric="modes"), better="higher").comparisons[0].verdict == "cannot tell"


def test_scores_that_exploded_still_have_answers() -> None:
    told = fid({"a=0": [1.0, 1.0], "a=1": [1e60, 1.0]})
    assert told.comparisons[0].verdict == "cannot tell"
    assert told.lines()


def test_two_alike_differences_of_a_coarse_score_prove_nothing() -> None:
    told = analyse(study({"a=0": [0.5, 0.6], "a=1": [0.7, 0.8]}, metric="coverage"), better="higher").comparisons[0]
    assert told.verdict == "cannot tell"
    assert told.p_holm == 0.5
    assert told.needs is not None


def test_failures_are_worse_than_every_score() -> None:
    """Two of eight runs failed, the other six are a little better than the baseline's: no verdict for either."""
    base: list[float | None] = [50.0, 51, 52, 53, 54, 55, 56, 57]
    good = [one * (0.9 + 0.001 * i) for i, one in enumerate(base) if one is not None]
    assert fid({"a=0": base, "a=1": [*good]}).comparisons[0].verdict == "better"
    fallen = fid({"a=0": base, "a=1": [None, None, *good[2:]]})
    one = fallen.comparisons[0]
    # Ranks of the losses 7.5 + 7.5 of 36
    assert one.p_holm == pytest.approx(stats.wilcoxon([-8, -8, 1, 2, 3, 4, 5, 6], method="exact").pvalue, abs=0.05)
    assert one.verdict == "cannot tell"
    assert "a=1 failed in 2 of 8, counted as worse than every score" in fallen.sentences()[0]
    assert (fallen.arm("a=1").failed, fallen.arm("a=1").n) == (2, 6)
    assert fallen.arm("a=1").why == ("seed 0: diverged three times", "seed 1: diverged three times")
    assert fallen.recommended.arm == "a=0"


def test_an_arm_that_mostly_fails_is_worse() -> None:
    base: list[float | None] = [50.0 + i for i in range(8)]
    one = fid({"a=0": base, "a=1": [None] * 7 + [20.0]}).comparisons[0]
    assert one.verdict == "worse"
    assert one.measured.interval is None
    back = fid({"a=1": [None] * 7 + [20.0], "a=0": base}).comparisons[0]
    assert (back.verdict, back.p_holm) == ("better", one.p_holm)


def test_an_arm_that_always_fails() -> None:
    told = fid({"a=0": [50.0, 51, 52], "a=1": [None, None, None], "a=2": [49.0, 52, 51]})
    assert told.comparisons[0].verdict == "failed"
    assert told.sentences()[0] == "a=1 failed in 3 of 3 seeds"
    assert told.arm("a=1").mean is None
    every = fid({"a=0": [None, None], "a=1": [None, None]})
    assert every.recommended.arm is None
    assert every.recommended.why == "none: every run failed"
    assert [one.verdict for one in every.comparisons] == ["failed"]


def test_scores_that_are_no_numbers_have_failed() -> None:
    assert fid({"a=0": [50.0, 51], "a=1": [math.nan, math.inf]}).arm("a=1").failed == 2


def test_one_seed_in_common() -> None:
    told = analyse([record("a=0", 0, 50.0), record("a=0", 1, 51.0), record("a=1", 1, 49.0)], better="lower")
    assert told.comparisons[0].verdict == "cannot tell"
    assert told.comparisons[0].measured.difference == -2
    assert told.sentences() == ["a=1 cannot be told from a=0: 1 seed in common, it takes at least 2"]


def test_pairs_are_of_equal_seeds() -> None:
    runs = study({"a=0": [10.0, 20, 40], "a=1": [11.0, 22, 44]})
    ordered = analyse(runs, better="lower").comparisons[0]
    assert ordered.measured.percent == pytest.approx(10)
    assert ordered.verdict == "worse" or ordered.measured.method == "ranks"
    missing = [one for one in runs if (one.arm, one.seed) != ("a=1", 1)]
    assert analyse(missing, better="lower").comparisons[0].measured.percent == pytest.approx(10)


def test_kid_below_zero_has_no_percent() -> None:
    told = analyse(study({"a=0": [0.001, -0.002, 0.001], "a=1": [0.02, 0.021, 0.023]}, metric="kid"), better="lower")
    one = told.comparisons[0]
    assert told.by.scale == "difference"
    assert one.measured.percent is None
    assert one.p_equivalent is None
    assert one.verdict == "worse"
    assert told.sentences()[0].startswith("a=1 is worse than a=0: KID 0.021 higher (95 % 0.016 to 0.027), p = ")


@settings(max_examples=40)
@given(st.integers(0, 10_000), st.integers(2, 7))
def test_order_of_records_does_not_matter(seed: int, seeds: int) -> None:
    scores = simulated(np.random.default_rng(seed), {"a=0": 0.0, "a=1": 0.1, "a=2": -0.1}, seeds)
    runs = study({arm: [None if one < 30 else one for one in row] for arm, row in scores.items()})
    shuffled = runs[:]
    random.Random(seed).shuffle(shuffled)
    first, second = (analyse(order, better="lower", baseline="a=0").to_json() for order in (runs, shuffled))

    def by_name(told: dict[str, object], part: str, key: str = "arm") -> list[object]:
        return sorted(told[part], key=lambda one: (one[key], one.get("against")))  # type: ignore[index]

    assert by_name(first, "comparisons") == by_name(second, "comparisons")
    assert by_name(first, "arms", "name") == by_name(second, "arms", "name")
    assert first["recommended"]["arm"] == second["recommended"]["arm"]


@settings(max_examples=40)
@given(st.integers(0, 10_000), st.sampled_from(["fid", "coverage"]), st.booleans())
def test_swapped_arms_swap_the_verdict(seed: int, metric: str, failing: bool) -> None:
    scores: dict[str, list[float | None]] = dict(simulated(np.random.default_rng(seed), {"a": 0.0, "b": 0.1}, 6, 0.05))
    if metric == "coverage":
        scores = {arm: [one / 200 for one in row if one] for arm, row in scores.items()}
    if failing:
        scores["b"][0] = None
    runs = study(scores, metric=metric, overrides=())
    better = "lower" if metric == "fid" else "higher"
    one, other = (analyse(runs, better=better, baseline=base).comparisons[0] for base in "ab")
    swapped = {"better": "worse", "worse": "better"}
    assert other.verdict == swapped.get(one.verdict, one.verdict)
    assert (other.p_holm, other.needs) == (pytest.approx(one.p_holm), one.needs)
    assert one.measured.difference == pytest.approx(-(other.measured.difference or 0))
    assert one.measured.interval == pytest.approx([-end for end in reversed(other.measured.interval or ())])
    if metric == "fid":
        ratio = 1 + (other.measured.percent or 0) / 100
        assert 1 + (one.measured.percent or 0) / 100 == pytest.approx(1 / ratio)


@settings(max_examples=40)
@given(st.integers(0, 10_000), st.floats(1e-3, 1e3), st.sampled_from(["fid", "kid"]))
def test_units_do_not_matter(seed: int, unit: float, metric: str) -> None:
    scores = simulated(np.random.default_rng(seed), {"a=0": 0.0, "a=1": 0.05}, 6, 0.05)
    one, other = (
        analyse(study({arm: [x * u for x in row] for arm, row in scores.items()}, metric=metric), better="lower")
        for u in (1.0, unit)
    )
    assert one.comparisons[0].verdict == other.comparisons[0].verdict
    assert one.comparisons[0].p_holm == pytest.approx(other.comparisons[0].p_holm)
    assert one.comparisons[0].measured.percent == pytest.approx(other.comparisons[0].measured.percent)
    assert one.comparisons[0].needs == other.comparisons[0].needs


def factorial(depends: float) -> Analysis:
    """Two keys of three and two values: logs of -0.1 and 0.2 by the first, -0.5 by the second."""
    source = np.random.default_rng(9)
    effects = {
        f"d.rate={rate}, r1={weight}": by_rate + by_weight + (depends if (rate, weight) == (0.5, 1) else 0)
        for rate, by_rate in ((0, 0.0), (0.25, -0.1), (0.5, 0.2))
        for weight, by_weight in ((0, 0.0), (1, -0.5))
    }
    return fid(simulated(source, effects, 10, 0.03))


def test_effects_of_keys() -> None:
    told = factorial(0.0)
    found = {(one.contrast.arm, one.contrast.against): one for one in told.effects}
    assert list(found) == [("rate=0.25", "rate=0"), ("rate=0.5", "rate=0"), ("r1=1", "r1=0")]
    for (arm, _), effect in zip(found, (-0.1, 0.2, -0.5), strict=True):
        one = found[arm, arm.split("=")[0] + "=0"]
        low, high = one.measured.percent_interval or (0, 0)
        assert low - 1 <= 100 * math.expm1(effect) <= high + 1
        assert one.verdict == ("worse" if effect > 0 else "better")
    # Equals the mean by hand of three paired differences of logs
    base = [np.log(list(told.arm(f"d.rate={rate}, r1=0").scores.values())) for rate in (0, 0.25, 0.5)]
    other = [np.log(list(told.arm(f"d.rate={rate}, r1=1").scores.values())) for rate in (0, 0.25, 0.5)]
    by_hand = np.mean(other, 0) - np.mean(base, 0)
    assert found["r1=1", "r1=0"].measured.p == pytest.approx(stats.ttest_1samp(by_hand, 0).pvalue)
    assert [one.verdict for one in told.interactions] != ["worse", "worse"]
    assert "over all values of the other keys" in " ".join(told.sentences())


def test_keys_that_depend_on_each_other() -> None:
    told = factorial(0.4).interactions
    assert [one.contrast.arm for one in told] == ["rate=0.25 with r1=1", "rate=0.5 with r1=1"]
    assert told[1].measured.percent == pytest.approx(100 * math.expm1(0.4), rel=0.15)
    assert told[1].p_holm is not None
    assert told[1].p_holm < 0.001
    assert any(line.endswith("they depend on each other") for line in factorial(0.4).sentences())


def test_half_a_design_has_no_effects_of_keys() -> None:
    row = [50.0, 51, 52]
    assert not fid({"a=0, b=0": row, "a=1, b=0": row, "a=0, b=1": row}).effects
    assert not fid({"a=0": row, "a=1": row}).effects


def test_effects_of_keys_say_what_they_leave_out() -> None:
    rows = {f"a={a}, b={b}": [50.0 + a, 52.0 + b, 55.0 - a * b, 54.0 + 2 * a] for a in (0, 1) for b in (0, 1)}
    rows["a=1, b=1"][2] = None  # type: ignore[call-overload]
    told = fid(rows)
    assert [one.n for one in told.effects] == [3, 3]
    assert told.sentences()[-1] == "what keys do by themselves leaves out 1 seed in which an arm failed"


def test_cheapest_of_those_not_told_apart() -> None:
    scores = {"a=0": [80.0, 83, 86, 92], "a=1": [50.0, 55, 53, 60], "a=2": [52.0, 50, 54, 56]}

    def advised(cost: float) -> Analysis:
        slow = [one._replace(step_ms=cost) if one.arm == "a=2" else one for one in study(scores)]
        return analyse(slow, better="lower")

    assert advised(10.4).recommended.arm == "a=2"
    told = advised(20.0).recommended
    assert (told.arm, told.overrides) == ("a=1", ("a=1",))
    assert told.why == "a=1: FID cannot be told from the best (a=2), and its steps are 50 % shorter"
    # Shorter by half in one run of four, in the others longer
    noisy = [one._replace(step_ms=5.0 if one.seed == 0 else 11.0) if one.arm == "a=1" else one for one in study(scores)]
    assert analyse(noisy, better="lower").recommended.arm == "a=2"
    # Shorter in the median by 10 %, but not surely by more than 5 %
    times = [8.0, 8.5, 9.5, 10.5]
    near = [one._replace(step_ms=times[one.seed]) if one.arm == "a=1" else one for one in study(scores)]
    assert analyse(near, better="lower").recommended.arm == "a=2"
    # Cheaper, and with two seeds not surely worse, but it looks so
    few = {"a=0": [70.0, 70.1], "a=1": [28.0, 29.0]}
    wide = [one._replace(step_ms=5.0) if one.arm == "a=0" else one for one in study(few | {"a=0": [45.0, 95.0]})]
    assert analyse(wide, better="lower").recommended.arm == "a=1"
    # Cheaper, but surely worse
    cheap = [one._replace(step_ms=5.0) if one.arm == "a=0" else one for one in study(scores)]
    assert analyse(cheap, better="lower").recommended.arm == "a=2"


def test_why_the_best_is_taken() -> None:
    apart = fid({"a=0": [50.0, 52, 54, 53], "a=1": [30.0, 31, 33, 32]})
    assert (
        apart.recommended.why == "a=1: the best of the arms by its mean score, and surely better than all others (FID)"
    )
    near = fid({"a=0": [50.0, 52, 54, 53], "a=1": [49.0, 53, 52, 53.5], "a=2": [48.0, None, 40, 41]})
    assert near.recommended.arm == "a=1"
    assert near.recommended.why.endswith("though not surely better than a=0 and a=2 (FID)")
    assert (
        fid({"a=0": [None], "a=1": [3.0]}).recommended.why == "a=1: the only arm that did not fail in all seeds (FID)"
    )
    assert fid({"a=0": [3.0]}).recommended.why == "a=0: the only arm (FID)"


def test_costs() -> None:
    runs = study({"a=0": [50.0, 60, 70], "a=1": [10.0, 20, 59]})
    runs = [one._replace(step_ms=10.0 + one.seed, peak_mb=100.0 * (1 + one.seed)) for one in runs]
    told = analyse(runs, better="lower")
    cost = told.arm("a=1").cost
    assert (cost.step_ms, cost.peak_mb, cost.seconds) == (11, 200, 60)
    # To be at most 60, the baseline's mean: 10 (1 + 1/i) at once, 20 (1 + 1/i) at once, 59 at the end
    assert (cost.images_to_baseline, cost.reached) == (50_000, 3)
    # The baseline's own: 50 (1 + 1/5) = 60 after 250k; 60 at the end; 70 never
    assert (told.arm("a=0").cost.images_to_baseline, told.arm("a=0").cost.reached) == (300_000, 2)
    worse = fid({"a=0": [50.0, 50, 50], "a=1": [60.0, 60, 49]}).arm("a=1").cost
    assert (worse.images_to_baseline, worse.reached) == (None, 1)


def test_screening_is_context_alone() -> None:
    final = study({"a=0": [50.0, 51, 52], "a=1": [40.0, 41, 45]})
    screen = [
        record("a=0", 100, 50.0, stage="screen"),
        record("a=1", 100, 45.0, stage="screen"),
        record("a=2", 100, 70.0, stage="screen", state="stopped")._replace(curve=record("", 0, 70.0).curve[:2]),
        record("a=3", 100, None, stage="screen"),
    ]
    told = analyse([*screen, *final], better="lower")
    assert told.comparisons[0].measured == analyse(final, better="lower").comparisons[0].measured
    assert [(one.rank, one.arm, one.state, one.images) for one in told.screening] == [
        (1, "a=1", "finished", 300_000),
        (2, "a=0", "finished", 300_000),
        (3, "a=2", "stopped", 100_000),
        (4, "a=3", "failed", 0),
    ]
    assert "a=2: stopped in the screening after 100,000 images, rank 3" in told.lines()


def test_json_holds_what_is_promised() -> None:
    scores = simulated(np.random.default_rng(11), {"a=0": 0.0, "a=1": -0.2, "a=2": 0.2}, 4)
    told = fid({**scores, "a=3": [None] * 4})
    stored = json.loads(json.dumps(told.to_json(), allow_nan=False))
    first, *_, last = stored["arms"]
    assert first["name"] == "a=0"
    assert first["overrides"] == ["a=0"]
    assert set(first["scores"]["fid"]) >= {"mean", "interval", "n"}
    assert first["runs"] == [f"a=0/seed-{seed}" for seed in range(4)]
    assert (last["failed"], last["scores"]["fid"]["mean"]) == (4, None)
    wanted = {"arm", "against", "difference", "interval", "percent", "percent_interval", "p_holm", "verdict", "words"}
    assert all(set(one) >= wanted for one in stored["comparisons"])
    assert set(stored["recommended"]) == {"arm", "overrides", "why"}
    assert stored["recommended"]["arm"] == "a=1"
    assert told.lines()[0].split() == ["arm", "FID", "95", "%", "seeds", "failed", "step", "memory"]


@pytest.mark.parametrize(
    ("runs", "options", "line"),
    [
        ([], {}, "study: no run on fresh seeds has ended yet"),
        ([record("a=0", 0, 1.0, stage="screen")], {}, "study: no run on fresh seeds"),
        ([record("a=0", 0, 1.0), record("a=1", 0, 1.0, metric="kid")], {}, "study: runs are judged by fid and kid"),
        ([record("a=0", 0, 1.0), record("a=0", 0, 1.0)], {}, "study: two runs of a=0 with seed 0: a=0/seed-0"),
        ([record("a=0", 0, 1.0)], {"margin": 5.0}, "margin: 5.0 is not between 0 and 1; 0.05 is 5 %"),
        (
            [record("rate=0", 0, 1.0)],
            {"baseline": "rate=1"},
            "baseline: no run on fresh seeds of 'rate=1'; did you mean 'rate=0'?",
        ),
        ([record("a=0", 0, 1.0, metric="fit")], {}, "metrics: unknown metric 'fit'; did you mean 'fid'?"),
    ],
)
def test_bad_input_is_one_line(runs: list, options: dict, line: str) -> None:  # type: ignore[type-arg]
    with pytest.raises(RequestError) as caught:
        analyse(runs, better="lower", **options)
    assert str(caught.value).startswith(line)
    assert "\n" not in str(caught.value)
