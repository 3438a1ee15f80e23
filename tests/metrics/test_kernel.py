from __future__ import annotations

import pytest
import torch

from sparring.kinds.scores import metric
from sparring.metrics import kernel, kernel_distance
from tests.metrics.made import correlated, normal, views
from tests.metrics.test_frechet import Given


def plain(x: torch.Tensor, y: torch.Tensor) -> float:
    """The definition, pair by pair."""

    def k(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
        return (a @ b.T / a.shape[1] + 1) ** 3

    def off(a: torch.Tensor) -> torch.Tensor:
        return (k(a, a).sum() - k(a, a).trace()) / (len(a) * (len(a) - 1))

    return float(off(x) + off(y) - 2 * k(x, y).mean())


def test_agrees_with_the_definition_for_unequal_counts() -> None:
    x, y = correlated(70, 9, 1), correlated(45, 9, 2, mixing=1) + 0.2
    assert kernel_distance(x, y).value == pytest.approx(plain(x, y), rel=1e-10)


@pytest.mark.filterwarnings("ignore:Metric `Kernel Inception Distance`")
def test_agrees_with_torchmetrics() -> None:
    from torchmetrics.image.kid import KernelInceptionDistance

    x, y = correlated(120, 16, 1), correlated(120, 16, 2, mixing=1)
    reference = KernelInceptionDistance(feature=Given(16), subsets=1, subset_size=120, normalize=True)
    reference.set_dtype(torch.float64)
    reference.update(x[:, None, None], real=True)
    reference.update(y[:, None, None], real=False)
    assert kernel_distance(x, y).value == pytest.approx(float(reference.compute()[0]), rel=1e-5)


def test_blocks_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    x, y = correlated(70, 9, 1), correlated(45, 9, 2, mixing=1)
    whole = kernel_distance(x, y)
    monkeypatch.setattr(kernel, "BLOCK", 16**2)
    assert kernel_distance(x, y) == pytest.approx(whole, rel=1e-10)


def test_is_symmetric_unbiased_and_its_error_is_calibrated() -> None:
    values, errors = [], []
    for seed in range(200):
        x, y = normal(60, 4, 2 * seed), normal(40, 4, 2 * seed + 1)
        found = kernel_distance(x, y)
        values.append(found.value)
        errors.append(found.standard_error)
        if seed == 0:
            assert kernel_distance(y, x) == pytest.approx(found, rel=1e-9)
    spread = torch.tensor(values)
    assert abs(float(spread.mean())) < 3 * float(spread.std()) / 200**0.5
    assert float(spread.min()) < 0
    # The jackknife errs to the safe side where the distance is 0.
    assert 0.9 < torch.tensor(errors).mean() / spread.std() < 2.0


def test_its_error_is_calibrated_where_sets_differ() -> None:
    found = [kernel_distance(normal(60, 4, 2 * s), normal(40, 4, 2 * s + 1, shift=0.5)) for s in range(100)]
    values, errors = (torch.tensor(part) for part in zip(*found, strict=True))
    assert 0.8 < errors.mean() / values.std() < 1.25


def test_the_standard_error_is_in_the_protocol() -> None:
    score = metric("kid")(views(normal(50, 4, 1), normal(50, 4, 2)))
    assert score.interval[1] - score.value == pytest.approx(1.96 * score.protocol["standard_error"], rel=1e-3)
