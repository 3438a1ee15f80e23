"""Drawings of points."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from sparring.base.draws import Key
from sparring.data import Codec, DataSet, ValueCodec
from sparring.gan.insight import Direction
from sparring.gan.insight.exploring import REACH, along
from sparring.gan.trained import Trained
from sparring.kinds.points.plots import landscape, paths, scatter

POINTS = 2000
"""Points in a scatter plot."""


def scattered(samples: Tensor, real: Tensor | None, codec: Codec) -> bytes:
    """Points over real ones, always within the same limits, a PNG."""
    return scatter(samples[:POINTS], real, _reach(codec))


def drawings(trained: Trained, methods: Mapping[str, list[Direction]], data: DataSet | None) -> list[tuple[str, bytes]]:
    """Of points in the plane: the ways they go along directions, and where the discriminator believes them."""
    reach = _reach(trained.codec)
    real = None if data is None else data.stored(data.heldout[:POINTS])
    key, count = Key("strips"), 60
    latents, labels = trained.latents(key, count), trained.labels(key, count)
    places = torch.linspace(-REACH, REACH, 41).tolist()
    found = []
    for method, some in methods.items():
        for number, direction in enumerate(some[:2], 1):
            made = trained.made(along(trained, direction, latents, places), labels, len(places), key)
            caption = f"{method} {number}: where {count} samples go as their latents move along it, blue to red."
            found.append((caption, paths(made.reshape(count, len(places), 2), real, reach)))
    if not trained.game.labelled:
        side = 61
        axis = torch.linspace(-reach, reach, side)
        plane = torch.cartesian_prod(axis, axis)
        with torch.no_grad():
            seen = trained.codec.encode(plane).to(trained.device)
            logits = trained.judge(seen, None, key, torch.arange(len(plane), device=trained.device)).float().cpu()
        found.append(
            ("The discriminator’s logits over the plane.", landscape(logits.reshape(side, side).T, real, reach))
        )
    return found


def _reach(codec: Codec) -> float:
    assert isinstance(codec, ValueCodec)  # its sources give no other
    return codec.high * 1.3
