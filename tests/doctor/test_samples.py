"""Statistics of a few hundred samples, against independent references and where the answer is known."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.linalg
import torch
import torch.nn.functional as F

from sparring.base.draws import Key, integers, normal, permutation
from sparring.doctor.samples import Yardstick, thumbnails
from sparring.kinds.scores import metric
from sparring.metrics import Features, Views


def cloud(name: str, count: int = 300, width: int = 6, shift: float = 0.0, scale: float = 1.0) -> torch.Tensor:
    scales = torch.linspace(2.0, 0.5, width)
    return normal(Key("clouds", name), torch.arange(count), [width]) * scales * scale + shift


def yardstick() -> Yardstick:
    return Yardstick(cloud("train", 1000), cloud("heldout", 400), torch.arange(1000) % 4)


def test_samples_of_the_same_distribution_are_as_good_as_training_data() -> None:
    found = {name: float(value) for name, value in yardstick().statistics(cloud("fake", 256)).items()}
    assert found["spread"] == pytest.approx(1, abs=0.06)
    assert found["contrast"] == pytest.approx(1, abs=0.06)
    assert found["distance"] < 0.05
    assert found["shift"] < 0.15
    assert found["covered"] > 0.8
    assert found["precise"] > 0.9
    assert found["copies"] == pytest.approx(0.05, abs=0.06)
    assert found["entropy"] == pytest.approx(1, abs=0.02)


@pytest.mark.parametrize(
    ("fake", "name", "low", "high"),
    [
        (cloud("one", 256, scale=0.02), "spread", 0.0, 0.05),
        (cloud("one", 256, scale=0.02), "twins", 0.95, 1.0),
        (cloud("one", 256, scale=0.02), "covered", 0.0, 0.2),
        (cloud("off", 256, shift=10.0), "precise", 0.0, 0.0),
        (cloud("off", 256, shift=10.0), "distance", 20.0, 500.0),
        (cloud("train", 1000)[:256], "copies", 1.0, 1.0),
        (cloud("wide", 256, scale=3.0), "contrast", 2.7, 3.3),
    ],
)
def test_what_is_wrong_shows_where_it_should(fake: torch.Tensor, name: str, low: float, high: float) -> None:
    assert low <= float(yardstick().statistics(fake)[name]) <= high


def test_distance_is_the_frechet_distance_in_scaled_components() -> None:
    stick, fake = yardstick(), cloud("other", 256, shift=0.4, scale=1.3)
    train, heldout = (cloud("train", 1000).double().numpy(), cloud("heldout", 400).double().numpy())
    values, vectors = np.linalg.eigh(np.cov(train.T))
    axes = vectors / np.sqrt(values)  # in any order and of any sign: the distance is the same
    ours, theirs = fake.double().numpy() @ axes, heldout @ axes
    a, b = np.cov(ours.T), np.cov(theirs.T)
    root = scipy.linalg.sqrtm(a @ b).real
    wanted = ((ours.mean(0) - theirs.mean(0)) ** 2).sum() + np.trace(a + b - 2 * root)
    assert float(stick.distance(fake)) == pytest.approx(wanted / len(values), rel=1e-3)


def test_covered_and_precise_are_the_coverage_and_precision_of_the_metrics() -> None:
    heldout, fake = cloud("heldout", 400), cloud("other", 256, shift=0.8)
    views = Views(heldout=Features(heldout), fake=Features(fake), key=Key(0))
    found = Yardstick(cloud("train", 1000), heldout).statistics(fake)
    assert float(found["covered"]) == pytest.approx(metric("coverage")(views).value, abs=1e-6)
    assert float(found["precise"]) == pytest.approx(metric("precision")(views).value, abs=1e-6)


def test_a_generator_that_leaves_a_class_out_loses_entropy() -> None:
    centres = torch.tensor([[5.0, 0, 0, 0, 0, 0], [-5.0, 0, 0, 0, 0, 0]])
    labels = torch.arange(1000) % 2
    stick = Yardstick(cloud("train", 1000) * 0.3 + centres[labels], None, labels)
    both, one = cloud("f", 256) * 0.3 + centres[torch.arange(256) % 2], cloud("f", 256) * 0.3 + centres[0]
    assert float(stick.statistics(both)["entropy"]) == pytest.approx(1, abs=0.01)
    assert float(stick.statistics(one)["entropy"]) == pytest.approx(0, abs=0.01)


def test_features_of_small_images_are_the_images_and_of_large_ones_see_their_grain() -> None:
    small = torch.randn(3, 1, 8, 8)
    assert torch.equal(thumbnails(small), small.flatten(1))
    smooth = torch.ones(4, 3, 32, 32) * 0.3
    noisy = smooth + 0.5 * (-1.0) ** torch.arange(32) * torch.ones(32, 1)
    assert thumbnails(smooth).shape == (4, 3 * 64 + 3 * 16)
    assert torch.allclose(thumbnails(smooth)[:, :192], thumbnails(noisy)[:, :192], atol=1e-5)
    assert float((thumbnails(noisy) - thumbnails(smooth))[:, 192:].mean()) == pytest.approx(0.5, rel=1e-3)


def test_places_that_never_vary_do_not_disturb() -> None:
    def padded(points: torch.Tensor) -> torch.Tensor:
        return torch.cat((points, torch.zeros(len(points), 3)), 1)

    plain = yardstick().statistics(cloud("fake", 256))
    stick = Yardstick(padded(cloud("train", 1000)), padded(cloud("heldout", 400)), torch.arange(1000) % 4)
    for name, value in stick.statistics(padded(cloud("fake", 256))).items():
        assert float(value) == pytest.approx(float(plain[name]), rel=1e-3, abs=1e-4), name


def codes(rows: torch.Tensor) -> torch.Tensor:
    """Choices of 3, 7 and 9, one-hot."""
    return torch.cat([F.one_hot(rows[:, place], count).float() for place, count in enumerate((3, 7, 9))], 1)


def test_training_samples_may_be_made_as_often_as_held_out_ones_are() -> None:
    """Data that list each combination once, a quarter of them held out, which equal no training sample."""
    every = torch.cartesian_prod(torch.arange(3), torch.arange(7), torch.arange(9))
    for number in range(20):
        rows = every[permutation(Key("listed", number), len(every))]
        train, heldout = rows[47:], rows[:47]
        stick, drawn = Yardstick(codes(train), codes(heldout)), Key("drawn", number)
        found = stick.statistics(codes(every[integers(drawn, torch.arange(256), len(every))]))
        assert float(found["copies"]) > 0.6
        assert float(found["copies"]) <= float(found["copies_expected"]) + 0.02
        found = stick.statistics(codes(train[integers(drawn, torch.arange(256), len(train))]))
        assert float(found["copies"]) == 1
        assert float(found["copies_expected"]) == pytest.approx(0.05)


def test_of_copies_of_few_samples_no_more_is_expected_than_of_held_out_ones() -> None:
    stick = Yardstick(cloud("train", 180), cloud("heldout", 20))
    found = stick.statistics(cloud("train", 180)[torch.arange(256) % 180] + 0.01 * cloud("noise", 256))
    assert float(found["copies"]) > 0.95
    assert float(found["copies_expected"]) == pytest.approx(0.05)
