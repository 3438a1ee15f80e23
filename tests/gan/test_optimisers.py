"""Optimisers against the written-out update, the average against its closed form."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from sparring.base.draws import Key
from sparring.base.part import parts_of
from sparring.gan.optimisers import Adam, AdamW, Average, Ema, Optimiser, RmsProp, Sgd, refit_batch_norms
from sparring.nets import Dense, initialise

GRADIENTS = [torch.tensor([1.0, -2.0, 0.5]), torch.tensor([0.3, 0.1, -0.7]), torch.tensor([-1.0, 4.0, 0.0])]


def moved(optimiser: Optimiser, lr: float) -> torch.Tensor:
    weight = nn.Parameter(torch.tensor([1.0, 2.0, 3.0]))
    built = optimiser.build([weight])
    for gradient in GRADIENTS:
        built.param_groups[0]["lr"] = lr
        weight.grad = gradient.clone()
        built.step()
    return weight.detach()


def test_every_optimiser_is_tried_here() -> None:
    assert set(parts_of(Optimiser)) == {"adam", "adam_w", "sgd", "rms_prop"}


@pytest.mark.parametrize("decay", [0.0, 0.1])
@pytest.mark.parametrize("decoupled", [False, True])
def test_adam(decay: float, decoupled: bool) -> None:
    kind = AdamW if decoupled else Adam
    found = moved(kind(betas=(0.5, 0.9), weight_decay=decay), 0.01)
    weight, mean, square = torch.tensor([1.0, 2.0, 3.0]).double(), torch.zeros(3).double(), torch.zeros(3).double()
    for step, gradient in enumerate(GRADIENTS, 1):
        g = gradient.double() + (0 if decoupled else decay * weight)
        if decoupled:
            weight = weight - 0.01 * decay * weight
        mean, square = 0.5 * mean + 0.5 * g, 0.9 * square + 0.1 * g * g
        weight = weight - 0.01 * (mean / (1 - 0.5**step)) / ((square / (1 - 0.9**step)).sqrt() + 1e-8)
    torch.testing.assert_close(found.double(), weight, atol=1e-6, rtol=0)


def test_sgd_with_momentum() -> None:
    found = moved(Sgd(momentum=0.9), 0.01)
    weight, speed = torch.tensor([1.0, 2.0, 3.0]), torch.zeros(3)
    for gradient in GRADIENTS:
        speed = 0.9 * speed + gradient
        weight = weight - 0.01 * speed
    torch.testing.assert_close(found, weight)


def test_rms_prop() -> None:
    found = moved(RmsProp(alpha=0.9), 0.01)
    weight, square = torch.tensor([1.0, 2.0, 3.0]), torch.zeros(3)
    for gradient in GRADIENTS:
        square = 0.9 * square + 0.1 * gradient**2
        weight = weight - 0.01 * gradient / (square.sqrt() + 1e-8)
    torch.testing.assert_close(found, weight)


def test_the_average_has_its_half_life_in_images() -> None:
    """A weight jumps from 0 to 1: after one half-life the average is at a half, after two at three quarters."""
    net = nn.Linear(1, 1, bias=False)
    nn.init.zeros_(net.weight)
    average = Average(Ema(half_life=640, ramp=None), net)
    nn.init.ones_(net.weight)
    for step in range(10):
        average.update(step * 64, 64)
    assert float(average.net.weight) == pytest.approx(0.5)
    for step in range(10, 20):
        average.update(step * 64, 64)
    assert float(average.net.weight) == pytest.approx(0.75)


def test_the_ramp_shortens_the_half_life_at_first() -> None:
    ema = Ema(half_life=10_000, ramp=0.05)
    assert ema.decay(0, 64) == 0  # the first step is taken whole
    assert ema.decay(20_000, 64) == pytest.approx(0.5 ** (64 / 1000))
    assert ema.decay(10**6, 64) == pytest.approx(0.5 ** (64 / 10_000))


def test_batch_norm_statistics_are_estimated_anew_for_the_averaged_weights() -> None:
    net = initialise(Dense(widths=(16,), norm="batch").generator(4, (3,)), Key(0)).train()
    average = Average(Ema(half_life=1e9, ramp=None), net)
    with torch.no_grad():
        net.hidden[0].weight.mul_(50)  # the live network's statistics are far from the average's
        for _ in range(20):
            net(torch.randn(64, 4))
    latents = [torch.randn(64, 4) for _ in range(16)]
    refit = average.refit(average.net(z) for z in latents)
    assert not refit.training
    norm = refit.hidden[1]
    hidden = torch.cat([refit.hidden[0](z) for z in latents])
    torch.testing.assert_close(norm.running_mean, hidden.mean(0), atol=1e-4, rtol=1e-3)
    torch.testing.assert_close(norm.running_var, hidden.var(0), atol=1e-3, rtol=5e-2)
    assert norm.momentum == 0.1
    assert net.training
    assert float(net.hidden[1].running_var.mean()) > 50 * float(norm.running_var.mean())


def test_refitting_is_nothing_without_batch_norm() -> None:
    refit_batch_norms(nn.Linear(2, 2), iter(()))


def test_other_buffers_are_the_live_networks() -> None:
    net = nn.utils.parametrizations.spectral_norm(nn.Linear(4, 4))
    average = Average(Ema(), net)
    for _ in range(5):
        net(torch.randn(2, 4))
    average.refit(())
    for (name, mine), (_, live) in zip(average.net.named_buffers(), net.named_buffers(), strict=True):
        assert torch.equal(mine, live), name
