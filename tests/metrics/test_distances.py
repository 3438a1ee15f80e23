from __future__ import annotations

import pytest
import torch

from sparring.metrics import distances
from tests.metrics.made import normal


@pytest.fixture(params=[distances.BLOCK, 70])
def _blocks(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(distances, "BLOCK", request.param)


@pytest.mark.usefixtures("_blocks")
def test_agree_with_pytorchs() -> None:
    x, y = normal(40, 7, 1, shift=3.0), normal(25, 7, 2, shift=3.0)
    plain = torch.cdist(x, y, compute_mode="donot_use_mm_for_euclid_dist")
    centred_x, centred_y = distances.centred(x, y)
    found = torch.cat([part for _, part in distances.blocks(centred_x, centred_y)]).sqrt()
    assert torch.allclose(found, plain, atol=1e-10)
    own = torch.cdist(x, x, compute_mode="donot_use_mm_for_euclid_dist")
    assert torch.allclose(distances.radii(centred_x, 3).sqrt(), own.sort(1).values[:, 3], atol=1e-10)
    assert torch.allclose(distances.row_sums(centred_x), own.sum(1), atol=1e-6)
    squared, index = distances.nearest(x, y, 4)
    ordered = plain.sort(1)
    assert torch.allclose(squared.sqrt(), ordered.values[:, :4], atol=1e-10)
    assert torch.equal(index, ordered.indices[:, :4])


def test_large_references_are_searched_in_parts() -> None:
    x, y = normal(20, 2, 1), normal(20_000, 2, 2)
    squared, index = distances.nearest(x, y, 3)
    assert torch.equal(index, torch.cdist(x, y).topk(3, largest=False).indices)
    assert torch.allclose(squared[:, 0], (x - y[index[:, 0]]).square().sum(1), atol=1e-12)


def test_equal_rows_are_at_zero() -> None:
    x = (normal(64, 200, 1) * 10 + 1000).float()
    middle = distances.centred(x, x.flip(0))
    assert float(distances.squared(middle[0], middle[1].flip(0)).diagonal().max()) == 0.0
