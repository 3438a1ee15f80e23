"""Games from images to images."""

from __future__ import annotations

import copy
import zipfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

from sparring.base.draws import Key
from sparring.base.errors import RequestError
from sparring.data import Batch, DataSet, drawn_batch
from sparring.data.views import Views
from sparring.engine import Engine, choose_plan, ranks
from sparring.gan.augment import DiffAugment
from sparring.gan.game import Turn
from sparring.gan.match import Match
from sparring.gan.measuring import overfitting
from sparring.gan.sampling import make
from sparring.kinds import zoo
from sparring.kinds.images.sources import Digits
from sparring.kinds.translation.games.images import FromImages
from sparring.kinds.translation.games.inpaint import Inpaint
from sparring.kinds.translation.games.masks import Drawn, Folder
from sparring.kinds.translation.games.unpaired import BothKinds, Cycle, Unpaired
from sparring.kinds.translation.picturefiles import read_mask
from sparring.kinds.translation.remaking import remade
from sparring.recipe.build import build, fitted
from tests.conftest import small_recipe

DIGITS = Digits().load()
CODER: dict[str, Any] = {"encoder_decoder": {"width": 4, "blocks": 1, "levels": 1, "kernel": 3, "norm": "none"}}
UNET: dict[str, Any] = {"unet": {"width": 4, "norm": "none"}}
JUDGE: dict[str, Any] = {"net": {"patch": {"width": 4, "norm": "none"}}}


def inverted() -> DataSet:
    """Digits, white for black, as the other side."""
    return replace(DIGITS, samples=255 - DIGITS.samples, name="inverted")


PAIRS = replace(DIGITS, inputs=inverted(), paired=True)
SIDES = replace(DIGITS, inputs=replace(inverted(), train=DIGITS.train[:300], heldout=DIGITS.heldout[:40]))

CASES: dict[str, tuple[DataSet, dict[str, Any]]] = {
    "paired": (PAIRS, {"game": "paired", "terms": {"reconstruction": {}, "layer_matching": {}}}),
    "paired unseen": (PAIRS, {"game": {"paired": {"conditional": False}}, "terms": {"reconstruction": {}}}),
    "unpaired": (SIDES, {"game": {"unpaired": {"patches": 8, "embedding": 8}}, "terms": {"contrastive": {}}}),
    "identity": (SIDES, {"game": "unpaired", "terms": {"identity": {}}}),
    "cycle": (SIDES, {"game": {"cycle": {"history": 12}}, "terms": {"cycle": {}, "identity": {}}}),
    "inpaint": (DIGITS, {"game": "inpaint", "terms": {"reconstruction": {}, "layer_matching": {}}}),
    "symmetric": (DIGITS, {"game": {"inpaint": {"symmetry": True}}, "terms": {"reconstruction": {}}}),
    "borders": (DIGITS, {"game": {"inpaint": {"masks": {"drawn": {"boxes": 0, "strokes": 0, "borders": 1}}}}}),
}


def match_of(case: str, **changes: Any) -> Match:
    data, said = CASES[case]
    said = dict(said)
    maker = {"net": changes.pop("net", CODER), "terms": changes.pop("terms", said.pop("terms", {}))}
    maker |= {"surgery": changes.pop("surgery")} if "surgery" in changes else {}
    judge = JUDGE | changes.pop("judge", {})
    recipe = small_recipe(generator=maker, discriminator=judge, batch=8, **said, **changes)
    return build(fitted(recipe, data, {}), data, Engine(choose_plan("cpu", "fp32", images=True)))


def weighed(fields: dict[str, Any]) -> dict[str, Any]:
    """The objective and the terms of a recipe, for `match_of`."""
    return {"objective": fields["objective"], "terms": fields["generator"]["terms"]}


@pytest.mark.parametrize("net", ["coder", "unet"])
@pytest.mark.parametrize("case", CASES)
def test_every_game_moves_all_of_both_networks(case: str, net: str) -> None:
    match = match_of(case, net=CODER if net == "coder" else UNET, judge={"terms": {"r1": {}}})
    before = {side: {n: p.clone() for n, p in net.named_parameters()} for side, net in match.nets().items()}
    steps = match.play()
    for _ in range(3):
        step = next(steps)
        match.take(step)
    assert all(torch.isfinite(losses["loss"]) for losses in (*step.generator, *step.discriminator))
    for side, network in match.nets().items():
        still = [n for n, p in network.named_parameters() if torch.equal(p, before[side][n])]
        unasked = case == "identity"  # whose embedding nothing asks for
        assert all(n.startswith("heads.") for n in still) if unasked else not still, (side, still)


@pytest.mark.parametrize("case", CASES)
def test_both_at_once_and_in_parts(case: str) -> None:
    if case != "cycle":
        next(match_of(case, update="simultaneous").play())
    whole, parts = match_of(case), match_of(case, microbatch=4)
    first, second = next(whole.play()), next(parts.play())
    torch.testing.assert_close(first.generator[0]["loss"], second.generator[0]["loss"], rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(first.discriminator[0]["loss"], second.discriminator[0]["loss"], rtol=1e-4, atol=1e-5)


def a_turn(match: Match, mover: Any = "generator", step: int = 0) -> Turn:
    turn = Turn(match.duel, next(match.batches), match.now(step), mover, Key(1, step))
    turn.begin()
    return turn


def test_a_pair_is_shown_side_by_side() -> None:
    match = match_of("paired")
    turn = a_turn(match)
    torch.testing.assert_close(turn.real[:, :1], -turn.real[:, 1:])
    torch.testing.assert_close(turn.fake[:, :1], turn.batch.inputs)
    torch.testing.assert_close(turn.fake[:, 1:], match.generator(turn.batch.inputs))
    own = match.game.show(match.discriminator, turn.batch.samples, turn.batch)
    torch.testing.assert_close(own.logits, match.discriminator(turn.real).logits)


@pytest.mark.parametrize("case", CASES)
def test_colour_and_noise_act_on_each_image_by_itself(case: str) -> None:
    """As if the discriminator saw it alone; what is no image, a mask, stays as it is."""
    color = DiffAugment(translation=0, cutout=0)
    match = match_of(case, augment={"diff_augment": color.model_dump()})
    turn = a_turn(match)
    for sample in (turn.real, turn.fake):
        seen = match.duel.augmented(sample, turn.batch, turn.now, Key(2))
        for channel in range(sample.shape[1]):  # of which each is an image of its own, or the mask
            image = sample[:, channel : channel + 1]
            if match.game.fills and channel == 1:
                wanted = image
            else:
                wanted = color(image, turn.now, Key(2).at("diff_augment"), turn.batch.rows)
            torch.testing.assert_close(seen[:, channel : channel + 1], wanted)
    match = match_of(case, augment={"instance_noise": {"sigma": 0.5}})
    noisy = match.duel.augmented(turn.real, turn.batch, turn.now, Key(2))
    kept = [torch.equal(a, b) for a, b in zip(noisy.unbind(1), turn.real.unbind(1), strict=True)]
    assert kept == [match.game.fills and channel == 1 for channel in range(turn.real.shape[1])]


def test_what_controllers_read_of_a_pair_is_augmented_alike() -> None:
    match, seen = match_of("paired", augment={"diff_augment": {"color": False}}), []
    match.discriminator.register_forward_pre_hook(lambda _, given: seen.append(given[0]))
    overfitting(match, Key(0))
    train, _, heldout = seen
    for pairs in (train, heldout):
        torch.testing.assert_close(pairs[:, :1], -pairs[:, 1:])  # what is cut out of one is cut out of the other
    for pairs in seen:
        assert bool((pairs == 0).all(1).flatten(1).any(1).all())


def test_of_a_sample_alone_all_is_one_image() -> None:
    for case in ("paired", "cycle", "inpaint"):
        match = match_of(case)
        turn = a_turn(match)
        assert match.game.groups(turn.batch.samples, turn.batch) == (1,)
    batch = next(match_of("paired").batches)
    assert match_of("paired").game.groups(torch.zeros(8, 4, 8, 8), batch) == (3, 1)


@pytest.mark.parametrize("kind", ["diff_augment", "ada", "instance_noise"])
def test_games_from_noise_are_augmented_as_one_image(kind: str) -> None:
    options = {"ada": {"probability": 0.9}}.get(kind, {})
    recipe = small_recipe(batch=8, augment={kind: options})
    match = build(fitted(recipe, DIGITS, {}), DIGITS, Engine(choose_plan("cpu", "fp32", images=True)))
    turn = a_turn(match)
    plain = match.duel.augment[kind](turn.real, turn.now, Key(2).at(kind), turn.batch.rows)
    assert torch.equal(match.duel.augmented(turn.real, turn.batch, turn.now, Key(2)), plain)


def test_pairs_are_mirrored_together() -> None:
    data = replace(PAIRS, views=Views(mirror=True))
    recipe = small_recipe(generator={"net": CODER}, discriminator=JUDGE, batch=64, game="paired")
    match = build(fitted(recipe, data, {}), data, Engine(choose_plan("cpu", "fp32", images=True)))
    batch = next(match.batches)
    torch.testing.assert_close(batch.inputs, -batch.samples)
    plain = match.batches.rows.encoded(batch._index)
    flipped = [not torch.equal(a, b) for a, b in zip(plain, batch.samples, strict=True)]
    assert 16 < sum(flipped) < 48


def test_sides_that_are_not_paired_meet_by_chance() -> None:
    match = match_of("unpaired")
    first, second = next(match.batches), next(match.batches)
    assert first.inputs is not None
    assert not torch.equal(first.inputs, -first.samples)
    again = match_of("unpaired").batches
    torch.testing.assert_close(next(again).inputs, first.inputs)
    assert second.inputs is not None
    assert not torch.equal(first.inputs, second.inputs)


def test_reconstruction_is_the_mean_distance() -> None:
    match = match_of("paired")
    turn = a_turn(match)
    term = match.players["generator"].terms["reconstruction"]
    wanted = (match.generator(turn.batch.inputs) - turn.batch.samples).abs().mean()
    torch.testing.assert_close(term(turn), wanted)


def test_holes_count_more_than_what_is_there() -> None:
    match = match_of("inpaint")
    game = match.game
    assert isinstance(game, Inpaint)
    turn = a_turn(match)
    term = match.players["generator"].terms["reconstruction"]
    asked = game.asked(turn.batch)
    holes = asked[:, -1:]
    share = holes + (1 - holes) * game.valid
    apart = (match.generator(asked) - turn.batch.samples).abs() * share
    torch.testing.assert_close(term(turn), (apart.flatten(1).sum(1) / share.flatten(1).sum(1)).mean())


def test_outside_the_holes_nothing_is_made() -> None:
    match = match_of("inpaint")
    game = match.game
    assert isinstance(game, Inpaint)
    turn = a_turn(match)
    holes = game.holes(turn.batch)
    assert torch.equal(turn.fake[:, 1:], holes)
    inside = holes.bool()
    assert torch.equal(turn.fake[:, :1][~inside], turn.batch.samples[~inside])
    assert not torch.equal(turn.fake[:, :1][inside], turn.batch.samples[inside])
    assert not torch.any(game.asked(turn.batch)[:, :1][inside])


@pytest.mark.parametrize("case", ["inpaint", "symmetric"])
def test_the_generator_cannot_see_into_a_hole(case: str) -> None:
    match = match_of(case)
    batch = next(match.batches)
    game = match.game
    assert isinstance(game, Inpaint)
    holes = game.holes(batch)
    other = batch.samples * (1 - holes) + torch.randn_like(batch.samples) * holes
    torch.testing.assert_close(game.emptied(other, holes), game.asked(batch))


def test_what_is_missing_is_shown_on_the_other_side_too() -> None:
    """A generator that gives what the mirror shows fills a symmetric image with itself, but where both sides are
    missing."""
    game = Inpaint(symmetry=True)
    half = torch.randn(6, 1, 8, 4)
    images = torch.cat((half, half.flip(-1)), 3)
    holes = Drawn(strokes=0).draw(Key(2), torch.arange(6), (8, 8))
    asked = game.emptied(images, holes)
    assert asked.shape == (6, 4, 8, 8)
    made = game.make(FromTheMirror(), Key(0), torch.arange(6), asked)
    missing = (holes * holes.flip(-1)).bool()
    assert torch.equal(made[~missing], images[~missing])
    assert not torch.any(made[missing])


class FromTheMirror(nn.Module):
    def forward(self, asked: torch.Tensor) -> torch.Tensor:
        return asked[:, 1:2]


def test_every_image_has_a_hole_of_the_size_asked_for() -> None:
    rows = torch.arange(2000)
    boxes = Drawn(strokes=0, least=0.2, most=0.3).draw(Key(3), rows, (40, 60))
    area = boxes.mean((1, 2, 3))
    assert boxes.shape == (2000, 1, 40, 60)
    assert 0.18 < float(area.min()) < 0.22
    assert 0.28 < float(area.max()) < 0.32
    borders = Drawn(boxes=0, strokes=0, borders=1, least=0.2, most=0.3).draw(Key(3), rows, (40, 60))
    assert 0.24 < float(borders.mean()) < 0.26
    for masks in (boxes, borders, Drawn(boxes=0).draw(Key(3), rows, (40, 60)), Drawn().draw(Key(4), rows, (9, 7))):
        assert torch.all((masks == 0) | (masks == 1))
        count = masks.flatten(1).sum(1)
        assert torch.all((count > 0) & (count < masks[0].numel()))


def test_boxes_lie_everywhere_alike() -> None:
    boxes = Drawn(strokes=0, least=0.1, most=0.1).draw(Key(5), torch.arange(4000), (32, 32))
    middle = boxes[:, 0, 12:20, 12:20].mean()
    torch.testing.assert_close(boxes.mean((0, 1)), boxes.flip(2).mean((0, 1)), atol=0.04, rtol=0)
    assert 0.15 < float(middle) < 0.25


def test_strokes_are_as_wide_as_asked() -> None:
    thin = Drawn(boxes=0, width=0.05, parts=1).draw(Key(6), torch.arange(200), (64, 64))
    wide = Drawn(boxes=0, width=0.4, parts=1).draw(Key(6), torch.arange(200), (64, 64))
    assert torch.all(wide >= thin)
    assert float(thin.mean()) < 0.05 < 0.1 < float(wide.mean())


def test_strokes_that_cover_all_are_boxes() -> None:
    rows = torch.arange(500)
    wide = Drawn(boxes=0, width=0.9, parts=32, least=0.1, most=0.3).draw(Key(8), rows, (16, 16))
    area = wide.mean((1, 2, 3))
    assert 0 < float(area.min()) < float(area.max()) < 1
    boxes = Drawn(strokes=0, least=0.1, most=0.3).draw(Key(8), rows, (16, 16))
    instead = (wide == boxes).flatten(1).all(1)
    assert 0 < int(instead.sum()) < len(rows)
    assert float(area[~instead].min()) > 0.3


def test_a_mask_depends_on_its_number_alone() -> None:
    whole = Drawn().draw(Key(7), torch.arange(20), (16, 16))
    assert torch.equal(whole[5:9], Drawn().draw(Key(7), torch.arange(5, 9), (16, 16)))


def test_what_came_back_is_compared_both_ways() -> None:
    match = match_of("cycle")
    turn = a_turn(match)
    there, back = match.generator.there, match.generator.back
    asked, samples = turn.batch.inputs, turn.batch.samples
    terms = match.players["generator"].terms
    wanted = (back(there(asked)) - asked).abs().mean() + (there(back(samples)) - samples).abs().mean()
    torch.testing.assert_close(terms["cycle"](turn), wanted)
    wanted = (back(asked) - asked).abs().mean() + (there(samples) - samples).abs().mean()
    torch.testing.assert_close(terms["identity"](turn), wanted)
    torch.testing.assert_close(turn.fake, torch.cat((back(samples), there(asked)), 1))


def test_the_recipe_weighs_cycles_as_their_paper_does() -> None:
    """Squared errors of two discriminators, 10 times what came back and 5 times the identity: a quarter of it, which
    Adam does not see."""
    match = match_of("cycle", **weighed(zoo.read_recipe("translate/cycle")))
    turn = a_turn(match)
    loss = match.players["generator"].losses(turn)["loss"]
    there, back, judge = match.generator.there, match.generator.back, match.discriminator
    asked, samples = turn.batch.inputs, turn.batch.samples
    verdicts = judge.samples(there(asked)), judge.inputs(back(samples))
    paper = sum((verdict.logits - 1).square().mean() for verdict in verdicts)
    paper += 10 * ((back(there(asked)) - asked).abs().mean() + (there(back(samples)) - samples).abs().mean())
    paper += 5 * ((back(asked) - asked).abs().mean() + (there(samples) - samples).abs().mean())
    torch.testing.assert_close(4 * loss, paper)


def test_the_recipe_weighs_patches_as_their_paper_does() -> None:
    """A squared error and as much of the mean over inputs and samples: half of it."""
    match = match_of("unpaired", **weighed(zoo.read_recipe("translate/unpaired")))
    turn = a_turn(match)
    player = match.players["generator"]
    loss = player.losses(turn)["loss"]
    paper = (turn.on_fake.logits - 1).square().mean() + player.terms["contrastive"](turn)
    torch.testing.assert_close(2 * loss, paper)


def test_patches_are_told_apart_by_their_place() -> None:
    """Against the formula of the paper, image by image, on the network's own embedding."""
    match = match_of("unpaired")
    turn = a_turn(match)
    game, net = match.game, match.generator
    assert isinstance(game, Unpaired)
    pairs = game.likenesses(turn, "patches")
    asked, samples = turn.batch.inputs, turn.batch.samples
    assert len(pairs) == 2 * len(net.heads)
    total = []
    for pair in pairs:
        for made, kept in zip(pair.made, pair.wanted, strict=True):
            torch.testing.assert_close(made.norm(dim=1), torch.ones(len(made)))
            similar = torch.exp(made @ kept.T / 0.07)
            total.append(-torch.log(similar.diagonal() / similar.sum(1)).mean())
    term = match.players["generator"].terms["contrastive"]
    torch.testing.assert_close(term(turn), torch.stack(total).mean(), rtol=1e-4, atol=1e-5)
    assert not any(pair.wanted.requires_grad for pair in pairs)
    assert asked is not None
    assert asked.shape == samples.shape


def test_a_network_that_changes_nothing_is_told_apart_best() -> None:
    noise = torch.randint(256, DIGITS.samples.shape, generator=torch.Generator().manual_seed(0), dtype=torch.uint8)
    assert SIDES.inputs is not None
    data = replace(SIDES, samples=noise, inputs=replace(SIDES.inputs, samples=noise.flip(0)))
    recipe = small_recipe(
        generator={"net": CODER, "terms": {"contrastive": {}}}, discriminator=JUDGE, batch=8, game="unpaired"
    )
    match = build(fitted(recipe, data, {}), data, Engine(choose_plan("cpu", "fp32", images=True)))

    class Same(nn.Module):
        def __init__(self, inner: nn.Module) -> None:
            super().__init__()
            self.inner = inner

        def forward(self, images: torch.Tensor, stages: bool = False) -> Any:
            return self.inner(images, stages=True) if stages else images

    term = match.players["generator"].terms["contrastive"]
    turn = a_turn(match)
    before = float(term(turn).detach())
    match.generator.net = Same(match.generator.net)
    assert float(term(a_turn(match)).detach()) < before


def test_history_gives_earlier_fakes_half_of_the_time() -> None:
    match = match_of("cycle")
    kinds = match.discriminator
    assert isinstance(kinds, BothKinds)
    fakes = [torch.full((4, 2, 8, 8), float(number)) for number in range(200)]
    old = 0
    for number, fake in enumerate(fakes):
        swaps = torch.rand(4, 2, generator=torch.Generator().manual_seed(number))
        given = kinds(fake, swaps=swaps)
        assert bool((given <= number).all())
        if number < 3:
            assert torch.equal(given, fake)  # while there is room, all are kept and given
        else:
            old += int((given[:, 0, 0, 0] < number).sum())
    assert 0.42 * 788 < old < 0.58 * 788
    assert int(kinds.filled) == 12


def test_history_is_part_of_the_checkpoint() -> None:
    match = match_of("cycle")
    steps = match.play()
    for _ in range(4):
        match.take(next(steps))
    state = copy.deepcopy(match.state())
    assert bool(state["nets"]["discriminator"]["past"].abs().sum() > 0)
    other = match_of("cycle")
    other.restore(state)
    mine, its = next(steps), next(other.play())
    assert torch.equal(mine.discriminator[0]["loss"], its.discriminator[0]["loss"])
    assert torch.equal(mine.generator[0]["loss"], its.generator[0]["loss"])


def test_the_generators_move_leaves_history_as_it_is() -> None:
    match = match_of("cycle")
    kinds = match.discriminator
    assert isinstance(kinds, BothKinds)
    assert torch.equal(a_turn(match).fake, a_turn(match_of("cycle")).fake)
    assert int(kinds.filled) == 0
    _ = a_turn(match, "discriminator").fake
    assert int(kinds.filled) == 8


@pytest.mark.parametrize("case", ["paired", "unpaired", "cycle", "inpaint"])
def test_heldout_images_are_made_anew_in_their_order(case: str) -> None:
    match = match_of(case)
    assert isinstance(match.game, FromImages)
    found = remade(match.game, match.sampler(), match.heldout, Key(4), 50)
    again = remade(match.game, match.sampler(), match.heldout, Key(4), 20)
    assert found.made.shape == (50, 1, 8, 8)
    assert found.made.dtype == torch.uint8
    assert torch.equal(found.made[:20], again.made)
    real = match.data.stored(match.data.heldout[:50])
    if case == "inpaint":
        assert found.truth is not None
        assert found.holes is not None
        assert torch.equal(found.truth, real)
        assert torch.equal(found.made[~found.holes], real[~found.holes])
        assert torch.all(found.asked[found.holes] == 128)
    elif case == "paired":
        assert torch.equal(found.truth, real)
        assert torch.equal(found.asked, 255 - real)
    else:
        assert found.truth is None
        wanted = SIDES.inputs.stored(SIDES.inputs.heldout)  # of which there are 40
        assert torch.equal(found.asked[:40], wanted)
        assert torch.equal(found.asked[40:], wanted[:10])


def test_noise_is_dropout_that_is_always_on() -> None:
    match = match_of("paired", surgery={"dropout": {"rate": 0.5, "when": "always"}})
    match.take(next(match.play()))
    batch = drawn_batch(match.heldout, Key(0), torch.arange(6))
    net = match.sampler()

    def made(key: Key) -> torch.Tensor:
        with torch.no_grad():
            return make(match.game, net, key, batch.rows, match.game.asked(batch))

    assert torch.equal(made(Key(1)), made(Key(1)))
    assert not torch.equal(made(Key(1)), made(Key(2)))


def test_batch_norms_take_the_images_own_statistics_if_asked_to() -> None:
    coder = {"encoder_decoder": CODER["encoder_decoder"] | {"norm": "batch"}}
    made = {}
    for which in ("data", "image"):
        data, _ = CASES["paired"]
        recipe = small_recipe(
            generator={"net": coder}, discriminator=JUDGE, batch=8, game={"paired": {"batch_norms": which}}
        )
        match = build(fitted(recipe, data, {}), data, Engine(choose_plan("cpu", "fp32", images=True)))
        steps = match.play()
        for _ in range(5):
            match.take(next(steps))
        batch = drawn_batch(match.heldout, Key(0), torch.arange(6))
        net = match.generator.eval()
        with torch.no_grad():
            made[which] = make(match.game, net, Key(0), batch.rows, match.game.asked(batch))
            if which == "image":  # in training mode, alone, a batch norm takes just these
                asked = match.game.asked(batch)
                assert asked is not None
                alone = torch.cat([net.train()(one[None]) for one in asked])
                torch.testing.assert_close(made[which], alone, atol=1e-5, rtol=1e-4)
    assert not torch.allclose(made["data"], made["image"])


REFUSED: dict[str, tuple[DataSet, dict[str, Any], str]] = {
    "no pairs": (DIGITS, {"game": "paired"}, "paired needs pairs of images"),
    "not paired": (SIDES, {"game": "paired"}, "paired needs pairs of images"),
    "one kind": (DIGITS, {"game": "cycle"}, "needs images of two kinds"),
    "two sides to fill": (PAIRS, {"game": "inpaint"}, "has two sides"),
    "noise": (PAIRS, {"game": "from_noise", "generator": {"net": "dense"}}, "say game=paired"),
    "no such likeness": (
        DIGITS,
        {"game": "inpaint", "generator": {"net": CODER, "terms": {"cycle": {}}}},
        "generator.terms.cycle: is for the game cycle, and this one is inpaint",
    ),
    "a network from latents": (DIGITS, {"game": "inpaint", "generator": {"net": "dcgan"}}, "unet"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_does_not_go_together_is_one_line(case: str) -> None:
    data, said, told = REFUSED[case]
    recipe = small_recipe(**{"generator": {"net": CODER}, "discriminator": JUDGE, "batch": 8, **said})

    def asked() -> Match:
        return build(fitted(recipe, data, {}), data, Engine(choose_plan("cpu", "fp32", images=True)))

    with pytest.raises(RequestError, match=told) as caught:
        asked()
    assert "\n" not in str(caught.value)


def test_parts_of_several_processes_keep_no_history(monkeypatch: pytest.MonkeyPatch) -> None:
    assert match_of("cycle", microbatch=2).chunk == 2
    monkeypatch.setattr(ranks, "count", lambda: 2)
    with pytest.raises(RequestError, match="microbatch: 2 .*; say game.cycle.history=0, or no microbatch") as caught:
        match_of("cycle", microbatch=2)
    assert "\n" not in str(caught.value)
    match_of("cycle")
    match_of("cycle", microbatch=4)  # all that each has
    match_of("unpaired", microbatch=2)
    monkeypatch.setitem(CASES, "cycle", (SIDES, {"game": {"cycle": {"history": 0}}}))
    match_of("cycle", microbatch=2)


def test_masks_of_a_folder(tmp_path: Any) -> None:
    left = Image.new("L", (20, 20))
    left.paste(255, (0, 0, 10, 20))
    left.save(tmp_path / "left.png")
    left.rotate(180).save(tmp_path / "right.png")
    recipe = small_recipe(
        generator={"net": CODER},
        discriminator=JUDGE,
        batch=64,
        game={"inpaint": {"masks": {"folder": {"path": str(tmp_path)}}}},
    )
    match = build(fitted(recipe, DIGITS, {}), DIGITS, Engine(choose_plan("cpu", "fp32", images=True)))
    assert isinstance(match.game, Inpaint)
    holes = match.game.holes(next(match.batches))
    wanted = torch.zeros(8, 8)
    wanted[:, :4] = 1
    sides = [int(torch.equal(one[0], wanted)) for one in holes]
    assert 16 < sum(sides) < 48
    assert all(torch.equal(one[0], wanted) or torch.equal(one[0], 1 - wanted) for one in holes)
    Image.new("L", (20, 20)).save(tmp_path / "none.png")
    again = recipe.game.masks.model_copy(update={"path": f"{tmp_path}/."})
    with pytest.raises(RequestError, match=r"none\.png: has no hole"):
        again.draw(Key(0), torch.arange(3), (8, 8))


def test_a_folders_masks_are_read_as_in_translation(tmp_path: Path) -> None:
    hole = np.zeros((32, 32), bool)
    hole[:8, :16] = True
    clear = np.full((32, 32, 4), 255, np.uint8)
    clear[hole, 3] = 0
    pictures = {"deep": np.where(hole, 40_000, 300).astype(np.uint16), "clear": clear}
    pictures["floats"] = np.where(hole, 1.0, 0.1).astype(np.float32)
    for name, values in pictures.items():
        ending = "tif" if name == "floats" else "png"
        (tmp_path / name).mkdir()
        Image.fromarray(values).save(tmp_path / name / f"mask.{ending}")
        with zipfile.ZipFile(tmp_path / f"{name}.zip", "w") as packed:
            packed.write(tmp_path / name / f"mask.{ending}", f"mask.{ending}")
        for path in (tmp_path / name, tmp_path / f"{name}.zip"):
            whole = Folder(path=str(path)).draw(Key(1), torch.arange(2), (32, 32))
            assert np.array_equal(whole[1, 0] > 0, read_mask(tmp_path / name / f"mask.{ending}", 32, 32)[0])
            small = Folder(path=str(path)).draw(Key(1), torch.arange(2), (8, 8))
            assert np.array_equal(small[0, 0] > 0, hole[::4, ::4])


@pytest.mark.parametrize("pixels", [10_000, 14_000])
def test_a_mask_with_too_many_pixels_is_told_in_a_line(tmp_path: Path, pixels: int) -> None:
    Image.new("1", (pixels, pixels)).save(tmp_path / "huge.png")
    with pytest.raises(RequestError, match=r"huge\.png: .*a decompression bomb\?") as caught:
        Folder(path=str(tmp_path)).draw(Key(1), torch.arange(2), (8, 8))
    assert "\n" not in str(caught.value)


def test_batches_hold_their_inputs_apart() -> None:
    rows = match_of("paired").batches.rows
    batch = Batch(rows, torch.arange(6), torch.arange(6))
    part = batch.part(slice(2, 5))
    assert batch.inputs is not None
    assert torch.equal(part.inputs, batch.inputs[2:5])
    assert torch.equal(batch.twice().inputs, batch.inputs.repeat(2, 1, 1, 1))


def test_a_game_of_two_kinds_says_what_it_offers() -> None:
    assert Cycle.offers == {"cycle", "identity"}
    assert Unpaired.offers == {"identity", "patches"}


BATCHED: dict[str, Any] = {"encoder_decoder": CODER["encoder_decoder"] | {"norm": "batch"}}


def test_statistics_of_both_ways_and_both_kinds_are_estimated() -> None:
    judge = {"net": {"patch": {"width": 4, "norm": "batch"}}, "refit_batch_norms": True}
    match = match_of("cycle", net=BATCHED, judge=judge)
    steps = match.play()
    for _ in range(3):
        match.take(next(steps))
    match.sampler()
    match.fit("discriminator")
    assert match.average is not None
    for net in (match.average.net, match.discriminator):
        norms = [module for module in net.modules() if isinstance(module, nn.modules.batchnorm._BatchNorm)]
        assert norms
        assert all(norm.running_mean is not None and bool(norm.running_mean.abs().sum() > 0) for norm in norms)


def test_history_and_both_players_at_once_are_refused() -> None:
    with pytest.raises(RequestError, match=r"game\.cycle\.history: .* say update=alternating"):
        match_of("cycle", update="simultaneous")
    recipe = small_recipe(
        game={"cycle": {"history": 0}}, generator={"net": CODER}, discriminator=JUDGE, batch=8, update="simultaneous"
    )
    match = build(fitted(recipe, SIDES, {}), SIDES, Engine(choose_plan("cpu", "fp32", images=True)))
    before = [p.clone() for p in match.generator.parameters()]
    match.take(next(match.play()))
    assert not any(torch.equal(a, b) for a, b in zip(before, match.generator.parameters(), strict=True))


def test_two_kinds_of_other_channels_have_no_identity() -> None:
    colour = DIGITS.samples.repeat(1, 3, 1, 1)
    data = replace(
        SIDES,
        inputs=replace(inverted(), samples=colour, codec=replace(DIGITS.codec, shape=(3, 8, 8))),  # type: ignore[union-attr]
    )

    def play(**terms: Any) -> None:
        recipe = small_recipe(game="cycle", generator={"net": CODER, "terms": terms}, discriminator=JUDGE, batch=8)
        match = build(fitted(recipe, data, {}), data, Engine(choose_plan("cpu", "fp32", images=True)))
        match.take(next(match.play()))

    play(cycle={})
    with pytest.raises(RequestError, match=r"identity: compares images of one shape, and the two kinds are 3 x 8 x 8"):
        play(cycle={}, identity={})


def test_places_of_patches_are_all_different() -> None:
    match = match_of("unpaired")
    turn = a_turn(match)
    game = match.game
    assert isinstance(game, Unpaired)
    places = torch.arange(16.0).reshape(1, 1, 4, 4).expand(2, -1, -1, -1)

    class Numbered(nn.Module):
        def forward(self, images: torch.Tensor, stages: bool = False) -> Any:
            return (places,)

    match.generator.net = Numbered()
    match.generator.heads = nn.ModuleList([nn.Identity()])
    drawn = torch.rand(64)
    match.generator.places = 10
    normal = torch.nn.functional.normalize
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(torch.nn.functional, "normalize", lambda x, dim: x)
        (found,) = match.generator(turn.batch.samples, draws=drawn)
    assert normal is torch.nn.functional.normalize
    assert sorted(found[0, :, 0].tolist()) == sorted(drawn[:16].argsort()[:10].tolist())
    assert len(set(found[0, :, 0].tolist())) == 10


def test_too_few_inputs_to_hold_some_out_are_told() -> None:
    data = replace(SIDES, inputs=replace(inverted(), train=torch.arange(3), heldout=torch.arange(0)))
    recipe = small_recipe(game="unpaired", generator={"net": CODER}, discriminator=JUDGE, batch=8)
    with pytest.raises(RequestError, match="too few to hold some out"):
        fitted(recipe, data, {})


def test_transparency_is_no_channel_of_a_game() -> None:
    data = replace(DIGITS, samples=DIGITS.samples.repeat(1, 2, 1, 1), codec=replace(DIGITS.codec, shape=(2, 8, 8)))  # type: ignore[union-attr]
    recipe = small_recipe(game="inpaint", generator={"net": CODER}, discriminator=JUDGE, batch=8)
    with pytest.raises(RequestError, match="images with transparency"):
        fitted(recipe, data, {})
