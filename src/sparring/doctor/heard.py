"""What is heard of networks in a training loop that is not ours: with what they are called, by forward hooks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from sparring.base.draws import Key, permutation
from sparring.doctor.probes import TRAINING
from sparring.doctor.subject import Seen
from sparring.gan.game import Side
from sparring.gan.objectives import Objective

Given = Tensor | Sequence[Tensor] | None
"""Samples, alone or with what the discriminator is given beside each."""
MARK = 8
"""Values by which a sample is known again."""


class Heard:
    """A subject of two modules that somebody else trains.

    The generator's first inputs are kept, and the discriminator's first inputs that are no outputs of the generator
    and ask for no gradient (interpolates of a penalty do), with what else it was called with: so the two can be run
    again for a measurement.
    """

    def __init__(
        self,
        discriminator: nn.Module,
        generator: nn.Module,
        real: Given,
        heldout: Given,
        objective: Objective | None,
    ) -> None:
        self.nets: dict[Side, nn.Module] = {"discriminator": discriminator, "generator": generator}
        self.objective = objective
        self.given = {False: _as_tuple(real), True: _as_tuple(heldout)}
        self.listening = True
        self._latents = _Rows(TRAINING)
        self._reals = _Rows(TRAINING)
        self._made: Tensor | None = None
        self._hooks = [
            generator.register_forward_hook(self._on_generator, with_kwargs=True),
            discriminator.register_forward_pre_hook(self._on_discriminator, with_kwargs=True),
        ]

    def close(self) -> None:
        """Listens no longer."""
        for hook in self._hooks:
            hook.remove()

    @property
    def ready(self) -> bool:
        """Whether enough was heard to measure: latents, and reals where none were given."""
        return bool(self._latents.count) and (self.given[False] is not None or bool(self._reals.count))

    def _on_generator(self, net: nn.Module, inputs: tuple[Any, ...], named: dict[str, Any], output: Any) -> None:
        made = _first(output)
        if self.listening and inputs and isinstance(inputs[0], Tensor) and made is not None:
            self._latents.add(inputs, named)
            self._made = made.detach()

    def _on_discriminator(self, net: nn.Module, inputs: tuple[Any, ...], named: dict[str, Any]) -> None:
        if not self.listening or self._reals.full or not inputs or not isinstance(inputs[0], Tensor):
            return
        if inputs[0].requires_grad:
            return
        made = _among(inputs[0].detach(), self._made)
        if not bool(made.all()):
            chosen = {name: _chosen(part, ~made) for name, part in named.items()}
            self._reals.add(tuple(_chosen(part, ~made) for part in inputs), chosen)

    def reals(self, heldout: bool, count: int, key: Key) -> Seen | None:
        given = self.given[heldout]
        if given is not None and len(given) - 1 == self._reals.beside:
            where = next(self.nets["discriminator"].parameters()).device
            index = permutation(key, len(given[0]))[:count]
            samples, *beside = (part[index.to(part.device)].to(where) for part in given)
            return Seen(samples, None, tuple(beside))
        if heldout or not self._reals.count:
            return None  # samples of which it is not known what the discriminator is given beside them tell nothing
        samples, *beside = self._reals.take(count, key)
        return Seen(samples, None, tuple(beside))

    @property
    def unused(self) -> list[str]:
        """Which of the samples given cannot be used, since the discriminator is given more than samples."""
        names = {"real": self.given[False], "heldout": self.given[True]}
        return [name for name, given in names.items() if given is not None and len(given) - 1 != self._reals.beside]

    def fakes(self, count: int, key: Key) -> Seen:
        inputs = self._latents.take(count, key)
        made = _first(self._latents.call(self.nets["generator"], inputs))
        assert made is not None
        # A conditional discriminator is given what the generator was: labels, as a rule
        return Seen(made, None, inputs[1 : 1 + self._reals.beside])

    def averaged(self, count: int, key: Key) -> Tensor | None:
        return None

    def logits(self, seen: Seen) -> Tensor:
        first = _first(self._reals.call(self.nets["discriminator"], (seen.samples, *(seen.context or ()))))
        assert first is not None
        return first.float().flatten(1).mean(1) if first.ndim > 1 else first.float()

    def generator_loss(self, real: Tensor, fake: Tensor) -> Tensor | None:
        if self.objective is None:
            return None
        return self.objective.generator(real if self.objective.generator_sees_real else None, fake)


class _Rows:
    """The first so many rows of what a network was called with; what is no tensor of the batch is kept as it is."""

    def __init__(self, most: int) -> None:
        self.most = most
        self._parts: list[Any] = []
        self._names: tuple[str, ...] = ()

    @property
    def count(self) -> int:
        return len(self._parts[0]) if self._parts else 0

    @property
    def full(self) -> bool:
        return self.count >= self.most

    @property
    def beside(self) -> int:
        """How many arguments there were beside the first."""
        return max(len(self._parts) - 1, 0)

    def call(self, net: nn.Module, parts: tuple[Any, ...]) -> Any:
        """Calls a network as it was called, positions and names."""
        places = len(parts) - len(self._names)
        return net(*parts[:places], **dict(zip(self._names, parts[places:], strict=True)))

    def add(self, inputs: tuple[Any, ...], named: dict[str, Any]) -> None:
        if self.full:
            return
        self._names = tuple(named)
        inputs = (*inputs, *named.values())
        size = len(inputs[0])
        same = len(inputs) == len(self._parts) and all(map(_fits, self._parts, inputs))
        if not same:
            self._parts = [part.detach().clone() if isinstance(part, Tensor) else part for part in inputs]
            return
        for place, part in enumerate(inputs):
            if isinstance(part, Tensor) and part.ndim and len(part) == size:
                self._parts[place] = torch.cat((self._parts[place], part.detach()))[: self.most]

    def take(self, count: int, key: Key) -> tuple[Any, ...]:
        index = permutation(key, self.count)[:count]
        return tuple(
            part[index.to(part.device)] if isinstance(part, Tensor) and part.ndim and len(part) == self.count else part
            for part in self._parts
        )


def _fits(kept: Any, new: Any) -> bool:
    """Whether rows of one follow on those of the other."""
    if isinstance(kept, Tensor) != isinstance(new, Tensor):
        return False
    return not isinstance(kept, Tensor) or (kept.shape[1:] == new.shape[1:] and kept.dtype == new.dtype)


def _chosen(part: Any, rows: Tensor) -> Any:
    return part[rows] if isinstance(part, Tensor) and part.ndim and len(part) == len(rows) else part


def _first(output: Any) -> Tensor | None:
    """A tensor, or the first of several that a network gave."""
    output = output[0] if isinstance(output, (tuple, list)) and output else output
    return output if isinstance(output, Tensor) else None


def _as_tuple(given: Given) -> tuple[Tensor, ...] | None:
    return (given,) if isinstance(given, Tensor) else None if given is None else tuple(given)


def _among(samples: Tensor, made: Tensor | None) -> Tensor:
    """Which samples are rows of what the generator made last, bool [n]."""
    if made is None or made.shape[1:] != samples.shape[1:]:
        return torch.zeros(len(samples), dtype=torch.bool, device=samples.device)
    places = torch.linspace(0, samples[0].numel() - 1, MARK).long().to(samples.device)
    ours, theirs = samples.flatten(1)[:, places], made.flatten(1)[:, places].to(samples)
    return (ours[:, None] == theirs[None]).all(2).any(1)
