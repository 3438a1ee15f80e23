"""Statistics against textbooks, SciPy and their own promises."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from sparring.metrics.inference import (
    Spread,
    below_zero,
    equivalence,
    equivalence_of_logs,
    holm,
    ratio_interval,
    seeds_for_ranks,
    seeds_for_student,
    signed_ranks,
    t_test,
)

SLEEP = (
    np.array([0.7, -1.6, -0.2, -1.2, -0.1, 3.4, 3.7, 0.8, 0.0, 2.0]),
    np.array([1.9, 0.8, 1.1, 0.1, -0.1, 4.4, 5.5, 1.6, 4.6, 3.4]),
)
"""Hours of sleep won with two drugs (Student 1908)."""


def test_students_own_data() -> None:
    spread = Spread.of(SLEEP[0] - SLEEP[1])
    assert t_test(spread) == pytest.approx(0.002833, abs=5e-7)
    assert spread.interval == pytest.approx((-2.4598858, -0.7001142), abs=1e-7)


@given(st.integers(0, 10_000), st.integers(2, 30))
def test_against_scipy(seed: int, n: int) -> None:
    differences = np.random.default_rng(seed).normal(0.3, 1, n)
    spread = Spread.of(differences)
    expected = stats.ttest_1samp(differences, 0)
    assert t_test(spread) == pytest.approx(expected.pvalue)
    assert spread.interval == pytest.approx(expected.confidence_interval(0.95))
    assert below_zero(differences, 1.0) == pytest.approx(stats.ttest_1samp(differences, 0, alternative="less").pvalue)
    assert signed_ranks(differences) == pytest.approx(stats.wilcoxon(differences, method="exact").pvalue)


def test_signed_ranks_with_failures_ties_and_zeros() -> None:
    # All eight one way round: one of 256 arrangements, and its mirror image
    assert signed_ranks(np.array([-1.0, -2, -3, -4, -5, -6, -np.inf, -np.inf])) == 2 / 256
    # Ranks 1.5, 1.5, 3, the last against the others: P(W+ >= 3) = 4 of 8
    assert signed_ranks(np.array([-1.0, -1, 2])) == 1.0
    assert signed_ranks(np.array([0.0, 0, 0])) == 1.0
    # By enumeration of all signs
    values = np.array([0.5, -0.5, 2, 2, -3, np.inf, np.inf, 7])
    ranks = stats.rankdata(np.abs(values))
    signs = np.array(np.meshgrid(*[[0, 1]] * 8)).reshape(8, -1)
    sums = ranks @ signs
    seen = ranks[values > 0].sum()
    assert signed_ranks(values) == pytest.approx(2 * min((sums <= seen).mean(), (sums >= seen).mean()))


def test_holm() -> None:
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.6, 0.9]) == [1.0, 1.0]
    assert holm([]) == []


def test_ratio_interval_is_where_the_test_turns() -> None:
    source = np.random.default_rng(0)
    second = source.normal(5, 1, 9)
    first = 0.5 * second + source.normal(2, 0.4, 9)
    for end in ratio_interval(first, second) or ():
        assert t_test(Spread.of(first - end * second)) == pytest.approx(0.05)
    assert ratio_interval(first, source.normal(0, 1, 9)) is None


def test_ratio_interval_holds_the_ratio_in_95_percent() -> None:
    source = np.random.default_rng(1)
    held = 0
    for _ in range(2000):
        shared = source.normal(0, 0.5, 6)
        low, high = ratio_interval(4 + shared + source.normal(0, 0.5, 6), 5 + shared + source.normal(0, 0.5, 6)) or (
            1,
            0,
        )
        held += low <= 0.8 <= high
    assert held / 2000 == pytest.approx(0.95, abs=0.015)


@pytest.mark.parametrize(("effect", "pairs"), [(0.2, 199), (0.5, 34), (0.8, 15)])
def test_seeds_by_cohens_tables(effect: float, pairs: int) -> None:
    """Cohen 1988, small, medium and large effects, power .8 at .05 (as G*Power and statsmodels give them)."""
    assert seeds_for_student(effect, 1.0, 0.05) == pairs


@pytest.mark.parametrize("level", [0.05, 0.025, 0.0167, 0.0125, 0.01])
def test_larger_effects_need_no_more_seeds(level: float) -> None:
    needed = [seeds_for_student(0.05 * step, 1.0, level) or 1001 for step in range(4, 260)]
    assert needed == sorted(needed, reverse=True)


def test_seeds_beyond_a_thousand() -> None:
    assert seeds_for_student(0.01, 1.0, 0.05) is None
    assert seeds_for_student(0.0, 1.0, 0.05) is None
    assert seeds_for_student(0.09, 1.0, 0.05) == 971


@pytest.mark.parametrize("level", [0.05, 0.05 / 4])
def test_predicted_seeds_give_the_power_promised(level: float) -> None:
    seeds = seeds_for_student(0.7, 1.0, level)
    assert seeds is not None
    drawn = np.random.default_rng(2).normal(0.7, 1, (4000, seeds))
    assert (stats.ttest_1samp(drawn, 0, axis=1).pvalue <= level).mean() == pytest.approx(0.8, abs=0.025)


def test_predicted_seeds_by_ranks_give_about_the_power_promised() -> None:
    """Losses by failure in a tenth of the seeds, mostly wins in the others; near effects, where Noether's rule is close."""
    source = np.random.default_rng(3)

    def drawn(n: int) -> np.ndarray:
        gains = source.normal(-0.1, 1, n)
        gains[source.random(n) < 0.1] = -np.inf
        return gains

    seeds = seeds_for_ranks(drawn(4000), 0.05)
    assert seeds is not None
    power = np.mean([signed_ranks(drawn(seeds)) <= 0.05 for _ in range(400)])
    assert power == pytest.approx(0.8, abs=0.08)


@pytest.mark.parametrize("ratio", [1.05, 1 / 1.05])
def test_equivalence_at_the_margin_is_found_in_5_percent(ratio: float) -> None:
    """The test's size; 10 seeds, with as much scatter as leaves it power."""
    source, plain, logs = np.random.default_rng(4), 0, 0
    for _ in range(4000):
        second = 10 + source.normal(0, 1, 10)
        first = second * ratio + source.normal(0, 0.2, 10)
        plain += equivalence(first, second, 0.05) <= 0.05
        logs += equivalence_of_logs(math.log(ratio) + source.normal(0, 0.02, 10), 0.05, 1.0) <= 0.05
    assert plain / 4000 == pytest.approx(0.05, abs=0.012)
    assert logs / 4000 == pytest.approx(0.05, abs=0.012)
