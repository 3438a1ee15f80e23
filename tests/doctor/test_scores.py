"""Rules on scores over steps, on courses shaped like those of published logs."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sparring.doctor import Facts, Finding, History, Scored
from sparring.doctor.rules import converged, past_its_best, still_improving
from sparring.doctor.rules.scores import scatter

RULES = (past_its_best, still_improving, converged)


def told(
    values: Sequence[float], better: str = "lower", steps: Sequence[int] | None = None, metric: str = "fid"
) -> dict[str, Finding]:
    steps = steps or range(1000, 1000 * len(values) + 1, 1000)
    scored = Scored(metric, better, tuple(steps), tuple(map(float, values)))
    history = History(Facts(steps=steps[-1]), scores=[scored])
    return {one.symptom: one for rule in RULES if (one := rule(history)) is not None}


def course(*marks: tuple[float, float], count: int = 50, noise: float = 0.0, seed: int = 0) -> list[float]:
    """Values through (part of the way, value), on straight lines between logarithms; noise is by a factor."""
    places, values = zip(*marks, strict=True)
    line = np.interp(np.arange(1, count + 1) / count, places, np.log(values))
    return list(np.exp(line + noise * np.random.default_rng(seed).standard_normal(count)))


# Best 49 at 42k of 200k steps, then 137 at the end; best 66.7, then 330.9
COLLAPSES = {
    "49 to 137": ((0.0, 300.0), (0.05, 90.0), (0.21, 49.0), (1.0, 137.0)),
    "66.7 to 330.9": ((0.0, 350.0), (0.3, 66.7), (0.7, 90.0), (1.0, 330.9)),
    "all at once": ((0.0, 200.0), (0.5, 30.0), (0.6, 31.0), (0.62, 150.0), (1.0, 150.0)),
}
SOUND = {
    "13.25 to 13.44": ((0.0, 200.0), (0.3, 20.0), (0.7, 13.25), (1.0, 13.44)),
    "flat": ((0.0, 20.0), (1.0, 20.0)),
    "improving": ((0.0, 200.0), (1.0, 10.0)),
    "a little worse": ((0.0, 200.0), (0.5, 20.0), (1.0, 23.0)),
}


@pytest.mark.parametrize("noise", [0.0, 0.03, 0.1])
@pytest.mark.parametrize("count", [20, 50, 200])
@pytest.mark.parametrize("shape", COLLAPSES)
def test_late_collapse_is_found(shape: str, count: int, noise: float) -> None:
    values = course(*COLLAPSES[shape], count=count, noise=noise)
    found = told(values)
    assert list(found) == ["past_its_best"]
    finding = found["past_its_best"]
    assert finding.evidence["best"] == min(values)
    assert finding.evidence["best_step"] == 1000 * (values.index(min(values)) + 1)
    assert finding.confidence > 0.6
    assert finding.evidence["best_step"] < finding.since_step <= 1000 * count
    assert "score.patience=5" in finding.remedy
    assert "score.every=1000" in finding.remedy


@pytest.mark.parametrize("shape", COLLAPSES)
def test_ten_scores_suffice_for_a_collapse(shape: str) -> None:
    assert list(told(course(*COLLAPSES[shape], count=10, noise=0.02))) == ["past_its_best"]


@pytest.mark.parametrize("noise", [0.0, 0.03, 0.1])
@pytest.mark.parametrize("count", [4, 6, 10, 20, 50, 200])
@pytest.mark.parametrize("shape", SOUND)
def test_sound_runs_are_not_past_their_best(shape: str, count: int, noise: float) -> None:
    for seed in range(20):
        assert "past_its_best" not in told(course(*SOUND[shape], count=count, noise=noise, seed=seed))


def test_false_alarms_are_rare_whatever_the_noise() -> None:
    alarms = [
        "past_its_best" in told(course(*SOUND[shape], count=count, noise=noise, seed=seed))
        for shape in ("flat", "a little worse")
        for count in (5, 8, 10, 11, 30)
        for noise in (0.1, 0.3, 1.0)
        for seed in range(100)
    ]
    assert np.mean(alarms) < 0.02


@pytest.mark.parametrize("place", [0, 1, 15, 28, 29])
@pytest.mark.parametrize("factor", [0.1, 10.0])
def test_a_single_score_far_off_says_nothing(place: int, factor: float) -> None:
    values = course(*SOUND["flat"], count=30, noise=0.03)
    values[place] *= factor
    assert "past_its_best" not in told(values)
    few = course(*SOUND["flat"], count=6, noise=0.03)
    few[place % 6] *= factor
    assert "past_its_best" not in told(few)


def test_higher_is_better_the_other_way_round() -> None:
    up = [1 / value for value in course(*COLLAPSES["49 to 137"], noise=0.03)]
    found = told(up, "higher")["past_its_best"]
    assert found.evidence["best"] == max(up)
    assert "past_its_best" not in told(up, "lower")
    assert "still_improving" in told([1 / v for v in course(*SOUND["improving"], noise=0.03)], "higher")
    coverage = [*np.linspace(0.1, 0.95, 20), *np.linspace(0.94, 0.3, 20)]
    assert list(told(coverage, "higher", metric="coverage")) == ["past_its_best"]


def test_scores_about_zero() -> None:
    """The unbiased kernel distance may lie below 0."""
    source = np.random.default_rng(0)
    sound = [*np.linspace(0.1, 0.0, 20), *np.zeros(20)] + 0.001 * source.standard_normal(40)
    assert "past_its_best" not in told(sound, metric="kid")
    sick = [*np.linspace(0.1, 0.0, 20), *np.linspace(0.0, 0.08, 20)] + 0.001 * source.standard_normal(40)
    assert list(told(sick, metric="kid")) == ["past_its_best"]


def test_improving_and_converged() -> None:
    assert list(told(course(*SOUND["improving"], noise=0.03))) == ["still_improving"]
    assert told(course(*SOUND["improving"], noise=0.03))["still_improving"].remedy == ("steps=100000",)
    assert list(told(course(*SOUND["13.25 to 13.44"], noise=0.02))) == ["converged"]
    assert list(told(course(*SOUND["flat"], noise=0.0))) == ["converged"]
    assert told(course(*SOUND["flat"], noise=0.5)) == {}, "too much noise to tell"
    assert told(course(*SOUND["improving"], count=5)) == {}, "too few to tell"


def test_nothing_is_said_of_nothing() -> None:
    history = History()
    assert [rule(history) for rule in RULES] == [None, None, None]
    assert told([3.0]) == told([3.0, 2.0, 9.0]) == {}
    assert "past_its_best" not in told([0.0] * 10)
    assert "past_its_best" not in told([0.0, 0.0, 0.0, 1.0, 0.0, 0.0])


def test_without_scores_the_distance_of_samples_tells() -> None:
    history = History(Facts(steps=2000))
    for step, value in zip(range(50, 2050, 50), course(*SOUND["improving"], count=40, noise=0.02), strict=True):
        history.add({"step": step, "distance": value})
    finding = still_improving(history)
    assert finding is not None
    assert (finding.curves, finding.remedy) == (("distance",), ("steps=4000",))
    for facts, remedy in ((Facts(steps=6000), ()), (Facts(steps=6000, finished=True), ("steps=6000",))):
        history.facts = facts  # a run that goes on; one that was made shorter than its recipe
        found = still_improving(history)
        assert found is not None
        assert found.remedy == remedy
    assert past_its_best(history) is None
    assert converged(history) is None


def test_scatter_is_that_of_the_noise() -> None:
    """Whatever the course, and but for few readings, where it is taken for more."""
    source = np.random.default_rng(0)
    noise = 0.3 * source.standard_normal(4000)
    assert scatter(noise) == pytest.approx(0.3, rel=0.05)
    assert scatter(noise + np.linspace(0, 500, 4000)) == pytest.approx(0.3, rel=0.05)
    noise[7] = 1e9
    assert scatter(noise) == pytest.approx(0.3, rel=0.05)


VALUES = st.lists(st.floats(-4.0, 4.0).map(math.exp), min_size=4, max_size=40)


@given(VALUES, st.sampled_from([1e-9, 1e-3, 7.0, 1e6]))
def test_units_do_not_matter(values: list[float], unit: float) -> None:
    here, there = told(values), told([unit * value for value in values])
    assert here.keys() == there.keys()
    for name, one in here.items():
        assert one.since_step == there[name].since_step
        assert one.confidence == pytest.approx(there[name].confidence, abs=1e-6)


@given(VALUES, st.integers(2, 1000))
def test_the_clock_does_not_matter(values: list[float], factor: int) -> None:
    steps = [100 * n for n in range(1, len(values) + 1)]
    here, there = told(values, steps=steps), told(values, steps=[factor * step for step in steps])
    assert here.keys() == there.keys()
    assert [factor * one.since_step for one in here.values()] == [one.since_step for one in there.values()]


@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=30), st.sampled_from(["lower", "higher"]))
def test_any_scores_give_findings_that_can_be_written(values: list[float], better: str) -> None:
    for finding in told(values, better).values():
        assert 0.4 <= finding.confidence <= 1
        written = finding.to_json()
        assert all(isinstance(v, str) or math.isfinite(v) for v in written["evidence"].values())
