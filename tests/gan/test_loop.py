"""The loop and the turn: who moves, what is computed, what stays as it was."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from contextlib import nullcontext
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from sparring.base.draws import Key
from sparring.gan.game import Duel, Turn
from sparring.gan.loop import UPDATES, Board, play
from sparring.gan.objectives import Hinge, NonSaturating, Objective, Relativistic
from sparring.gan.players import Player, frozen
from sparring.gan.schedules import Now, Steps
from sparring.gan.surgery import Dropout, operate
from sparring.gan.terms import R1, R2, Dragan, GradientPenalty
from sparring.nets import Dense, Verdict, initialise
from tests.plain import PlainBatch, turn_of


class NoiseGame:
    """Fakes from fixed-key noise by row."""

    together = 1

    def real(self, turn: Turn) -> Tensor:
        return turn.batch.samples

    def fake(self, turn: Turn) -> Tensor:
        from sparring.base.draws import normal

        made: Tensor = turn.duel.generator(normal(turn.key.at("z"), turn.batch.rows, (4,)))
        return made

    def groups(self, sample: Tensor, batch: Any) -> tuple[int, ...]:
        return (sample.shape[1],)

    def show(self, discriminator: nn.Module, sample: Tensor, batch: Any) -> Verdict:
        verdict: Verdict = discriminator(sample)
        return verdict


class Setting:
    """Two dense players on two-dimensional points."""

    def __init__(self, objective: Objective, *, dropout: float = 0.0, **more: Any) -> None:
        nets = {
            "generator": initialise(Dense(widths=(8,)).generator(4, (2,)), Key(0, "g")),
            "discriminator": initialise(Dense(widths=(8,)).discriminator((2,)), Key(0, "d")),
        }
        if dropout:
            surgery = {"dropout": Dropout(rate=dropout)}
            examples = {"generator": torch.zeros(2, 4), "discriminator": torch.zeros(2, 2)}
            nets = {s: operate(n, surgery, lambda net, s=s: net(examples[s]), Key(0)) for s, n in nets.items()}
        self.nets = nets
        self.duel = Duel(NoiseGame(), nets["generator"], nets["discriminator"])  # type: ignore[arg-type]
        moves = more.pop("moves", {})
        self.update = more.pop("update", "alternating")
        self.duel.joined = more.pop("joined", False)
        self.players = {
            side: Player(
                side,  # type: ignore[arg-type]
                net,
                torch.optim.SGD(net.parameters(), lr=1.0),
                objective,
                rate=0.1,
                terms=more.get("terms") if side == "discriminator" else None,
                moves=moves.get(side, 1),
                microbatch=more.get("microbatch"),
            )
            for side, net in nets.items()
        }
        self.drawn = 0

    def batches(self) -> Iterator[Any]:
        while True:
            source = torch.Generator().manual_seed(self.drawn)
            self.drawn += 1
            yield PlainBatch(torch.randn(16, 2, generator=source))

    def steps(self, count: int, start: int = 0) -> list[Any]:
        players = self.players["discriminator"], self.players["generator"]
        table = Board(self.duel, players, self.batches(), Tensor.backward)
        played = play(table, UPDATES[self.update], key=Key(1), clock=lambda n: Now(n, n * 16, 100), start=start)
        return [next(played) for _ in range(count)]


def weights(net: nn.Module) -> Tensor:
    return torch.cat([p.detach().flatten() for p in net.parameters()])


def test_each_step_moves_both_players_once_and_records_their_losses() -> None:
    setting = Setting(NonSaturating())
    before = {side: weights(net) for side, net in setting.nets.items()}
    (step,) = setting.steps(1)
    assert (step.number, len(step.discriminator), len(step.generator)) == (0, 1, 1)
    assert step.turn.mover == "generator"
    assert set(step.discriminator[0]) == {"loss", "adversarial", "logits_real", "logits_fake"}
    assert all(not torch.equal(before[side], weights(net)) for side, net in setting.nets.items())


def test_no_move_of_one_player_changes_the_other() -> None:
    """The generator's step through the discriminator must leave it, its gradients too, as it was."""
    for silent, mover in (("generator", "discriminator"), ("discriminator", "generator")):
        setting = Setting(Relativistic(), moves={silent: 0})
        before = weights(setting.nets[silent])
        setting.steps(3)
        assert torch.equal(before, weights(setting.nets[silent]))
        assert all(p.grad is None for p in setting.nets[silent].parameters())
        assert all(p.requires_grad for p in setting.nets[silent].parameters())
        assert mover in setting.nets


def test_moves_are_a_schedule_and_a_player_without_a_move_leaves_an_empty_record() -> None:
    setting = Setting(NonSaturating(), moves={"generator": Steps(values={0: 0, 2: 1}), "discriminator": 3})
    steps = setting.steps(3)
    assert [len(step.generator) for step in steps] == [0, 0, 1]
    assert [len(step.discriminator) for step in steps] == [3, 3, 3]
    assert setting.drawn == 3 * 3 + 1


def test_a_turn_computes_only_what_is_read() -> None:
    seen = []

    def critic(x: Tensor) -> Tensor:
        seen.append(len(x))
        return x.sum(1)

    turn = turn_of(torch.randn(4, 2), critic, mover="generator")
    setting = Setting(Hinge())
    setting.players["generator"].losses(turn)
    assert len(seen) == 1  # hinge's generator never runs the reals
    turn = turn_of(torch.randn(4, 2), critic, mover="generator")
    Setting(Relativistic()).players["generator"].losses(turn)
    assert len(seen) == 3


def test_reals_ask_for_a_gradient_only_where_a_term_watches_them() -> None:
    x = torch.randn(4, 2)
    assert not turn_of(x, lambda x: x.sum(1)).real.requires_grad
    assert turn_of(x, lambda x: x.sum(1), watched=frozenset({"real"})).real.requires_grad
    assert not x.requires_grad


def test_the_discriminator_sees_detached_fakes() -> None:
    generator = nn.Linear(2, 2)
    turn = turn_of(torch.randn(4, 2), lambda x: x.sum(1), generator)
    assert not turn.fake.requires_grad
    turn = turn_of(torch.randn(4, 2), lambda x: x.sum(1), generator, mover="generator")
    assert turn.fake.requires_grad


@pytest.mark.parametrize("objective", [NonSaturating(), Relativistic()])
@pytest.mark.parametrize("size", [1, 5, 8])
@pytest.mark.parametrize("dropout", [0.0, 0.5])
def test_a_batch_in_parts_is_the_whole_batch(objective: Objective, size: int, dropout: float) -> None:
    """Same draws by row, gradients added up: the weights agree to rounding, penalties and dropout included."""
    terms = {"r1": R1(), "r2": R2(weight=0.5), "gradient_penalty": GradientPenalty(weight=1.0), "dragan": Dragan()}
    whole = Setting(objective, terms=terms, dropout=dropout)
    parts = Setting(objective, terms=terms, dropout=dropout, microbatch=size)
    first, second = whole.steps(3), parts.steps(3)
    for side in ("generator", "discriminator"):
        torch.testing.assert_close(weights(whole.nets[side]), weights(parts.nets[side]), atol=2e-6, rtol=1e-5)
    for one, other in zip(first, second, strict=True):
        for name, loss in one.discriminator[0].items():
            torch.testing.assert_close(loss, other.discriminator[0][name], atol=1e-5, rtol=1e-4)


def test_parts_of_a_batch_draw_otherwise_where_a_network_draws_for_itself() -> None:
    """Masks of PyTorch's own dropout, and noise: the whole batch's others, but not one part's again and again."""
    turn = turn_of(torch.randn(12, 2), lambda x: x.sum(1), seed=3)

    def drawn() -> list[Tensor]:
        found = []
        for _, part in turn.parts(4):
            part.begin()
            found.append(torch.cat((nn.Dropout(0.5)(torch.ones(4, 8)), torch.randn(4, 8)), 1))
        return found

    first, again = drawn(), drawn()
    assert all(torch.equal(one, other) for one, other in zip(first, again, strict=True))
    rows = torch.cat(first)
    assert len({tuple(row.tolist()) for row in rows}) == len(rows)
    assert len({tuple(row[:8].tolist()) for row in rows}) > 4


def test_lazy_terms_act_every_so_often_and_weigh_as_much_more() -> None:
    setting = Setting(NonSaturating(), terms={"r1": R1(weight=0.5, every=4)})
    steps = setting.steps(9)
    assert ["r1" in step.discriminator[0] for step in steps] == [n % 4 == 0 for n in range(9)]
    player = setting.players["discriminator"]
    assert player.active(Now(4, 0, 100))["r1"][1] == 2.0
    assert player.watches(Now(4, 0, 100)) == {"real"}
    assert player.watches(Now(5, 0, 100)) == frozenset()


def test_the_loss_is_the_sum_of_its_summands() -> None:
    setting = Setting(NonSaturating(), terms={"r1": R1(weight=0.7), "gp": GradientPenalty(weight=2.0)})
    record = setting.steps(1)[0].discriminator[0]
    total = record["adversarial"] + record["r1"] + record["gp"]
    torch.testing.assert_close(record["loss"], total)


def test_playing_on_is_playing_through() -> None:
    through, halves = Setting(NonSaturating(), dropout=0.5), Setting(NonSaturating(), dropout=0.5)
    through.steps(6)
    halves.steps(3)
    halves.steps(3, start=3)
    for side in through.nets:
        assert torch.equal(weights(through.nets[side]), weights(halves.nets[side]))


def test_frozen_gives_back_just_what_was_open() -> None:
    net = nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 2))
    net[0].requires_grad_(False)
    with frozen(net):
        assert not any(p.requires_grad for p in net.parameters())
    assert [p.requires_grad for p in net.parameters()] == [False, False, True, True]
    with pytest.raises(RuntimeError, match="x"), frozen(net):
        raise RuntimeError("x")
    assert net[1].weight.requires_grad


@pytest.mark.parametrize(
    ("rows", "size", "parts"), [(64, 21, [16] * 4), (64, 64, [64]), (10, 3, [2, 3, 2, 3]), (9, 4, [3] * 3)]
)
def test_parts_are_about_equal(rows: int, size: int, parts: list[int]) -> None:
    turn = turn_of(torch.zeros(rows, 2), lambda x: x[:, 0])
    found = list(turn.parts(size))
    assert [part.batch.size for _, part in found] == parts
    assert sum(share for share, _ in found) == pytest.approx(1)


@pytest.mark.parametrize("objective", [NonSaturating(), Relativistic(), Hinge()])
@pytest.mark.parametrize("dropout", [0.0, 0.5])
def test_a_joined_pass_says_what_two_passes_say(objective: Objective, dropout: float) -> None:
    steps = {joined: Setting(objective, dropout=dropout, joined=joined) for joined in (False, True)}
    records = {joined: setting.steps(3) for joined, setting in steps.items()}
    for apart, joined in zip(records[False], records[True], strict=True):
        for side in ("discriminator", "generator"):
            torch.testing.assert_close(getattr(joined, side), getattr(apart, side))
    for side, net in steps[False].nets.items():
        torch.testing.assert_close(weights(steps[True].nets[side]), weights(net))


class Batches(list[int]):
    """Counts the samples of each call."""


def calls_of(setting: Setting) -> dict[str, Batches]:
    found: dict[str, Batches] = {}
    for side, net in setting.nets.items():
        seen = found[side] = Batches()
        net.register_forward_hook(lambda _, inputs, __, seen=seen: seen.append(len(inputs[0])))
    return found


def test_a_joined_pass_is_one_call_and_penalties_get_passes_of_their_own() -> None:
    setting = Setting(NonSaturating(), joined=True, terms={"r1": R1(every=2)})
    calls = calls_of(setting)
    setting.steps(2)
    assert calls["discriminator"] == [16, 16, 16, 32, 16]  # with R1: reals, fakes; then the generator's fakes


@pytest.mark.parametrize("objective", [NonSaturating(), Relativistic(), Hinge()])
@pytest.mark.parametrize("terms", [{}, {"r1": R1()}, {"r2": R2()}, {"penalty": GradientPenalty()}])
def test_simultaneous_moves_are_each_players_gradient_against_the_other_as_it_was(
    objective: Objective, terms: dict[str, Any]
) -> None:
    setting = Setting(objective, update="simultaneous", terms=terms)
    before = {side: copy.deepcopy(net) for side, net in setting.nets.items()}
    (step,) = setting.steps(1)
    batch = next(Setting(objective).batches())
    watched = frozenset().union(*(term.watches for term in terms.values()))
    for side, net in before.items():
        duel = Duel(setting.duel.game, before["generator"], before["discriminator"])
        turn = Turn(duel, batch, Now(0, 0, 100), side, Key(1).at("both", 0), watched)  # type: ignore[arg-type]
        player = Player(side, net, torch.optim.SGD(net.parameters(), lr=1.0), objective, rate=0.1,  # type: ignore[arg-type]
                        terms=terms if side == "discriminator" else None)  # fmt: skip
        player.prepare(Now(0, 0, 100))
        with frozen(before["discriminator"]) if side == "generator" else nullcontext():
            losses = player.losses(turn)
            gradients = torch.autograd.grad(losses["loss"], list(net.parameters()))
        torch.testing.assert_close(getattr(step, side)[0]["loss"], losses["loss"].detach())
        moved = weights(net) - 0.1 * torch.cat([gradient.flatten() for gradient in gradients])
        torch.testing.assert_close(weights(setting.nets[side]), moved)


def test_simultaneous_moves_take_one_pass_of_fakes() -> None:
    setting = Setting(Relativistic(), update="simultaneous")
    calls = calls_of(setting)
    setting.steps(1)
    assert calls == {"generator": [16], "discriminator": [16, 16]}
    joined = Setting(NonSaturating(), update="simultaneous", joined=True)
    calls = calls_of(joined)
    joined.steps(1)
    assert calls == {"generator": [16], "discriminator": [32]}


def test_microbatches_of_simultaneous_moves_add_up() -> None:
    whole, parted = (Setting(Hinge(), update="simultaneous", microbatch=size) for size in (None, 5))
    whole.steps(2)
    parted.steps(2)
    for side, net in whole.nets.items():
        torch.testing.assert_close(weights(parted.nets[side]), weights(net))
