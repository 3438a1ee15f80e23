"""A duel in float64 without an engine, for tests of terms and turns."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from sparring.base.draws import Key
from sparring.gan.game import Alike, Duel, Likeness, Turn
from sparring.gan.schedules import Now
from sparring.nets import Verdict

NOW = Now(0, 0, 100)


class PlainBatch:
    """Rows of a tensor, as a turn reads them."""

    def __init__(self, samples: Tensor, labels: Tensor | None = None, rows: Tensor | None = None) -> None:
        self.samples, self.labels = samples, labels
        self.rows = torch.arange(len(samples)) if rows is None else rows
        self.bounds = (-1.0, 1.0)

    @property
    def size(self) -> int:
        return len(self.rows)

    def part(self, rows: slice) -> PlainBatch:
        labels = None if self.labels is None else self.labels[rows]
        return PlainBatch(self.samples[rows], labels, self.rows[rows])

    def twice(self) -> PlainBatch:
        labels = None if self.labels is None else self.labels.repeat(2)
        return PlainBatch(self.samples.repeat(2, 1), labels, self.rows.repeat(2))


class PlainGame:
    """Fakes are the generator's of the batch's own rows, so that tests know them."""

    together = 1

    def real(self, turn: Turn) -> Tensor:
        return turn.batch.samples

    def fake(self, turn: Turn) -> Tensor:
        fakes: Tensor = turn.duel.generator(turn.batch.samples)
        return fakes

    def likenesses(self, turn: Turn, kind: Likeness) -> list[Alike]:
        """Each fake is to be like its own real; as patches, values two by two, of length 1."""
        made, wanted = turn.fake, turn.batch.samples
        if kind == "patches":
            made, wanted = (F.normalize(x.reshape(len(x), -1, 2), dim=-1) for x in (made, wanted))
        return [Alike(made, wanted)]

    def groups(self, sample: Tensor, batch: Any) -> tuple[int, ...]:
        return (sample.shape[1],)

    def show(self, discriminator: nn.Module, sample: Tensor, batch: Any) -> Verdict:
        seen = discriminator(sample)
        return seen if isinstance(seen, Verdict) else Verdict(seen)


class Formula(nn.Module):
    """A network that is a function."""

    def __init__(self, function: Callable[[Tensor], Any]) -> None:
        super().__init__()
        self.function = function

    def forward(self, x: Tensor) -> Any:
        return self.function(x)


def turn_of(
    samples: Tensor,
    discriminator: Callable[[Tensor], Any],
    generator: Callable[[Tensor], Any] = lambda x: 0.5 * x + 0.1,
    *,
    mover: str = "discriminator",
    watched: frozenset[str] = frozenset(),
    seed: int = 0,
    augment: Any = None,
) -> Turn:
    """A turn on these samples, between these functions or modules."""
    nets = [net if isinstance(net, nn.Module) else Formula(net) for net in (generator, discriminator)]
    duel = Duel(PlainGame(), *nets, augment)
    return Turn(duel, PlainBatch(samples), NOW, mover, Key(seed), watched)  # type: ignore[arg-type]


class Poison(nn.Module):
    """A generator whose samples are infinite in just one pass in training mode."""

    def __init__(self, at: int) -> None:
        super().__init__()
        self.last = nn.Linear(8, 64)
        self.at = at
        self.register_buffer("passes", torch.zeros(()), persistent=False)

    def sound(self, z: Tensor) -> Tensor:
        return self.last(z).reshape(len(z), 1, 8, 8)

    def forward(self, z: Tensor) -> Tensor:
        if self.training:
            self.passes += 1
        made = self.sound(z)
        return made * float("inf") if self.training and int(self.passes) == self.at else made
