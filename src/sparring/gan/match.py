"""Everything one training consists of, put together, and its whole state."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

from sparring.base.draws import Key
from sparring.data import Batches, DataSet, Rows, Source, probe_batch
from sparring.engine import Engine, ranks
from sparring.gan.game import Duel, Game, Side
from sparring.gan.loop import UPDATES, Board, Step, UpdateName, play
from sparring.gan.optimisers import Average, refit_batch_norms
from sparring.gan.players import Player
from sparring.gan.recording import Graphs
from sparring.gan.restoring import misfit_of_net, misfit_of_optimiser
from sparring.gan.sampling import measuring, resting
from sparring.gan.schedules import Adaptive, Course, Now
from sparring.gan.surgery import random_layers, rewind
from sparring.gan.trained import Trained
from sparring.nets import Verdict


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
    course: Course
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
    processor: float = 0.0
    """Processor time of the steps alone so far, all threads and processes added."""
    spent: float = 0.0
    """Seconds so far of all commands that trained it, from their first line on."""
    notes: dict[str, Any] = field(default_factory=dict)
    """What observers keep across a resume, by their names."""

    @property
    def key(self) -> Key:
        """What all draws of this attempt go by."""
        return Key(self.seed, self.attempt)

    @property
    def steps(self) -> int:
        """Of the whole run, as it is to be now."""
        return self.now(self.step).steps

    def now(self, step: int) -> Now:
        return self.course.now(step, self.batch)

    def nets(self) -> dict[str, nn.Module]:
        return {"generator": self.generator, "discriminator": self.discriminator}

    def play(self, key: Key | None = None, clock: Callable[[int], Now] | None = None) -> Iterator[Step]:
        """Plays on from the step it stands at, without end; by another key or clock only to probe."""
        sides = self.players["discriminator"], self.players["generator"]
        board = Board(self.duel, sides, self.batches, self.engine.backward, self.graphs)
        steps = play(board, UPDATES[self.update], key=key or self.key, clock=clock or self.now, start=self.step)
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

    @contextmanager
    def sampling(self, source: Source) -> Iterator[Trained]:
        """The networks at rest, of which the averaged generator samples; `source` is what their data were read from.
        After, the generator is as it was: who forgets that trains without dropout."""
        fitted = self.sampler()
        try:
            with resting(self.discriminator):
                yield Trained(
                    name="the run",
                    source=source,
                    game=self.game,
                    generator=fitted,
                    discriminator=self.discriminator,
                    formats=self.data.formats,
                    label_names=self.data.label_names,
                    label_counts=self.data.label_counts,
                    step=self.step,
                )
        finally:
            self.generator.train()

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
        return self.game.refit_passes

    def _refit_passes(self, net: nn.Module, passes: int | None = None) -> Iterator[Tensor]:
        size = max(self.batch, 64)
        for number in range(passes or self._passes):
            rows = torch.arange(number * size, (number + 1) * size, device=self.engine.device)
            key = Key(self.seed, "refit")
            rewind(random_layers(net), key.at("masks"), rows)
            yield self.game.exercise(net, self.batches.rows, self.data.label_counts, key, rows)

    def _judged(self, passes: int) -> Iterator[Verdict]:
        """Reals and fakes before the live discriminator, half the batches each."""
        for number in range(max(passes // 2, 1)):
            key = Key(self.seed, "refit", number)
            batch = probe_batch(self.batches.rows, max(self.batch, 64), key)
            rewind(random_layers(self.discriminator), key, batch.rows)
            rewind(random_layers(self.generator), key.at("masks"), batch.rows)
            for samples in self.game.seen(self.generator, batch, key):
                yield self.game.show(self.discriminator, samples, batch)

    def asked(self, key: Key, rows: Tensor) -> Tensor | None:
        """What the generator is asked for in samples of no batch: labels as frequent as in the training data, or
        training samples to start from; None where the game asks for nothing."""
        return self.game.asked_of(self.batches.rows, self.data.label_counts, key, rows)

    def state(self) -> dict[str, Any]:
        """The whole training state, but for what the recipe and the data say."""
        return {
            "step": self.step,
            "attempt": self.attempt,
            "seconds": self.seconds,
            "processor": self.processor,
            "spent": self.spent,
            "position": self.batches.position,
            "nets": {name: net.state_dict() for name, net in self.nets().items()},
            "average": None if self.average is None else self.average.net.state_dict(),
            "optimisers": {name: player.optimiser.state_dict() for name, player in self.players.items()},
            "controllers": {path: adaptive.at(self.now(self.step)) for path, adaptive in self.controllers.items()},
            "notes": self.notes,
            "data": described(self.data),
        }

    def misfit(self, state: Mapping[str, Any]) -> str:
        """What of a state's tensors or controlled values is not this match's; nothing where all is."""
        found = {f"nets.{name}": misfit_of_net(net, state["nets"][name]) for name, net in self.nets().items()}
        if self.average is not None and state["average"] is not None:
            found["average"] = misfit_of_net(self.average.net, state["average"])
        for name, player in self.players.items():
            found[f"optimisers.{name}"] = misfit_of_optimiser(player.optimiser, state["optimisers"][name])
        for path in self.controllers:
            found[f"controllers.{path}"] = "" if path in state["controllers"] else "missing"
        return next((f"{place}: {told}" for place, told in found.items() if told), "")

    def restore(self, state: dict[str, Any]) -> None:
        """Takes up a state; `attempt` is kept where it is already higher."""
        self.step, self.seconds = state["step"], state["seconds"]
        self.processor = state.get("processor", 0.0)  # older runs have neither
        self.spent = state.get("spent", self.seconds)
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
