"""What a run's networks learned: directions, interpolation, attribution."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor

from sparring.base.draws import Key, permutation
from sparring.data import DataSet
from sparring.gan.insight.attribution import Attribution, integrated_gradients
from sparring.gan.insight.directions import Direction, ganspace, sefa
from sparring.gan.insight.layers import first_layer, outputs_of
from sparring.gan.trained import Trained

PAIRS, STEPS = 6, 9
"""Rows and columns of the interpolation."""


ACTIVATIONS = 1000
"""Latents whose early activations components are taken of."""


PROBES = 4
"""Latents at which the first layer's dependence on the latent is worked out."""


REACH, PLACES = 3.0, 7
"""How far strips go to either side, in standard deviations, and in how many columns."""


AVERAGED = 512
"""Held-out samples that the baseline is the mean of, at most."""


class Effort(NamedTuple):
    """How much to show."""

    directions: int
    latents: int
    """Rows of a strip."""
    attributed: int
    """Samples of each kind whose logits are taken apart."""
    steps: int
    """Of the integral."""


BRIEF, WHOLE = Effort(3, 2, 8, 24), Effort(6, 4, 12, 128)
"""For a section of the report, and for a page of its own."""


class Findings(NamedTuple):
    """The same as numbers."""

    layer: str
    sefa: list[Direction]
    ganspace: list[Direction]
    attributions: dict[str, Attribution]
    """Of `generated` and `real` samples."""

    def to_json(self) -> dict[str, Any]:
        return {
            "layer": self.layer or None,
            "sefa": [_direction_json(one) for one in self.sefa],
            "ganspace": [_direction_json(one) for one in self.ganspace],
            "attributions": {
                name: {"logits": one.logits.tolist(), "baseline": one.baseline.tolist(), "gap": one.gap.tolist()}
                for name, one in self.attributions.items()
            },
        }


def _direction_json(one: Direction) -> dict[str, Any]:
    return {"share": one.share, "direction": one.vector.tolist()}


def directions(trained: Trained, count: int) -> tuple[str, list[Direction], list[Direction]]:
    """The first layer's name, and directions by SeFa and by GANSpace, `count` of each at most."""
    key = Key("explore")
    latents, labels = trained.latents(key, ACTIVATIONS), trained.labels(key, ACTIVATIONS)

    def generate(some: Tensor, rows: Tensor) -> Tensor:
        return trained.generate(some, None if labels is None else labels[rows], key, rows)

    first = first_layer(trained.generator, generate, latents[:PROBES])
    if first is None:
        return "", [], []
    activations = outputs_of(first.watched, generate, latents, trained.rows)
    return first.name, sefa(first, count), ganspace(activations, latents, count)


def along(trained: Trained, direction: Direction, latents: Tensor, places: Sequence[float]) -> Tensor:
    """Latents [n, latent] with their component along a direction set to each place, in standard deviations of a
    latent's values, [n * places, latent]: those of a latent come together. They stay where latents are drawn."""
    vector = direction.vector.to(latents)
    deviation = latents.square().mean().sqrt()
    rest = latents - (latents @ vector)[:, None] * vector
    moved = rest[:, None] + deviation * torch.tensor(places).to(latents)[None, :, None] * vector
    return moved.clamp(*trained.noise_game.latent.support).flatten(0, 1)


def between(trained: Trained, first: Tensor, last: Tensor, places: Sequence[float]) -> Tensor:
    """Latents on the way from `first` [n, latent] (place 0) to `last` (place 1), [n * places, latent]: those of a pair
    come together. Along the great circle for normal ones, whose middle would be too short along the straight line
    (White 2016, https://arxiv.org/abs/1609.04468)."""
    first, last = first[:, None], last[:, None]
    place = torch.tensor(places).to(first)[None, :, None]
    straight = first + (last - first) * place
    if trained.noise_game.latent.recipe_name() == "uniform":
        return straight.flatten(0, 1)
    cosine = (first * last).sum(2, keepdim=True) / (first.norm(dim=2) * last.norm(dim=2))[..., None]
    angle = torch.acos(cosine.clamp(-1, 1))
    around = (torch.sin((1 - place) * angle) * first + torch.sin(place * angle) * last) / torch.sin(angle)
    return torch.where(angle > 1e-3, around, straight).flatten(0, 1)


def mean_sample(data: DataSet) -> Tensor:
    """The mean of samples that training did not see (of training samples, where none are held out), as networks see
    them."""
    numbers = data.heldout if len(data.heldout) else data.train
    some = numbers[permutation(Key("baseline"), len(numbers))[:AVERAGED]]
    return data.codec.encode(data.stored(some)).mean(0)


def attributed(trained: Trained, data: DataSet, samples: Tensor, labels: Tensor | None, steps: int) -> Attribution:
    """The discriminator's logits of samples, as they are stored, taken apart, against the mean sample."""
    baseline = mean_sample(data).to(trained.device)
    told = None if labels is None else labels.to(trained.device)

    def judge(seen: Tensor, rows: Tensor) -> Tensor:
        return trained.judge(seen, None if told is None else told[rows], Key("attribution"), rows)

    found = integrated_gradients(judge, data.codec.encode(samples).to(trained.device), baseline, steps, trained.rows)
    return Attribution(*(part.cpu() for part in found))
