"""What weights and activations tell, against what is known of made networks."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from sparring.base.draws import Key
from sparring.doctor.weights import Sketch, SpectralNorms, Units, cosine, extremes


def test_a_sketch_follows_the_way_of_all_weights() -> None:
    torch.manual_seed(0)
    net = nn.Sequential(nn.Linear(100, 200), nn.ReLU(), nn.Linear(200, 100))
    sketch, start = Sketch(net, Key(0)), [p.detach().clone() for p in net.parameters()]
    before = sketch.take()
    updates = [[torch.randn_like(p) + 1.0 for p in net.parameters()] for _ in range(2)]
    marks = [before]
    for update in updates:
        with torch.no_grad():
            for weight, move in zip(net.parameters(), update, strict=True):
                weight += 0.01 * move
        marks.append(sketch.take())
    whole = [torch.cat([move.flatten() for move in update]) for update in updates]
    assert float(cosine(marks[1] - marks[0], marks[2] - marks[1])) == pytest.approx(
        float(torch.cosine_similarity(*whole, dim=0)), abs=0.04
    )
    moved = torch.cat([(p.detach() - s).flatten() for p, s in zip(net.parameters(), start, strict=True)])
    everything = torch.cat([p.detach().flatten() for p in net.parameters()])
    ratio = (marks[2] - marks[0]).norm() / marks[2].norm()
    assert float(ratio) == pytest.approx(float(moved.norm() / everything.norm()), rel=0.1)


def test_what_does_not_move_is_counted_by_its_weights() -> None:
    net = nn.Sequential(nn.Linear(10, 30, bias=False), nn.Linear(30, 10, bias=False), nn.Linear(10, 10, bias=False))
    sketch = Sketch(net, Key(0))
    before = sketch.take()
    with torch.no_grad():
        net[1].weight += 1
        net[2].weight += 1
    assert float(sketch.still(before, sketch.take())) == pytest.approx(300 / 700)


def test_spectral_norms_are_the_largest_singular_values() -> None:
    torch.manual_seed(1)
    net = nn.Sequential(nn.Conv2d(3, 8, 3), nn.ReLU(), nn.Conv2d(8, 4, 3))
    norms, kept = SpectralNorms(net), {}
    for _ in range(60):
        found = norms.read(kept)
    wanted = max(float(torch.linalg.matrix_norm(layer.weight.detach().flatten(1), 2)) for layer in (net[0], net[2]))
    assert float(found) == pytest.approx(wanted, rel=1e-3)


def test_extremes() -> None:
    net = nn.Linear(2, 1)
    with torch.no_grad():
        net.weight.copy_(torch.tensor([[3.0, -4.0]]))
        net.bias.zero_()
    norm, most = extremes(net)
    assert (float(norm), float(most)) == (5.0, 4.0)


@pytest.mark.parametrize(("dead", "share"), [(0, 0.0), (3, 0.3), (10, 1.0)])
def test_dead_units_are_found(dead: int, share: float) -> None:
    net = nn.Sequential(nn.Linear(5, 10), nn.ReLU(), nn.Linear(10, 1))
    with torch.no_grad():
        net[0].weight.copy_(torch.rand(10, 5))
        net[0].bias.fill_(0.1)
        net[0].bias[:dead] = -100.0
    units = Units(net)
    with units.listening():
        net(torch.rand(64, 5))
        net(torch.rand(64, 5))
    assert float(units.read()["dead"]) == pytest.approx(share)
    assert not any(module._forward_hooks for module in net.modules())


def test_a_unit_that_lives_in_one_of_two_passes_lives() -> None:
    net = nn.Sequential(nn.ReLU())
    units = Units(net)
    with units.listening():
        net(torch.tensor([[-1.0, 1.0], [-2.0, 2.0]]))
        net(torch.tensor([[1.0, 1.0], [2.0, 2.0]]))
    assert float(units.read()["dead"]) == 0.0


def test_channels_are_units_of_convolutions() -> None:
    net = nn.Sequential(nn.ReLU())
    units = Units(net)
    seen = torch.randn(4, 3, 5, 5)
    seen[:, 1] = -1.0
    with units.listening():
        net(seen)
    assert float(units.read()["dead"]) == pytest.approx(1 / 3)
