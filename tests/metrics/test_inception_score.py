from __future__ import annotations

import math

import pytest
import torch

from sparring.base.draws import Key
from sparring.kinds.scores import metric
from sparring.metrics import Features, Views, inception_score
from tests.metrics.made import correlated
from tests.metrics.test_frechet import Given


@pytest.mark.filterwarnings("ignore:Metric `InceptionScore`")
@pytest.mark.filterwarnings("ignore:std\\(\\)")
def test_agrees_with_torchmetrics() -> None:
    from torchmetrics.image.inception import InceptionScore

    logits = correlated(300, 10, 1) * 3
    reference = InceptionScore(feature=Given(10), splits=1)
    reference.update(logits[:, None, None])
    assert inception_score(logits.softmax(1)) == pytest.approx(float(reference.compute()[0]), rel=1e-5)


def test_its_bounds_are_one_and_the_number_of_classes() -> None:
    assert inception_score(torch.full((50, 10), 0.1)) == pytest.approx(1.0)
    assert inception_score(torch.eye(10).repeat(5, 1)) == pytest.approx(10.0)
    assert inception_score(torch.eye(10)[:1].repeat(5, 1)) == pytest.approx(1.0)


def test_the_interval_has_the_width_of_repeated_measurements() -> None:
    values, halves = [], []
    for seed in range(60):
        probabilities = (correlated(200, 10, seed) * 3).softmax(1)
        values.append(inception_score(probabilities))
        if seed < 5:
            side = Features(torch.zeros(200, 1), probabilities)
            score = metric("is")(Views(heldout=side, fake=side, key=Key(seed)))
            halves.append((score.interval[1] - score.interval[0]) / 2 / 1.96)
            assert score.value == pytest.approx(values[-1])
    ratio = torch.tensor(halves).mean() / torch.tensor(values).std()
    assert 0.7 < ratio < 1.4
    assert math.isfinite(ratio)
