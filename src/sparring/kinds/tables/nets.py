"""Networks for rows of tables."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import torch
from pydantic import Field
from torch import Tensor, nn

from sparring.base.draws import gumbel
from sparring.nets import Dense, Shape, Verdict
from sparring.nets.blocks import Activation, LeakyRelu, Linear, Net, NormName, Relu, norm


class Tabular(Net):
    """Dense layers. Those of the generator hand on, beside what they make, all that they were given (Xu et al. 2019,
    https://arxiv.org/abs/1907.00503); its output is not bounded, since the game `table` does so column by column."""

    widths: tuple[int, ...] = Field((256, 256), min_length=1)
    """Units of the hidden layers, from the input on."""
    activation: Activation = LeakyRelu()
    """After each of the discriminator's layers."""
    generator_activation: Activation = Relu()
    """After each of the generator's."""
    norm: NormName = "batch"
    """Normalisation in the generator, before each activation."""

    def model_post_init(self, context: Any) -> None:
        if min(self.widths) < 1:
            raise ValueError(f"widths: {min(self.widths)} is no number of units")

    def generator(self, latent: int, shape: Shape) -> nn.Module:
        """[batch, latent] to [batch, *shape]."""
        return TabularGenerator(self, latent, shape)

    def discriminator(self, shape: Shape) -> nn.Module:
        """[batch, *shape] to a verdict."""
        return Dense(widths=self.widths, activation=self.activation).discriminator(shape)


class TabularGenerator(nn.Module):
    """[batch, latent] to [batch, *shape]."""

    def __init__(self, options: Tabular, latent: int, shape: Shape) -> None:
        super().__init__()
        layers, inputs = [], latent
        for width in options.widths:
            layers.append(
                nn.Sequential(
                    Linear(inputs, width), norm(options.norm, width, flat=True), options.generator_activation.layer()
                )
            )
            inputs += width
        self.hidden = nn.ModuleList(layers)
        self.last = Linear(inputs, math.prod(shape))
        self.shape = shape

    def forward(self, latents: Tensor) -> Tensor:
        seen = latents
        for layer in self.hidden:
            seen = torch.cat((layer(seen), seen), 1)
        made: Tensor = self.last(seen).reshape(len(latents), *self.shape)
        return made


class TableGenerator(nn.Module):
    """A generator of rows around a network that makes `width` values: scalars bounded by tanh, and of each column that
    is one of several a draw by its logits.

    It takes latents [n, latent] and, where it is asked for a choice, conditions, int64 [n]; for draws, the rows'
    numbers and a word of random bits (`sparring.base.draws.bits`), without which each column shows its likeliest. What
    was asked for is shown for certain.
    """

    asked: Tensor
    """Of each condition, where its block starts, its width, and its own place, int64 [conditions, 3]."""

    def __init__(
        self,
        net: nn.Module,
        scalars: int,
        groups: Sequence[tuple[int, int, int]],
        blocks: Tensor | None,
        told: int,
        *,
        temperature: float,
        hard: bool,
    ) -> None:
        super().__init__()
        self.net = net
        self.scalars, self.groups = scalars, tuple(groups)
        """How many scalars come first, and where blocks of one width follow, how many, and how wide."""
        self.temperature, self.hard = temperature, hard
        if blocks is not None:
            self.embed = nn.Embedding(len(blocks), told)
        nothing = torch.zeros(0, 3, dtype=torch.int64)
        self.register_buffer("asked", nothing if blocks is None else blocks, persistent=False)

    def forward(
        self, latents: Tensor, labels: Tensor | None = None, rows: Tensor | None = None, word: Tensor | None = None
    ) -> Tensor:
        given = latents if labels is None else torch.cat((latents, self.embed(labels)), 1)
        made = self.net(given).float()
        chosen = self._chosen(made[:, self.scalars :], rows, word)
        seen = torch.cat([made[:, : self.scalars].tanh(), *chosen], 1)
        return seen if labels is None else self._shown(seen, labels)

    def _chosen(self, logits: Tensor, rows: Tensor | None, word: Tensor | None) -> list[Tensor]:
        """Each group of blocks, [n, count * width]."""
        if word is not None and rows is not None:
            logits = logits + gumbel(word, rows, logits.shape[1])
        found = []
        for start, count, width in self.groups:
            part = logits[:, start - self.scalars : start - self.scalars + count * width].reshape(-1, count, width)
            soft = (part / self.temperature).softmax(2)
            if word is None or self.hard:
                one = torch.zeros_like(soft).scatter_(2, part.argmax(2, keepdim=True), 1.0)
                soft = one + (soft - soft.detach()) if self.hard else one
            found.append(soft.flatten(1))
        return found

    def _shown(self, seen: Tensor, labels: Tensor) -> Tensor:
        """Rows with the block that was asked for set to the choice asked for."""
        first, width, place = self.asked[labels].unbind(1)
        at = torch.arange(seen.shape[1], device=seen.device)
        inside = (at >= first[:, None]) & (at < (first + width)[:, None])
        return torch.where(inside, (at == place[:, None]).to(seen.dtype), seen)


class TableDiscriminator(nn.Module):
    """A discriminator of rows around a network that takes `pack` of them at once, each with an embedding of its
    condition. Rows come packed, [n / pack, pack * width], or one by one."""

    def __init__(
        self, net: nn.Module, width: int, classes: int, told: int, pack: int, beside: nn.Module | None = None
    ) -> None:
        super().__init__()
        self.net, self.width, self.pack = net, width, pack
        self.beside = beside
        self.features = net.features
        self.told = told
        if told:
            self.embed = nn.Embedding(classes, told)

    def forward(self, samples: Tensor, labels: Tensor | None = None) -> Verdict:
        if self.pack > 1 and samples.shape[1] == self.width:
            samples = samples[: len(samples) // self.pack * self.pack].reshape(-1, self.pack * self.width)
        seen = samples
        if self.told and labels is not None:
            code = self.embed(labels[: len(samples) * self.pack]).reshape(len(samples), -1)
            seen = torch.cat((samples, code.to(samples.dtype)), 1)
        verdict: Verdict = self.net(seen)
        if self.beside is None:
            return verdict
        surprise = self.beside(samples.reshape(-1, self.width)).reshape(len(samples), -1).mean(1)
        return verdict._replace(surprise=surprise)


class Foretelling(nn.Module):
    """How badly a column of rows [n, width] is foretold from the others, [n]: cross-entropy of what is one of several,
    squared error of a scalar."""

    shown: Tensor

    def __init__(self, width: int, scalar: int | None, blocks: Sequence[tuple[int, int]]) -> None:
        super().__init__()
        self.scalar, self.blocks = scalar, tuple(blocks)
        shown = torch.ones(width)
        for start, size in self.blocks:
            shown[start : start + size] = 0
        if scalar is not None:
            shown[scalar] = 0
        self.register_buffer("shown", shown, persistent=False)
        outputs = int(width - shown.sum())
        self.hidden = nn.Sequential(Linear(width, 256), nn.LeakyReLU(0.2), Linear(256, 256), nn.LeakyReLU(0.2))
        self.last = Linear(256, outputs)

    def forward(self, rows: Tensor) -> Tensor:
        guess = self.last(self.hidden(rows * self.shown)).float()
        surprise = torch.zeros(len(rows), device=rows.device)
        for start, size in self.blocks:
            told, guess = guess[:, :size], guess[:, size:]
            surprise = surprise - (rows[:, start : start + size] * told.log_softmax(1)).sum(1)
        if self.scalar is not None:
            surprise = surprise + (rows[:, self.scalar] - guess[:, 0]).square()
        return surprise
