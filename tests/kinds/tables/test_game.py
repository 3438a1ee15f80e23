"""The game of tables: conditions, packs, draws of choices, the auxiliary network."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from sparring.base.draws import Key, gumbel
from sparring.base.errors import RequestError
from sparring.engine import Engine, choose_plan, ranks
from sparring.gan.game import Turn
from sparring.gan.match import Match
from sparring.gan.sampling import make
from sparring.kinds.tables.data.codec import TableCodec
from sparring.kinds.tables.data.vector import ConditionVector
from sparring.kinds.tables.kind import TablesKind
from sparring.kinds.tables.nets import Foretelling, TableGenerator
from sparring.recipe.build import build, fitted
from sparring.runs.scoring import choose_extractor
from tests.kinds.tables.data.files import table_recipe, write_mixed


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_mixed(tmp_path_factory.mktemp("tables") / "made.csv")


def match_of(path: Path, **changes: Any) -> Match:
    recipe = table_recipe(path, **changes)
    data = recipe.data.load()
    return build(fitted(recipe, data, {}), data, Engine(choose_plan("cpu", "fp32", images=False)))


PENALTIES = {"r1": {}, "gradient_penalty": {}, "dragan": {}}
CASES: dict[str, dict[str, Any]] = {
    "plain": {},
    "without conditions": {"game": {"table": {"condition": "none"}}},
    "packs under penalties": {"game": {"table": {"pack": 4}}, "terms": PENALTIES},
    "packs without conditions": {"game": {"table": {"pack": 4, "condition": "none"}}, "terms": PENALTIES},
    "hard choices": {"game": {"table": {"hard": True}}},
    "both at once": {"update": "simultaneous"},
    "in parts": {"microbatch": 8},
    "packs with dropout in parts": {"game": {"table": {"pack": 2}}, "microbatch": 8, "surgery": {"dropout": {"rate": 0.5}}},
    "ranks": {"table": {"numbers": "ranks"}},
    "another network": {"net": {"dense": {"widths": [8], "output": "linear"}}},
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_every_kind_of_table_game_moves_both_networks(path: Path, case: str) -> None:
    changes = dict(CASES[case])
    net = {"net": changes.pop("net", {"tabular": {"widths": [16]}})}
    judge = net | {name: changes.pop(name) for name in ("terms", "surgery") if name in changes}
    match = match_of(path, generator=net, discriminator=judge, **changes)
    before = {side: [p.clone() for p in net.parameters()] for side, net in match.nets().items()}
    steps = match.play()
    for _ in range(3):
        step = next(steps)
        match.take(step)
    assert torch.isfinite(step.generator[0]["loss"])
    for side, played in match.nets().items():
        moved = [not torch.equal(a, b) for a, b in zip(before[side], played.parameters(), strict=True)]
        assert sum(moved) >= len(moved) - 1, side


def test_what_was_asked_for_is_shown_for_certain(path: Path) -> None:
    match = match_of(path)
    conditions = match.data.conditions
    assert conditions is not None
    rows = torch.arange(len(conditions))
    made = make(match.game, match.sampler(), Key(1), rows, rows)
    blocks = ConditionVector.blocks_of(match.data.codec)  # type: ignore[arg-type]
    assert torch.equal(made.gather(1, blocks[:, 2:])[:, 0], torch.ones(len(rows)))
    for row, (start, width, _) in zip(made, blocks.tolist(), strict=True):
        assert float(row[start : start + width].sum()) == 1


def test_a_row_depends_on_its_number_alone(path: Path) -> None:
    match = match_of(path)
    rows = torch.arange(20)
    asked = match.asked(match.key, rows)
    assert asked is not None
    net = match.sampler()
    whole = make(match.game, net, match.key, rows, asked)
    part = make(match.game, net, match.key, rows[5:9], asked[5:9])
    torch.testing.assert_close(whole[5:9], part)


def test_choices_are_drawn_by_the_softmax_of_their_logits() -> None:
    logits = torch.tensor([0.0, 1.0, 2.0])
    net = TableGenerator(torch.nn.Identity(), 0, [(0, 1, 3)], None, 0, temperature=0.2, hard=False)
    rows = torch.arange(40_000)
    made = net(logits.expand(40_000, 3), None, rows, torch.tensor(Key(3).signed))
    shares = torch.bincount(made.argmax(1), minlength=3) / 40_000
    torch.testing.assert_close(shares, logits.softmax(0), atol=0.01, rtol=0)
    torch.testing.assert_close(made.sum(1), torch.ones(40_000))
    likeliest = net(logits[None])
    assert likeliest.tolist() == [[0.0, 0.0, 1.0]]


def test_gumbel_draws_have_their_distribution() -> None:
    from scipy import stats

    drawn = gumbel(Key(0), torch.arange(500), 41)
    assert drawn.shape == (500, 41)
    assert torch.isfinite(drawn).all()
    assert stats.kstest(drawn.flatten().numpy(), stats.gumbel_r().cdf).pvalue > 1e-3


def test_hard_choices_have_the_gradient_of_the_soft_ones() -> None:
    rows, word = torch.arange(6), torch.tensor(Key(5).signed)
    logits = torch.randn(6, 3, generator=torch.Generator().manual_seed(0))
    found = {}
    for hard in (True, False):
        net = TableGenerator(torch.nn.Identity(), 0, [(0, 1, 3)], None, 0, temperature=0.5, hard=hard)
        given = logits.clone().requires_grad_()
        made = net(given, None, rows, word)
        made.mul(torch.arange(3.0)).sum().backward()
        found[hard] = (made.detach(), given.grad)
    torch.testing.assert_close(found[True][1], found[False][1])
    assert set(found[True][0].flatten().tolist()) == {0.0, 1.0}
    assert torch.equal(found[True][0].argmax(1), found[False][0].argmax(1))


def test_packs_are_rows_side_by_side(path: Path) -> None:
    match = match_of(path, game={"table": {"pack": 4}})
    batch = next(match.batches)
    turn = Turn(match.duel, batch, match.now(0), "discriminator", match.key)
    width = match.data.codec.shape[0]
    assert turn.real.shape == (4, 4 * width)
    assert torch.equal(turn.real[1, width : 2 * width], batch.samples[5])
    assert turn.on_real.logits.shape == (4,)
    loose = match.game.judge(match.discriminator, batch.samples, batch.labels)
    torch.testing.assert_close(loose.logits, turn.on_real.logits)


def test_a_batch_in_parts_is_the_batch(path: Path) -> None:
    """But for rounding: conditions, choices and masks go by the row's number."""
    nets = {"net": {"tabular": {"widths": [16], "norm": "none"}}}
    found = []
    for size in (16, 4):
        match = match_of(path, generator=nets, discriminator=nets, microbatch=size)
        steps = match.play()
        for _ in range(3):
            next(steps)
        found.append([p.detach().clone() for p in match.generator.parameters()])
    for a, b in zip(*found, strict=True):
        torch.testing.assert_close(a, b, atol=1e-5, rtol=1e-4)


def test_parts_hold_whole_packs(path: Path) -> None:
    """Of rows that fill no pack nothing would be learned."""
    nets = {"net": {"tabular": {"widths": [16], "norm": "none"}}}
    found = []
    for size in (None, 5):
        game = {"table": {"pack": 3}}
        match = match_of(path, game=game, generator=nets, discriminator=nets, batch=18, microbatch=size)
        turn = Turn(match.duel, next(match.batches), match.now(0), "discriminator", match.key)
        assert [part.batch.size for _, part in turn.parts(size)] == ([18] if size is None else [3] * 6)
        steps = match.play()
        for _ in range(3):
            next(steps)
        found.append([p.detach().clone() for side in match.nets().values() for p in side.parameters()])
    for a, b in zip(*found, strict=True):
        torch.testing.assert_close(a, b, atol=1e-5, rtol=1e-4)


def test_parts_and_processes_without_whole_packs_are_refused(path: Path) -> None:
    with pytest.raises(RequestError, match="microbatch: 2 is less than the 3 rows .* say microbatch=3, or"):
        match_of(path, game={"table": {"pack": 3}}, batch=18, microbatch=2)
    game = match_of(path, game={"table": {"pack": 4}}).game
    game.check_parts(8, None, 2)
    with pytest.raises(RequestError, match="4 does not divide the 10 rows that each of 2 processes .* say batch=24"):
        game.check_parts(10, None, 2)


def test_processes_draw_their_own_rows_of_the_joined_batch(path: Path) -> None:
    match = match_of(path)
    whole = next(match.batches)
    parts = []
    for rank in range(2):
        ranks.join(ranks.Place(rank, 2, rank, 2), None)
        try:
            parts.append(next(match.game.batches(match.batches.rows, 16, Key(0, 0, "data"))))
        finally:
            ranks.leave()
    assert torch.equal(torch.cat([part.samples for part in parts]), whole.samples)
    assert torch.equal(torch.cat([part.labels for part in parts]), whole.labels)  # type: ignore[arg-type, misc]


def test_the_auxiliary_network_learns_on_reals_and_teaches_the_generator(path: Path) -> None:
    terms = {"terms": {"auxiliary": {}}}
    nets = {"net": {"tabular": {"widths": [16]}}, "optimiser": {"adam": {"lr": 2e-3}}}
    match = match_of(
        path,
        table={"target": "tall"},
        game={"table": {"auxiliary": True}},
        generator=nets | terms,
        discriminator=nets | terms,
        batch=64,
        steps=200,
    )
    heard = []
    for step in match.play():
        match.take(step)
        heard.append(float(step.discriminator[-1]["auxiliary"]))
        if match.step == 200:
            break
    assert "auxiliary" in step.generator[-1]
    assert heard[-1] < 0.2 * heard[0]  # `tall` follows from `size`
    codec = match.data.codec
    assert isinstance(codec, TableCodec)
    beside = match.discriminator.beside
    assert isinstance(beside, Foretelling)
    seen = codec.encode(match.data.samples)
    start, width = codec.layout.places[codec.learned.index(3)].blocks[0]
    other = seen.clone()
    other[:, start : start + width] = seen[:, start : start + width].flip(1)
    with torch.no_grad():
        assert float(beside(other).mean()) > 5 * float(beside(seen).mean())


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"game": {"table": {"pack": 3}}}, "game.table.pack: 3 does not divide batch, 16"),
        ({"game": {"table": {"auxiliary": True}}}, "data.table.target=COLUMN"),
        ({"game": "from_noise"}, "say game=table"),
        ({"data": "digits"}, "say game=from_noise"),
        ({"generator": {"net": "dense"}}, "generator.net.dense.output: a table's columns bound themselves"),
        ({"table": {"target": "sise"}}, "did you mean 'size'?"),
        ({"augment": {"ada": {}}}, "augment.ada: works on images"),
        ({"score": {"extractor": "inception"}}, None),
    ],
)
def test_what_does_not_go_together_is_said_in_one_line(path: Path, changes: dict[str, Any], told: str | None) -> None:
    if told is None:
        recipe = table_recipe(path, **changes)
        with pytest.raises(RequestError, match="take columns"):
            choose_extractor(TablesKind(), recipe.score.extractor, recipe.data.load(), torch.device("cpu"), print)
        return
    with pytest.raises(RequestError) as caught:
        match_of(path, **changes)
    assert told in str(caught.value)
    assert "\n" not in str(caught.value)
