"""Adversarial losses against values worked out elsewhere."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from sparring.gan import objectives as o

FIRST = (torch.tensor([1.3, 2.9, 8.4, 6.3]), torch.tensor([4.8, 1.2, -3.5, 5.9]))
SECOND = (torch.tensor([-5, 1.4, 12.5, 2.7]), torch.tensor([10, 4.4, -5.5, 3.6]))
PAIRED = (torch.tensor([-2, 0.4, 12.5, 2.7]), torch.tensor([10, 4.4, -5.5, 3.6]))


@pytest.mark.parametrize(
    ("objective", "logits", "side", "wanted"),
    [
        (o.Wasserstein(), FIRST, "discriminator", -2.625),
        (o.Wasserstein(), FIRST, "generator", -2.1),
        (o.LeastSquares(), FIRST, "discriminator", 19.76125),
        (o.LeastSquares(), FIRST, "generator", 7.3425),
        (o.Minimax(), FIRST, "discriminator", 3.1251488),
        (o.NonSaturating(), FIRST, "discriminator", 3.1251488),
        (o.NonSaturating(), FIRST, "generator", 0.9509911),
        (o.Minimax(), FIRST, "generator", -3.050991),
        (o.LeastSquares(), SECOND, "generator", 17.69625),
        (o.LeastSquares(), SECOND, "discriminator", 41.73375),
        (o.Wasserstein(), SECOND, "generator", -3.125),
        (o.Wasserstein(), SECOND, "discriminator", 0.225),
        (o.Hinge(), SECOND, "discriminator", 6.75),
        (o.Hinge(), SECOND, "generator", -3.125),
        (o.NonSaturating(), SECOND, "generator", 1.38582),
        (o.Relativistic(), PAIRED, "discriminator", 4.3148275),
        (o.Relativistic(), PAIRED, "generator", 4.5898275),
    ],
    ids=lambda value: type(value).__name__ if not isinstance(value, (str, float)) else str(value),
)
def test_independent_values(objective: o.Objective, logits: tuple[Tensor, Tensor], side: str, wanted: float) -> None:
    loss = getattr(objective, side)(*logits).mean()
    assert float(loss) == pytest.approx(wanted, rel=1e-6)


def test_smoothing_is_cross_entropy_with_a_soft_target() -> None:
    real, fake = FIRST
    found = o.NonSaturating(real_target=0.9).discriminator(real, fake)
    cross = torch.nn.functional.binary_cross_entropy_with_logits
    wanted = cross(real, torch.full_like(real, 0.9), reduction="none") + cross(
        fake, torch.zeros_like(fake), reduction="none"
    )
    torch.testing.assert_close(found, wanted)
    squares = o.LeastSquares(real_target=0.9).discriminator(real, fake)
    torch.testing.assert_close(squares, (real - 0.9) ** 2 / 2 + fake**2 / 2)


def test_an_objective_by_sides_takes_each_side_from_another() -> None:
    real, fake = FIRST
    mixed = o.BySides(real=o.LeastSquares(), fake=o.NonSaturating(), of_generator=o.Hinge())
    torch.testing.assert_close(
        mixed.discriminator(real, fake), (real - 1) ** 2 / 2 + torch.nn.functional.softplus(fake)
    )
    torch.testing.assert_close(mixed.generator(None, fake), -fake)


def test_losses_stay_finite_for_extreme_logits() -> None:
    huge = torch.tensor([1e4, -1e4], requires_grad=True)
    for objective in (o.Minimax(), o.NonSaturating(), o.Relativistic()):
        total = objective.discriminator(huge, -huge).sum() + objective.generator(huge, -huge).sum()
        (gradient,) = torch.autograd.grad(total, huge)
        assert torch.isfinite(total)
        assert torch.isfinite(gradient).all()


def test_minimax_vanishes_where_non_saturating_does_not() -> None:
    sure = torch.tensor([-20.0], requires_grad=True)
    (weak,) = torch.autograd.grad(o.Minimax().generator(None, sure).sum(), sure)
    (strong,) = torch.autograd.grad(o.NonSaturating().generator(None, sure).sum(), sure)
    assert float(weak.abs()) < 1e-8
    assert float(strong.abs()) == pytest.approx(1.0, abs=1e-6)
