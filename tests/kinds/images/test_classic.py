"""The bench of classic mistakes: its correct step is Sparring's, and each mistake is the one it says."""

from __future__ import annotations

import importlib.util
import math
import sys
from pathlib import Path
from types import ModuleType

import pytest
import torch
from torch import Tensor, nn

ROOT = Path(__file__).parents[3]


def _bench() -> ModuleType:
    spec = importlib.util.spec_from_file_location("bench_classic", ROOT / "bench" / "classic.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


bench = _bench()
RECIPES = sorted({mistake.recipe for mistake in bench.MISTAKES.values()})


def asked(steps: int = 12) -> object:
    return bench.Asked(steps=steps, count=100, data="digits")


def begun(name: str, *, wrong: bool, steps: int = 12) -> bench.Tutorial:  # type: ignore[name-defined]
    return bench.begun(bench.MISTAKES[name], asked(steps), seed=1, wrong=wrong)


def weights(played: bench.Tutorial, side: str) -> Tensor:  # type: ignore[name-defined]
    """All weights of a player, in one row."""
    return nn.utils.parameters_to_vector(played.match.nets()[side].parameters()).detach().clone()


def trained(name: str, steps: int = 12) -> tuple[bench.Tutorial, bench.Tutorial]:  # type: ignore[name-defined]
    """The correct version and the mistaken one, from the same weights, over the same images."""
    return bench.played(begun(name, wrong=False, steps=steps)), bench.played(begun(name, wrong=True, steps=steps))


@pytest.mark.parametrize("recipe", RECIPES)
def test_the_tutorial_step_is_sparrings(recipe: str) -> None:
    """Bit for bit the weights of the project's own loop: so a mistake's effect is the mistake's alone."""

    class Written(bench.Tutorial):  # type: ignore[name-defined,misc]
        """By the written-out loop; `Tutorial` itself is played by Sparring's."""

    Written.recipe = recipe
    steps = 505 if recipe == "classic/two-phase" else 12  # there the generator starts at 500
    ours = bench.played(bench.begun(Written, asked(steps), 1, wrong=False))
    theirs = bench.played(bench.begun(Written, asked(steps), 1, wrong=True))
    assert type(ours) is bench.Tutorial
    assert type(theirs) is Written
    before = weights(bench.begun(Written, asked(steps), 1, wrong=False), "generator")
    assert not torch.equal(weights(ours, "generator"), before)
    for side in ("generator", "discriminator"):
        assert torch.equal(weights(ours, side), weights(theirs, side))
    state = zip(ours.match.sampler().state_dict().values(), theirs.match.sampler().state_dict().values(), strict=True)
    assert all(torch.equal(one, other) for one, other in state)


@pytest.mark.parametrize("name", [name for name, one in bench.MISTAKES.items() if one.trains])
def test_mistakes_of_training_start_equal_and_change_the_weights(name: str) -> None:
    steps = 505 if bench.MISTAKES[name].recipe == "classic/two-phase" else 12
    if name not in ("dropout-missing", "noise-joined"):  # which have other layers
        before = [weights(begun(name, wrong=wrong, steps=steps), "generator") for wrong in (False, True)]
        assert torch.equal(*before)
    right, wrong = trained(name, steps)
    same = torch.equal(weights(right, "generator"), weights(wrong, "generator"))
    assert same == (name == "not-detached")  # which costs time alone


def test_a_rate_read_as_keep_drops_the_rest() -> None:
    right, wrong = (begun("rate-as-keep", wrong=wrong) for wrong in (False, True))
    for played, rate in ((right, 0.2), (wrong, 0.8)):
        for options in (played.options.generator, played.options.discriminator):
            assert options.surgery["dropout"].rate == rate


def test_rescaled_weights_double_what_follows_dropout() -> None:
    right = begun("rescaled-weights", wrong=False)
    wrong = bench.RescaledWeights(right.match, right.options)
    pairs = zip(linears(right.sampler()), linears(wrong.sampler()), strict=True)
    factors = [(other.weight / one.weight).mean().item() for one, other in pairs]
    assert factors == pytest.approx([1, 2, 2])


@pytest.mark.parametrize(("name", "right_draws"), [("on-at-sampling", False), ("off-at-sampling", True)])
def test_dropout_at_sampling(name: str, right_draws: bool) -> None:
    right = begun(name, wrong=False)
    right.match.players["generator"].prepare(right.match.now(0))  # which sets the rates
    wrong = bench.MISTAKES[name](right.match, right.options)
    latents = torch.randn(4, 100)
    for played, draws in ((right, right_draws), (wrong, not right_draws)):
        net = played.sampler()
        with torch.no_grad():
            assert torch.equal(net(latents), net(latents)) != draws


def test_a_missing_dropout_is_missing() -> None:
    assert bench.random_layers(begun("dropout-missing", wrong=False).generator)
    assert not bench.random_layers(begun("dropout-missing", wrong=True).generator)


def test_the_wrong_sign_points_the_other_way() -> None:
    """The gradient by the logits of fakes: right, they rise; wrong, they fall."""
    right, wrong = (begun("wrong-sign", wrong=wrong) for wrong in (False, True))
    for played, sign in ((right, -1), (wrong, 1)):
        logits = torch.tensor([-1.0, 0.0, 2.0], requires_grad=True)
        played.generator_loss(logits).backward()
        assert (logits.grad.sign() == sign).all()


def test_a_sigmoid_twice_flattens_the_loss() -> None:
    """What the loss is given lies in (0, 1) and can never say more."""
    right, wrong = (begun("sigmoid-twice", wrong=wrong) for wrong in (False, True))
    images = right.match.data.codec.encode(right.match.data.samples[:50])
    with torch.no_grad():
        assert torch.equal(wrong.judge(images), torch.sigmoid(right.judge(images)))


def test_moving_the_judge_leaves_the_generator() -> None:
    before = weights(begun("moves-the-judge", wrong=True), "generator")
    _, wrong = trained("moves-the-judge", 505)
    assert torch.equal(weights(wrong, "generator"), before)


def test_latents_once_shows_the_same_fakes() -> None:
    played = begun("latents-once", wrong=True)
    turns = [played.match.key.at("discriminator", number, 0) for number in (0, 1)]
    fakes = [played.fake(turn_of(played, key)) for key in turns]
    assert torch.equal(*fakes)
    right = begun("latents-once", wrong=False)
    assert not torch.equal(*[right.fake(turn_of(right, key)) for key in turns])


def test_undetached_fakes_cost_work() -> None:
    right, wrong = trained("not-detached")
    assert bench.NotDetached.tell(wrong) > 1.2 * bench.NotDetached.tell(right)


def test_unit_data_lies_above_zero() -> None:
    right, wrong = (begun("unit-data-tanh", wrong=wrong) for wrong in (False, True))
    lowest = [next(played.match.batches).samples.min().item() for played in (right, wrong)]
    assert lowest == [-1, 0]


def test_a_test_step_that_trains_moves_by_test_images() -> None:
    right, wrong = trained("test-step-trains", 30)
    assert math.isfinite(bench.TestStepTrains.tell(right))
    assert not torch.equal(weights(right, "discriminator"), weights(wrong, "discriminator"))


def test_verdicts() -> None:
    def pairs(wrong_fid: list[float], wrong_coverage: list[float]) -> list[dict[str, dict[str, float]]]:
        made = zip([10.0, 11.0, 10.5], [0.8, 0.81, 0.79], wrong_fid, wrong_coverage, strict=True)
        return [
            {
                "correct": {"fid": fid, "coverage": coverage},
                "mistaken": {"fid": fid + more, "coverage": coverage + less},
            }
            for fid, coverage, more, less in made
        ]

    assert bench.verdict(pairs([0, 0, 0], [0, 0, 0])) == "changes nothing, to the last bit"
    assert bench.verdict(pairs([90, 91, 92], [-0.7, -0.7, -0.71])) == "ruins"
    assert bench.verdict(pairs([5, 5.5, 6], [-0.1, -0.11, -0.1])) == "harms"
    assert bench.verdict(pairs([-5, -5.5, -6], [0.1, 0.11, 0.1])) == "helps"
    assert bench.verdict(pairs([5, -5, 1], [0.1, -0.1, 0])) == "cannot be told apart"


def test_the_bench_runs_and_keeps(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The command, small: it measures, keeps what it measured, and does not play it again."""
    words = ["--data", "digits", "--steps", "20", "--seeds", "2", "--count", "100", "--only", "sigmoid-twice"]
    kept = tmp_path / "kept.json"
    bench.main([*words, "--out", str(kept)])
    first = capsys.readouterr()
    assert "sigmoid-twice" in first.out
    assert first.out.startswith("20 steps; 100 samples")
    assert "seed 1" in first.err
    bench.main([*words, "--out", str(kept)])
    again = capsys.readouterr()
    assert again.out == first.out
    assert "seed 1" not in again.err


def test_the_page_tells_every_mistake() -> None:
    page = (ROOT / "docs" / "classic.md").read_text()
    assert [name for name in bench.MISTAKES if f"`{name}`" not in page] == []
    assert [name for name in RECIPES if name.removeprefix("classic/") not in page] == []


def linears(net: nn.Module) -> list[nn.Linear]:
    return [module for module in net.modules() if isinstance(module, nn.Linear)]


def turn_of(played: bench.Tutorial, key: object) -> object:  # type: ignore[name-defined]
    match = played.match
    turn = bench.Turn(match.duel, next(match.batches), match.now(0), "discriminator", key)
    turn.begin()
    return turn
