"""Known mistakes are told before a training starts, each in one line that says what to do; sound recipes in silence."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn

import sparring
from sparring.base.draws import Key
from sparring.base.errors import RequestError
from sparring.doctor.advice import advice, lipschitz_factor, widened
from sparring.engine import Engine, choose_plan
from sparring.gan.match import Match
from sparring.gan.schedules import Now
from sparring.gan.surgery import Drop, random_layers
from sparring.kinds import zoo
from sparring.kinds.images.sources import Digits
from sparring.recipe import Recipe, override, validated
from sparring.recipe.build import build, fitted
from tests.conftest import small_fields, small_recipe

DATA = Digits().load()
DENSE = {"net": {"dense": {"widths": [32, 32]}}}
NORMED = {"net": {"dense": {"widths": [32, 32], "norm": "batch"}}}


def match_of(recipe: Recipe, **own: nn.Module) -> Match:
    return build(recipe, DATA, Engine(choose_plan("cpu", "fp32", images=True)), own)


def told(changes: dict[str, Any] | None = None, **own: nn.Module) -> list[str]:
    recipe = fitted(small_recipe(**(changes or {})), DATA, own)
    return advice(recipe, match_of(recipe, **own))


def with_dropout(player: dict[str, Any], rate: Any, **more: Any) -> dict[str, Any]:
    return player | {"surgery": {"dropout": {"rate": rate}}} | more


class Judge(nn.Module):
    """A plain discriminator of a user's own, [batch, 1, 8, 8] to logits [batch]."""

    def __init__(self, *hidden: nn.Module) -> None:
        super().__init__()
        self.hidden = nn.Sequential(nn.Flatten(), nn.Linear(64, 32), *hidden, nn.LeakyReLU(0.2))
        self.last = nn.Linear(32, 1)

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.last(self.hidden(x))
        return out


class Maker(nn.Module):
    """A plain generator of a user's own."""

    def __init__(self, *hidden: nn.Module) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(8, 32), *hidden, nn.ReLU(), nn.Linear(32, 64), nn.Tanh())

    def forward(self, latents: Tensor) -> Tensor:
        return self.layers(latents).reshape(-1, 1, 8, 8)  # type: ignore[no-any-return]


class TestSilence:
    """What is sound is not spoken of."""

    @pytest.mark.parametrize(
        "changes",
        [
            {},
            {"discriminator": with_dropout(DENSE, 0.5, terms={"r1": {"weight": 0.3}})},
            {"discriminator": with_dropout(DENSE, {"adaptive": {}})},
            {"generator": with_dropout(NORMED, 0.3)},  # averaged: its statistics are estimated anew
            {"generator": NORMED, "discriminator": NORMED},
            {"generator": NORMED | {"surgery": {"dropout": {"rate": 0.5, "when": "always"}}}, "ema": None},
            {"discriminator": DENSE | {"surgery": {"spectral_norm": None}}},
            {"discriminator": with_dropout(DENSE, {"linear": {"start": 0.5, "end": 0.0}})},
        ],
    )
    def test_sound_recipes(self, changes: dict[str, Any]) -> None:
        assert told(changes) == []

    @pytest.mark.parametrize("name", ["digits", "classic/dropout-dense", "classic/tanh-leaky", "classic/two-phase"])
    def test_recipes_of_the_zoo(self, name: str) -> None:
        fields = zoo.read_recipe(name) | {"data": {"digits": {}}}
        recipe = fitted(validated(fields), DATA, {})
        assert advice(recipe, match_of(recipe)) == []

    def test_sound_networks_of_a_users_own(self) -> None:
        assert told({}, discriminator=Judge(nn.BatchNorm1d(32)), generator=Maker(nn.BatchNorm1d(32))) == []
        spectral = Judge()
        nn.utils.parametrizations.spectral_norm(spectral.hidden[1])
        torch.nn.utils.spectral_norm(spectral.last)
        assert told({}, discriminator=spectral) == []


@pytest.mark.parametrize(
    ("rate", "wanted"),
    [
        (0.75, ["0.75 is the probability to drop", "rate=0.25"]),
        ({"linear": {"start": 0.1, "end": 0.9}}, ["0.9 is the probability to drop"]),
        ({"steps": {"values": {0: 0.8, 10: 0.1}}}, ["0.8 is the probability to drop"]),
    ],
)
def test_a_high_rate(rate: Any, wanted: list[str]) -> None:
    (line,) = told({"discriminator": with_dropout(DENSE, rate)})
    assert line.startswith("discriminator.surgery.dropout.rate: ")
    for part in wanted:
        assert part in line


def test_a_high_rate_in_a_users_own_network() -> None:
    (line,) = told({}, discriminator=Judge(nn.Dropout(0.8)))
    assert line.startswith("discriminator: Dropout 'hidden.2': p=0.8 is the probability to drop")
    assert "p=0.2" in line


@pytest.mark.parametrize(
    "key",
    [
        "generator.dropout.keep=0.5",
        "keep_prob=0.8",
        "discriminator.keep_prob=0.7",
        "discriminator.surgery.dropout.keep_rate=0.5",
        "discriminator.surgery.dropout.keep=0.5",
        "discriminator.surgery.dropout.p=0.5",
        "discriminator.net.dense.keep_prob=0.5",
        "generator.surgery.keep_prob=0.5",
    ],
)
def test_names_with_keep_are_refused(key: str) -> None:
    with pytest.raises(RequestError, match="the probability to drop"):
        validated(override(small_fields(), [key]))


def test_names_like_others_are_still_told_the_nearest() -> None:
    with pytest.raises(RequestError, match="did you mean 'keep'"):
        validated(override(small_fields(), ["keeps=3"]))


@pytest.mark.parametrize("term", ["r1", "gradient_penalty", "consistency"])
def test_a_weight_of_zero(term: str) -> None:
    (line,) = told({"discriminator": with_dropout(DENSE, 0.3, terms={term: {"weight": 0}})})
    assert line == f"discriminator.terms.{term}: has weight 0 and does nothing; give it a weight, or leave it out"


def test_the_weaker_signal() -> None:
    changes = {"discriminator": with_dropout(DENSE, {"adaptive": {"signal": "sign"}})}
    (line,) = told(changes)
    assert line.startswith("discriminator.surgery.dropout.rate: follows the sign")
    assert "weaker signal" in line
    assert line.endswith("say signal=heldout")


def test_a_large_eps() -> None:
    (line,) = told({}, discriminator=Judge(nn.BatchNorm1d(32, 0.8)))
    assert line == (
        "discriminator: batch norm 'hidden.2' has eps=0.8, which is added to the variance; leave it at 1e-5 "
        "(if momentum was meant, Keras's 0.8 is BatchNorm1d(32, momentum=0.2))"
    )


def test_spectral_norm_beside_dropout_with_the_number() -> None:
    surgery = {"dropout": {"rate": 0.5}, "spectral_norm": None}
    (line,) = told({"discriminator": DENSE | {"surgery": surgery}})
    assert "behind 2 dropout layers" in line
    assert "the bound grows up to 4 times" in line
    (line,) = told({"discriminator": DENSE | {"surgery": surgery | {"dropout": {"rate": 0.5, "unit": "gaussian"}}}})
    assert "has no bound at all" in line


def test_the_slope_reaches_the_bound_that_is_told() -> None:
    """Three layers of slope 1 with dropout of .5, .25 and .2 behind them: where all values are kept, the slope is the
    product of 1 / (1 - rate); where none are, it is 0."""
    rates = [0.5, 0.25, 0.2]
    layers = [part for rate in rates for part in (nn.Identity(), Drop(rate, "value", site=str(rate)))]
    net = nn.Sequential(*layers).train()
    rows = torch.arange(4000)
    for layer in random_layers(net):
        layer.set_rate(Now(0, 0, 1))
        layer.rewind(Key(0), rows)
    x = torch.ones(4000, 1, requires_grad=True)
    (slope,) = torch.autograd.grad(net(x).sum(), x)
    assert float(slope.max()) == pytest.approx(lipschitz_factor(rates), rel=1e-4)
    assert float(slope.min()) == 0
    assert lipschitz_factor(rates) == pytest.approx(2 * 4 / 3 * 5 / 4)


def variance_ratio(rate: float, mean: Tensor, variance: Tensor) -> Tensor:
    """How much wider values of these moments are behind dropout with inverted scaling than without, exactly:
    (1 + rate * mean^2 / variance) / (1 - rate) (Li et al. 2018, https://arxiv.org/abs/1801.05134).

    A batch norm right behind sees just that. Behind a weighted layer it holds for units that vary independently;
    where they vary together, what they share is not widened, and the ratio is smaller.
    """
    return (1 + rate * mean.square() / variance) / (1 - rate)


@pytest.mark.parametrize("kind", ["value", "channel", "block", "gaussian"])
@pytest.mark.parametrize("rate", [0.2, 0.5])
@pytest.mark.parametrize("mean", [0.0, 0.7, 3.0])
def test_the_variance_shift_is_the_formulas(kind: str, rate: float, mean: float) -> None:
    """Measured by a batch norm right behind dropout, of every kind."""
    layer, norm = Drop(rate, kind).train(), nn.BatchNorm2d(3, momentum=None)
    layer.set_rate(Now(0, 0, 1))
    source = torch.Generator().manual_seed(0)
    for number in range(20):
        x = mean + 1.3 * torch.randn(512, 3, 6, 6, generator=source)
        layer.rewind(Key(number), torch.arange(512))
        norm(layer(x))
    assert norm.running_var is not None
    wanted = variance_ratio(rate, torch.tensor(mean), torch.tensor(1.3**2))
    assert float(norm.running_var.mean()) / 1.3**2 == pytest.approx(float(wanted), rel=0.03)


def test_behind_a_weighted_layer_the_formula_is_an_upper_bound_where_units_vary_together() -> None:
    """Of independent units it still holds, weighed; of units that are all the same the shift is far smaller."""
    rate, count, source = 0.5, 40_000, torch.Generator().manual_seed(0)
    layer = Drop(rate, "value").train()
    layer.set_rate(Now(0, 0, 1))
    layer.rewind(Key(0), torch.arange(count))
    weights = torch.rand(64, generator=source)
    apart, together = torch.randn(count, 64, generator=source) + 1, torch.randn(count, 1, generator=source) + 1
    ratios = []
    for x in (apart, together.expand(-1, 64)):
        ratios.append(float((layer(x) @ weights).var() / (x @ weights).var()))
    formula = float(variance_ratio(rate, torch.tensor(1.0), torch.tensor(1.0)))
    assert formula == 3
    assert ratios[0] == pytest.approx(formula, rel=0.05)
    assert ratios[1] < 1.1


def test_dropout_before_batch_norm_names_the_layers_and_the_remedy() -> None:
    (line,) = told({"discriminator": with_dropout(NORMED, 0.5)})
    assert line.startswith("discriminator: dropout 'hidden.2.dropout' stands before batch norm 'hidden.4', whose input")
    assert "discriminator.refit_batch_norms=true" in line
    (line,) = told({"generator": with_dropout(NORMED, 0.5), "ema": None})
    assert line.startswith("generator: dropout 'hidden.2.dropout' stands before batch norm 'hidden.4'")
    assert told({"discriminator": with_dropout(NORMED, 0.5, refit_batch_norms=True)}) == []
    behind = {"surgery": {"dropout": {"rate": 0.5, "where": "hidden.5"}}}
    assert told({"discriminator": NORMED | behind}) == []
    (line,) = told({}, discriminator=Judge(nn.Dropout(0.5), nn.BatchNorm1d(32)))
    assert "dropout 'hidden.2' stands before batch norm 'hidden.3'" in line


def test_the_ratio_that_is_told_is_that_of_running_statistics() -> None:
    """What training passes leave in the batch norm, over what eval mode gives it."""
    recipe = small_recipe(discriminator=with_dropout(NORMED, 0.5), batch=256)
    match = match_of(recipe)
    ((_, ratio),) = widened(match, "discriminator").values()
    running, plain = statistics(match, "discriminator")
    assert ratio == pytest.approx(float((running / plain).median()), rel=0.15)
    assert ratio > 1.2


def statistics(match: Match, side: str, *, passes: int = 60) -> tuple[Tensor, Tensor]:
    """The running variance of the second batch norm after so many passes in training mode, as dropout draws there, and
    the variance of its input in eval mode."""
    net = match.nets()[side]
    match.players[side].prepare(match.now(0))
    norm = net.hidden[4]  # type: ignore[index,union-attr]
    seen: list[Tensor] = []
    handle = norm.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0].detach()))
    with torch.no_grad():
        for _ in range(passes):
            shown(match, side, net)
        seen.clear()
        net.eval()
        for _ in range(4):
            shown(match, side, net)
        net.train()
    handle.remove()
    return norm.running_var.clone(), torch.cat(seen).var(0)


def shown(match: Match, side: str, net: nn.Module) -> None:
    batch = next(match.batches)
    for layer in random_layers(net):
        layer.rewind(Key(match.batches.position), batch.rows)
    if side == "generator":
        match.game.make(net, Key(match.batches.position), batch.rows, None)
    else:
        match.game.show(net, batch.samples, batch)


@pytest.mark.parametrize("side", ["generator", "discriminator"])
def test_refitting_closes_the_gap(side: str) -> None:
    """With the option, statistics are those of eval mode; without, `fit` leaves them as training did."""
    for asked in (False, True):
        changes = {side: with_dropout(NORMED, 0.5, refit_batch_norms=asked), "ema": None, "batch": 64}
        match = match_of(small_recipe(**changes))
        running, plain = statistics(match, side)
        assert float((running / plain).median()) > 1.1
        match.fit("generator", "discriminator", passes=40)
        fitted_to = match.nets()[side].hidden[4].running_var  # type: ignore[index,union-attr]
        assert all(module.training for module in match.nets()[side].modules())
        if not asked:
            assert torch.equal(fitted_to, running)
        elif side == "generator":
            assert float((fitted_to / statistics(match, side, passes=0)[1]).median()) == pytest.approx(1, abs=0.05)
        else:  # of reals and fakes, half each
            halves = [variance_of(match, which) for which in ("real", "fake")]
            assert float((fitted_to / ((halves[0] + halves[1]) / 2)).median()) == pytest.approx(1, abs=0.1)


def variance_of(match: Match, which: str) -> Tensor:
    """Of the input of the discriminator's second batch norm, in eval mode but for the norms, over real or fake batches."""
    net, seen = match.discriminator, []
    handle = net.hidden[4].register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0].var(0)))  # type: ignore[index,union-attr]
    net.eval()
    net.hidden[1].train()  # type: ignore[index,union-attr]
    with torch.no_grad():
        for _ in range(20):
            batch = next(match.batches)
            fake = match.game.make(match.generator, Key(match.batches.position), batch.rows, None)
            match.game.show(net, batch.samples if which == "real" else fake, batch)
    net.train()
    handle.remove()
    return torch.stack(seen).mean(0)


class Squashed(Judge):
    def forward(self, x: Tensor) -> Tensor:
        return torch.sigmoid(super().forward(x))[:, 0]


class SquashedByLayer(Judge):
    def __init__(self) -> None:
        super().__init__()
        self.squash = nn.Sigmoid()

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.squash(super().forward(x))
        return out


class Small(Judge):
    """Its first logits all lie in [0, 1], by chance."""

    def __init__(self) -> None:
        super().__init__()
        nn.init.zeros_(self.last.weight)
        nn.init.constant_(self.last.bias, 0.5)


class ThroughTanh(Judge):
    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x).tanh()


@pytest.mark.parametrize(
    "objective", ["minimax", "non_saturating", "relativistic", {"by_sides": {"of_generator": "minimax"}}]
)
@pytest.mark.parametrize(("net", "name"), [(Squashed, "a sigmoid,"), (SquashedByLayer, "a sigmoid 'squash',")])
def test_a_sigmoid_twice_is_refused(objective: Any, net: type[nn.Module], name: str) -> None:
    with pytest.raises(RequestError, match=rf"{net.__name__} ends in {name} and the objective .* return what stands"):
        told({"objective": objective}, discriminator=net())


def test_a_sigmoid_once_or_none() -> None:
    for objective in ("wasserstein", "hinge"):
        (line,) = told({"objective": objective}, discriminator=Squashed())
        assert "wants outputs without bounds" in line
    assert told({"objective": "least_squares"}, discriminator=Squashed()) == []
    for net in (Small(), ThroughTanh()):
        assert told({}, discriminator=net) == []


class Counts(Judge):
    """Keeps a buffer that each pass in training mode changes."""

    def __init__(self, *, polite: bool) -> None:
        super().__init__()
        self.polite = polite
        self.register_buffer("centre", torch.zeros(()))

    def forward(self, x: Tensor) -> Tensor:
        out = super().forward(x)
        if self.training and (self.last.weight.requires_grad or not self.polite):
            self.centre.add_(out.detach().mean())
        return out


class MovesItself(Judge):
    def forward(self, x: Tensor) -> Tensor:
        if self.training:
            self.last.weight.data.add_(0.01)
        return super().forward(x)


class ClipsItself(Judge):
    """As Wasserstein critics are often written: the first pass clips, the next change nothing."""

    def forward(self, x: Tensor) -> Tensor:
        for weight in self.parameters():
            weight.data.clamp_(-0.01, 0.01)
        return super().forward(x)


def test_a_generators_move_that_changes_the_discriminator() -> None:
    with pytest.raises(RequestError, match="MovesItself changes its weight 'last.weight' when the generator moves"):
        told({}, discriminator=MovesItself())
    (line,) = told({}, discriminator=Counts(polite=False))
    assert line.startswith("discriminator: Counts changes its buffer 'centre' when the generator moves too")
    assert "requires_grad" in line
    assert told({}, discriminator=Counts(polite=True)) == []
    assert told({}, discriminator=ClipsItself()) == []


@pytest.mark.parametrize("update", ["alternating", "simultaneous"])
def test_batch_and_spectral_norms_of_the_discriminator_follow_its_own_moves_alone(update: str) -> None:
    """Its state after a step is that of its own move, which a generator that does not move leaves."""
    surgery = {"spectral_norm": None}
    states = []
    for moves in (1, 0):
        if update == "simultaneous" and moves == 0:
            break
        changes = {
            "discriminator": NORMED | {"surgery": surgery},
            "generator": DENSE | {"moves": moves},
            "update": update,
        }
        match = match_of(small_recipe(**changes))
        next(match.play())
        states.append(match.discriminator.state_dict())
        assert all(
            module.track_running_stats for module in match.discriminator.modules() if hasattr(module, "momentum")
        )
        assert all(module.training for module in match.discriminator.modules())
    for name, tensor in states[0].items():
        assert torch.equal(tensor, states[-1][name]), name
    assert int(states[0]["hidden.1.num_batches_tracked"]) == 2  # a pass of reals, one of fakes


def test_advice_is_told_before_training_and_in_plans(
    tmp_path: Any, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    sparring.train(
        "digits", "discriminator.surgery.dropout.rate=0.8", "steps=2", "score.metrics=[]", out=tmp_path / "run"
    )
    err = capfd.readouterr().err
    assert err.count("advice: discriminator.surgery.dropout.rate: 0.8 is the probability to drop") == 1
    found = sparring.plan("digits", "discriminator.surgery.dropout.rate=0.8", seconds=0.01)
    assert [line for line in found["advice"] if "0.8 is the probability to drop" in line]


def test_a_refused_network_leaves_nothing_behind(tmp_path: Any) -> None:
    with pytest.raises(RequestError, match="ends in a sigmoid"):
        sparring.train("digits", "objective=non_saturating", out=tmp_path / "run", discriminator=Squashed(), quiet=True)
    assert not (tmp_path / "run").exists()
