"""Worst cases against closed forms: linear networks, whose worst directions are known."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
import torch
from torch import Tensor

from sparring.base.draws import Key
from sparring.base.errors import RequestError
from sparring.kinds.scores import expanded, metric, score
from sparring.metrics import GROUPS, Features, Networks, Score, Views
from sparring.metrics.features import Pixels
from sparring.metrics.robustness import Ball, against_random, fgsm, path_lengths, pgd
from tests.metrics.made import linear_networks, normal, trained_small

KEY = Key("robustness")
ROWS = torch.arange(40)


def drawn(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def views_of(networks: Networks, key: Key = KEY) -> Views:
    real = Features(networks.reals)
    return Views(heldout=real, fake=real, networks=networks, key=key)


def found(name: str, networks: Networks, key: Key = KEY) -> Score:
    return metric(name)(views_of(networks, key))


@pytest.mark.parametrize(
    "ball", [Ball("l2", 0.7), Ball("linf", 0.2), Ball("l2", 0.7, -1, 1), Ball("linf", 0.2, -1, 1)], ids=str
)
def test_perturbations_stay_in_the_ball_and_the_box(ball: Ball) -> None:
    centres = drawn(50, 3, 4).clamp(ball.low, ball.high)
    for delta in (
        3 * drawn(50, 3, 4, seed=1),
        ball.drawn(centres, KEY, torch.arange(50)),
        1e-3 * drawn(50, 3, 4, seed=2),
    ):
        inside = ball.project(centres, delta)
        assert float(ball.sizes(inside).max()) <= ball.radius * (1 + 1e-6)
        perturbed = centres + inside
        assert torch.allclose(perturbed.clamp(ball.low, ball.high), perturbed, atol=1e-6)
        assert torch.allclose(ball.project(centres, inside), inside, atol=1e-6)


def test_projection_is_to_the_nearest_point_of_the_ball() -> None:
    ball, far = Ball("l2", 0.5), 4 * drawn(30, 5)
    nearest = ball.project(torch.zeros_like(far), far)
    for other in (ball.drawn(torch.zeros_like(far), KEY.at(n), torch.arange(30)) for n in range(50)):
        assert bool(((far - nearest).norm(dim=1) <= (far - other).norm(dim=1) + 1e-6).all())


def test_random_perturbations_are_as_large_as_the_ball_and_by_row() -> None:
    centres = drawn(40, 6)
    for ball in (Ball("l2", 0.3), Ball("linf", 0.3)):
        delta = ball.drawn(centres, KEY, ROWS)
        assert torch.allclose(ball.sizes(delta), torch.full((40, 1), 0.3))
        assert torch.equal(ball.drawn(centres[7:9], KEY, ROWS[7:9]), delta[7:9])
    spread = Ball("l2", 1.0).drawn(torch.zeros(20_000, 3), KEY, torch.arange(20_000))
    assert torch.allclose(spread.mean(0), torch.zeros(3), atol=0.02)
    assert torch.allclose(spread.T @ spread / 20_000, torch.eye(3) / 3, atol=0.02)


def test_pgd_finds_the_largest_singular_value_of_a_linear_generator() -> None:
    weight = normal(12, 8, 3).float()
    largest = float(torch.linalg.svdvals(weight)[0])
    ball = Ball("l2", 0.4)
    reached = against_random(lambda z, rows: (z @ weight.T).norm(dim=1), torch.zeros(40, 8), ball, KEY)
    assert torch.allclose(reached.worst, torch.full((40,), 0.4 * largest, dtype=torch.float64), rtol=1e-3)
    direction = torch.linalg.svd(weight)[2][0]
    assert bool(((reached.delta @ direction).abs() > 0.4 * 0.99).all())


def test_fgsm_and_pgd_of_a_linear_discriminator_are_the_l1_norm() -> None:
    weight, points = drawn(15, seed=4), drawn(40, 15)

    def gain(x: Tensor, rows: Tensor) -> Tensor:
        return (points[rows] - x) @ weight

    ball, exact = Ball("linf", 0.1), 0.1 * weight.abs().sum()
    single = fgsm(gain, points, ROWS, ball)
    assert torch.allclose(gain(points + single, ROWS), exact.expand(40), rtol=1e-4)
    many, _ = pgd(gain, points, ROWS, ball, ball.drawn(points, KEY, ROWS))
    assert torch.allclose(many, exact.expand(40), rtol=1e-4)
    boxed = Ball("linf", 0.1, -0.5, 0.5)  # where the box cuts, the best corner is known too
    inside = points.clamp(-0.5, 0.5)
    least = torch.where(weight > 0, (inside - 0.1).clamp(min=-0.5), (inside + 0.1).clamp(max=0.5))
    best, _ = pgd(lambda x, rows: (inside[rows] - x) @ weight, inside, ROWS, boxed, torch.zeros_like(inside))
    assert torch.allclose(best, (inside - least) @ weight, rtol=1e-4)


def wavy(points: Tensor, rows: Tensor) -> Tensor:
    """A gain with many hills, of each row differently."""
    return (3 * points + rows[:, None]).sin().sum(1) + 0.3 * (11 * points).cos().prod(1)


@pytest.mark.parametrize("ball", [Ball("l2", 1.0), Ball("linf", 0.5), Ball("linf", 0.5, -1, 1)], ids=str)
def test_the_worst_is_never_less_than_the_start_the_single_step_or_a_random_one(ball: Ball) -> None:
    points = drawn(40, 6).clamp(ball.low, ball.high)
    reached = against_random(wavy, points, ball, KEY, random=7)
    assert torch.allclose(reached.worst, wavy(points + reached.delta, ROWS).double())
    assert float(ball.sizes(reached.delta).max()) <= ball.radius * (1 + 1e-6)
    single = wavy(points + fgsm(wavy, points, ROWS, ball), ROWS).double()
    assert bool((reached.worst >= single - 1e-6).all())
    others = torch.stack([wavy(points + ball.drawn(points, KEY.at(n), ROWS), ROWS) for n in range(7)]).double()
    assert bool((reached.worst >= others.max(0).values - 1e-6).all())
    assert torch.allclose(reached.random, others.abs().mean(0))
    assert float((reached.worst > others.max(0).values + 0.1).double().mean()) > 0.5, "the ascent climbs"


def test_batches_and_gradients_around_change_nothing() -> None:
    points, weight = drawn(40, 6), torch.ones(6, requires_grad=True)

    def gain(z: Tensor, rows: Tensor) -> Tensor:
        return wavy(z, rows) * (z * weight).sum(1)

    whole, parts = (against_random(gain, points, Ball("l2", 1.0), KEY, at_once=n) for n in (256, 7))
    for one, other in zip(whole, parts, strict=True):
        assert torch.allclose(one, other, atol=1e-5)
    with torch.no_grad():
        again = against_random(gain, points, Ball("l2", 1.0), KEY)
    assert torch.equal(again.worst, whole.worst)
    assert weight.grad is None
    assert not points.requires_grad


def test_a_gain_without_slope_is_survived() -> None:
    flat = against_random(lambda z, rows: torch.ones(len(z)), drawn(5, 3), Ball("l2", 1.0), KEY)
    assert torch.equal(flat.worst, torch.ones(5, dtype=torch.float64))
    broken = against_random(lambda z, rows: (z - z).norm(dim=1), drawn(5, 3), Ball("l2", 1.0), KEY)
    assert torch.equal(broken.worst, torch.zeros(5, dtype=torch.float64)), "its slope is not a number"


def test_path_lengths_of_a_linear_generator_are_its_frobenius_norm() -> None:
    weight = normal(30, 8, 5).float()
    lengths = path_lengths(lambda z, rows: z @ weight.T, drawn(40, 8), KEY, directions=400, at_once=16)
    assert torch.allclose(lengths, torch.full((40,), float(weight.norm()) / 30**0.5, dtype=torch.float64), rtol=0.05)
    assert float(lengths.std()) < 1e-6


def test_path_lengths_follow_the_jacobian() -> None:
    points = drawn(40, 4)
    lengths = path_lengths(lambda z, rows: (2 * z).sinh(), points, KEY, directions=300)
    jacobian = (2 * (2 * points).cosh()).double()
    exact = (jacobian.square().sum(1) / 4).sqrt()
    assert torch.allclose(lengths, exact, rtol=0.15)


def test_latent_change_of_a_linear_generator_is_known() -> None:
    weight = torch.diag(torch.tensor([3.0, 1, 1, 1]))
    networks = linear_networks(weight, torch.ones(4), count=60)
    told = found("latent_change", networks)
    radius = 0.1 * float(networks.latents.square().sum(1).mean().sqrt())
    assert told.protocol["epsilon"] == pytest.approx(radius, rel=1e-5)
    assert told.protocol["worst"] == pytest.approx(3 * radius / 2, rel=1e-3)  # rms over four values
    directions = torch.nn.functional.normalize(normal(200_000, 4, 0), dim=1)
    random = float((directions @ weight.double()).norm(dim=1).mean()) * radius / 2
    assert told.protocol["random"] == pytest.approx(random, rel=0.05)
    assert told.value == pytest.approx(told.protocol["worst"] / told.protocol["random"])


def test_score_drops_of_linear_networks_are_known() -> None:
    weight, judge = normal(5, 16, 1).float(), drawn(5, seed=2)
    told = found("latent_score_drop", linear_networks(weight, judge, count=100))
    slope = float((weight.T @ judge).norm())
    assert told.protocol["worst"] == pytest.approx(told.protocol["epsilon"] * slope, rel=1e-3)
    usual = float(torch.nn.functional.normalize(normal(200_000, 16, 0), dim=1)[:, 0].abs().mean())
    assert told.value == pytest.approx(1 / usual, rel=0.05)


def test_attacks_on_a_linear_discriminator_are_known() -> None:
    judge = drawn(9, seed=3)
    networks = linear_networks(torch.eye(9), judge, count=100)
    single, many = (found(name, networks) for name in ("attack_fgsm", "attack_pgd"))
    for told in (single, many):
        assert told.protocol["epsilon"] == pytest.approx(2 * 8 / 255)
        assert told.protocol["worst"] == pytest.approx(2 * 8 / 255 * float(judge.abs().sum()), rel=1e-4)
        assert (told.n, told.protocol["norm"]) == (100, "linf")
    assert (single.protocol["steps"], many.protocol["steps"]) == (1, 40)
    moved = networks.reals @ judge - 2 * 8 / 255 * judge.abs().sum()
    below = float((moved < (networks.latents @ judge).mean()).float().mean())
    assert many.protocol["below_fakes"] == pytest.approx(below)


def test_similarity_drops_are_in_units_of_the_reals_own_distances() -> None:
    """Reals on a grid of spacing 2, samples on them: each step of a latent leads away by its own length."""
    grid = 2.0 * torch.cartesian_prod(*[torch.arange(3.0)] * 3)
    networks = replace(linear_networks(torch.eye(3), torch.ones(3), reals=grid), latents=grid)
    told = found("latent_similarity_drop", networks)
    assert told.protocol["worst"] == pytest.approx(told.protocol["epsilon"] / 2, rel=1e-4)
    assert told.value == pytest.approx(1.0, rel=1e-4)
    assert (told.protocol["mean_distance"], told.protocol["real"]) == (0.0, 27)


def test_latents_stay_where_they_are_drawn() -> None:
    weight = torch.ones(1, 4)
    seen: list[Tensor] = []
    networks = linear_networks(weight, torch.ones(1), support=(-1.0, 1.0))

    def watched(latents: Tensor, rows: Tensor) -> Tensor:
        seen.append(latents.detach())
        return latents @ weight.T

    found("latent_change", replace(networks, generate=watched))
    assert float(torch.cat(seen).abs().max()) <= 1 + 1e-6


def test_a_generator_that_ignores_its_latent_is_told() -> None:
    networks = linear_networks(torch.zeros(3, 4), torch.ones(3))
    change, path = found("latent_change", networks), found("path_length", networks)
    assert (path.value, path.note) == (0.0, "the samples do not depend on the latent")
    assert (found("latent_score_drop", networks).value, found("latent_score_drop", networks).note) == (
        1.0,
        "no perturbation changes anything",
    )
    assert change.value == pytest.approx(1.0)


def test_intervals_hold_the_truth_as_often_as_they_say() -> None:
    def trial(seed: int) -> bool:
        networks = linear_networks(torch.eye(4), torch.ones(4), count=50, seed=seed, bend=0.3)
        low, high = found("latent_change", networks, Key(seed)).interval
        return low <= truth <= high

    many = found("latent_change", linear_networks(torch.eye(4), torch.ones(4), count=3000, seed=99, bend=0.3))
    truth = many.value
    assert sum(map(trial, range(30))) >= 25


def test_the_group_stands_for_its_members() -> None:
    assert expanded(["fid", "robustness", "path_length"]) == ["fid", *GROUPS["robustness"]]
    networks = linear_networks(torch.eye(4), torch.ones(4))
    scores = score(["robustness"], views_of(networks), Pixels(4))
    assert list(scores) == list(GROUPS["robustness"])
    assert all(low <= one.value <= high for one in scores.values() for low, high in [one.interval])
    with pytest.raises(RequestError, match="unknown metric 'robustnes'; did you mean 'robustness'"):
        score(["robustnes"], views_of(networks), Pixels(4))
    alone = replace(views_of(networks), networks=None)
    with pytest.raises(RequestError, match="'latent_change' needs the run's two networks"):
        score(["robustness"], alone, Pixels(4))


@pytest.mark.parametrize("kind", ["classifier", "selfsup", "pixels"])
def test_graded_features_are_the_features_with_a_gradient(kind: str) -> None:
    images = torch.rand(5, 1, 8, 8, generator=torch.Generator().manual_seed(0), requires_grad=True)
    extractor = Pixels(64) if kind == "pixels" else trained_small(kind)
    graded = extractor.graded(images)
    assert torch.allclose(graded, extractor(images.detach()).values, atol=1e-6)
    (gradient,) = torch.autograd.grad(graded.square().sum(), images)
    assert 0 < float(gradient.norm()) < math.inf
