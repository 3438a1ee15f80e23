"""The healthy settings: small recipes, diverse in data, objective and regularisers, a few seconds each.

Widths and steps are as small as leaves a setting healthy: its seeds agree on their score. On digits the discriminator
learns faster than the generator, since at equal rates a faster one was no illness but a cure.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, NamedTuple

Fields = dict[str, Any]

DIGITS: Fields = {"digits": {}}
STACKED: Fields = {"stacked_digits": {"count": 3000}}


def fashion() -> Fields:
    """Fashion-MNIST at 12 x 12, of which 2,000 are trained on: scoring looks at every training sample."""
    path = Path(os.environ.get("SPARRING_DATA", "data")) / "fashion-mnist"
    return {"images": {"path": str(path), "size": 12, "limit": 2000}}


class Setting(NamedTuple):
    """A healthy recipe and the metric it is judged by."""

    fields: Fields
    badness: str = "fid"
    """The score by which a run is sick: lower is better."""


def adam(lr: float, beta: float = 0.0, decayed: float = 0.05, **more: Any) -> Fields:
    """Adam whose rate falls to a part of it in the second half."""
    rate = {"linear": {"start": lr, "end": lr * decayed, "begin": 0.5}}
    return {"adam": {"lr": rate, "betas": [beta, 0.99], **more}}


def dense(*widths: int, **more: Any) -> Fields:
    return {"dense": {"widths": list(widths), **more}}


def recipe(
    data: Fields,
    objective: str,
    generator: Fields,
    discriminator: Fields,
    *,
    latent: int = 32,
    steps: int = 1200,
    batch: int = 64,
    **more: Any,
) -> Fields:
    return {
        "data": data,
        "game": {"from_noise": {"latent": {"normal": {"size": latent}}}},
        "objective": objective,
        "generator": generator,
        "discriminator": discriminator,
        "ema": {"half_life": 5000},
        "batch": batch,
        "steps": steps,
        "plan": "plain",
        "sample_every": steps,
        "save_every": max(steps // 10, 1),
        "score": {"metrics": ["fid", "coverage"], "every": steps // 5, "count": 1000},
    } | more


def both(net: Fields, optimiser: Fields, discriminator: Fields) -> tuple[Fields, Fields]:
    """The same network and optimiser for both players, but for what is said of the discriminator."""
    plain = {"net": net, "optimiser": optimiser}
    return plain, plain | discriminator


def points(data: str, objective: str, width: int, lr: float, terms: Fields, steps: int, **more: Any) -> Fields:
    generator = {"net": dense(width, width, width, activation="relu", output="linear"), "optimiser": adam(lr, beta=0.0)}
    discriminator = {"net": dense(width, width, width), "optimiser": adam(lr, beta=0.0), "terms": terms}
    data_fields = {data: {"count": 10000, "sigma": 0.1}}
    return recipe(data_fields, objective, generator, discriminator, latent=2, steps=steps, batch=128, **more)


def r1(weight: float) -> Fields:
    return {"r1": {"weight": weight}}


def r2(weight: float) -> Fields:
    return {"r2": {"weight": weight}}


def gp(weight: float) -> Fields:
    return {"gradient_penalty": {"weight": weight}}


def settings() -> dict[str, Setting]:
    """All settings by name."""
    found = {**of_points(), **of_digits(), **of_other_images(), **later()}
    return {
        name: Setting(fields, "missed" if fields["data"].keys() & {"ring", "grid"} else "fid")
        for name, fields in found.items()
    }


def of_points() -> dict[str, Fields]:
    return {
        "ring-relativistic": points("ring", "relativistic", 64, 2e-3, {**r1(0.05), **r2(0.05)}, 1300),
        "ring-ns": points("ring", "non_saturating", 64, 2e-3, r1(0.05), 1500, update="simultaneous"),
        "ring-wgan": points("ring", "wasserstein", 64, 1e-3, gp(0.1), 1500),
        "grid-hinge": points("grid", "hinge", 96, 2e-3, r1(0.05), 1300, ema=None),
    }


def of_digits() -> dict[str, Fields]:
    square = dense(128, 128)
    return {
        "digits-ns": recipe(
            DIGITS, "non_saturating", *both(square, adam(1e-3), {"optimiser": adam(4e-3), "terms": r1(0.3)})
        ),
        "digits-hinge": recipe(
            DIGITS,
            "hinge",
            *both(square, adam(1e-3), {"optimiser": adam(4e-3), "surgery": {"spectral_norm": {}}}),
            ema=None,
        ),
        "digits-ls": recipe(
            DIGITS,
            "least_squares",
            *both(square, adam(5e-4), {"optimiser": adam(4e-3), "surgery": {"dropout": {"rate": 0.3}}}),
            steps=1400,
        ),
        "digits-minimax": recipe(
            DIGITS,
            "minimax",
            *both(
                square, adam(1e-3, weight_decay=1e-4), {"optimiser": adam(4e-3, weight_decay=1e-4), "terms": r1(0.3)}
            ),
            update="simultaneous",
            steps=1600,
        ),
        "digits-wgan": recipe(
            DIGITS, "wasserstein", *both(square, adam(1e-3), {"terms": gp(1.0), "moves": 2}), steps=700
        ),
    }


def of_other_images() -> dict[str, Fields]:
    """Stacked digits and clothes."""
    square, clothes = dense(128, 128), fashion()
    conv_g = {"dcgan": {"widths": [32, 16], "kernel": 3, "activation": "relu", "up": "shuffle", "std": None}}
    conv_d = {"dcgan": {"widths": [32, 48], "kernel": 3, "norm": "none", "patch": 2, "std": None}}
    return {
        "stacked-relativistic": recipe(
            STACKED, "relativistic", *both(square, adam(1e-3), {"terms": {**r1(0.3), **r2(0.3)}}), steps=1100
        ),
        "fashion-dcgan": recipe(
            clothes,
            "non_saturating",
            {"net": conv_g, "optimiser": adam(1e-3)},
            {"net": conv_d, "optimiser": adam(1e-3), "terms": r1(0.3)},
            steps=500,
            batch=32,
        ),
        "fashion-hinge": recipe(
            clothes,
            "hinge",
            *both(square, adam(1e-3), {"terms": r1(0.1)}),
            augment={"diff_augment": {"cutout": 0.0, "translation": 0.0}},
            steps=1000,
        ),
    }


def later() -> dict[str, Fields]:
    """Those that only the last part of the benchmark has."""
    square = dense(128, 128)
    return {
        "grid-relativistic": points("grid", "relativistic", 96, 2e-3, {**r1(0.05), **r2(0.05)}, 1300),
        "ring-ls": points("ring", "least_squares", 64, 2e-3, r1(0.05), 1300),
        "digits-relativistic": recipe(
            DIGITS, "relativistic", *both(square, adam(1e-3), {"optimiser": adam(2e-3), "terms": r1(0.3)}), steps=1000
        ),
        "stacked-ns": recipe(
            STACKED,
            "non_saturating",
            *both(square, adam(1e-3), {"optimiser": adam(2e-3), "terms": r1(0.3)}),
            steps=1000,
        ),
    }
