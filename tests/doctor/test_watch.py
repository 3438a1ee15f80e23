"""The doctor in plain PyTorch loops, as tutorials write them."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from sparring.base.errors import RequestError
from sparring.doctor.watch import Doctor

Loop = Callable[[nn.Module, nn.Module, Tensor, Doctor | None, int], None]


def ring(count: int, seed: int = 0) -> Tensor:
    source = torch.Generator().manual_seed(seed)
    angle = torch.randint(8, (count,), generator=source) * torch.pi / 4
    centres = torch.stack((angle.cos(), angle.sin()), 1)
    return centres + 0.1 * torch.randn(count, 2, generator=source)


def dense(inputs: int, outputs: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Linear(inputs, 32), nn.LeakyReLU(0.2), nn.Linear(32, 32), nn.LeakyReLU(0.2), nn.Linear(32, outputs)
    )


def train(
    generator: nn.Module,
    discriminator: nn.Module,
    data: Tensor,
    doctor: Doctor | None,
    steps: int,
    rates: tuple[float, float] = (1e-3, 1e-3),
    *,
    joined: bool = False,
    after: Callable[[Tensor], Tensor] = lambda logits: logits,
) -> None:
    """A tutorial's loop: rates of the discriminator and the generator; `joined` shows reals and fakes in one pass."""
    torch.manual_seed(0)
    d_opt = torch.optim.Adam(discriminator.parameters(), rates[0], betas=(0.0, 0.9))
    g_opt = torch.optim.Adam(generator.parameters(), rates[1], betas=(0.0, 0.9))
    for _ in range(steps):
        real = data[torch.randint(len(data), (64,))]
        fake = generator(torch.randn(64, 4))
        if joined:
            on_real, on_fake = after(discriminator(torch.cat((real, fake.detach())))).split(64)
        else:
            on_real, on_fake = after(discriminator(real)), after(discriminator(fake.detach()))
        d_loss = (F.softplus(-on_real) + F.softplus(on_fake)).mean()
        d_opt.zero_grad()
        d_loss.backward()
        d_opt.step()
        g_loss = F.softplus(-after(discriminator(generator(torch.randn(64, 4))))).mean()
        g_opt.zero_grad()
        g_loss.backward()
        g_opt.step()
        if doctor is not None:
            doctor.step(d_loss, g_loss)


def nets() -> tuple[nn.Module, nn.Module]:
    torch.manual_seed(1)
    return dense(4, 2), dense(2, 1)


def test_watching_changes_nothing() -> None:
    (generator, discriminator), data = nets(), ring(500)
    alone = copy.deepcopy((generator, discriminator))
    with Doctor(steps=200, objective="non_saturating", say=None).watch(discriminator, generator) as doctor:
        train(generator, discriminator, data, doctor, 200)
    train(*alone, data, None, 200)
    for mine, other in zip((generator, discriminator), alone, strict=True):
        for one, two in zip(mine.state_dict().values(), other.state_dict().values(), strict=True):
            assert torch.equal(one, two)
        assert mine.training
        assert not mine._forward_hooks
        assert not mine._forward_pre_hooks


@pytest.mark.parametrize("joined", [False, True])
def test_reals_are_told_from_fakes_by_listening(joined: bool) -> None:
    (generator, discriminator), data = nets(), ring(500)
    doctor = Doctor(say=None).watch(discriminator, generator)
    train(generator, discriminator, data, doctor, 60, joined=joined)
    assert doctor._heard is not None
    reals = doctor._heard._reals._parts[0]
    assert len(reals) == 1000
    known = (reals[:, None] == data[None]).all(2).any(1)
    assert bool(known.all())


def test_a_generator_that_cannot_follow_is_found() -> None:
    (generator, discriminator), told = nets(), list[str]()
    doctor = Doctor(steps=600, objective="non_saturating", heldout=ring(300, seed=1), say=told.append)
    doctor.watch(discriminator, generator)
    train(generator, discriminator, ring(2000), doctor, 600, rates=(2e-3, 1e-6))
    diagnosis = doctor.diagnosis()
    assert diagnosis.verdict == "sick"
    assert "vanishing_gradient" in [finding.symptom for finding in diagnosis.illnesses][:3]
    assert any("since step" in line for line in told)
    assert "vanishing gradient" in str(doctor)


def test_a_sigmoid_too_many_is_found() -> None:
    generator, discriminator = nets()
    squashed = nn.Sequential(discriminator, nn.Sigmoid())
    doctor = Doctor(steps=600, objective="non_saturating", say=None).watch(squashed, generator)
    train(generator, squashed, ring(2000), doctor, 600)
    found = {finding.symptom: finding.kind for finding in doctor.diagnosis().findings}
    assert found["bounded_logits"] == "notice"  # it is there, and on these data it does no harm


def test_a_training_that_goes_well_is_healthy() -> None:
    generator, discriminator = nets()
    doctor = Doctor(steps=2500, objective="non_saturating", heldout=ring(500, seed=1), say=None)
    doctor.watch(discriminator, generator)
    train(generator, discriminator, ring(2000), doctor, 2500)
    assert doctor.diagnosis().verdict == "healthy", str(doctor)


class Conditional(nn.Module):
    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.embed = nn.Embedding(3, 4)
        self.body = dense(inputs + 4, outputs)

    def forward(self, x: Tensor, label: Tensor) -> Any:
        return self.body(torch.cat((x, self.embed(label)), 1))


def test_conditional_networks_are_called_as_they_were() -> None:
    generator, discriminator, data = Conditional(4, 2), Conditional(2, 1), ring(500)
    doctor = Doctor(say=None).watch(discriminator, generator)
    for _ in range(100):
        label = torch.randint(3, (32,))
        fake = generator(torch.randn(32, 4), label)
        discriminator(data[:32], label)
        discriminator(fake.detach(), label)
        doctor.step()
    assert doctor.history.steps == [50, 100]
    assert doctor.history.last("apart_train") is not None


def test_held_out_samples_come_with_what_the_discriminator_gets_beside_them() -> None:
    data, told = ring(500), list[str]()
    labels = torch.randint(3, (500,))
    for heldout, used in ((ring(100, seed=1), False), ((ring(100, seed=1), labels[:100]), True)):
        generator, discriminator = Conditional(4, 2), Conditional(2, 1)
        doctor = Doctor(heldout=heldout, say=told.append).watch(discriminator, generator)
        for _ in range(50):
            fake = generator(torch.randn(32, 4), label=labels[:32])
            discriminator(data[:32], label=labels[:32])
            discriminator(fake.detach(), label=labels[:32])
            doctor.step()
        assert (doctor.history.last("apart_heldout") is not None) is used
    assert [line for line in told if "heldout is not used" in line] == told[:1]


def test_what_cannot_be_run_again_stops_the_doctor_and_not_the_loop() -> None:
    class Moody(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer = nn.Linear(2, 1)

        def forward(self, x: Tensor) -> Tensor:
            if len(x) != 32:
                raise RuntimeError("this network takes 32 samples")
            return self.layer(x)

    generator, discriminator, told = dense(4, 2), Moody(), list[str]()
    doctor = Doctor(say=told.append).watch(discriminator, generator)
    for _ in range(120):
        discriminator(ring(32))
        discriminator(generator(torch.randn(32, 4)).detach())
        doctor.step()
    assert len(told) == 1
    assert "stopped at step 50" in told[0]
    assert "takes 32 samples" in str(doctor)


def test_interpolates_are_not_taken_for_real() -> None:
    (generator, discriminator), data = nets(), ring(500)
    doctor = Doctor(say=None).watch(discriminator, generator)
    for _ in range(50):
        fake = generator(torch.randn(32, 4)).detach()
        discriminator((data[:32] + fake).requires_grad_())
        discriminator(data[:32])
        discriminator(fake)
        doctor.step()
    assert doctor._heard is not None
    reals = doctor._heard._reals._parts[0]
    assert bool((reals[:, None] == data[None]).all(2).any(1).all())


def test_networks_that_draw_for_themselves_draw_the_same() -> None:
    class Noisy(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.body = dense(4, 2)

        def forward(self, z: Tensor) -> Tensor:
            return self.body(z + 0.1 * torch.randn_like(z))

    torch.manual_seed(1)
    generator, discriminator = Noisy(), dense(2, 1)
    alone = copy.deepcopy((generator, discriminator))
    doctor = Doctor(say=None).watch(discriminator, generator)
    train(generator, discriminator, ring(500), doctor, 120)
    train(*alone, ring(500), None, 120)
    for one, two in zip(generator.parameters(), alone[0].parameters(), strict=True):
        assert torch.equal(one, two)


def test_weights_that_are_no_numbers_are_a_fall() -> None:
    (generator, discriminator), data = nets(), ring(500)
    doctor = Doctor(say=None).watch(discriminator, generator)
    train(generator, discriminator, data, doctor, 100)
    with torch.no_grad():
        next(generator.parameters()).fill_(torch.nan)
    train(generator, discriminator, data, doctor, 50)
    assert "diverged" in [finding.symptom for finding in doctor.diagnosis().illnesses]


def test_what_is_asked_wrongly_is_said() -> None:
    generator, discriminator = nets()
    with pytest.raises(RequestError, match="objective: 'bce' is unknown; there are minimax"):
        Doctor(objective="bce")
    with pytest.raises(RequestError, match="watch"):
        Doctor().step()
    doctor = Doctor().watch(discriminator, generator)
    with pytest.raises(RequestError, match="watches two networks already"):
        doctor.watch(discriminator, generator)
