"""A run's two networks as functions of latents and samples alone: labels, masks and devices seen to."""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch import Tensor, nn

from sparring.data import Codec
from sparring.draws import Key
from sparring.games import NoiseGame
from sparring.match import draw_labels
from sparring.metrics import Extractor, Networks
from sparring.surgery import random_layers, rewind

LATENTS = 100
"""Latents, and real samples, that robustness is measured at, at most."""
AT_ONCE = 256
"""Rows computed at once with their gradients, at most."""
VALUES_AT_ONCE = 2**20
"""Values of samples computed at once with their gradients."""


class Pair(NamedTuple):
    """A generator and a discriminator in eval mode on one device, and what the two are used with."""

    game: NoiseGame
    generator: nn.Module
    discriminator: nn.Module
    codec: Codec
    label_counts: Tensor | None
    """How frequent each label is to be, int64 [classes]; None where the game has none."""

    @property
    def device(self) -> torch.device:
        return next(self.generator.parameters()).device

    @property
    def rows(self) -> int:
        """How many samples to compute at once with their gradients."""
        return max(1, min(AT_ONCE, VALUES_AT_ONCE // math.prod(self.codec.shape)))

    def latents(self, key: Key, count: int) -> Tensor:
        """As training draws them, [count, latent]."""
        return self.game.latent.draw(key.at("latents"), torch.arange(count, device=self.device))

    def labels(self, key: Key, count: int) -> Tensor | None:
        """As frequent as in training, int64 [count]; None where the game has none."""
        if self.game.labels == "none" or self.label_counts is None:
            return None
        return draw_labels(self.label_counts, key, torch.arange(count, device=self.device))

    def generate(self, latents: Tensor, labels: Tensor | None, key: Key, rows: Tensor) -> Tensor:
        """Samples [n, ...] for given latents, as the networks see them; dropout that is always on draws its masks by
        the key and the rows' numbers."""
        rewind(random_layers(self.generator), key.at("masks"), rows)
        return self.game.generate(self.generator, latents, labels)

    def judge(self, samples: Tensor, labels: Tensor | None, key: Key, rows: Tensor) -> Tensor:
        """Logits [n] of samples as the networks see them; of a discriminator with several heads, their mean."""
        rewind(random_layers(self.discriminator), key.at("masks"), rows)
        logits = self.game.judge(self.discriminator, samples, labels).logits
        return logits if logits.ndim == 1 else logits.flatten(1).mean(1)

    def unit(self, samples: Tensor) -> Tensor:
        """Samples as the networks see them to [0, 1], as metrics take them: `Codec.decode` without its rounding."""
        unit = samples if self.codec.range == "unit" else (samples + 1) / 2
        return unit if self.codec.kind == "points" else unit.clamp(0, 1)

    @property
    def box(self) -> tuple[float, float]:
        """Where a sample's values can lie, as the networks see them; a point's anywhere."""
        if self.codec.kind == "points":
            return -math.inf, math.inf
        return (0.0, 1.0) if self.codec.range == "unit" else (-1.0, 1.0)


def networks_of(
    pair: Pair, extractor: Extractor, reals: Tensor, real_labels: Tensor | None, key: Key, count: int = LATENTS
) -> Networks:
    """What metrics of robustness see of a run, at `count` latents and as many of the held-out samples `reals`, which
    are [m, ...] as they are stored, with their labels where the game has any."""
    seen = pair.codec.encode(reals[:count]).to(pair.device)
    told = None if pair.game.labels == "none" or real_labels is None else real_labels[:count].to(pair.device)
    labels = pair.labels(key, count)

    def of(rows: Tensor, known: Tensor | None) -> Tensor | None:
        return None if known is None else known[rows]

    return Networks(
        latents=pair.latents(key, count),
        generate=lambda latents, rows: pair.generate(latents, of(rows, labels), key, rows),
        judge=lambda samples, rows: pair.judge(samples, of(rows, labels), key, rows),
        reals=seen,
        judge_reals=lambda samples, rows: pair.judge(samples, of(rows, told), key, rows),
        unit=pair.unit,
        embed=extractor.graded,
        support=pair.game.latent.support,
        box=pair.box,
        span=1.0 if pair.codec.range == "unit" else 2.0,
        rows=pair.rows,
    )
