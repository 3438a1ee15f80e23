"""What the doctor looks at: two networks in training, and ways to run them that leave no trace."""

from __future__ import annotations

from typing import Any, NamedTuple, Protocol

import torch
from torch import Tensor, nn

from sparring.base.draws import Key, permutation
from sparring.data import Batch, probe_batch
from sparring.gan.game import Side
from sparring.gan.match import Match
from sparring.gan.objectives import Objective
from sparring.gan.sampling import make

MANY = 8
"""Of so many times as many samples few are drawn twice by chance."""


class Seen(NamedTuple):
    """Samples, and what the discriminator is given beside them."""

    samples: Tensor
    """[n, ...]"""
    labels: Tensor | None = None
    """int64 [n], where there are some."""
    context: Any = None


class Subject(Protocol):
    """Two networks under observation. Both are in eval mode, without gradients by weights, while it is read."""

    @property
    def nets(self) -> dict[Side, nn.Module]:
        """Both networks, as their optimisers have them."""

    def reals(self, heldout: bool, count: int, key: Key) -> Seen | None:
        """So many training or held-out samples, or fewer where there are fewer; None where there are none."""

    def fakes(self, count: int, key: Key) -> Seen:
        """So many samples of the generator as it stands, of latents that go by the key."""

    def averaged(self, count: int, key: Key) -> Tensor | None:
        """So many samples of the averaged generator, which is the one that counts; None where there is none."""

    def logits(self, seen: Seen) -> Tensor:
        """The discriminator's logits of samples, [n] (summed over heads), with the gradient to the samples."""

    def generator_loss(self, real: Tensor, fake: Tensor) -> Tensor | None:
        """The generator's loss from logits [n] and [n], unreduced; None where it is not known."""


class OfMatch:
    """A match that is played."""

    def __init__(self, match: Match) -> None:
        self.match = match

    @property
    def nets(self) -> dict[Side, nn.Module]:
        return {"generator": self.match.generator, "discriminator": self.match.discriminator}

    def reals(self, heldout: bool, count: int, key: Key) -> Seen | None:
        rows = self.match.heldout if heldout else self.match.batches.rows
        if not len(rows):
            return None
        if len(rows) > MANY * count:
            batch = probe_batch(rows, count, key)
        else:  # few would be drawn twice
            index = permutation(key, len(rows))[:count]
            batch = Batch(rows, index.to(rows.device), torch.arange(len(index), device=rows.device), key=key)
        return Seen(batch.samples, self._classes(batch), batch)

    def fakes(self, count: int, key: Key) -> Seen:
        batch = probe_batch(self.match.batches.rows, count, key)
        made = make(self.match.game, self.match.duel.generator, key, batch.rows, self.match.game.asked(batch))
        return Seen(made, self._classes(batch), batch)

    def _classes(self, batch: Batch) -> Tensor | None:
        """Conditions are of one column now and of another then: no classes."""
        return batch.labels if self.match.data.conditions is None else None

    def averaged(self, count: int, key: Key) -> Tensor | None:
        match = self.match
        if match.average is None:
            return None
        net = match.sampler()
        rows = torch.arange(count, device=match.engine.device)
        return make(match.game, net, key, rows, match.asked(key, rows))

    def logits(self, seen: Seen) -> Tensor:
        verdict = self.match.game.show(self.match.duel.discriminator, seen.samples, seen.context)
        return verdict.logits.float().flatten(1).mean(1) if verdict.logits.ndim > 1 else verdict.logits.float()

    def generator_loss(self, real: Tensor, fake: Tensor) -> Tensor | None:
        objective: Objective = self.match.players["generator"].objective
        return objective.generator(real if objective.generator_sees_real else None, fake)
