from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from sklearn.metrics import r2_score, roc_auc_score

from sparring.kinds.tables.metrics.estimates import Estimate, auc, macro_auc, r_squared

SOURCE = np.random.default_rng(0)


def scores(
    count: int, shift: float, source: np.random.Generator = SOURCE
) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    return source.normal(shift, 1, count).round(1)  # with ties


def test_auc_is_scikit_learns() -> None:
    ups, downs = scores(300, 0.7), scores(200, 0.0)
    expected = roc_auc_score(np.repeat([1, 0], [300, 200]), np.concatenate((ups, downs)))
    assert auc(ups, downs).value == pytest.approx(expected, abs=1e-12)
    assert auc(np.ones(3), np.ones(4)) == Estimate(0.5, 0.0)


def test_macro_auc_is_scikit_learns_and_that_of_two_classes_is_the_plain_one() -> None:
    labels = SOURCE.integers(0, 4, 400)
    given = np.exp(SOURCE.normal(size=(400, 4)) + 2 * np.eye(4)[labels])
    given /= given.sum(1, keepdims=True)
    assert macro_auc(labels, given).value == pytest.approx(roc_auc_score(labels, given, multi_class="ovr"), abs=1e-12)
    two = np.stack((1 - given[:, 0], given[:, 0]), 1)
    one = auc(given[labels == 0, 0], given[labels != 0, 0])
    found = macro_auc((labels == 0).astype(int), two)
    assert found.value == pytest.approx(one.value)
    assert found.error == pytest.approx(one.error, rel=1e-6)


def test_a_class_that_is_not_there_is_left_out() -> None:
    labels, given = np.array([0, 0, 1, 1]), np.array([[0.9, 0.1, 0], [0.6, 0.3, 0.1], [0.5, 0.4, 0.1], [0.2, 0.8, 0]])
    assert macro_auc(labels, given).value == 1.0
    with pytest.raises(ValueError, match="one class"):
        macro_auc(np.zeros(4, dtype=int), given)


def test_r_squared_is_scikit_learns() -> None:
    truth = SOURCE.normal(size=100)
    guess = truth + SOURCE.normal(size=100)
    assert r_squared(truth, guess).value == pytest.approx(r2_score(truth, guess))
    with pytest.raises(ValueError, match="equal"):
        r_squared(np.ones(4), guess[:4])


def drawn_auc(source: np.random.Generator) -> Estimate:
    return auc(scores(150, 0.8, source), scores(100, 0.0, source))


def drawn_macro(source: np.random.Generator) -> Estimate:
    labels = source.choice(3, 200, p=[0.6, 0.3, 0.1])
    return macro_auc(labels, source.normal(size=(200, 3)) + np.eye(3)[labels])


def drawn_r_squared(source: np.random.Generator) -> Estimate:
    truth = source.normal(size=200)
    return r_squared(truth, 0.7 * truth + source.normal(0, 0.5, 200))


@pytest.mark.parametrize("draw", [drawn_auc, drawn_macro, drawn_r_squared])
def test_standard_errors_are_what_values_vary_by(draw: Callable[[np.random.Generator], Estimate]) -> None:
    found = [draw(np.random.default_rng(seed)) for seed in range(400)]
    spread = np.std([one.value for one in found])
    assert np.mean([one.error for one in found]) == pytest.approx(spread, rel=0.12)
