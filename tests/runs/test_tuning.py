"""The execution plan: what is tried, what is taken, and that the run itself is left alone."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

import sparring
from sparring.base.draws import Key
from sparring.base.rundir import RunDir
from sparring.data import DataSet
from sparring.engine import Engine, choose_plan, compiling
from sparring.gan.measuring import heldout_logits
from sparring.gan.recording import Graphs
from sparring.kinds.images.sources import Digits
from sparring.pages.console import Talk
from sparring.recipe import Recipe, validated
from sparring.recipe.build import build, can_be_compiled, can_join, fitted
from sparring.runs import tuning
from sparring.runs.job import Job, built
from sparring.runs.tuning import candidates, choose
from tests.gan.tape import Tape
from tests.kinds.translation.test_games import CASES as IMAGE_CASES
from tests.kinds.translation.test_games import CODER, JUDGE

DATA: DataSet = Digits().load()
CONV = {"dcgan": {"widths": [8, 8], "std": None}}


def recipe(**more: Any) -> Recipe:
    dense = {"net": {"dense": {"widths": [16]}}}
    fields = {"data": "digits", "objective": "non_saturating", "generator": dense, "discriminator": dense}
    return validated(fields | {"batch": 16, "steps": 50} | more)


@pytest.fixture(autouse=True)
def _cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SPARRING_CACHE", str(tmp_path / "cache"))


@pytest.fixture
def slow(monkeypatch: pytest.MonkeyPatch) -> dict[str, float]:
    """Milliseconds a step by the plan, in place of a clock."""
    prices = {"joined=True": 1.0, "channels_last=False": 1.0, "precision=fp32": 1.0, "threads=1": 1.0}

    def in_turns(one: Any, other: Any, block_s: float) -> tuple[float, float]:
        return price(one.match.engine.plan, prices), price(other.match.engine.plan, prices)

    monkeypatch.setattr(tuning, "_in_turns", in_turns)
    return prices


@pytest.fixture
def graphs(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Compiles without generating code, which takes minutes; gives what the compiler counts."""
    monkeypatch.setattr(compiling, "BACKEND", "aot_eager")
    torch._dynamo.reset()
    counters = torch._dynamo.utils.counters
    counters.clear()
    yield counters
    torch._dynamo.reset()


def price(plan: Any, prices: dict[str, float]) -> float:
    told = {f"{name}={value}" for name, value in plan.to_json().items()}
    total = 1.0
    for change, factor in prices.items():
        total *= factor if change in told else 1.0
    return total


def test_what_is_faster_is_taken_and_what_is_not_is_left(slow: dict[str, float]) -> None:
    slow |= {"joined=True": 0.8, "channels_last=False": 0.99}
    found = choose(recipe(), DATA, "cpu", {}, always=True)
    taken = {trial.change: trial.taken for trial in found.trials}
    assert taken["joined=True"] is True
    assert taken["channels_last=False"] is False  # within the noise
    assert found.plan.joined
    assert found.plan.channels_last


def test_each_is_tried_against_the_best_before_it(slow: dict[str, float]) -> None:
    slow |= {"channels_last=False": 0.5, "joined=True": 0.8}
    found = choose(recipe(), DATA, "cpu", {}, always=True)
    assert [(t.change, t.step_s, t.against_s) for t in found.trials[:2]] == [
        ("channels_last=False", 0.5, 1.0),
        ("joined=True", 0.4, 0.5),
    ]


def test_a_choice_is_kept_and_found_again(slow: dict[str, float]) -> None:
    slow |= {"joined=True": 0.5}
    first = choose(recipe(), DATA, "cpu", {}, always=True)
    slow |= {"joined=True": 2.0}
    again = choose(recipe(seed=3, steps=70), DATA, "cpu", {}, always=True)  # another arm of the same study
    assert again.plan == first.plan
    assert again.why == "tried before on this machine"
    assert not choose(recipe(batch=32), DATA, "cpu", {}, always=True).plan.joined


def test_a_damaged_memory_is_tried_again(slow: dict[str, float], tmp_path: Path) -> None:
    choose(recipe(), DATA, "cpu", {}, always=True)
    (kept,) = (tmp_path / "cache" / "plans").iterdir()
    kept.write_text("{}")
    assert choose(recipe(), DATA, "cpu", {}, always=True).why == ""


def test_short_runs_and_plain_ones_try_nothing() -> None:
    assert choose(recipe(), DATA, "cpu", {}).trials == ()
    assert choose(recipe(), DATA, "cpu", {}, 119.0).trials == ()
    found = choose(recipe(plan="plain"), DATA, "cpu", {}, always=True)
    assert (found.trials, found.why) == ((), "plan=plain")


def test_what_is_not_the_same_mathematics_is_tried_only_where_the_recipe_allows_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(tuning, "multiplies_bf16", lambda device: True)
    plain = choose_plan("cpu", "fp32", images=True)
    for precision in ("fp32", "bf16"):
        tried = list(candidates(recipe(precision=precision), DATA, plain, {}))
        assert all(exact for _, _, exact in tried)
    tried = list(candidates(recipe(precision="auto"), DATA, plain, {}))
    assert ("precision", "bf16", False) in tried


def test_passes_are_joined_only_where_nothing_couples_the_batch() -> None:
    coupled: list[dict[str, Any]] = [
        {"net": {"dense": {"norm": "batch"}}},
        {"net": "dense", "surgery": {"spectral_norm": {}}},
        {"net": "dense", "surgery": {"norm": {"kind": "batch"}}},
    ]
    assert can_join(recipe(), DATA, {})
    assert can_join(recipe(discriminator={"net": {"dense": {"norm": "layer"}}}), DATA, {})
    for side in coupled:
        assert not can_join(recipe(discriminator=side), DATA, {})
    assert not can_join(recipe(), DATA, {"discriminator": nn.Linear(1, 1)})


def test_trying_leaves_the_networks_and_the_threads_alone() -> None:
    net = nn.Sequential(nn.Flatten(), nn.BatchNorm1d(64), nn.Linear(64, 1))
    before = {name: tensor.clone() for name, tensor in net.state_dict().items()}
    threads = torch.get_num_threads()
    found = choose(recipe(discriminator={"net": {"own": {}}}), DATA, "cpu", {"discriminator": net}, always=True)
    assert found.trials
    assert torch.get_num_threads() == threads
    assert all(torch.equal(tensor, before[name]) for name, tensor in net.state_dict().items())


def test_a_run_keeps_its_plan_and_replays_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tuning, "SHORTEST", 0.0)
    words = ("batch=32", "steps=6", "score.metrics=[]", "generator.net=dense", "discriminator.net=dense")
    sparring.train("digits", *words, out=tmp_path / "run", for_="3steps")
    kept = json.loads((tmp_path / "run" / "environment.json").read_text())
    assert {trial["change"] for trial in kept["tuning"]["trials"]} >= {"joined=True", "channels_last=False"}
    monkeypatch.setattr("sparring.runs.session.choose", None)  # a resumed run asks nobody
    assert sparring.train(out=tmp_path / "run", for_="6steps").step == 6


@pytest.mark.parametrize("joined", [False, True])
@pytest.mark.parametrize("channels_last", [False, True])
def test_plans_of_the_same_mathematics_play_the_same_game(joined: bool, channels_last: bool) -> None:
    given = recipe(generator={"net": CONV}, discriminator={"net": {"dcgan": {"widths": [8, 8], "norm": "none"}}})
    losses = []
    for plan in (
        choose_plan("cpu", "fp32", images=False),
        choose_plan("cpu", "fp32", images=False)._replace(joined=joined, channels_last=channels_last),
    ):
        steps = build(given, DATA, Engine(plan)).play()
        losses.append([next(steps).generator[0]["loss"] for _ in range(4)])
    torch.testing.assert_close(losses[0], losses[1], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("term", ["gradient_penalty", "r1"])
def test_slopes_of_patches_with_channels_last(term: str) -> None:
    judge = {"net": {"patch": {"width": 4, "norm": "none"}}, "terms": {term: {}}}
    given = recipe(objective="wasserstein", generator={"net": CONV}, discriminator=judge)
    plain = choose_plan("cpu", "fp32", images=True)
    losses = []
    for last in (False, True):
        steps = build(given, DATA, Engine(plain._replace(channels_last=last))).play()
        losses.append(torch.stack([next(steps).discriminator[0]["loss"] for _ in range(3)]))
    torch.testing.assert_close(losses[0], losses[1], rtol=1e-4, atol=1e-5)


COMPILED: list[dict[str, Any]] = [
    {},
    {"update": "simultaneous"},
    {"terms": {"r1": {"every": 2}, "gradient_penalty": {"every": 3}}},
    {"terms": {"r2": {}}},
    {"surgery": {"spectral_norm": {}, "dropout": {"rate": 0.5}}},
]


@pytest.mark.filterwarnings("ignore::DeprecationWarning:torch")
@pytest.mark.parametrize("more", COMPILED, ids=str)
def test_compiled_networks_play_the_same_game(more: dict[str, Any], graphs: Any) -> None:
    dense = {"net": {"dense": {"widths": [16]}}, "surgery": {"dropout": {"rate": 0.5}}}
    update = {"update": more["update"]} if "update" in more else {}
    given = recipe(generator=dense, discriminator=dense | {n: v for n, v in more.items() if n != "update"}, **update)
    plain = choose_plan("cpu", "fp32", images=True)
    found = []
    for plan in (plain, plain._replace(compiled=True)):
        match = build(given, DATA, Engine(plan))
        played = match.play()
        found.append([(s.discriminator[0]["loss"], s.generator[0]["loss"]) for s in (next(played) for _ in range(6))])
        heldout_logits(match, Key(0))
    torch.testing.assert_close(found[0], found[1], rtol=1e-5, atol=1e-6)
    assert 2 <= graphs["stats"]["unique_graphs"] <= 4  # and none for each step, or for measuring
    assert not graphs["graph_break"]


@pytest.mark.filterwarnings("ignore::DeprecationWarning:torch")
@pytest.mark.parametrize("case", ["paired", "unpaired", "cycle", "inpaint"])
def test_compiled_networks_play_the_same_game_of_images(case: str, graphs: Any) -> None:
    """Passes that ask for more than an image (the way back, features of places) are not compiled, and say the same."""
    data, said = IMAGE_CASES[case]
    game = {"cycle": {"history": 0}} if case == "cycle" else said["game"]
    given = recipe(generator={"net": CODER, "terms": said["terms"]}, discriminator=JUDGE, batch=8, game=game)
    given, plain = fitted(given, data, {}), choose_plan("cpu", "fp32", images=True)
    assert can_be_compiled(given, {})
    found = []
    for plan in (plain, plain._replace(compiled=True)):
        played = build(given, data, Engine(plan)).play()
        found.append([(s.discriminator[0]["loss"], s.generator[0]["loss"]) for s in (next(played) for _ in range(3))])
    torch.testing.assert_close(found[0], found[1], rtol=1e-5, atol=1e-6)
    assert graphs["stats"]["unique_graphs"] >= 2
    assert not graphs["graph_break"]


@pytest.mark.filterwarnings("ignore::DeprecationWarning:torch")
def test_a_plan_does_not_compile_what_a_treatment_made_of_the_recipe(tmp_path: Path, graphs: Any) -> None:
    plan = choose_plan("cpu", "fp32", images=True)._replace(compiled=True)
    plain = recipe(augment={"instance_noise": {}})
    sloped = recipe(augment={"instance_noise": {}}, discriminator={"net": "dense", "terms": {"r1": {}}})
    for one, compiled in ((plain, True), (sloped, False)):
        match = built(Job(RunDir(tmp_path), one, DATA, plan, {}, Talk(quiet=True)))
        assert match.engine.plan.compiled == compiled


def test_history_is_not_compiled() -> None:
    assert not can_be_compiled(recipe(game="cycle"), {})


def test_a_slope_at_fakes_that_both_players_share_is_not_compiled() -> None:
    r2 = {"net": "dense", "terms": {"r2": {}}}
    assert not can_be_compiled(recipe(discriminator=r2, update="simultaneous"), {})
    assert can_be_compiled(recipe(discriminator=r2), {})
    assert not can_be_compiled(recipe(), {"generator": nn.Linear(1, 1)})


@pytest.mark.parametrize("term", ["r1", "r2", "gradient_penalty", "dragan"])
def test_a_slope_through_an_augmentation_is_not_compiled(term: str) -> None:
    augment = {"diff_augment": {}}
    assert not can_be_compiled(recipe(discriminator={"net": "dense", "terms": {term: {}}}, augment=augment), {})
    assert can_be_compiled(recipe(augment=augment), {})


def test_a_compiled_run_goes_on_without_a_compiler(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    words = ("batch=32", "steps=6", "score.metrics=[]", "generator.net=dense", "discriminator.net=dense")
    sparring.train("digits", *words, out=tmp_path / "run", for_="3steps")
    place = tmp_path / "run" / "environment.json"
    kept = json.loads(place.read_text())
    place.write_text(json.dumps(kept | {"plan": kept["plan"] | {"compiled": True}}))
    monkeypatch.setattr("sparring.runs.session.can_compile", lambda device: False)
    assert sparring.train(out=tmp_path / "run", for_="6steps").step == 6


@pytest.mark.filterwarnings("ignore::DeprecationWarning:torch")
def test_only_long_runs_try_to_compile(slow: dict[str, float], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tuning, "can_compile", lambda device: True)
    slow |= {"compiled=True": 0.5, "joined=True": 0.5}
    assert not choose(recipe(), DATA, "cpu", {}, 600.0).has_tried("compiled")
    found = choose(recipe(), DATA, "cpu", {}, 2 * tuning.LONG)  # after what the shorter one found
    assert [trial.change for trial in found.trials].count("joined=True") == 1
    assert found.plan.compiled
    assert found.plan.joined
    assert choose(recipe(), DATA, "cpu", {}, 2 * tuning.LONG).plan == found.plan


@pytest.mark.filterwarnings("ignore::DeprecationWarning:torch")
def test_a_compiler_that_fails_is_told_of_and_left(monkeypatch: pytest.MonkeyPatch, slow: dict[str, float]) -> None:
    def failing(one: Any, other: Any, block_s: float) -> tuple[float, float]:
        if one.match.engine.plan.compiled:
            raise RuntimeError("CppCompileError: no such header\nand more")
        return 1.0, 1.0

    monkeypatch.setattr(tuning, "can_compile", lambda device: True)
    monkeypatch.setattr(tuning, "_in_turns", failing)
    said: list[str] = []
    found = choose(recipe(), DATA, "cpu", {}, 2 * tuning.LONG)
    found.tell(said.append)
    assert not found.plan.compiled
    assert "compiled=True failed (CppCompileError: no such header)" in said[0]


def test_a_way_whose_losses_are_others_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    def wrong(one: Any, other: Any, block_s: float) -> tuple[float, float]:
        one.losses, other.losses = [[0.7, 1.4]], [[0.7, 1.5]]
        return 0.1, 1.0

    monkeypatch.setattr(tuning, "_in_turns", wrong)
    found = choose(recipe(), DATA, "cpu", {}, always=True)
    exact = [trial for trial in found.trials if trial.exact]
    assert exact
    assert all(trial.failed and not trial.taken for trial in exact)


@pytest.mark.parametrize(("fourth", "taken"), [(1.0, True), (1.2, False)])
def test_replayed_moves_are_judged_by_steps_that_were_replayed(
    monkeypatch: pytest.MonkeyPatch, fourth: float, taken: bool
) -> None:
    def later(one: Any, other: Any, block_s: float) -> tuple[float, float]:
        one.losses, other.losses = [[1.0]] * 3 + [[fourth]] * 2, [[1.0]] * 5
        return 0.1, 1.0

    monkeypatch.setattr(tuning, "_in_turns", later)
    monkeypatch.setattr(tuning, "candidates", lambda *given: [("graphs", True, True)])
    monkeypatch.setattr("sparring.recipe.build.Graphs", partial(Graphs, Tape))
    found = choose(recipe(), DATA, "cpu", {}, always=True)
    assert found.plan.graphs == taken


def test_what_a_step_takes_is_measured_once(slow: dict[str, float], monkeypatch: pytest.MonkeyPatch) -> None:
    slow |= {"channels_last=False": 0.5, "joined=True": 2.0}
    assert choose(recipe(), DATA, "cpu", {}, always=True).step_s == 0.5
    assert choose(recipe(), DATA, "cpu", {}, always=True).step_s == 0.5  # as it was found before
    monkeypatch.setattr(tuning, "SHORTEST", 1e9)
    monkeypatch.setattr(tuning, "quick", lambda *_: 0.25)
    assert choose(recipe(batch=32), DATA, "cpu", {}).step_s == 0.25
    assert choose(recipe(plan="plain"), DATA, "cpu", {}).step_s is None
