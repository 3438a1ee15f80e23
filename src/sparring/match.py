"""Everything one training consists of, put together, and its whole state."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

from sparring import ranks
from sparring.data import Batch, Batches, DataSet, Rows
from sparring.draws import Key, integers
from sparring.engine import Engine
from sparring.game import Duel, Side
from sparring.games import FromImages, Game
from sparring.graphs import Graphs
from sparring.loop import UPDATES, Step, Table, UpdateName, play
from sparring.nets import Verdict
from sparring.optimisers import Average, refit_batch_norms
from sparring.players import Player
from sparring.schedules import Adaptive, Now
from sparring.surgery import random_layers, rewind

REFIT_PASSES = 16
"""Batches of fakes over which batch-norm statistics of the averaged generator are estimated."""
IMAGE_PASSES = 4
"""As many are enough where images are made from images: each channel has its values in many places of each."""


@dataclass
class Match:
    """Two players, the game, the data and the engine: what the trainer plays and a checkpoint holds."""

    engine: Engine
    data: DataSet
    game: Game
    duel: Duel
    generator: nn.Module
    """The generator itself; the duel holds it as the engine calls it."""
    discriminator: nn.Module
    players: dict[str, Player]
    batches: Batches
    heldout: Rows
    average: Average | None
    controllers: dict[str, Adaptive]
    """The values that a controller moves, by their dotted keys in the recipe."""
    seed: int
    steps: int
    batch: int
    chunk: int
    """Samples that go through the networks at once."""
    refit: frozenset[Side] = frozenset()
    """Whose batch-norm statistics are estimated anew before the live network is used in eval mode."""
    update: UpdateName = "alternating"
    graphs: Graphs | None = None
    attempt: int = 0
    step: int = 0
    """Steps done."""
    seconds: float = 0.0
    """Training time so far."""
    notes: dict[str, Any] = field(default_factory=dict)
    """What observers keep across a resume, by their names."""

    @property
    def key(self) -> Key:
        """What all draws of this attempt go by."""
        return Key(self.seed, self.attempt)

    def now(self, step: int) -> Now:
        return Now(step, step * self.batch, self.steps)

    def nets(self) -> dict[str, nn.Module]:
        return {"generator": self.generator, "discriminator": self.discriminator}

    def play(self, key: Key | None = None, clock: Callable[[int], Now] | None = None) -> Iterator[Step]:
        """Plays on from the step it stands at, without end; by another key or clock only to probe."""
        sides = self.players["discriminator"], self.players["generator"]
        table = Table(self.duel, sides, self.batches, self.engine.backward, self.graphs)
        steps = play(table, UPDATES[self.update], key=key or self.key, clock=clock or self.now, start=self.step)
        return steps if ranks.count() == 1 else map(joined, steps)

    def take(self, step: Step) -> None:
        """Takes a played step in: the average follows a generator that moved, and the match stands after it."""
        if self.average is not None and step.generator:
            self.average.update(step.number * self.batch, self.batch)
        self.step = step.number + 1

    def sampler(self) -> nn.Module:
        """The generator that samples, in eval mode: the averaged one, its statistics fitted, or the live one itself."""
        if self.average is None:
            self.fit("generator")
            return self.generator.eval()
        for mine, live in zip(random_layers(self.average.net), random_layers(self.generator), strict=True):
            mine.follow(live)  # dropout that is always on is on here too
        return self.average.refit(self._refit_passes(self.average.net))

    def fit(self, *sides: Side, passes: int | None = None) -> None:
        """Estimates batch-norm statistics anew, without dropout, of the live networks that ask for it, over so many
        batches. Their modes stay as they are."""
        with measuring(self.generator, self.discriminator), ranks.alone():
            if "generator" in self.refit.intersection(sides):  # first: the discriminator's are of its fakes too
                refit_batch_norms(self.generator, self._refit_passes(self.generator, passes))
            if "discriminator" in self.refit.intersection(sides):
                refit_batch_norms(self.discriminator, self._judged(passes or self._passes))

    def settle(self) -> None:
        """Fits what depends on how the networks stand now, so that what is saved can be used."""
        self.sampler()
        self.generator.train()
        self.fit("discriminator")

    @property
    def _passes(self) -> int:
        return IMAGE_PASSES if isinstance(self.game, FromImages) else REFIT_PASSES

    def _refit_passes(self, net: nn.Module, passes: int | None = None) -> Iterator[Tensor]:
        size = max(self.batch, 64)
        for number in range(passes or self._passes):
            rows = torch.arange(number * size, (number + 1) * size, device=self.engine.device)
            key = Key(self.seed, "refit")
            if isinstance(self.game, FromImages):
                rewind(random_layers(net), key.at("masks"), rows)
                yield self.game.seen(net, drawn_batch(self.batches.rows, key, rows), key)[1]
            else:
                yield make(self.game, net, key, rows, self.asked(key, rows))

    def _judged(self, passes: int) -> Iterator[Verdict]:
        """Reals and fakes before the live discriminator, half the batches each."""
        for number in range(max(passes // 2, 1)):
            key = Key(self.seed, "refit", number)
            batch = probe_batch(self.batches.rows, max(self.batch, 64), key)
            rewind(random_layers(self.discriminator), key, batch.rows)
            if isinstance(self.game, FromImages):
                rewind(random_layers(self.generator), key.at("masks"), batch.rows)
                for images in self.game.seen(self.generator, batch, key):
                    yield self.game.show(self.discriminator, images, batch)
                continue
            yield self.game.show(self.discriminator, batch.samples, batch)
            fakes = make(self.game, self.generator, key, batch.rows, self.game.asked(batch))
            yield self.game.show(self.discriminator, fakes, batch)

    def asked(self, key: Key, rows: Tensor) -> Tensor | None:
        """What the generator is asked for in samples of no batch: labels as frequent as in the training data, or images
        of these; None where the game asks for nothing."""
        if self.game.translates:
            return self.game.asked(drawn_batch(self.batches.rows, key, rows))
        counts = self.data.label_counts
        return None if self.game.labels == "none" or counts is None else draw_labels(counts, key, rows)

    def state(self) -> dict[str, Any]:
        """The whole training state, but for what the recipe and the data say."""
        return {
            "step": self.step,
            "attempt": self.attempt,
            "seconds": self.seconds,
            "position": self.batches.position,
            "nets": {name: net.state_dict() for name, net in self.nets().items()},
            "average": None if self.average is None else self.average.net.state_dict(),
            "optimisers": {name: player.optimiser.state_dict() for name, player in self.players.items()},
            "controllers": {path: adaptive.at(self.now(self.step)) for path, adaptive in self.controllers.items()},
            "notes": self.notes,
            "data": described(self.data),
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Takes up a state; `attempt` is kept where it is already higher."""
        self.step, self.seconds = state["step"], state["seconds"]
        self.attempt = max(self.attempt, state["attempt"])
        for name, net in self.nets().items():
            net.load_state_dict(state["nets"][name])
        if self.average is not None and state["average"] is not None:
            self.average.net.load_state_dict(state["average"])
        for name, player in self.players.items():
            own = [{key: group[key] for key in group if key != "params"} for group in player.optimiser.param_groups]
            player.optimiser.load_state_dict(state["optimisers"][name])
            for group, options in zip(player.optimiser.param_groups, own, strict=True):
                group.update(options)  # the recipe's, which a treatment may have changed since
            _in_the_weights_format(player.optimiser)
        if self.graphs is not None:
            self.graphs.forget()
        for path, adaptive in self.controllers.items():
            adaptive.set(state["controllers"][path])
        self.notes.clear()
        self.notes.update(state["notes"])
        self.redraw(state["position"])

    def redraw(self, position: int) -> None:
        """Lets the batches follow the attempt's key from a position on."""
        old = self.batches
        self.batches = self.game.batches(old.rows, old.size, self.key.at("data"), position=position)


def _in_the_weights_format(optimiser: torch.optim.Optimizer) -> None:
    """Lays moments out in memory as their weights are: files hold them contiguous, and PyTorch's fused optimisers go by
    the memory alone, so that else they would pair moments with other weights."""
    for weight, moments in optimiser.state.items():
        for name, tensor in moments.items():
            if isinstance(tensor, Tensor) and tensor.shape == weight.shape:
                moments[name] = torch.empty_like(weight, dtype=tensor.dtype).copy_(tensor)


def joined(step: Step) -> Step:
    """A step with its numbers as means over all processes, so that each process judges it alike."""
    shares = [losses[name] for losses in (*step.discriminator, *step.generator) for name in sorted(losses)]
    torch._foreach_div_(shares, ranks.count())
    ranks.add_up(shares)
    return step


class Diverged(Exception):
    """Losses or weights are no longer finite."""

    def __init__(self, step: int, evidence: dict[str, Any]) -> None:
        super().__init__(step, evidence)
        self.step = step
        self.evidence = evidence


def check_weights(match: Match) -> None:
    """Raises Diverged where a weight, or what an optimiser keeps of it, is not finite: such a state is not saved."""
    for side, player in match.players.items():
        kept = {f"{side}.{name}": tensor for name, tensor in match.nets()[side].state_dict().items()}
        names: dict[Tensor, str] = {weight: name for name, weight in match.nets()[side].named_parameters()}
        for weight, moments in player.optimiser.state.items():
            for name, tensor in moments.items():
                kept[f"{side}.optimiser.{names.get(weight, '')}.{name}"] = tensor
        for name, tensor in kept.items():
            if isinstance(tensor, Tensor) and tensor.is_floating_point() and not bool(torch.isfinite(tensor).all()):
                raise Diverged(match.step, {name: "not finite"})


def described(data: DataSet) -> dict[str, Any]:
    """What sampling needs to know of the data: codec, labels and how frequent they are in training."""
    counts = data.label_counts
    return {
        "name": data.name,
        "fingerprint": data.fingerprint,
        "codec": data.codec.to_json(),
        "inputs": None if data.inputs is None else data.inputs.codec.to_json(),
        "label_names": list(data.label_names),
        "label_counts": None if counts is None else counts.tolist(),
    }


def make(game: Game, generator: nn.Module, key: Key, rows: Tensor, asked: Tensor | None) -> Tensor:
    """Samples for numbered rows, as asked for, with the generator's own noise, if it has any, drawn from the key
    too."""
    rewind(random_layers(generator), key.at("masks"), rows)
    return game.make(generator, key.at("latents"), rows, asked)


def draw_labels(counts: Tensor, key: Key, rows: Tensor) -> Tensor:
    """Labels as frequent as `counts` (int64 [classes]) say, int64 [rows]."""
    place = integers(key.at("labels"), rows, int(counts.sum()))
    return torch.searchsorted(counts.cumsum(0).to(rows.device), place, right=True)


@contextmanager
def measuring(*nets: nn.Module) -> Iterator[None]:
    """A mode that changes nothing: no gradients, no statistics, no dropout; the nets are as before after."""
    modes = [(module, module.training) for net in nets for module in net.modules()]
    for net in nets:
        net.eval()
    try:
        with torch.no_grad():
            yield
    finally:
        for module, mode in modes:
            module.training = mode


def probe_batch(rows: Rows, size: int, key: Key) -> Batch:
    """A batch for measuring, drawn from a stream of its own."""
    return drawn_batch(rows, key, torch.arange(min(size, len(rows)), device=rows.device))


def drawn_batch(rows: Rows, key: Key, numbers: Tensor) -> Batch:
    """A batch of samples drawn for these numbers."""
    return Batch(rows, integers(key, numbers, len(rows)), numbers, key=key)
