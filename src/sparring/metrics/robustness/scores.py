"""The scores of `robustness`: how much worse than chance the worst case is, for latents and for the discriminator.

Each but `path_length` is a ratio: the mean, over samples, of the largest change that projected gradient ascent finds
within a ball, over the mean of what random perturbations of the same size do. 1 says that no direction is worse than
any other; for a function that is linear in d values it is at most about sqrt(pi d / 2), so that it depends on how many
values a latent has.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from torch import Tensor

from sparring.metrics import needs
from sparring.metrics.base import Metric, Reading, Views
from sparring.metrics.distances import radii
from sparring.metrics.intervals import REPLICATES, around, generator, resampled
from sparring.metrics.networks import Networks
from sparring.metrics.robustness.attacks import FIRST, MOMENTUM, RANDOM, STEPS, Attacked, Gain, against_random
from sparring.metrics.robustness.balls import Ball
from sparring.metrics.robustness.paths import DIRECTIONS, path_lengths

LATENT_RADIUS = 0.1
"""The ball's radius in latent space, as a part of a latent's typical norm."""
SAMPLE_RADIUS = 8 / 255
"""The ball's radius in the discriminator's input, as a part of the data's range: what is usual for images."""
STEP = f"normalised gradients, from {FIRST:g} of the radius down to 0, momentum {MOMENTUM:g}"
BOOTSTRAP = {"interval": "bootstrap over samples, 1.96 standard deviations", "replicates": REPLICATES}

Function = Callable[[Tensor, Tensor], Tensor]
"""Of points [n, ...] and the numbers of their rows, int64 [n]."""


def _networks(views: Views) -> Networks:
    assert views.networks is not None  # `needs` saw to it
    return views.networks


def _latent_change(views: Views) -> Reading:
    networks = _networks(views)

    def made(latents: Tensor, rows: Tensor) -> Tensor:
        return networks.unit(networks.generate(latents, rows)).flatten(1)

    base = _everywhere(made, networks.latents, networks)

    def change(latents: Tensor, rows: Tensor) -> Tensor:
        # The root's slope is infinite at no change; its direction elsewhere is the square's
        return (made(latents, rows) - base[rows]).square().mean(1).clamp(min=1e-30).sqrt()

    return _of_latents(change, views, "latent_change", {"change": "rms of a sample's values in [0, 1]"})


def _latent_score_drop(views: Views) -> Reading:
    networks = _networks(views)

    def logit(latents: Tensor, rows: Tensor) -> Tensor:
        return networks.judge(networks.generate(latents, rows), rows)

    base = _everywhere(logit, networks.latents, networks)
    told = {"change": "logits", "mean_logit": _mean(base)}
    return _of_latents(lambda z, rows: base[rows] - logit(z, rows), views, "latent_score_drop", told)


def _latent_similarity_drop(views: Views) -> Reading:
    networks = _networks(views)
    reals = views.heldout.values.to(networks.latents)
    if not networks.sloped:
        reals = networks.embed(networks.unit(networks.reals))
    usual = max(float(radii(reals.cpu().double(), 1).sqrt().mean()), 1e-12)

    def distance(latents: Tensor, rows: Tensor) -> Tensor:
        features = networks.embed(networks.unit(networks.generate(latents, rows)))
        # Not by products, whose rounding would swamp what a small perturbation changes
        return torch.cdist(features, reals, compute_mode="donot_use_mm_for_euclid_dist").amin(1) / usual

    base = _everywhere(distance, networks.latents, networks)
    told = {
        "real": len(reals),
        "change": "distance to the nearest real sample, over that from a real one to the nearest other",
        "mean_distance": _mean(base),
    }
    return _of_latents(lambda z, rows: distance(z, rows) - base[rows], views, "latent_similarity_drop", told)


def _of_latents(gain: Gain, views: Views, name: str, told: dict[str, Any]) -> Reading:
    """A gain over the latents, attacked. All have the same random perturbations."""
    networks = _networks(views)
    norm = float(networks.latents.double().square().sum(1).mean().sqrt())
    ball = Ball("l2", LATENT_RADIUS * norm, *networks.support)
    key = views.key.at("robustness", "latents")
    found = against_random(gain, networks.latents, ball, key, at_once=networks.rows)
    told = {"real": 0, "epsilon_of_norm": LATENT_RADIUS, "steps": STEPS, "step": STEP} | told
    return _reading(found, views, name, ball, told)


def _attack(name: str, views: Views) -> Reading:
    networks = _networks(views)
    ball = Ball("linf", SAMPLE_RADIUS * networks.span, *networks.box)
    base = _everywhere(networks.judge_reals, networks.reals, networks)
    of_fakes = _everywhere(lambda z, r: networks.judge(networks.generate(z, r), r), networks.latents, networks)
    found = against_random(
        lambda x, rows: base[rows] - networks.judge_reals(x, rows),
        networks.reals,
        ball,
        views.key.at("robustness", "samples"),
        at_once=networks.rows,
        single=name == "attack_fgsm",
    )
    fake = _mean(of_fakes)
    told = {
        "real": len(networks.reals),
        "change": "logits",
        "epsilon_of_range": SAMPLE_RADIUS,
        "steps": 1 if name == "attack_fgsm" else STEPS,
        "step": "the radius" if name == "attack_fgsm" else STEP,
        "logits_apart": _mean(base) - fake,
        "below_fakes": _mean(base.double().cpu() - found.worst < fake),
        "below_fakes_before": _mean(base < fake),
    }
    return _reading(found, views, name, ball, told)


def _reading(found: Attacked, views: Views, name: str, ball: Ball, told: dict[str, Any]) -> Reading:
    """The ratio of means, with its interval over samples."""
    count = len(found.worst)
    protocol = {
        "fake": len(_networks(views).latents),
        "worst": _mean(found.worst),
        "random": _mean(found.random),
        "epsilon": ball.radius,
        "norm": ball.norm,
        "perturbations": RANDOM,
        **told,
        **BOOTSTRAP,
    }
    value = float(_ratio(found, torch.ones(1, count, dtype=torch.float64)))
    interval = around(value, _ratio(found, resampled(count, REPLICATES, generator(views.key, name))))
    note = None if float(found.random.sum()) > 0 else "no perturbation changes anything"
    return Reading(value, interval, protocol, note, count)


def _ratio(found: Attacked, weights: Tensor) -> Tensor:
    """The worst over the random, [replicates], of rows counted by `weights` [replicates, n]; 1 where neither does
    anything."""
    random = weights @ found.random
    return torch.where(random > 0, weights @ found.worst / random.clamp(min=1e-300), 1.0)


def _path_length(views: Views) -> Reading:
    networks = _networks(views)
    lengths = path_lengths(
        lambda z, rows: networks.unit(networks.generate(z, rows)),
        networks.latents,
        views.key.at("robustness", "path_length"),
        at_once=networks.rows,
    )
    count = len(lengths)
    value = float(_deviation(lengths, torch.ones(1, count, dtype=torch.float64)))
    replicates = _deviation(lengths, resampled(count, REPLICATES, generator(views.key, "path_length")))
    protocol = {
        "real": 0,
        "fake": count,
        "mean_length": _mean(lengths),
        "directions": DIRECTIONS,
        "length": "rms of ||J^T y||, y ~ N(0, I / values), of values in [0, 1]",
        **BOOTSTRAP,
    }
    note = None if float(lengths.sum()) > 0 else "the samples do not depend on the latent"
    return Reading(value, around(value, replicates), protocol, note, count)


def _deviation(lengths: Tensor, weights: Tensor) -> Tensor:
    """Standard deviation over mean, [replicates], of lengths counted by `weights` [replicates, n]; 0 if they are 0."""
    mean = weights @ lengths / len(lengths)
    squares = (weights @ lengths.square() / len(lengths) - mean.square()).clamp(min=0)
    squares = torch.where(squares <= 1e-12 * mean.square(), 0.0, squares)  # of equal lengths, the rounding
    return (squares.sqrt() / mean).nan_to_num(0.0, 0.0, 0.0)


def _everywhere(function: Function, points: Tensor, networks: Networks) -> Tensor:
    """A function at all points, unperturbed and without gradients."""
    rows = torch.arange(len(points), device=points.device)
    with torch.no_grad():
        return torch.cat([function(points[some], some) for some in torch.split(rows, networks.rows)])


def _mean(values: Tensor) -> float:
    return float(values.double().mean())


def _metric(name: str, compute: Callable[[Views], Reading], least: float = -math.inf) -> Metric:
    return Metric(name, "lower", (least, math.inf), compute, (needs.networks, needs.samples(2)))


LATENT_CHANGE = _metric("latent_change", _latent_change, least=0.0)
"""How much more a sample changes along the worst latent direction than along a random one."""

LATENT_SCORE_DROP = _metric("latent_score_drop", _latent_score_drop)
"""How much more the discriminator's logit of a sample falls for the worst small step of its latent than it changes for
a random one."""

LATENT_SIMILARITY_DROP = _metric("latent_similarity_drop", _latent_similarity_drop)
"""How much further from the nearest held-out sample, in the extractor's features, the worst small step of a latent
takes a sample than a random one changes that distance."""

PATH_LENGTH = _metric("path_length", _path_length, least=0.0)
"""How uneven the generator is: the standard deviation over latents of how far a sample moves for a small step of its
latent, over the mean (`mean_length` in the protocol)."""

ATTACK_FGSM = _metric("attack_fgsm", partial(_attack, "attack_fgsm"))
"""How much more the discriminator's logit of a held-out sample falls for one signed gradient step than it changes for
random signs, all values moved by 8/255 of the data's range (Goodfellow et al. 2015, https://arxiv.org/abs/1412.6572)."""

ATTACK_PGD = _metric("attack_pgd", partial(_attack, "attack_pgd"))
"""The same for projected gradient ascent (Madry et al. 2018, https://arxiv.org/abs/1706.06083)."""

ROBUSTNESS = (LATENT_CHANGE, LATENT_SCORE_DROP, LATENT_SIMILARITY_DROP, PATH_LENGTH, ATTACK_FGSM, ATTACK_PGD)
"""What `robustness` stands for."""
