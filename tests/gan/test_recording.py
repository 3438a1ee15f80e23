"""Recorded moves: replayed, they are those that Python makes, to the bit."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from sparring.base.draws import Key
from sparring.data.views import Views
from sparring.engine import Engine, choose_plan
from sparring.gan.match import Match
from sparring.gan.measuring import heldout_logits
from sparring.gan.recording import REHEARSALS, Graphs, Slots
from sparring.recipe.build import as_far_as_possible, build, can_be_recorded, record
from sparring.runs.tuning import candidates
from tests.data.test_store import sample_file
from tests.gan.tape import Tape
from tests.kinds.tables.data.files import write_mixed
from tests.kinds.tables.test_game import match_of as table_match
from tests.kinds.translation.test_games import CASES as IMAGE_CASES
from tests.kinds.translation.test_games import match_of as image_match
from tests.runs.test_tuning import DATA, recipe

STEPS = 2 * REHEARSALS + 4
DROPS = {"net": {"dense": {"widths": [16]}}, "surgery": {"dropout": {"rate": 0.3}}}


class Tapes:
    """Makes tapes, and keeps them to be looked at."""

    def __init__(self) -> None:
        self.all: list[Tape] = []

    def __call__(self) -> Tape:
        self.all.append(Tape())
        return self.all[-1]


def recorded(match: Match) -> Tapes:
    """Has a match make its moves by tape."""
    tapes = Tapes()
    record(match, Graphs(tapes))
    return tapes


def play_on(match: Match, steps: int = STEPS) -> list[Any]:
    """What the moves of so many steps record."""
    found, game = [], match.play()
    for _ in range(steps):
        step = next(game)
        match.take(step)
        found.append([step.discriminator, step.generator])
    return found


def same(one: Match, other: Match) -> None:
    for side, net in one.nets().items():
        for name, tensor in net.state_dict().items():
            assert torch.equal(tensor, other.nets()[side].state_dict()[name]), name


CASES: dict[str, dict[str, Any]] = {
    "plain": {},
    "both at once": {"update": "simultaneous"},
    "dropout that moves": {
        "discriminator": DROPS | {"surgery": {"dropout": {"rate": {"linear": {"start": 0.1, "end": 0.6}}}}},
        "generator": DROPS | {"surgery": {"dropout": {"rate": 0.25, "unit": "gaussian"}}},
    },
    "a rate that moves": {
        "generator": {
            "net": {"dense": {"widths": [16]}},
            "optimiser": {"adam": {"lr": {"linear": {"start": 0.01, "end": 0.0001}}}},
        }
    },
    "a lazy slope": {"discriminator": DROPS | {"terms": {"r1": {"every": 2}, "gradient_penalty": {"weight": 1.0}}}},
    "augmented": {"augment": {"diff_augment": {}, "ada": {"probability": 0.5}}},
    "labels": {"game": {"from_noise": {"labels": "projection"}}},
    "in parts": {"microbatch": 8, "discriminator": DROPS},
    "several moves": {"discriminator": DROPS | {"moves": 2}},
    "spectral": {"discriminator": {"net": {"dense": {"widths": [16]}}, "surgery": {"spectral_norm": {}}}},
    "batch norm": {"generator": {"net": {"dense": {"widths": [16], "norm": "batch"}}}},
    "latents within bounds": {"game": {"from_noise": {"latent": {"truncated": {}}}}},
    "consistency": {"discriminator": DROPS | {"terms": {"consistency": {}}}},
    "weights that decay": {"generator": {"net": "dense", "optimiser": {"adam_w": {}}}},
}


def check(make: Callable[[], Match], kinds: int = 2) -> None:
    """Plays two of the same match, and looks that they are the same to the bit, and that so many kinds of moves were
    replayed."""
    plain, match = make(), make()
    tapes = recorded(match)
    assert play_on(match) == play_on(plain)
    same(match, plain)
    assert [tape.replays > 0 for tape in tapes.all] == [True] * kinds


def match_of(**more: Any) -> Match:
    given = recipe(**more)
    assert can_be_recorded(given, {})
    return build(given, DATA, Engine(choose_plan("cpu", given.precision, images=True)))


@pytest.mark.parametrize("case", CASES)
def test_replayed_moves_are_those_that_python_makes(case: str) -> None:
    check(lambda: match_of(**CASES[case]), {"both at once": 1, "a lazy slope": 3}.get(case, 2))


@pytest.mark.parametrize("case", [case for case in IMAGE_CASES if case != "cycle"])
def test_replayed_moves_of_images(case: str) -> None:
    check(lambda: image_match(case))


def test_replayed_moves_both_ways(monkeypatch: pytest.MonkeyPatch) -> None:
    data, said = IMAGE_CASES["cycle"]
    monkeypatch.setitem(IMAGE_CASES, "cycle", (data, said | {"game": {"cycle": {"history": 0}}}))
    check(lambda: image_match("cycle"))


@pytest.mark.parametrize("game", [{"condition": "rows"}, {"condition": "none"}, {"condition": "sampling"}, {"pack": 4}])
def test_replayed_moves_of_tables(tmp_path: Path, game: dict[str, Any]) -> None:
    path = write_mixed(tmp_path / "made.csv")
    check(lambda: table_match(path, game={"table": game}))


def test_replayed_moves_of_changed_images_that_are_read_from_a_file(tmp_path: Path) -> None:
    file = sample_file(tmp_path / "samples", DATA.samples)

    def make() -> Match:
        data = replace(DATA, file=file, views=Views(mirror=True, zoom=0.3))
        return build(recipe(), data, Engine(choose_plan("cpu", "fp32", images=True)))

    check(make)


def test_bf16_is_recorded_too() -> None:
    check(lambda: match_of(precision="bf16", discriminator=DROPS))


def test_a_restored_match_is_recorded_anew() -> None:
    plain, match = match_of(discriminator=DROPS), match_of(discriminator=DROPS)
    tapes = recorded(match)
    for one in (plain, match):
        play_on(one)
        state = copy.deepcopy(one.state())
        play_on(one, 2)
        one.restore(state)
        play_on(one)
    same(match, plain)
    assert [tape.replays > 0 for tape in tapes.all] == [True] * 4


def test_a_match_is_probed_between_replays() -> None:
    """Passes that are not replayed go by keys of their own, and leave what is recorded as it was."""
    plain, match = match_of(discriminator=DROPS, generator=DROPS), match_of(discriminator=DROPS, generator=DROPS)
    recorded(match)
    for one in (plain, match):
        for _ in range(STEPS):
            play_on(one, 1)
            heldout_logits(one, Key("probe"))
            one.sampler()
            one.generator.train()
    same(match, plain)


def test_a_rate_that_8_bits_tell_is_drawn_as_others_are() -> None:
    """Else each of the few steps at such a rate would be another kind of move."""
    rates = {"steps": {"values": {0: 0.5, 4: 0.3, 8: 0.25}}}
    drops = DROPS | {"surgery": {"dropout": {"rate": rates}}}
    check(lambda: match_of(discriminator=drops))


def test_only_what_is_read_on_the_device_is_recorded() -> None:
    rows = image_match("paired").batches.rows
    assert not rows.read_on_device  # on a GPU, inputs that are not resident would be fetched in each move
    rows.inputs._resident = rows.inputs._data.samples  # type: ignore[union-attr]
    assert rows.read_on_device
    assert match_of().batches.rows.read_on_device


def test_a_draw_that_was_not_rehearsed_is_refused() -> None:
    slots = Slots(torch.device("cpu"))
    slots.fill({"turn": Key(1)})
    word = slots.root("turn").at("latents", 3).signed
    assert int(word) == Key(1).at("latents", 3).signed
    slots.fill({"turn": Key(2)})
    assert int(word) == Key(2).at("latents", 3).signed
    slots.closed = True
    assert slots.root("turn").at("latents").at(3).signed.data_ptr() == word.data_ptr()
    with pytest.raises(RuntimeError, match=r"turn/masks\) was not rehearsed"):
        slots.root("turn").at("masks").signed  # noqa: B018


@pytest.mark.parametrize(
    ("more", "can"),
    [
        ({}, True),
        ({"discriminator": DROPS | {"terms": {"r1": {"weight": {"linear": {"start": 1, "end": 0}}}}}}, False),
        ({"augment": {"ada": {}}}, False),  # whose probability a controller moves
        ({"augment": {"ada": {"probability": 0.2}}}, True),
        ({"generator": {"net": "dense", "optimiser": {"sgd": {}}}}, False),
        ({"game": "cycle"}, False),
        ({"game": {"inpaint": {"masks": {"folder": {"path": "masks"}}}}}, False),
        ({"augment": {"surgery": {"ada": {}}}}, False),
        ({"game": {"cycle": {"history": 0}}}, True),
        ({"game": {"from_noise": {"noise_images": {"linear": {"start": 1, "end": 0}}}}}, False),
    ],
)
def test_only_what_python_hands_on_may_change_from_move_to_move(more: dict[str, Any], can: bool) -> None:
    assert can_be_recorded(recipe(**more), {}) == can
    assert not can_be_recorded(recipe(**more), {"generator": nn.Linear(1, 1)})
    plain = choose_plan("cpu", "fp32", images=True)._replace(device="cuda")
    assert (("graphs", True, True) in candidates(recipe(**more), DATA, plain, {})) == can
    taken = as_far_as_possible(plain._replace(graphs=True), recipe(**more), {})
    assert taken.graphs == can
    assert not as_far_as_possible(taken._replace(device="cpu"), recipe(**more), {}).graphs


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_on_a_gpu_graphs_make_the_moves_that_python_makes() -> None:
    found = []
    for graphs in (False, True):
        plan = choose_plan("cuda", "fp32", images=True)._replace(graphs=graphs)
        found.append(play_on(build(recipe(discriminator=DROPS), DATA, Engine(plan)), 4 * STEPS))
    for plain, replayed in zip(*found, strict=True):
        torch.testing.assert_close(plain, replayed, rtol=1e-3, atol=1e-4)
