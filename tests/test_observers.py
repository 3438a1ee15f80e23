"""What observers measure, and that controllers follow it."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from sparring.build import build
from sparring.data.options import Digits
from sparring.draws import Key
from sparring.engine import Engine, choose_plan
from sparring.loop import Step
from sparring.match import Match
from sparring.observers import Controllers, Log, heldout_logits, overfitting
from sparring.schedules import Adaptive
from tests.conftest import small_recipe

DATA = Digits().load()


def match_of(**changes: Any) -> Match:
    return build(small_recipe(**changes), DATA, Engine(choose_plan("cpu", "fp32", images=True)))


def one_step(match: Match) -> Step:
    step = next(match.play())
    match.step = 1
    return step


@pytest.mark.parametrize(
    ("fields", "notes", "undecided", "wanted"),
    [
        ({}, {"train": 2.0, "heldout": 0.5, "fake": -1.0}, True, (0.5, 0.6)),
        ({"target": 0.4}, {"train": 2.0, "heldout": 2.0, "fake": -1.0}, True, (0.0, 0.4)),
        ({}, {"train": -1.0, "heldout": 0.5, "fake": -1.0}, True, (0.0, 0.6)),
        ({}, {"train": 2.0, "heldout": 0.5, "fake": -1.0, "gap": 0.3}, False, (0.3, 0.1)),
        ({"signal": "sign"}, {"train": 2.0, "heldout": 0.5, "fake": -1.0, "sign": 0.8}, True, (0.8, 0.6)),
        ({}, {"train": 2.0, "fake": -1.0, "sign": 0.7}, True, (0.7, 0.6)),
    ],
)
def test_the_signal_is_the_one_that_fits(
    fields: dict[str, Any], notes: dict[str, float], undecided: bool, wanted: tuple[float, float]
) -> None:
    assert Controllers.signal(Adaptive(**fields), notes, undecided) == pytest.approx(wanted)


def test_a_discriminator_that_knows_its_training_images_raises_the_rate() -> None:
    """Logits by heart: high for training images alone."""
    match = match_of(
        discriminator={
            "net": {"dense": {"widths": [16]}},
            "surgery": {"dropout": {"rate": {"adaptive": {"adjust": 640}}}},
        }
    )
    step = one_step(match)
    known = {sample.numpy().tobytes() for sample in DATA.codec.encode(DATA.samples[DATA.train])}

    class ByHeart(torch.nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return torch.tensor([5.0 if one.detach().numpy().tobytes() in known else -5.0 for one in x])

    match.duel.discriminator = ByHeart()
    readings = overfitting(match, Key(0))
    assert readings["train"] == 5.0
    assert readings["heldout"] == readings["fake"] == -5.0
    assert (readings["gap"], readings["sign"]) == (1.0, 1.0)
    (adaptive,) = match.controllers.values()
    controllers = Controllers()
    for number in range(8):
        controllers.observe(match, step._replace(number=number))
    assert adaptive.at(match.now(8)) == pytest.approx(2 * 4 * 16 / 640)  # two readings, at steps 0 and 4

    class Fair(torch.nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return x.flatten(1).mean(1)

    match.duel.discriminator = Fair()
    for number in range(8, 200):
        controllers.observe(match, step._replace(number=number))
    assert adaptive.at(match.now(200)) == 0


def test_measuring_changes_nothing() -> None:
    nets = {
        "net": {"dcgan": {"widths": [8], "kernel": 3}},
        "surgery": {"dropout": {"rate": 0.5}, "spectral_norm": None},
    }
    match = match_of(discriminator=nets, generator={"net": {"dense": {"widths": [8], "norm": "batch"}}})
    step = one_step(match)
    before = {side: {n: t.clone() for n, t in net.state_dict().items()} for side, net in match.nets().items()}
    modes = [m.training for net in match.nets().values() for m in net.modules()]
    state = torch.get_rng_state()
    overfitting(match, Key(1))
    heldout_logits(match, Key(1))
    Log(None, 1).line(match, step)
    assert torch.equal(torch.get_rng_state(), state)
    assert modes == [m.training for net in match.nets().values() for m in net.modules()]
    for side, net in match.nets().items():
        for name, tensor in net.state_dict().items():
            assert torch.equal(tensor, before[side][name]), name


def test_a_line_of_the_log_has_the_numbers_of_its_step() -> None:
    match = match_of(discriminator={"net": {"dense": {"widths": [16]}}, "surgery": {"dropout": {"rate": 0.25}}})
    step = one_step(match)
    line = Log(None, 1).line(match, step)
    assert line["discriminator_loss"] == pytest.approx(float(step.discriminator[0]["loss"]))
    assert line["discriminator_dropout"] == 0.25
    assert (line["step"], line["images"]) == (1, 16)
    gradient = torch.cat([p.grad.flatten() for p in match.generator.parameters() if p.grad is not None])
    assert line["generator_gradient"] == pytest.approx(float(gradient.norm()), rel=1e-5)
    assert {"logits_train", "logits_heldout"} <= line.keys()
    assert "images_per_s" not in line  # nothing to measure it from yet


def test_numbers_that_are_none_are_left_out_of_the_log(monkeypatch: pytest.MonkeyPatch) -> None:
    """A gradient norm may overflow where the loss does not; the line is still written."""
    monkeypatch.setattr("sparring.observers._norm", lambda net: float("inf"))
    match = match_of()
    line = Log(None, 1, show=lambda _: None).line(match, one_step(match))
    assert "generator_gradient" not in line
    assert "generator_loss" in line
