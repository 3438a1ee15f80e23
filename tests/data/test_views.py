"""How images are shown in training."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
import torch
from torch import Tensor

from sparring.base.draws import Key
from sparring.data import Batches, DataSet, Rows
from sparring.data.views import Views
from sparring.kinds.images.sources import Digits

KEY = Key(5)


def ramps(count: int, height: int = 20, width: int = 30) -> Tensor:
    """Each pixel's own place, in pixels from the middle: [n, 2, height, width], right first."""
    down, right = torch.meshgrid(
        torch.arange(height) - (height - 1) / 2, torch.arange(width) - (width - 1) / 2, indexing="ij"
    )
    return torch.stack((right, down)).expand(count, 2, height, width)


def test_nothing_is_changed_unless_asked_for() -> None:
    images = torch.randn(4, 3, 8, 8)
    assert Views().shown(images, KEY, torch.arange(4)) is images
    assert not any(Views())
    data = Digits().load()
    assert next(Batches(Rows(data, data.train, torch.device("cpu")), 8, Key(1)))._view is None


def test_windows_lie_inside_and_are_of_all_sizes_up_to_the_zoom() -> None:
    """Each image shows where its pixels come from."""
    seen = Views(zoom=1.0).shown(ramps(400), KEY, torch.arange(400))
    right, down = seen[:, 0], seen[:, 1]
    for places, size in ((right, 30), (down, 20)):
        assert float(places.abs().max()) <= (size - 1) / 2 + 1e-4
    sizes = (right[:, 0, -2] - right[:, 0, 1]) / 27  # of a pixel; the outermost come in part from beyond the edge
    assert 0.5 < float(sizes.min()) < 0.51
    assert 0.98 < float(sizes.max()) <= 1
    other = (down[:, -2, 0] - down[:, 1, 0]) / 17
    torch.testing.assert_close(sizes, other, rtol=1e-4, atol=1e-4)  # nothing is stretched
    middle = right[:, 10, 14:16].mean(1) / 15 / (1 - sizes)  # how far off, of what is possible
    assert float(middle[sizes < 0.9].abs().max()) <= 1 + 1e-3
    assert abs(float(middle[sizes < 0.9].mean())) < 0.1


def test_images_are_turned_by_up_to_the_angle_as_pixels_are() -> None:
    seen = Views(turn=30.0).shown(ramps(300), KEY, torch.arange(300))[:, :, 8:12, 12:18]  # where nothing is reflected
    along = seen[:, :, 1, 4] - seen[:, :, 1, 1]
    angles = torch.atan2(along[:, 1], along[:, 0]) * 180 / math.pi
    assert 28 < float(angles.max()) < 30.001
    assert -30.001 < float(angles.min()) < -28
    torch.testing.assert_close(along.norm(dim=1), torch.full((300,), 3.0), rtol=1e-4, atol=1e-4)
    down = seen[:, :, 3, 2] - seen[:, :, 0, 2]
    assert float((along * down).sum(1).abs().max()) < 1e-3


def changed(data: DataSet, **views: float) -> Rows:
    return Rows(replace(data, views=Views(**views)), data.train, torch.device("cpu"))  # type: ignore[arg-type]


@pytest.mark.parametrize("views", [{"zoom": 0.5}, {"turn": 20.0}, {"mirror": True, "zoom": 0.5, "turn": 20.0}])
def test_views_are_functions_of_the_batch_and_the_row(views: dict[str, float]) -> None:
    data = Digits().load()
    batches = Batches(changed(data, **views), 32, Key(3))
    first, second = next(batches), next(batches)
    again = next(Batches(changed(data, **views), 32, Key(3), position=1))
    assert torch.equal(second.samples, again.samples)
    plain = Batches(changed(data), 32, Key(3))
    assert not torch.equal(first.samples, next(plain).samples)
    part = second.part(slice(5, 9))
    torch.testing.assert_close(part.samples, second.samples[5:9])
    assert float(first.samples.abs().max()) <= 1


def test_a_mirrored_image_is_mirrored_as_before_where_it_is_zoomed_too() -> None:
    images = torch.randn(50, 1, 9, 9)
    mirrored = Views(mirror=True).shown(images, KEY, torch.arange(50))
    both = Views(mirror=True, zoom=0.4).shown(images, KEY, torch.arange(50))
    torch.testing.assert_close(Views(zoom=0.4).shown(mirrored, KEY, torch.arange(50)), both)
