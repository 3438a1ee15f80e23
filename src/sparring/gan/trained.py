"""Two networks at rest, and all that drawing from them takes."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from sparring.base.draws import Key
from sparring.base.errors import RequestError, nearest
from sparring.base.numbers import whole
from sparring.data import Codec, Formats, Source, draw_labels
from sparring.gan.game import Game
from sparring.gan.games import NoiseGame, with_latents
from sparring.gan.sampling import draw
from sparring.gan.surgery import random_layers, rewind

AT_ONCE = 256
"""Rows computed at once with their gradients, at most."""
VALUES_AT_ONCE = 2**20
"""Values of samples computed at once with their gradients."""


@dataclass(frozen=True)
class Trained:
    """A generator and a discriminator in eval mode on one device, and what the two are used with."""

    name: str
    """What messages call it: a run's path."""
    source: Source
    """The data that it was trained on, as its recipe says them."""
    game: Game
    generator: nn.Module
    discriminator: nn.Module
    formats: Formats
    label_names: Sequence[str]
    label_counts: Tensor | None
    """How frequent each label is in training, int64 [classes]; None where the data have none."""
    step: int | None = None
    """Training steps done."""

    @property
    def codec(self) -> Codec:
        """Of the samples."""
        return self.formats.samples

    @property
    def device(self) -> torch.device:
        return next(self.generator.parameters()).device

    @property
    def noise_game(self) -> NoiseGame:
        """The game, as one that starts from latents. Raises RequestError for the others."""
        return with_latents(self.game, self.name)

    @property
    def rows(self) -> int:
        """How many samples to compute at once with their gradients."""
        return max(1, min(AT_ONCE, VALUES_AT_ONCE // math.prod(self.codec.shape)))

    def latents(self, key: Key, count: int) -> Tensor:
        """As training draws them, [count, latent]."""
        return self.noise_game.latent.draw(key.at("latents"), torch.arange(count, device=self.device))

    def labels(self, key: Key, count: int, label: str | int | None = None) -> Tensor | None:
        """As frequent as in training, or all the same, int64 [count]; None where the game has none.

        Raises RequestError where one is asked for, and there are none, or none of that name."""
        if not self.game.labelled:
            if label is not None:
                raise RequestError(f"label: {label}, and the run was trained without labels")
            return None
        if label is not None:
            return torch.full((count,), self.label_number(label), device=self.device)
        if self.label_counts is None:
            raise RequestError(f"{self.name}: its checkpoint holds no labels")
        return draw_labels(self.label_counts, key, torch.arange(count, device=self.device))

    def label_number(self, label: str | int) -> int:
        """A label's number, from its name or the number itself. Raises RequestError with the nearest name."""
        names = list(self.label_names)
        if str(label) in names:
            return names.index(str(label))
        number = whole(label)
        if number is not None and 0 <= number < len(names):
            return number
        raise RequestError(f"label: '{label}' is not known; {nearest(str(label), names)}")

    def draw(self, count: int, key: Key, labels: Tensor | None, start: int = 0) -> Tensor:
        """Samples as they are stored, [count, ...], on the CPU, numbered from `start`; each depends on the key and its
        number alone."""
        return draw(self.game, self.generator, self.codec, count, key, labels, self.device, start)

    def generate(self, latents: Tensor, labels: Tensor | None, key: Key, rows: Tensor) -> Tensor:
        """Samples [n, ...] for given latents, as the networks see them; dropout that is always on draws its masks by
        the key and the rows' numbers."""
        rewind(random_layers(self.generator), key.at("masks"), rows)
        return self.noise_game.generate(self.generator, latents, labels)

    def judge(self, samples: Tensor, labels: Tensor | None, key: Key, rows: Tensor) -> Tensor:
        """Logits [n] of samples as the networks see them; of a discriminator with several heads, their mean."""
        rewind(random_layers(self.discriminator), key.at("masks"), rows)
        logits = self.noise_game.judge(self.discriminator, samples, labels).logits
        return logits if logits.ndim == 1 else logits.flatten(1).mean(1)

    def made(self, latents: Tensor, labels: Tensor | None, each: int, key: Key) -> Tensor:
        """Samples as they are stored, on the CPU, for latents of which every `each` share a label and a mask."""
        rows = torch.arange(len(latents), device=latents.device) // each
        told = None if labels is None else labels[rows]
        parts = []
        with torch.no_grad():
            for some in torch.split(torch.arange(len(latents), device=latents.device), self.rows):
                chunk = None if told is None else told[some]
                parts.append(self.codec.decode(self.generate(latents[some], chunk, key, rows[some])).cpu())
        return torch.cat(parts)
