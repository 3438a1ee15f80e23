"""Mistakes that no recipe can say, made in a match after it was built.

`sabotaged` replaces `sparring.runs.session.built`, by which every match of a run is made: so a run that resumes, or
that goes back and is built again, meets its saboteur again. What a saboteur does is a function of the match's step, and
what it draws comes from PyTorch's global generator, which each turn seeds by its key: so these runs too resume to the
bit.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor, nn

from sparring.data import ValueCodec
from sparring.gan.match import Match
from sparring.runs import session
from sparring.runs.job import Job

Sabotage = Callable[[Match], None]


@contextmanager
def sabotaged(sabotage: Sabotage | None) -> Iterator[None]:
    """Inside, every match that a session builds is sabotaged."""
    original = session.built

    def built(job: Job) -> Match:
        match = original(job)
        if sabotage is not None:
            sabotage(match)
        return match

    session.built = built
    try:
        yield
    finally:
        session.built = original


class Flipped:
    """An objective whose discriminator learns from a share of reals and fakes with their roles swapped."""

    def __init__(self, inner: Any, share: float, acts: Callable[[], bool]) -> None:
        self.inner, self.share, self.acts = inner, share, acts

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") or name == "inner":  # copies ask before there is an inner one
            raise AttributeError(name)
        return getattr(self.inner, name)

    def discriminator(self, real: Tensor, fake: Tensor) -> Tensor:
        if self.acts():
            swapped = torch.rand(real.shape) < self.share
            real, fake = torch.where(swapped, fake, real), torch.where(swapped, real, fake)
        loss: Tensor = self.inner.discriminator(real, fake)
        return loss


def flip_labels(share: float, begin: float = 0.0) -> Sabotage:
    """From a part of the run on, a share of the discriminator's targets are wrong."""

    def sabotage(match: Match) -> None:
        player = match.players["discriminator"]
        player.objective = Flipped(player.objective, share, _from(match, begin))

    return sabotage


def squash_logits(times: int = 1, steepness: float = 1.0) -> Sabotage:
    """The discriminator ends in a sigmoid (of its logits times a steepness), or in several, before a loss that takes
    its own."""

    def sabotage(match: Match) -> None:
        def squash(net: nn.Module, inputs: Any, verdict: Any) -> Any:
            logits = verdict.logits * steepness
            for _ in range(times):
                logits = torch.sigmoid(logits)
            return verdict._replace(logits=logits)

        match.discriminator.register_forward_hook(squash)

    return sabotage


def freeze_layers(which: slice, begin: float = 0.0) -> Sabotage:
    """From a part of the run on, some of the generator's layers, in their order, never move: their gradients do not
    reach the optimiser, as of weights that were never given to it."""

    def sabotage(match: Match) -> None:
        acts = _from(match, begin)
        layers = [
            layer for layer in match.generator.modules() if "weight" in dict(layer.named_parameters(recurse=False))
        ]
        weights = [weight for layer in layers[which] for weight in layer.parameters(recurse=False)]

        def forget(*_: Any) -> None:
            if acts():
                for weight in weights:
                    weight.grad = None

        match.players["generator"].optimiser.register_step_pre_hook(forget)

    return sabotage


def shown_scaled(scale: float = 1.0, shift: float = 0.0) -> Sabotage:
    """Networks see real samples times `scale` plus `shift`, where the generator's are taken for unscaled ones.

    What is scored is decoded, and compared, by the data's own codec, which stays right.
    """

    def sabotage(match: Match) -> None:
        for rows in (match.batches.rows, match.heldout):
            rows.codec = _scaled(rows.codec, scale, shift)

    return sabotage


def _scaled(codec: ValueCodec, scale: float, shift: float) -> ValueCodec:
    """The codec that gives `scale * y + shift` where this one, of range signed, gives y in [-1, 1]."""
    middle, half = (codec.low + codec.high) / 2, (codec.high - codec.low) / 2
    middle, half = middle - half * shift / scale, half / scale
    return replace(codec, low=middle - half, high=middle + half)


def _from(match: Match, begin: float) -> Callable[[], bool]:
    """Whether the match has come to a part of its run."""
    return lambda: match.step >= begin * match.steps
