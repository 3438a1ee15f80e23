"""What every network and every game keeps to, with labels and without."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from sparring import kinds
from sparring.base.draws import Key
from sparring.base.errors import RequestError
from sparring.data import Formats, drawn_batch
from sparring.engine import Engine, choose_plan
from sparring.gan.game import Turn
from sparring.gan.games import Game
from sparring.gan.match import Match
from sparring.gan.sampling import make
from sparring.gan.terms import Term
from sparring.kinds.images.sources import Digits
from sparring.kinds.translation.games.images import FromImages
from sparring.kinds.translation.games.unpaired import Cycle
from sparring.nets import Net
from sparring.recipe.build import build
from tests.conftest import small_recipe
from tests.kinds.translation.test_games import match_of as match_of_images

SMALL: dict[str, Any] = {
    "dense": {"widths": [8]},
    "dcgan": {"widths": [8, 8], "kernel": 3},
    "resnet": {"width": 4},
    "r3gan": {"width": 8, "group": 8, "expansion": 1},
    "fastgan": {"width": 4},
    "tabular": {"widths": [8]},
}
JUDGES: dict[str, Any] = {"patch": {"width": 4, "scales": 2}}
"""What is a discriminator alone."""
TRANSLATORS = {"unet", "encoder_decoder"}
FROM_IMAGES = ("paired", "unpaired", "cycle", "inpaint")
"""Games from images, and cases of `tests.kinds.translation.test_games` of the same names."""
DATA = Digits().load()


@pytest.mark.parametrize("labels", ["none", "projection", "concat"])
@pytest.mark.parametrize("name", SMALL | JUDGES)
def test_every_network_plays_with_labels_and_without(name: str, labels: str) -> None:
    match = match_of(name, labels)
    steps = match.play()
    before = {side: [p.clone() for p in net.parameters()] for side, net in match.nets().items()}
    for _ in range(3):
        step = next(steps)
    assert torch.isfinite(step.generator[0]["loss"])
    for side, net in match.nets().items():
        moved = [not torch.equal(a, b) for a, b in zip(before[side], net.parameters(), strict=True)]
        assert sum(moved) >= len(moved) - 1, side


def match_of(name: str, labels: str) -> Match:
    judge = {"net": {name: (SMALL | JUDGES)[name]}}
    maker = {"net": {"dense": SMALL["dense"]}} if name in JUDGES else judge
    recipe = small_recipe(
        game={"from_noise": {"labels": labels, "latent": {"normal": {"size": 8}}}}, generator=maker, discriminator=judge
    )
    return build(recipe, DATA, Engine(choose_plan("cpu", "fp32", images=True)))


@pytest.mark.parametrize("labels", ["none", "projection"])
def test_a_sample_depends_on_its_number_alone(labels: str) -> None:
    match = match_of("dense", labels)
    rows = torch.arange(20)
    drawn = match.asked(match.key, rows)
    assert (drawn is None) == (labels == "none")
    net = match.sampler()
    whole = make(match.game, net, match.key, rows, drawn)
    part = make(match.game, net, match.key, rows[5:9], None if drawn is None else drawn[5:9])
    torch.testing.assert_close(whole[5:9], part)


def test_labels_are_drawn_as_often_as_they_occur() -> None:
    match = match_of("dense", "projection")
    drawn = match.asked(match.key, torch.arange(20_000))
    assert drawn is not None
    found = torch.bincount(drawn, minlength=10) / 20_000
    wanted = torch.bincount(DATA.labels[DATA.train], minlength=10) / len(DATA.train)
    torch.testing.assert_close(found, wanted, atol=0.012, rtol=0)


@pytest.mark.parametrize("latent", ["normal", "uniform", "truncated"])
def test_latents_have_their_distribution(latent: str) -> None:
    from scipy import stats

    recipe = small_recipe(game={"from_noise": {"latent": {latent: {"size": 50}}}})
    drawn = recipe.game.latent.draw(match_of("dense", "none").key, torch.arange(400)).flatten().numpy()
    reference = {"normal": stats.norm(), "uniform": stats.uniform(-1, 2), "truncated": stats.truncnorm(-2, 2)}[latent]
    assert stats.kstest(drawn, reference.cdf).pvalue > 1e-3
    if latent == "truncated":
        assert abs(drawn).max() <= 2.001


def test_the_unions_are_closed() -> None:
    assert set(SMALL) | set(JUDGES) | TRANSLATORS | {"own"} == set(kinds.parts(Net))
    assert set(kinds.parts(Game)) == {"from_noise", "table", *FROM_IMAGES}
    assert set(FROM_IMAGES) == {name for name, game in kinds.parts(Game).items() if issubclass(game, FromImages)}
    offered = {kind for game in kinds.parts(Game).values() if issubclass(game, FromImages) for kind in game.offers}
    assert offered == {term.likeness for term in kinds.parts(Term).values() if term.likeness is not None}  # type: ignore[attr-defined]


@pytest.mark.parametrize("name", FROM_IMAGES)
def test_an_image_depends_on_its_number_and_its_input_alone(name: str) -> None:
    """What is made of it, where its holes are, and what is shown of it."""
    match = match_of_images(name)
    rows = match.heldout
    whole, part = drawn_batch(rows, Key(3), torch.arange(20)), drawn_batch(rows, Key(3), torch.arange(5, 9))
    net, game = match.sampler(), match.game
    made = [make(game, net, Key(4), batch.rows, game.asked(batch)) for batch in (whole, part)]
    assert made[0].shape == (20, *match.data.shape)
    torch.testing.assert_close(made[0][5:9], made[1])
    shown = [game.shown(samples, batch) for samples, batch in zip(made, (whole, part), strict=True)]
    formats = Formats(match.data.codec, 0, None if match.data.inputs is None else match.data.inputs.codec)
    if not isinstance(game, Cycle):  # which shows reals and fakes of both kinds, or of one
        assert shown[0].shape[1:] == game.shown_shape(formats)
    torch.testing.assert_close(shown[0][5:9], shown[1])
    assert len(game.show(match.discriminator.eval(), made[0], whole).logits) == 20


@pytest.mark.parametrize("name", FROM_IMAGES)
def test_a_game_offers_what_it_says(name: str) -> None:
    match = match_of_images(name)
    for kind in ("target", "cycle", "identity", "patches"):
        turn = Turn(match.duel, next(match.batches), match.now(0), "generator", Key(1))
        turn.begin()
        pairs = match.game.likenesses(turn, kind)
        assert bool(pairs) == (kind in match.game.offers)
        for pair in pairs:
            assert pair.made.shape == pair.wanted.shape
            assert pair.made.requires_grad
            assert not pair.wanted.requires_grad


@pytest.mark.parametrize(
    ("name", "side"),
    [(name, side) for name in sorted(TRANSLATORS) for side in ("generator", "discriminator")]
    + [(name, "generator") for name in JUDGES],
)
def test_what_a_network_cannot_be_is_said_in_one_line(name: str, side: str) -> None:
    recipe = small_recipe(**{side: {"net": name}})
    with pytest.raises(RequestError, match=rf"^{side}\.net\.{name}: \w+ images") as caught:
        build(recipe, DATA, Engine(choose_plan("cpu", "fp32", images=True)))
    assert "take " in str(caught.value)
    assert "\n" not in str(caught.value)


def test_noise_images_stand_in_for_the_share_of_fakes_that_is_asked_for() -> None:
    recipe = small_recipe(game={"from_noise": {"noise_images": 0.5, "latent": {"normal": {"size": 8}}}}, batch=1000)
    match = build(recipe, DATA, Engine(choose_plan("cpu", "fp32", images=True)))
    batch = next(match.batches)
    fakes = {
        side: Turn(match.duel, batch, match.now(0), side, match.key).fake.detach()
        for side in ("discriminator", "generator")
    }
    replaced = (fakes["discriminator"] != fakes["generator"]).flatten(1).any(1)
    assert float(replaced.float().mean()) == pytest.approx(0.5, abs=0.06)
    noise = fakes["discriminator"][replaced]
    assert float(noise.min()) < -0.99
    assert float(noise.max()) > 0.99
    assert abs(float(noise.mean())) < 0.02
