"""Penalties against closed forms and against finite differences in float64."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from sparring.base.draws import Key
from sparring.gan.augment import Ada, Augmentation, DiffAugment, InstanceNoise
from sparring.gan.game import Turn
from sparring.gan.surgery import Drop, Dropout, operate, random_layers
from sparring.gan.terms import L1, L2, R1, R2, Consistency, Dragan, GradientPenalty, LayerMatching
from sparring.nets import Dense, Verdict, initialise
from tests.plain import NOW, turn_of

X = torch.randn(64, 4, generator=torch.Generator().manual_seed(0), dtype=torch.float64)


def double_sum(x: Tensor) -> Tensor:
    return 2 * x.flatten(1).sum(1)


def test_gradient_penalty_of_twice_the_sum_is_nine() -> None:
    """The slope is 2 in each of 4 dimensions: (4 - 1)^2."""
    assert float(GradientPenalty()(turn_of(X, double_sum))) == pytest.approx(9.0)


def test_gradient_penalty_of_a_one_lipschitz_critic_is_zero() -> None:
    assert float(GradientPenalty()(turn_of(X, lambda x: x.flatten(1).sum(1) / 2))) == pytest.approx(0.0, abs=1e-12)


def test_the_slope_is_one_a_sample_not_one_a_batch() -> None:
    """Slopes of 2 and of 0, half each: ((2-1)^2 + (0-1)^2) / 2 = 1; a norm over the batch gives another number."""
    side = torch.arange(8, dtype=torch.float64) % 2

    def critic(x: Tensor) -> Tensor:
        return 2 * side * x[:, 0]

    assert float(GradientPenalty()(turn_of(X[:8], critic))) == pytest.approx(1.0)


def test_interpolation_places_are_uniform_and_differ_by_sample() -> None:
    """Between reals at 1 and fakes at 0 the places are the draws themselves."""
    places: list[Tensor] = []

    def critic(x: Tensor) -> Tensor:
        places.append(x.detach())
        return x.sum(1)

    ones = torch.ones(4000, 1, dtype=torch.float64)
    GradientPenalty()(turn_of(ones, critic, lambda x: 0 * x))
    found = places[-1][:, 0]
    assert 0 <= float(found.min()) < 0.01
    assert 0.99 < float(found.max()) <= 1
    assert float(found.mean()) == pytest.approx(0.5, abs=0.03)
    assert float(found.std()) == pytest.approx(12**-0.5, abs=0.02)
    # a later turn draws others
    other = turn_of(ones, critic, lambda x: 0 * x, seed=1)
    GradientPenalty()(other)
    assert not torch.equal(places[-1][:, 0], found)


@pytest.mark.parametrize(("term", "watched", "wanted"), [(R1(), "real", 8.0), (R2(), "fake", 8.0)])
def test_r1_and_r2_are_half_the_squared_slope(term: R1 | R2, watched: str, wanted: float) -> None:
    """The squared slope is 4 * 2^2 = 16."""
    assert float(term(turn_of(X, double_sum, watched=frozenset({watched})))) == pytest.approx(wanted)


def test_r1_of_a_square_is_taken_at_the_reals() -> None:
    turn = turn_of(X, lambda x: x.square().sum(1) / 2, watched=frozenset({"real"}))
    assert float(R1()(turn).detach()) == pytest.approx(float(X.square().sum(1).mean() / 2))


def test_r1_shares_the_objectives_pass() -> None:
    calls = []

    def critic(x: Tensor) -> Tensor:
        calls.append(len(x))
        return x.sum(1)

    turn = turn_of(X, critic, watched=frozenset({"real"}))
    _ = turn.on_real
    R1()(turn)
    assert len(calls) == 1


def test_dragan_stays_near_the_reals_and_on_one_side() -> None:
    seen: list[Tensor] = []

    def critic(x: Tensor) -> Tensor:
        seen.append(x.detach())
        return x.sum(1)

    Dragan()(turn_of(X, critic))
    moved = seen[-1] - X
    assert float(moved.min()) >= 0
    assert 0 < float(moved.max()) <= 0.5 * float(X.std())


@pytest.mark.parametrize("term", [R1(), R2(), GradientPenalty(), Dragan()], ids=lambda term: type(term).__name__)
def test_gradients_by_the_weights_match_finite_differences(term: R1 | GradientPenalty) -> None:
    net = nn.Sequential(nn.Linear(4, 5), nn.Tanh(), nn.Linear(5, 1)).double()
    fixed = nn.Linear(4, 4).double()

    def penalty(*weights: Tensor) -> Tensor:
        names = [name for name, _ in net.named_parameters()]

        def critic(x: Tensor) -> Tensor:
            return torch.func.functional_call(net, dict(zip(names, weights, strict=True)), (x,))[:, 0]

        with torch.no_grad():
            fakes = fixed(X[:6])
        return term(turn_of(X[:6], critic, lambda _: fakes, watched=term.watches))

    weights = tuple(parameter.detach().clone().requires_grad_() for parameter in net.parameters())
    assert torch.autograd.gradcheck(penalty, weights, eps=1e-6, atol=1e-6)


def dropping(rate: float, *after: nn.Module) -> nn.Module:
    """Dropout of the sample's own values, then the layers."""
    net = nn.Sequential(Drop(rate, "value"), *after).train()
    for layer in random_layers(net):
        layer.set_rate(NOW)
    return net


def begun(samples: Tensor, net: nn.Module, watched: str = "real", seed: int = 0) -> Turn:
    turn = turn_of(samples, net, watched=frozenset({watched}), seed=seed)
    turn.begin()
    return turn


class Row(nn.Module):
    """A linear critic, [batch, values] to [batch], of given weights."""

    def __init__(self, weights: Tensor) -> None:
        super().__init__()
        self.weights = nn.Parameter(weights)

    def forward(self, x: Tensor) -> Tensor:
        return x @ self.weights


@pytest.mark.parametrize(("term", "watched"), [(R1, "real"), (R2, "fake")])
@pytest.mark.parametrize("rate", [0.25, 0.5])
def test_two_masks_give_the_squared_slope_of_the_mean_critic(term: type[R1], watched: str, rate: float) -> None:
    """A linear critic behind dropout: the mean critic's slope is w, the masked critics' squared slopes are by 1 / (1 -
    rate) larger on average. The intervals are of 5 standard errors."""
    weights = torch.tensor([1.0, -2.0, 0.5, 1.5], dtype=torch.float64)
    count, squared = 40_000, weights.square()
    samples = torch.ones(count, 4, dtype=torch.float64)
    net = dropping(rate, Row(weights))
    excess = 1 / (1 - rate)
    # of one value: m^2 has variance excess^3 - excess^2, and the product of two masks excess^2 - 1
    wanted = {
        "one": (excess * squared.sum(), squared.square().sum() * (excess**3 - excess**2)),
        "two": (squared.sum(), squared.square().sum() * (excess**2 - 1)),
        "off": (squared.sum(), torch.tensor(1e-20)),
    }
    for masks, (mean, variance) in wanted.items():
        found = float(term(masks=masks)(begun(samples, net, watched)).detach()) * 2  # type: ignore[arg-type]
        assert abs(found - float(mean)) < 5 * float(variance / count) ** 0.5 + 1e-5 * float(mean), masks


class Square(nn.Module):
    """Half the squared length of a linear map, [batch, values] to [batch], with dropout behind the map."""

    def __init__(self, rate: float, weights: Tensor) -> None:
        super().__init__()
        self.weights = nn.Parameter(weights)
        self.drop = Drop(rate, "value").train()
        self.drop.set_rate(NOW)

    def forward(self, x: Tensor) -> Tensor:
        return self.drop(x @ self.weights.T).square().sum(1) / 2


def test_two_masks_are_unbiased_for_a_quadratic_critic_and_its_gradient() -> None:
    """The mean over masks of |m Wx|^2 / 2 is |Wx|^2 / (2 - 2 rate): value and gradient by W of its squared slope."""
    rate, count, turns = 0.5, 20_000, 8
    weights = torch.randn(3, 4, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    place = torch.tensor([0.5, -1.0, 2.0, 0.3], dtype=torch.float64)
    mean = weights.clone().requires_grad_()
    exact = (mean.T @ (mean @ place) / (1 - rate)).square().sum() / 2
    (gradient,) = torch.autograd.grad(exact, mean)
    net = Square(rate, weights)
    values, gradients = {"one": [], "two": []}, []  # type: ignore[var-annotated]
    for seed in range(turns):
        for masks, found in values.items():
            value = R1(masks=masks)(begun(place.repeat(count, 1), net, seed=seed))  # type: ignore[arg-type]
            found.append(float(value.detach()))
            if masks == "two":
                gradients.append(torch.autograd.grad(value, net.weights)[0])
    assert sum(values["two"]) / turns == pytest.approx(float(exact.detach()), rel=0.02)
    assert sum(values["one"]) / turns > 1.3 * float(exact.detach())
    found_gradient = torch.stack(gradients).mean(0)
    assert float((found_gradient - gradient).norm() / gradient.norm()) < 0.03


def test_one_mask_is_the_objectives() -> None:
    """The slope is that of the very logits that the objective judges by, mask for mask."""
    weights = torch.tensor([1.0, -2.0, 0.5, 1.5], dtype=torch.float64)
    turn = begun(torch.ones(50, 4, dtype=torch.float64), dropping(0.5, Row(weights)))
    (slope,) = torch.autograd.grad(turn.on_real.logits.sum(), turn.real, create_graph=True)
    assert float(R1()(turn).detach()) == pytest.approx(float(slope.detach().square().sum(1).mean() / 2))


@pytest.mark.parametrize("term", [R1(masks="off"), R2(masks="off"), GradientPenalty(), Dragan()])
def test_a_penalty_without_masks_leaves_those_of_others_as_they_are(term: R1) -> None:
    def logits(*terms: R1) -> list[Tensor]:
        turn = turn_of(X.float(), dropped_net(0.5), watched=frozenset({"real", "fake"}))
        turn.begin()
        assert all(bool(one(turn).detach() > 0) for one in terms)
        return [turn.on_real.logits, turn.on_fake.logits, turn.judge(turn.real, "real").logits]

    for alone, beside in zip(logits(), logits(term), strict=True):
        assert torch.equal(alone, beside)


def test_a_slope_of_one_is_that_of_the_discriminator_without_dropout() -> None:
    """A linear critic whose slope is just 1: nothing to penalise, until a mask makes slopes vary."""
    net = dropping(0.5, Row(torch.full((4,), 0.5, dtype=torch.float64)))
    for term in (GradientPenalty, Dragan):
        assert float(term()(begun(X, net)).detach()) == pytest.approx(0, abs=1e-12)
        assert float(term(masks="one")(begun(X, net)).detach()) > 0.1


def test_without_masks_pytorchs_own_dropout_is_off_too_and_on_again_after() -> None:
    net = nn.Sequential(nn.Dropout(0.5), nn.Linear(4, 1), nn.Flatten(0)).double().train()
    slope = float(net[1].weight.detach().norm())
    for _ in range(3):
        value = float(GradientPenalty()(begun(X, net)).detach())
        assert value == pytest.approx((slope - 1) ** 2)
    assert net[0].training
    assert not torch.equal(net(X), net(X))


def test_weight_penalties_leave_biases_out() -> None:
    net = nn.Linear(4, 1).double()
    nn.init.constant_(net.weight, -0.5)
    nn.init.constant_(net.bias, 7.0)
    turn = turn_of(X, net)
    assert float(L1()(turn).detach()) == pytest.approx(2.0)
    assert float(L2()(turn).detach()) == pytest.approx(0.5)


def dropped_net(rate: float) -> nn.Module:
    options = Dense(widths=(32, 32))
    net = initialise(options.discriminator((4,)), Key(1)).train()
    surgery = {"dropout": Dropout(rate=rate)}
    net = operate(net, surgery, lambda n: n(torch.zeros(2, 4)), Key(2))
    for layer in net.modules():
        if hasattr(layer, "set_rate"):
            layer.set_rate(NOW)
    return net


def test_consistency_is_zero_without_dropout_and_grows_with_it() -> None:
    found = []
    for rate in (0.0, 0.2, 0.5):
        turn = turn_of(X.float(), dropped_net(rate))
        turn.begin()
        found.append(float(Consistency()(turn).detach()))
    assert found[0] == 0
    assert 0 < found[1] < found[2]


def test_consistency_is_the_papers_formula() -> None:
    """Logits 1 apart, features 2 apart, margin 0.7: 1 + 0.1 * 2 - 0.7."""
    verdicts = iter([(0.0, 0.0), (1.0, 2.0)])

    def critic(x: Tensor) -> Verdict:
        logit, feature = next(verdicts)
        features = torch.zeros(len(x), 3)
        features[:, 0] = feature
        return Verdict(torch.full((len(x),), logit), features)

    assert float(Consistency(margin=0.7)(turn_of(X, critic))) == pytest.approx(0.5)
    verdicts = iter([(0.0, 0.0), (1.0, 2.0)])
    assert float(Consistency(margin=5.0)(turn_of(X, critic))) == 0


def test_consistency_shows_both_passes_the_same_augmentation() -> None:
    """The paper's passes differ by their masks alone: without any, nothing differs."""
    turn = turn_of(torch.randn(8, 3, 6, 6), lambda x: x.sum((1, 2, 3)), augment={"noise": InstanceNoise(sigma=0.5)})
    assert Consistency()(turn) == 0
    assert not torch.equal(turn.judge(turn.real, "real").logits, turn.judge(turn.real, "fake").logits)


class Mapped(nn.Module):
    """A discriminator with one hidden map, from which it may drop, that counts its passes."""

    def __init__(self, rate: float = 0.0) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Flatten(), nn.Linear(108, 16), nn.Dropout(rate))
        self.passes = 0

    def forward(self, x: Tensor) -> Verdict:
        self.passes += 1
        hidden = self.layers(x)
        return Verdict(hidden.sum(1), maps=(hidden,))


@pytest.mark.parametrize("augmentation", [DiffAugment(), Ada(probability=0.9), InstanceNoise(sigma=0.5)])
def test_layer_matching_of_a_perfect_generator_is_zero_under_augmentation(augmentation: Augmentation) -> None:
    images, net = torch.randn(8, 3, 6, 6), Mapped(0.5)
    turn = turn_of(images, net, lambda x: x, mover="generator", augment={"it": augmentation})
    assert float(LayerMatching()(turn).detach()) == 0
    assert not torch.equal(turn.on_real.logits, turn.on_fake.logits)  # whose augmentations differ
    other = turn_of(images, net, lambda x: 0.5 * x, mover="generator", augment={"it": augmentation})
    assert float(LayerMatching()(other).detach()) > 0


def test_layer_matching_shares_the_objectives_passes_where_nothing_is_augmented() -> None:
    net = Mapped()
    turn = turn_of(torch.randn(8, 3, 6, 6), net, lambda x: x, mover="generator")
    _ = turn.on_fake
    assert float(LayerMatching()(turn).detach()) == 0
    assert net.passes == 2
