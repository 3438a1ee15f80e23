"""Trainings whose gradients several processes must share to the joined batch's, and what each process does for it.

A module of its own: the processes import it by name.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from sparring import kinds
from sparring.base.part import parts_of
from sparring.engine import Engine, choose_plan, joined, ranks
from sparring.gan.augment import Augmentation
from sparring.gan.match import Match
from sparring.gan.objectives import Objective
from sparring.gan.terms import Term
from sparring.recipe import validated
from sparring.recipe.build import build, fitted
from tests.conftest import small_fields
from tests.plain import Poison

STEPS = 2
CONV: dict[str, Any] = {"net": {"dcgan": {"widths": [6, 6], "kernel": 3, "norm": "none"}}}
DENSE: dict[str, Any] = {"net": {"dense": {"widths": [16]}}}
NORMED: dict[str, Any] = {"net": {"dcgan": {"widths": [6, 6], "kernel": 3, "norm": "batch"}}}
NORMED_DENSE: dict[str, Any] = {"net": {"dense": {"widths": [16, 16], "norm": "batch"}}}
DROPPED: dict[str, Any] = {"surgery": {"dropout": {"rate": 0.4}}}

ALWAYS = {"ada": {"probability": 0.7}}
"""Options with which an augmentation acts from the first step."""

CODER: dict[str, Any] = {"net": {"encoder_decoder": {"width": 4, "blocks": 1, "levels": 1, "kernel": 3}}}
UNET: dict[str, Any] = {"net": {"unet": {"width": 4, "norm": "batch"}}}
PATCH: dict[str, Any] = {"net": {"patch": {"width": 4}}}
ALWAYS_DROPPED: dict[str, Any] = {"surgery": {"dropout": {"rate": 0.4, "when": "always"}}}

TERMS = [n for n, term in kinds.parts(Term).items() if "discriminator" in term.sides and n != "auxiliary"]  # for tables
"""Which the discriminator's loss takes on images."""

CASES: dict[str, dict[str, Any]] = {
    **{f"objective-{name}": {"objective": name} for name in parts_of(Objective)},
    **{f"objective-{name}-normed": {"objective": name, "discriminator": NORMED} for name in parts_of(Objective)},
    **{f"term-{name}": {"discriminator": DENSE | DROPPED | {"terms": {name: {"weight": 0.7}}}} for name in TERMS},
    **{
        f"term-{name}-normed": {"discriminator": NORMED | DROPPED | {"terms": {name: {"weight": 0.7}}}}
        for name in TERMS
    },
    **{f"generator-{name}": {"generator": DENSE | {"terms": {name: {"weight": 0.01}}}} for name in ("l1", "l2")},
    "generator-feature_matching": {
        "discriminator": DENSE | DROPPED,
        "generator": DENSE | {"terms": {"feature_matching": {"weight": 0.7}}},
    },
    **{
        f"augment-{name}": {"discriminator": CONV, "augment": {name: ALWAYS.get(name)}}
        for name in kinds.parts(Augmentation)
    },
    "augment-all-r1": {
        "discriminator": NORMED | {"terms": {"r1": None}},
        "augment": {"diff_augment": {}, "ada": {"probability": 0.7}, "instance_noise": {"sigma": 0.3}},
    },
    "batch-norm-both": {"generator": NORMED, "discriminator": NORMED},
    "batch-norm-flat": {
        "generator": NORMED_DENSE,
        "discriminator": NORMED_DENSE | {"terms": {"gradient_penalty": None}},
    },
    "surgery-norm": {"discriminator": CONV | {"surgery": {"norm": {"kind": "batch"}}}},
    "surgery-spectral_norm": {"discriminator": CONV | {"surgery": {"spectral_norm": None}}},
    "surgery-clip_weights": {
        "objective": "wasserstein",
        "discriminator": CONV | {"surgery": {"clip_weights": {"limit": 0.1}}},
    },
    "surgery-freeze": {"generator": CONV | {"surgery": {"freeze": {"where": "first.*"}}}},
    **{
        f"dropout-{unit}": {
            "generator": CONV | {"surgery": {"dropout": {"rate": 0.3, "unit": unit, "when": "always"}}},
            "discriminator": CONV | {"surgery": {"dropout": {"rate": 0.3, "unit": unit}}},
        }
        for unit in ("value", "channel", "block", "gaussian")
    },
    "net-resnet": {"generator": {"net": {"resnet": {"width": 4}}}, "discriminator": {"net": {"resnet": {"width": 4}}}},
    "net-r3gan": {"discriminator": {"net": {"r3gan": {"width": 8, "group": 8, "expansion": 1}}}},
    "net-patch": {"discriminator": {"net": {"patch": {"width": 4, "scales": 2}}}},
    "labels-projection": {"game": {"from_noise": {"labels": "projection", "latent": {"normal": {"size": 8}}}}},
    "labels-concat": {"game": {"from_noise": {"labels": "concat", "latent": {"uniform": {"size": 8}}}}},
    "noise-images": {"game": {"from_noise": {"noise_images": 0.5, "latent": {"truncated": {"size": 8}}}}},
    "moves": {"discriminator": CONV | {"moves": 3}},
    "simultaneous": {"update": "simultaneous", "discriminator": CONV | {"terms": {"r1": None, "r2": None}} | DROPPED},
    "simultaneous-normed": {"update": "simultaneous", "generator": NORMED, "discriminator": NORMED},
    "microbatch": {"microbatch": 3, "discriminator": CONV | {"terms": {"gradient_penalty": None}} | DROPPED},
    "mirror": {"data": {"digits": {"mirror": True}}},
    "points": {"data": {"ring": {}}},
    "own": {},
    "images-paired": {
        "game": "paired",
        "generator": UNET | ALWAYS_DROPPED | {"terms": {"reconstruction": None, "layer_matching": None}},
        "discriminator": PATCH | {"terms": {"r1": None}},
    },
    "images-paired-mirrored": {
        "data": {"digits": {"mirror": True}},
        "game": {"paired": {"conditional": False}},
        "generator": UNET | {"terms": {"reconstruction": None}},
        "discriminator": PATCH,
    },
    "images-unpaired": {
        "game": {"unpaired": {"patches": 8, "embedding": 8}},
        "generator": CODER | {"terms": {"contrastive": None, "identity": None}},
        "discriminator": PATCH,
    },
    "images-cycle": {
        "game": {"cycle": {"history": 20}},
        "generator": CODER | {"terms": {"cycle": None, "identity": None}},
        "discriminator": PATCH,
    },
    "images-inpaint": {
        "game": {"inpaint": {"masks": {"drawn": {"borders": 1}}}},
        "generator": UNET | {"terms": {"reconstruction": None, "layer_matching": None}},
        "discriminator": PATCH | {"surgery": {"spectral_norm": None}},
    },
    "images-inpaint-in-parts": {
        "microbatch": 3,
        "game": "inpaint",
        "generator": {"net": {"unet": {"width": 4, "norm": "none"}}, "terms": {"reconstruction": None}},
        "discriminator": {"net": {"patch": {"width": 4, "norm": "none"}}},
    },
}
"""Changes to the small recipe, by name; of `images-` from the images' negatives, where they take an input."""


class Own(nn.Module):
    """A network of a user's own, with a weight that only some rows reach."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Sequential(nn.Linear(64, 12), nn.BatchNorm1d(12), nn.ReLU())
        self.last, self.rare, self.never = nn.Linear(12, 1), nn.Linear(12, 1), nn.Linear(12, 1)

    def forward(self, x: Tensor) -> Tensor:
        hidden = self.first(x.flatten(1))
        bright = x.detach().mean((1, 2, 3)) > -0.3
        logits = self.last(hidden)
        if bool(bright.any()):
            logits = logits + self.rare(hidden) * bright[:, None]
        return logits


def case_match(name: str) -> Match:
    """The match of a case, in float64, but for what is drawn."""
    recipe = validated(small_fields(ema={"half_life": 200}) | CASES[name])
    torch.manual_seed(0)
    own = {"discriminator": Own()} if name == "own" else {}
    data = recipe.data.load()
    if getattr(recipe.game, "translates", False) and not recipe.game.fills:
        negatives = replace(data, samples=255 - data.samples, name="negatives")
        data = replace(data, inputs=negatives, paired=recipe.game.truth)
    match = build(fitted(recipe, data, own), data, Engine(choose_plan("cpu", "fp32", images=True)), own)
    assert match.average is not None
    for net in (match.generator, match.discriminator, match.average.net):
        net.double().register_forward_pre_hook(in_float64)
    return match


def in_float64(_: nn.Module, inputs: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
    return tuple(part.double() if part.is_floating_point() else part for part in inputs)


def played(name: str) -> dict[str, Tensor]:
    """Everything that the joined batch decides, after each of two steps."""
    match, found = case_match(name), {}
    assert match.average is not None
    for step, _ in zip(match.play(), range(STEPS), strict=False):
        match.take(step)
        for side, net in match.nets().items():
            for label, weight in net.named_parameters():
                if weight.grad is not None:
                    found[f"{step.number}/{side}/gradient/{label}"] = weight.grad.clone()
            for label, tensor in net.state_dict().items():
                found[f"{step.number}/{side}/state/{label}"] = tensor.clone()
        for label, tensor in match.average.net.named_parameters():
            found[f"{step.number}/average/{label}"] = tensor.clone()
        for side, moves in (("discriminator", step.discriminator), ("generator", step.generator)):
            for number, losses in enumerate(moves):
                found |= {f"{step.number}/{side}/{number}/{label}": loss for label, loss in losses.items()}
    return found


def play_cases(folder: Path) -> int:
    """What a process does: all cases, what came of them to a file of its own."""
    with joined("cpu"):
        torch.save({name: played(name) for name in CASES}, folder / f"{ranks.rank()}.pt")
        return ranks.count()


class InfiniteInTheSecond(Poison):
    """Such a generator, in the second process alone."""

    def forward(self, z: Tensor) -> Tensor:
        return super().forward(z) if ranks.rank() == 1 else self.sound(z)
