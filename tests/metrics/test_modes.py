from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from sparring.base.draws import Key
from sparring.kinds.scores import metric
from sparring.metrics import Features, Modes, Views, codes_by_channel
from tests.metrics.made import ring


def seen(points: Tensor, modes: Modes, real: Tensor | None = None) -> Views:
    fake = Features(points.flatten(1), samples=points)
    real = points if real is None else real
    return Views(heldout=Features(real.flatten(1), samples=real), fake=fake, modes=modes, key=Key(0))


def test_a_good_generator_shows_all_modes_at_high_quality() -> None:
    points, modes = ring(2000, 1)
    views = seen(points, modes, ring(500, 2)[0])
    assert metric("modes")(views).value == 8
    quality = metric("high_quality")(views)
    # A normal distribution in the plane has exp(-4.5) outside three sigma.
    assert quality.interval[0] < 1 - math.exp(-4.5) < quality.interval[1]
    assert quality.protocol["real_value"] > 0.97


def test_a_mode_counts_from_a_tenth_of_its_fair_share() -> None:
    """800 fakes of 8 modes: a fair share is 100, so that 10 within 3 sigma count and 9 do not."""
    _, modes = ring(1, 1)
    assert modes.centres is not None
    points = modes.centres[torch.tensor([0] * 781 + [1] * 10 + [2] * 9)]
    score = metric("modes")(seen(points, modes))
    assert score.value == 2
    assert score.protocol["least"] == 10
    off = points.clone()
    off[785, 0] += 3.1 * modes.sigma
    assert metric("modes")(seen(off, modes)).value == 1
    assert metric("high_quality")(seen(off, modes)).value == pytest.approx(1 - 1 / 800)


def test_collapse_is_seen() -> None:
    points, modes = ring(1000, 1, kept=3)
    score = metric("modes")(seen(points, modes))
    assert score.value == 3
    assert score.interval == (3, 3)
    assert score.protocol["kl_to_uniform"] == pytest.approx(math.log(8 / 3), abs=0.01)


def test_stacked_classes_are_counted_as_codes() -> None:
    """Channels of constant images 0, 1, ... 9 tenths; the classifier reads the tenth."""

    def classify(images: Tensor) -> Features:
        digit = (images.mean((1, 2, 3)) * 10).round().long()
        return Features(images.flatten(1), torch.eye(10)[digit])

    digits = torch.tensor([[0, 0, 0], [1, 2, 3], [1, 2, 3], [9, 9, 9], [3, 2, 1]])
    samples = (digits / 10)[:, :, None, None].expand(-1, -1, 2, 2)
    modes = Modes(code=codes_by_channel(classify), codes=1000)
    code = modes.code
    assert code is not None
    assert code(Features(samples.flatten(1), samples=samples)).tolist() == [0, 123, 123, 999, 321]
    score = metric("modes")(seen(samples, modes))
    assert score.value == 4
    assert score.protocol["least"] == 1
    entropy = -(3 * 0.2 * math.log(0.2) + 0.4 * math.log(0.4))
    assert score.protocol["kl_to_uniform"] == pytest.approx(math.log(1000) - entropy)
    assert score.interval[0] <= 4 <= score.interval[1] <= 1000
    assert metric("high_quality").missing(seen(samples, modes)) is not None


def test_modes_are_known_one_way() -> None:
    with pytest.raises(ValueError, match="either"):
        Modes()
    with pytest.raises(ValueError, match="sigma"):
        Modes(centres=torch.zeros(2, 2))
    with pytest.raises(ValueError, match="number of codes"):
        Modes(code=lambda features: features.values[:, 0].long())
