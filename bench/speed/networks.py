"""The networks that `bench/speed.py` times, as recipes: what Sparring runs, and what its peers write out by hand."""

from __future__ import annotations

from typing import Any

LEAKY = {"leaky_relu": {"slope": 0.3}}  # Keras's default slope, which the tutorial takes
ADAM = {"adam": {"lr": 2e-4, "betas": [0.5, 0.999]}}
MODERN = {"adam": {"lr": 2e-4, "betas": [0.0, 0.99]}}
TABULAR = {"adam": {"lr": 1e-3, "betas": [0.0, 0.9]}}

SHAPES = {"mlp": (1, 28, 28), "dcgan": (1, 28, 28), "resnet-32": (3, 32, 32), "r3gan-32": (3, 32, 32)}
LATENT = {"mlp": 100, "dcgan": 100, "resnet-32": 128, "r3gan-32": 128, "table": 128}
BATCH = {"mlp": 128, "dcgan": 128, "resnet-32": 64, "r3gan-32": 64, "table": 500}

RECIPES: dict[str, dict[str, Any]] = {
    "mlp": {
        "objective": "non_saturating",
        "generator": {
            "net": {"dense": {"widths": [256, 256], "activation": "relu"}},
            "optimiser": ADAM,
            "surgery": {"dropout": {"rate": 0.5}},
        },
        "discriminator": {
            "net": {"dense": {"widths": [256, 256], "activation": LEAKY}},
            "optimiser": ADAM,
            "surgery": {"dropout": {"rate": 0.5}},
        },
    },
    "dcgan": {
        "objective": "non_saturating",
        "generator": {
            "net": {"dcgan": {"widths": [256, 128, 64], "strides": [1, 2, 2], "activation": LEAKY}},
            "optimiser": ADAM,
        },
        "discriminator": {
            "net": {"dcgan": {"widths": [64, 128], "strides": [2, 2], "norm": "none", "activation": LEAKY}},
            "optimiser": ADAM,
            "surgery": {"dropout": {"rate": 0.3}},
        },
    },
    "resnet-32": {
        "objective": "hinge",
        "generator": {"net": {"resnet": {"width": 256, "most": 256}}, "optimiser": ADAM},
        "discriminator": {
            "net": {"resnet": {"width": 128, "most": 128}},
            "optimiser": ADAM,
            "surgery": {"spectral_norm": {}},
        },
    },
    "r3gan-32": {
        "objective": "relativistic",
        "generator": {"net": {"r3gan": {"width": 64, "most": 256}}, "optimiser": MODERN},
        "discriminator": {
            "net": {"r3gan": {"width": 64, "most": 256}},
            "optimiser": MODERN,
            "terms": {"r1": {"weight": 1.0}, "r2": {"weight": 1.0}},
        },
    },
    "table": {  # the recipe of that name, without asking for choices
        "objective": "relativistic",
        "generator": {"net": {"tabular": {"widths": [256, 256]}}, "optimiser": TABULAR},
        "discriminator": {
            "net": {"tabular": {"widths": [256, 256]}},
            "optimiser": TABULAR,
            "terms": {"r1": {"weight": 0.5}, "r2": {"weight": 0.5}},
        },
    },
}
SLOPES = {name: terms["r1"]["weight"] for name, one in RECIPES.items() if (terms := one["discriminator"].get("terms"))}
"""Weights of R1 and R2, of the networks that have them."""


def recipe(network: str, batch: int | None, update: str, precision: str) -> dict[str, Any]:
    """The fields of a recipe, but for its data."""
    latent = {"latent": {"normal": {"size": LATENT[network]}}}
    game = {"table": latent | {"condition": "none"}} if network == "table" else {"from_noise": latent}
    return RECIPES[network] | {
        "name": network,
        "game": game,
        "batch": batch or BATCH[network],
        "update": update,
        "precision": precision,
        "steps": 100_000,
    }
