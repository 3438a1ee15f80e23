"""What every objective keeps to."""

from __future__ import annotations

import pytest
import torch

from sparring.base.part import parts_of
from sparring.gan.objectives import Objective

ALL = parts_of(Objective)


@pytest.fixture(params=sorted(ALL))
def objective(request: pytest.FixtureRequest) -> Objective:
    return ALL[request.param]()  # type: ignore[return-value]


@pytest.mark.parametrize("shape", [(5,), (5, 3)])
def test_losses_are_unreduced(objective: Objective, shape: tuple[int, ...]) -> None:
    real, fake = torch.randn(shape), torch.randn(shape)
    assert objective.discriminator(real, fake).shape == shape
    assert objective.generator(real, fake).shape == shape


def test_the_generator_reads_reals_only_where_it_says_so(objective: Objective) -> None:
    fake = torch.randn(4)
    if objective.generator_sees_real:
        assert not torch.equal(objective.generator(torch.zeros(4), fake), objective.generator(torch.ones(4), fake))
        with pytest.raises(ValueError, match="reals"):
            objective.generator(None, fake)
    else:
        assert torch.isfinite(objective.generator(None, fake)).all()


def test_sides_pull_against_each_other(objective: Objective) -> None:
    """Raising the fakes' logits helps the generator and hurts the discriminator, whose wish is high reals."""
    real = torch.full((1,), 0.1, requires_grad=True)
    fake = torch.full((1,), 0.2, requires_grad=True)
    for_d = torch.autograd.grad(objective.discriminator(real, fake).sum(), (real, fake))
    (for_g,) = torch.autograd.grad(objective.generator(real.detach(), fake).sum(), fake)
    assert float(for_d[0]) < 0 < float(for_d[1])
    assert float(for_g) < 0


def test_a_row_is_judged_by_itself(objective: Objective) -> None:
    real, fake = torch.randn(6), torch.randn(6)
    whole = objective.discriminator(real, fake)
    torch.testing.assert_close(whole[2:4], objective.discriminator(real[2:4], fake[2:4]))
