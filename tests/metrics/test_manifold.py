from __future__ import annotations

import contextlib
import io

import numpy as np
import pytest
import torch
from torch import Tensor

from sparring.kinds.scores import metric
from sparring.metrics import distances
from sparring.metrics.manifold import balls
from tests.metrics.made import correlated, normal, views

NAMES = ("precision", "recall", "density", "coverage")


def scores(real: Tensor, fake: Tensor) -> dict[str, float]:
    seen = views(real, fake)
    return {name: metric(name)(seen).value for name in NAMES}


def by_prdc(real: Tensor, fake: Tensor) -> dict[str, float]:
    from prdc import compute_prdc

    with contextlib.redirect_stdout(io.StringIO()):
        return {name: float(value) for name, value in compute_prdc(real.numpy(), fake.numpy(), nearest_k=5).items()}


@pytest.mark.parametrize(("real", "fake", "width"), [(300, 200, 8), (120, 250, 40)])
def test_agrees_with_prdc(real: int, fake: int, width: int) -> None:
    """No distance equals a radius here, so that its < is our <=."""
    x, y = correlated(real, width, 1), correlated(fake, width, 2, mixing=1)
    assert scores(x, y) == pytest.approx(by_prdc(x, y), abs=1e-12)


def test_reproduces_the_published_example() -> None:
    """README of clovaai/prdc: 10,000 and 10,000 draws of N(0, I) in 1,000 dimensions. Over seeds the four vary by
    standard deviations of about 0.01, 0.01, 0.09 and 0.008 (and agree with prdc to the last digit)."""
    source = np.random.RandomState(5)
    x, y = (torch.from_numpy(source.normal(size=[10_000, 1_000])) for _ in range(2))
    found = scores(x, y)
    published = {"precision": 0.4772, "recall": 0.4705, "density": 1.0555, "coverage": 0.9735}
    margin = {"precision": 0.03, "recall": 0.03, "density": 0.25, "coverage": 0.025}
    for name in NAMES:
        assert found[name] == pytest.approx(published[name], abs=margin[name]), name


def test_a_sample_on_the_radius_is_inside() -> None:
    """Six reals on a line, one apart: the first's ball reaches to the sixth, 5 away; so does a fake's place there."""
    real = torch.arange(6.0)[:, None].double()
    fake = torch.full((6, 1), 5.0, dtype=torch.float64) + torch.tensor([0.0, 5, 10, 15, 20, 25])[:, None]
    # Fakes at 5 and 10; the fake at 10 is 5 from the real at 5, whose fifth neighbour is 5 away.
    found = balls(real, fake)
    assert found.reals_around_fake.tolist() == [6, 1, 0, 0, 0, 0]


def test_copies_are_inside_whatever_the_rounding() -> None:
    real = normal(200, 300, 1, shift=100.0).float()
    found = scores(real, real.flip(0))
    assert found["precision"] == found["recall"] == found["coverage"] == 1.0
    crowd = real[:1].repeat(20, 1)  # all radii are 0
    assert scores(crowd, crowd.clone())["precision"] == 1.0


def test_blocks_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    x, y = correlated(90, 6, 1), correlated(70, 6, 2, mixing=1)
    whole = scores(x, y)
    monkeypatch.setattr(distances, "BLOCK", 500)
    assert scores(x, y) == pytest.approx(whole, abs=1e-12)


def test_the_four_share_their_distances(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = views(normal(50, 4, 1), normal(50, 4, 2))
    metric("precision")(seen)
    monkeypatch.setattr("sparring.metrics.manifold.balls", None)
    for name in NAMES:
        assert metric(name)(seen).value >= 0


def test_a_share_of_one_keeps_a_width() -> None:
    x = normal(100, 3, 1)
    assert metric("precision")(views(x, x)).interval[0] < 0.97
