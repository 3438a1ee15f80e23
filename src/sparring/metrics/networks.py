"""The two networks of a run, as metrics of robustness see them: functions of latents and samples, with gradients."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from torch import Tensor

Generate = Callable[[Tensor, Tensor], Tensor]
"""Latents [n, latent] and the numbers of their rows, int64 [n], to samples [n, ...] as the networks see them. A row's
number decides its label, and the masks of dropout that is always on; so each row is a function of its latent."""
Judge = Callable[[Tensor, Tensor], Tensor]
"""Samples [n, ...] as the networks see them and the numbers of their rows, int64 [n], to logits, float [n]."""


@dataclass(frozen=True, eq=False)
class Networks:
    """A generator and a discriminator in eval mode, with latents and real samples to try them at."""

    latents: Tensor
    """As training draws them, float32 [n, latent]."""
    generate: Generate
    judge: Judge
    """The discriminator on generated samples: row i has the label of latent i."""
    reals: Tensor
    """Held-out samples as the networks see them, float32 [m, ...]."""
    judge_reals: Judge
    """The discriminator on samples near real ones: row i has the label of real sample i."""
    unit: Callable[[Tensor], Tensor]
    """Samples as the networks see them to values in [0, 1], as metrics take them."""
    embed: Callable[[Tensor], Tensor]
    """Those to the extractor's features, float32 [n, width]."""
    support: tuple[float, float]
    """Where a latent's values can lie; infinite for normal ones."""
    box: tuple[float, float]
    """Where a sample's values can lie, as the networks see them; infinite for points."""
    span: float
    """The width of the data's range, as the networks see it."""
    sloped: bool = True
    """Whether features that scores are taken of have slopes; else samples are compared as the networks see them."""
    rows: int = 256
    """Rows to compute at once, at most; it changes nothing but memory."""
