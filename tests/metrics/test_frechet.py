from __future__ import annotations

import math
from typing import Any

import pytest
import scipy.linalg
import torch
from torch import Tensor, nn

from sparring.kinds.scores import metric
from sparring.metrics import frechet_distance, frechet_from_moments
from tests.metrics.made import correlated, normal, views


class Given(nn.Module):
    """A feature network that gives back the features it is shown as images, [n, 1, 1, width]."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.num_features = width

    def forward(self, x: Tensor) -> Tensor:
        return x.flatten(1)


def by_scipy(real: Tensor, fake: Tensor) -> float:
    covariance = [torch.cov(side.T).numpy() for side in (real, fake)]
    root: Any = scipy.linalg.sqrtm(covariance[0] @ covariance[1])
    means = (real.mean(0) - fake.mean(0)).square().sum()
    return float(means) + covariance[0].trace() + covariance[1].trace() - 2 * root.real.trace()


@pytest.mark.parametrize(("real", "fake", "width"), [(400, 300, 20), (60, 500, 12), (2000, 2000, 64)])
def test_agrees_with_scipys_matrix_root(real: int, fake: int, width: int) -> None:
    x, y = correlated(real, width, 1), correlated(fake, width, 2, mixing=1) + 0.3
    assert frechet_distance(x, y) == pytest.approx(by_scipy(x, y), rel=1e-8)


def test_agrees_with_torchmetrics() -> None:
    from torchmetrics.image.fid import FrechetInceptionDistance

    x, y = correlated(700, 32, 1), correlated(500, 32, 2, mixing=1) + 0.1
    reference = FrechetInceptionDistance(feature=Given(32), normalize=True)
    reference.set_dtype(torch.float64)
    reference.update(x[:, None, None], real=True)
    reference.update(y[:, None, None], real=False)
    assert frechet_distance(x, y) == pytest.approx(float(reference.compute()), rel=1e-6)


def test_fewer_samples_than_features_agrees_with_the_moments() -> None:
    x, y = correlated(30, 80, 1), correlated(50, 80, 2, mixing=1)
    moments = [part for side in (x, y) for part in (side.mean(0), torch.cov(side.T))]
    assert frechet_distance(x, y) == pytest.approx(frechet_from_moments(*moments), rel=1e-7)
    # The nonzero eigenvalues of S1 S2 are real and not negative, whatever the rounding.
    eigenvalues = torch.linalg.eigvals(moments[1] @ moments[3]).real.clamp(min=0)
    expected = (moments[0] - moments[2]).square().sum() + moments[1].trace() + moments[3].trace()
    expected = expected - 2 * eigenvalues.sqrt().sum()
    assert frechet_distance(x, y) == pytest.approx(float(expected), rel=1e-5)


def test_one_feature_has_the_closed_form() -> None:
    x, y = normal(500, 1, 1, scale=2.0), normal(400, 1, 2, shift=1.0)
    expected = (x.mean() - y.mean()).square() + (x.std() - y.std()).square()
    assert frechet_distance(x, y) == pytest.approx(float(expected), rel=1e-10)


def test_equal_covariances_leave_the_means() -> None:
    x = correlated(300, 24, 1)
    shift = torch.linspace(-1, 1, 24, dtype=torch.float64)
    assert frechet_distance(x, x + shift) == pytest.approx(float(shift.square().sum()), rel=1e-9)


@pytest.mark.parametrize(("count", "width"), [(1000, 128), (40, 512), (3, 700), (2, 4)])
def test_identical_sets_are_at_zero(count: int, width: int) -> None:
    x = correlated(count, width, 1).float() * 3 + 5
    assert 0 <= frechet_distance(x, x) < 1e-6
    assert 0 <= frechet_distance(x, x.flip(0)) < 1e-6
    moments = x.double().mean(0), torch.cov(x.double().T)
    assert 0 <= frechet_from_moments(*moments, *moments) < 1e-6


def test_is_symmetric_and_copes_with_features_that_never_change() -> None:
    x, y = correlated(100, 16, 1), correlated(90, 16, 2, mixing=3)
    x[:, :4], y[:, :6] = 0.0, 1.0
    assert frechet_distance(x, y) == pytest.approx(frechet_distance(y, x), rel=1e-10)
    assert math.isfinite(metric("fid")(views(x, y)).value)


def test_too_few_samples_are_noted() -> None:
    fid = metric("fid")
    assert fid(views(normal(50, 8, 1), normal(50, 8, 2))).note is None
    for real, fake in ((8, 50), (50, 8)):
        note = fid(views(normal(real, 8, 1), normal(fake, 8, 2))).note
        assert note is not None
        assert "8 samples for 8 features" in note


@pytest.mark.parametrize(("width", "shift"), [(8, 0.5), (200, 0.1)])
def test_the_interval_has_the_width_of_repeated_measurements(width: int, shift: float) -> None:
    """Also where resampling sees the leading directions only."""
    values, halves = [], []
    for seed in range(30):
        x, y = correlated(300, width, 2 * seed), correlated(300, width, 2 * seed + 1, mixing=1) + shift
        values.append(frechet_distance(x, y))
        if seed < 4:
            low, high = metric("fid")(views(x, y)).interval
            halves.append((high - low) / 2 / 1.96)
    ratio = torch.tensor(halves).mean() / torch.tensor(values).std()
    assert 0.6 < ratio < 1.6
