"""The doctor at a match: what it reads, and that the training does not notice."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from sparring.base.files import read_lines
from sparring.base.rundir import RunDir
from sparring.doctor import Attending, facts_of
from sparring.doctor.attend import EVERY
from sparring.engine import Engine, choose_plan
from sparring.gan.match import Match
from sparring.recipe import Recipe, validated
from sparring.recipe.build import build, fitted
from tests.conftest import small_fields
from tests.states import same

CONVOLUTIONS = {
    "generator": {"net": {"dcgan": {"widths": [16, 8]}}},
    "discriminator": {"net": {"dcgan": {"widths": [8, 16]}}},
}
KINDS: dict[str, dict[str, Any]] = {
    "plain": {},
    "labels": {"game": {"from_noise": {"latent": {"normal": {"size": 8}}, "labels": "projection"}}},
    "convolutions with batch norms": CONVOLUTIONS,
    "no average": CONVOLUTIONS | {"ema": None},
    "points": {"data": {"ring": {"count": 400}}},
    "simultaneous": {
        "update": "simultaneous",
        "discriminator": {"net": {"dense": {"widths": [16]}}, "terms": {"r1": {}}},
    },
    "spectral norm": {"discriminator": {"net": {"dense": {"widths": [16]}}, "surgery": {"spectral_norm": {}}}},
    "dropout": {
        "generator": {"net": {"dense": {"widths": [16]}}, "surgery": {"dropout": {"rate": 0.3, "when": "always"}}},
        "discriminator": {"net": {"dense": {"widths": [16]}}, "surgery": {"dropout": {"rate": {"adaptive": {}}}}},
    },
    "refitted": {
        "generator": CONVOLUTIONS["generator"] | {"refit_batch_norms": True},
        "discriminator": {"net": {"dcgan": {"widths": [8, 16], "norm": "batch"}}, "refit_batch_norms": True},
        "ema": None,
    },
    "nothing held out": {"data": {"digits": {"held_out": 0.0}}},
    "sgd": {"discriminator": {"net": {"dense": {"widths": [16]}}, "optimiser": {"sgd": {"lr": 0.01}}}},
    "relativistic": {"objective": "relativistic"},
    "moves": {"discriminator": {"net": {"dense": {"widths": [16]}}, "moves": 2}},
}


def recipe_of(kind: str, **changes: Any) -> Recipe:
    return validated(small_fields(steps=110, **KINDS[kind]) | changes)


def match_of(recipe: Recipe) -> Match:
    data = recipe.data.load()
    return build(fitted(recipe, data, {}), data, Engine(choose_plan("cpu", "fp32", images=False)))


def played(match: Match, doctor: Attending | None, steps: int) -> Match:
    for step in match.play():
        match.take(step)
        if doctor is not None:
            doctor.observe(match, step)
        if match.step == steps:
            return match
    raise AssertionError


def doctor_of(recipe: Recipe, folder: Path) -> Attending:
    run = RunDir(folder)
    if not folder.exists():
        run.create()
    return Attending(run, facts_of(recipe), lambda line: None)


def weights(match: Match) -> dict[str, Any]:
    match.settle()  # as before each save: what depends on how networks stand is fitted anew
    state = match.state()
    return {name: state[name] for name in ("nets", "average", "optimisers", "controllers", "position")}


@pytest.mark.parametrize("kind", KINDS)
def test_the_training_does_not_notice(kind: str, tmp_path: Path) -> None:
    recipe = recipe_of(kind)
    alone, watched = match_of(recipe), match_of(recipe)
    hooks = _hooks(watched)
    played(alone, None, 110)
    played(watched, doctor_of(recipe, tmp_path / "run"), 110)
    assert same(weights(alone), weights(watched))
    assert all(net.training for net in watched.nets().values())
    assert _hooks(watched) == hooks


def _hooks(match: Match) -> int:
    return sum(len(module._forward_hooks) for net in match.nets().values() for module in net.modules())


@pytest.mark.parametrize("kind", KINDS)
def test_readings_come_every_50_steps_and_are_numbers(kind: str, tmp_path: Path) -> None:
    recipe = recipe_of(kind)
    doctor = doctor_of(recipe, tmp_path / "run")
    played(match_of(recipe), doctor, 110)
    about, *lines = read_lines(doctor.run.probes)
    assert [line["step"] for line in lines] == [EVERY, 2 * EVERY]
    assert "data_scatter" in about
    wanted = {
        "logit_train",
        "logit_fake",
        "apart_train",
        "slope_train",
        "pull",
        "d_update",
        "g_cosine",
        "spread",
        "distance",
    }
    wanted |= {"d_loss", "d_loss_std", "d_gradient", "d_weight", "g_spectral", "covered"}
    assert wanted <= lines[0].keys()
    assert ("apart_heldout" in lines[0]) == (kind != "nothing held out")
    assert {"motion", "d_moved", "d_still"} <= lines[1].keys()
    assert "entropy" in lines[0]


def test_a_run_taken_up_between_two_readings_reads_what_one_in_one_piece_reads(tmp_path: Path) -> None:
    recipe = recipe_of("plain")
    whole = doctor_of(recipe, tmp_path / "whole")
    played(match_of(recipe), whole, 110)
    first = doctor_of(recipe, tmp_path / "cut")
    state = played(match_of(recipe), first, 99).state()
    second = match_of(recipe)
    second.restore(state)
    played(second, doctor_of(recipe, tmp_path / "cut"), 110)
    lines = [
        [{n: v for n, v in line.items() if n != "seconds"} for line in read_lines(d.run.probes)] for d in (whole, first)
    ]
    assert lines[0] == lines[1]


def test_penalty_shares_are_those_of_the_loss(tmp_path: Path) -> None:
    recipe = recipe_of("plain", discriminator={"net": {"dense": {"widths": [16]}}, "terms": {"r1": {"weight": 100.0}}})
    match, doctor, shares = match_of(recipe), doctor_of(recipe, tmp_path / "run"), []
    for step in match.play():
        match.take(step)
        doctor.observe(match, step)
        losses = {name: float(loss) for name, loss in step.discriminator[-1].items()}
        shares.append((abs(losses["r1"]), abs(losses["adversarial"])))
        if match.step == EVERY:
            break
    terms, adversarial = (sum(column) for column in zip(*shares, strict=True))
    found = read_lines(doctor.run.probes)[-1]["d_share_r1"]
    assert found == pytest.approx(terms / (terms + adversarial), rel=1e-4)
