"""What observers measure, and that controllers follow it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from sparring.base.draws import Key
from sparring.base.files import read_lines
from sparring.base.rundir import RunDir
from sparring.engine import Engine, choose_plan
from sparring.gan.augment import Augmentation
from sparring.gan.loop import Step
from sparring.gan.match import Match
from sparring.gan.measuring import heldout_logits, overfitting
from sparring.gan.schedules import Adaptive
from sparring.kinds.images.kind import ImagesKind
from sparring.kinds.images.sources import Digits
from sparring.recipe import validated
from sparring.recipe.build import build
from sparring.recipe.recipe import override
from sparring.runs.controllers import Controllers
from sparring.runs.observers import Log
from tests.conftest import small_recipe

DATA = Digits().load()


def match_of(**changes: Any) -> Match:
    return build(small_recipe(**changes), DATA, Engine(choose_plan("cpu", "fp32", images=True)))


def one_step(match: Match) -> Step:
    step = next(match.play())
    match.step = 1
    return step


@pytest.mark.parametrize(
    ("fields", "notes", "ranked", "wanted"),
    [
        ({}, {"train": 2.0, "heldout": 0.5, "fake": -1.0}, False, (0.5, 0.5)),
        ({"target": 0.4}, {"train": 2.0, "heldout": 2.0, "fake": -1.0}, False, (0.0, 0.4)),
        ({}, {"train": -1.0, "heldout": 0.5, "fake": -1.0}, False, (0.0, 0.5)),
        ({}, {"train": 2.0, "heldout": 0.5, "fake": -1.0, "gap": 0.3}, True, (0.3, 0.1)),
        ({"signal": "sign"}, {"train": 2.0, "heldout": 0.5, "fake": -1.0, "sign": 0.8}, False, (0.8, 0.6)),
        ({}, {"train": 2.0, "fake": -1.0, "sign": 0.7}, False, (0.7, 0.6)),
    ],
)
def test_the_signal_is_the_one_that_fits(
    fields: dict[str, Any], notes: dict[str, float], ranked: bool, wanted: tuple[float, float]
) -> None:
    assert Controllers.signal(Adaptive(**fields), notes, ranked) == pytest.approx(wanted)


@pytest.mark.parametrize(
    ("objective", "ranked"),
    [
        ("minimax", False),
        ("non_saturating", False),
        ("least_squares", False),
        ("hinge", False),
        ("wasserstein", True),
        ("relativistic", True),
        ("by_sides", False),
        ({"by_sides": {"real": "wasserstein", "fake": "wasserstein"}}, True),
    ],
)
def test_the_ranking_gap_is_for_objectives_of_differences(objective: Any, ranked: bool) -> None:
    """The mean logits' ratio does not change when all logits are moved or scaled; where no loss ties them down at all,
    how they rank is what is left."""
    assert small_recipe(objective=objective).objective.differences_alone == ranked


class ByHeart(torch.nn.Module):
    """High logits for training images alone, or for other samples of the data."""

    def __init__(self, numbers: torch.Tensor = DATA.train) -> None:
        super().__init__()
        self.known = {sample.numpy().tobytes() for sample in DATA.codec.encode(DATA.samples[numbers])}

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.tensor([5.0 if one.detach().numpy().tobytes() in self.known else -5.0 for one in x])


class Fair(torch.nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x.flatten(1).mean(1)


ACTUATORS = {
    "augment.ada.probability": {"augment": {"ada": {"probability": {"adaptive": {"adjust": 640}}}}},
    "augment.instance_noise.sigma": {"augment": {"instance_noise": {"sigma": {"adaptive": {"adjust": 640}}}}},
    "discriminator.terms.r1.weight": {
        "discriminator": {
            "net": {"dense": {"widths": [16]}},
            "terms": {"r1": {"weight": {"adaptive": {"adjust": 640}}}},
        }
    },
    "discriminator.optimiser.lr": {
        "discriminator": {
            "net": {"dense": {"widths": [16]}},
            "optimiser": {"adam": {"lr": {"adaptive": {"adjust": 640, "least": 1e-4, "most": 0.2}}}},
        }
    },
    "discriminator.surgery.dropout.rate": {
        "discriminator": {
            "net": {"dense": {"widths": [16]}},
            "surgery": {"dropout": {"rate": {"adaptive": {"adjust": 640}}}},
        }
    },
}


@pytest.mark.parametrize("path", ACTUATORS)
def test_a_controller_moves_any_schedule_and_what_reads_it_follows(path: str) -> None:
    """Two matches alike but that in one the value has risen: the discriminator's next move differs."""

    def moved(rise: bool) -> torch.Tensor:
        match = match_of(**ACTUATORS[path])
        assert list(match.controllers) == [path]
        if rise:
            step, judge = one_step(match), match.duel.discriminator
            match.duel.discriminator = ByHeart()
            for number in range(0, 16, 4):
                Controllers().observe(match, step._replace(number=number))
            match.duel.discriminator = judge
            assert match.controllers[path].at(match.now(0)) >= 0.2
            match.step = 1
        else:
            one_step(match)
        next(match.play())
        return torch.nn.utils.parameters_to_vector(match.discriminator.parameters()).detach()

    assert torch.equal(moved(False), moved(False))
    assert not torch.equal(moved(False), moved(True))


def test_a_value_that_stays_at_its_maximum_is_told_once_with_advice(tmp_path: Path) -> None:
    match = match_of(**ACTUATORS["discriminator.surgery.dropout.rate"])
    step, told = one_step(match), []
    match.duel.discriminator = ByHeart()
    run = RunDir(tmp_path / "run")
    run.path.mkdir()
    controllers = Controllers(run, told.append, ImagesKind.against_overfitting)
    for number in range(600):
        if number == 300:  # as after a resume
            controllers = Controllers(run, told.append, ImagesKind.against_overfitting)
        controllers.observe(match, step._replace(number=number))
    (line,) = told
    assert line == (
        "discriminator.surgery.dropout.rate has been at its maximum 0.5 since step 16: the discriminator still overfits; "
        "try augment.diff_augment.cutout=0.5, discriminator.terms.r1.weight=1 or a narrower discriminator"
    )
    (finding,) = read_lines(run.findings)
    assert (finding["symptom"], finding["since_step"]) == ("controller_saturated", 16)
    assert finding["evidence"]["signal"] == 1.0
    for remedy in finding["remedy"][:-1]:
        validated(override(small_recipe().model_dump(mode="json"), [remedy]))


def test_a_value_at_its_maximum_is_not_told_where_that_suffices() -> None:
    match = match_of(**ACTUATORS["discriminator.surgery.dropout.rate"])
    step, told = one_step(match), []
    controllers = Controllers(None, told.append)
    overfitted, sound = ByHeart(), ByHeart(torch.arange(len(DATA.samples)))
    for number in range(0, 1000, 4):
        match.duel.discriminator = overfitted if number % 400 < 120 else sound
        controllers.observe(match, step._replace(number=number))
    assert told == []


def test_a_discriminator_that_knows_its_training_images_raises_the_rate() -> None:
    match = match_of(
        discriminator={
            "net": {"dense": {"widths": [16]}},
            "surgery": {"dropout": {"rate": {"adaptive": {"adjust": 640}}}},
        }
    )
    step = one_step(match)
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

    match.duel.discriminator = Fair()
    for number in range(8, 200):
        controllers.observe(match, step._replace(number=number))
    assert adaptive.at(match.now(200)) == 0


class Marked(Augmentation):
    """Adds 100 to whatever it is given."""

    def __call__(self, x: torch.Tensor, now: Any, key: Key, rows: torch.Tensor, groups: Any = None) -> torch.Tensor:
        return x + 100


def test_all_that_a_controller_reads_is_augmented() -> None:
    match = match_of(**ACTUATORS["discriminator.surgery.dropout.rate"])
    match.duel.augment, seen = {"marked": Marked()}, []
    match.discriminator.register_forward_pre_hook(lambda _, given: seen.append(float(given[0].min())))
    overfitting(match, Key(0))
    assert len(seen) == 3
    assert min(seen) >= 99


def test_a_controller_reads_whole_batches_in_parts() -> None:
    changes: dict[str, Any] = {"augment": {"diff_augment": {}}, "discriminator": {"net": {"dense": {"widths": [16]}}}}
    whole, parts = (overfitting(match_of(microbatch=size, **changes), Key(0)) for size in (None, 5))
    assert parts == pytest.approx(whole, abs=1e-5)


@pytest.mark.parametrize("augment", [{"diff_augment": {}}, {"instance_noise": {"sigma": 0.1}}])
def test_a_discriminator_is_not_blamed_for_images_that_it_is_never_shown(augment: dict[str, Any]) -> None:
    """It would know the training images themselves, but in training all that it sees of them is changed."""
    match = match_of(**ACTUATORS["discriminator.surgery.dropout.rate"], augment=augment)
    step = one_step(match)
    match.duel.discriminator = ByHeart()
    readings = overfitting(match, Key(0))
    assert readings["train"] == readings["heldout"] == readings["fake"] == -5.0
    for number in range(0, 40, 4):
        Controllers().observe(match, step._replace(number=number))
    assert next(iter(match.controllers.values())).at(match.now(1)) == 0


def test_adaptive_augmentation_comes_to_rest_where_the_discriminator_no_longer_knows_what_it_sees() -> None:
    """The value is in the reading: with one of five training images changed, the mean sign is at its target of 0.6."""
    ada = {"geometry": False, "color": False, "probability": {"adaptive": {"adjust": 25600, "signal": "sign"}}}
    match = match_of(augment={"ada": ada}, batch=32, objective="non_saturating")
    step, controllers, values = one_step(match), Controllers(), []
    match.duel.discriminator = ByHeart()
    for number in range(0, 480, 4):
        controllers.observe(match, step._replace(number=number))
        values.append(match.controllers["augment.ada.probability"].at(match.now(1)))
    # An image is mirrored in half of the cases, turned in three of four, and shifted in eight of nine
    p = sum(values[-80:]) / 80
    assert (1 - p / 2) * (1 - p * 3 / 4) * (1 - p * 8 / 9) == pytest.approx(0.8, abs=0.05)
    assert max(values) < 0.25


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
    monkeypatch.setattr("sparring.runs.observers.gradient_norm", lambda net: float("inf"))
    match = match_of()
    line = Log(None, 1, show=lambda _: None).line(match, one_step(match))
    assert "generator_gradient" not in line
    assert "generator_loss" in line
