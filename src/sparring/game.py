"""A duel, one turn of it, and the players who move.

The loop (`sparring.loop`) makes a `Turn` for each move; the mover's objective and terms read from it what they need,
and what nobody reads is never computed.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cached_property
from typing import Any, Literal, Protocol

import torch
from torch import Tensor, nn

from sparring import ranks
from sparring.augment import Augmentation
from sparring.data import Batch
from sparring.draws import Key
from sparring.nets import Verdict
from sparring.objectives import Objective
from sparring.schedules import Now, Schedule, value
from sparring.surgery import joined_passes, random_layers, rewind

Side = Literal["discriminator", "generator"]
Losses = dict[str, Tensor]
SIDES: tuple[Side, Side] = ("discriminator", "generator")


class Backward(Protocol):
    """Adds a loss's gradients to those of the weights, as `torch.Tensor.backward` does."""

    def __call__(self, loss: Tensor, **options: Any) -> None: ...


class Game(Protocol):
    """How one task makes a real and a fake sample from a batch, and shows a sample to the discriminator."""

    def real(self, turn: Turn) -> Tensor:
        """The batch's real samples."""

    def fake(self, turn: Turn) -> Tensor:
        """As many fakes, with the gradient to the generator."""

    def show(self, discriminator: nn.Module, sample: Tensor, batch: Batch) -> Verdict:
        """The discriminator's verdict on samples that belong to the batch's rows."""


class Duel:
    """Two networks, the game between them, and what is done to every sample before the discriminator sees it."""

    def __init__(
        self,
        game: Game,
        generator: nn.Module,
        discriminator: nn.Module,
        augment: Mapping[str, Augmentation] | None = None,
        *,
        joined: bool = False,
    ) -> None:
        self.game = game
        self.joined = joined
        """Whether the discriminator's own move shows it reals and fakes in one pass."""
        self.generator = generator
        self.discriminator = discriminator
        self.augment = dict(augment or {})
        self.random = {side: random_layers(self.net(side)) for side in SIDES}

    def net(self, side: Side) -> nn.Module:
        return self.generator if side == "generator" else self.discriminator

    def judge(self, sample: Tensor, batch: Batch, now: Now, key: Key) -> Verdict:
        """Augments the samples and shows them."""
        return self.game.show(self.discriminator, self.augmented(sample, batch, now, key), batch)

    def augmented(self, sample: Tensor, batch: Batch, now: Now, key: Key) -> Tensor:
        """The samples as the discriminator sees them."""
        for name, augmentation in self.augment.items():
            sample = augmentation(sample, now, key.at(name), batch.rows)
        return sample


class Turn:
    """What the mover of this turn can see: each part is computed when first read, then kept."""

    def __init__(
        self,
        duel: Duel,
        batch: Batch,
        now: Now,
        mover: Side,
        key: Key,
        watched: frozenset[str] = frozenset(),
        *,
        shared: bool = False,
    ) -> None:
        self.duel = duel
        self.batch = batch
        self.now = now
        self.mover: Side = mover
        self.key = key
        self.watched = watched
        """The samples (`real`, `fake`) by which a term of this turn takes a gradient."""
        self.shared = shared
        """Whether the other player moves on it too, so that fakes keep the gradient to the generator."""

    def handed_on(self) -> Turn:
        """The turn as the generator sees it, with all that the discriminator's losses have computed."""
        turn = copy.copy(self)
        turn.mover = "generator"
        return turn

    def parts(self, size: int | None) -> Iterator[tuple[float, Turn]]:
        """The turn in parts of at most `size` rows, each with its share of the rows."""
        whole = self.batch.size
        if size is None or size >= whole:
            yield 1.0, self
            return
        count = math.ceil(whole / size)
        for number in range(count):  # of about equal size: none of a single row if that can be had
            batch = self.batch.part(slice(whole * number // count, whole * (number + 1) // count))
            yield (
                batch.size / whole,
                Turn(self.duel, batch, self.now, self.mover, self.key, self.watched, shared=self.shared),
            )

    def begin(self) -> None:
        """Sets the random layers of both networks to this turn's draws."""
        for side, layers in self.duel.random.items():
            rewind(layers, self.key.at("masks", side), self.batch.rows)
        # What networks of a user's own draw resumes too; of several processes, each draws others
        seed = (self.key.at("global", ranks.rank()) if ranks.rank() else self.key.at("global")).seed
        torch.default_generator.manual_seed(seed)  # torch.manual_seed takes longer than a small step
        if self.batch.rows.is_cuda:
            torch.cuda.manual_seed(seed)

    @property
    def net(self) -> nn.Module:
        """The mover's network."""
        return self.duel.net(self.mover)

    @cached_property
    def real(self) -> Tensor:
        real = self.duel.game.real(self).detach()
        return real.requires_grad_("real" in self.watched)

    @cached_property
    def fake(self) -> Tensor:
        if self.mover == "generator" or self.shared:
            return self.duel.game.fake(self)
        with torch.no_grad():
            fake = self.duel.game.fake(self)
        return fake.detach().requires_grad_("fake" in self.watched)

    @cached_property
    def on_real(self) -> Verdict:
        if self._joins:
            return self._on_both[0]
        with torch.set_grad_enabled(self.mover == "discriminator" and torch.is_grad_enabled()):
            return self.judge(self.real, "real")

    @cached_property
    def on_fake(self) -> Verdict:
        return self._on_both[1] if self._joins else self.judge(self.fake, "fake")

    @property
    def _joins(self) -> bool:
        """A slope at one half of a joined pass would cost a walk through both."""
        return self.duel.joined and self.mover == "discriminator" and not self.watched

    @cached_property
    def _on_both(self) -> tuple[Verdict, Verdict]:
        sides = {"real": self.real, "fake": self.fake}
        seen = [
            self.duel.augmented(sample, self.batch, self.now, self.key.at("augment", name))
            for name, sample in sides.items()
        ]
        with joined_passes(self.duel.random["discriminator"], 2):
            both = self.duel.game.show(self.duel.discriminator, torch.cat(seen), self.batch.twice())
        first, second = (slice(None, self.batch.size), slice(self.batch.size, None))
        return both.part(first), both.part(second)

    def judge(self, sample: Tensor, name: str) -> Verdict:
        """The verdict on samples of the same rows; each call draws its own masks, each name its own augmentations."""
        return self.duel.judge(sample, self.batch, self.now, self.key.at("augment", name))

    def seen(self) -> Losses:
        """The mean logits of whatever the turn computed."""
        found: Losses = {}
        for name, label in (("on_real", "logits_real"), ("on_fake", "logits_fake")):
            if name in self.__dict__:
                found[label] = self.__dict__[name].logits.detach().float().mean()
        return found


class Term(Protocol):
    """One more summand of a player's loss."""

    @property
    def watches(self) -> frozenset[str]:
        """The samples of the turn (`real`, `fake`) by which it takes a gradient."""

    @property
    def weight(self) -> Schedule:
        """What it is multiplied by."""

    @property
    def every(self) -> int:
        """It acts only every so many steps, that much heavier."""

    def __call__(self, turn: Turn) -> Tensor:
        """The term's mean over the batch, a scalar without its weight."""


class Player:
    """One network, its optimiser, its side of the objective and its terms."""

    def __init__(
        self,
        side: Side,
        net: nn.Module,
        optimiser: torch.optim.Optimizer,
        objective: Objective,
        *,
        rate: Schedule,
        terms: Mapping[str, Term] | None = None,
        moves: Schedule = 1,
        microbatch: int | None = None,
    ) -> None:
        self.side: Side = side
        self.net = net
        self.optimiser = optimiser
        self.objective = objective
        self.rate = rate
        self.terms = dict(terms or {})
        self.random = random_layers(net)
        self._moves = moves
        self.microbatch = microbatch

    def prepare(self, now: Now) -> None:
        """Sets what schedules move: the learning rate and the dropout rates."""
        rate = value(self.rate, now)
        for group in self.optimiser.param_groups:
            group["lr"] = rate
        for layer in self.random:
            layer.set_rate(now)

    def moves(self, now: Now) -> int:
        """How many moves this player makes in this step."""
        return round(value(self._moves, now))

    def active(self, now: Now) -> dict[str, tuple[Term, float]]:
        """The terms that act in this step with their weights; a lazy one is heavier by as much as it is rarer."""
        found = {}
        for name, term in self.terms.items():
            weight = value(term.weight, now) * term.every
            if now.step % term.every == 0 and weight != 0:
                found[name] = (term, weight)
        return found

    def watches(self, now: Now) -> frozenset[str]:
        return frozenset().union(*(term.watches for term, _ in self.active(now).values()))

    def move(self, turn: Turn, backward: Backward) -> Losses:
        """One update of this player's network; gives the summands of its loss, detached."""
        record: Losses = {}
        self.optimiser.zero_grad(set_to_none=True)
        for share, part in turn.parts(self.microbatch):
            part.begin()
            losses = self.losses(part)
            backward(losses["loss"] * share)
            _add(record, losses | part.seen(), share)
        self.optimiser.step()
        return record

    def losses(self, turn: Turn) -> Losses:
        """The loss of this turn with its summands: `loss` = `adversarial` + weighted terms."""
        losses = {"adversarial": self.adversarial(turn)}
        total = losses["adversarial"]
        for name, (term, weight) in self.active(turn.now).items():
            losses[name] = weight * term(turn)
            total = total + losses[name]
        return {"loss": total} | losses

    def adversarial(self, turn: Turn) -> Tensor:
        """This side of the objective, a scalar."""
        if self.side == "discriminator":
            return self.objective.discriminator(turn.on_real.logits, turn.on_fake.logits).mean()
        real = turn.on_real.logits if self.objective.generator_sees_real else None
        return self.objective.generator(real, turn.on_fake.logits).mean()


def move_both(discriminator: Player, generator: Player, turn: Turn, backward: Backward) -> dict[Side, Losses]:
    """One update of each network, both by what the turn's one pass shows of them as they were."""
    players = (discriminator, generator)
    record: dict[Side, Losses] = {player.side: {} for player in players}
    for player in players:
        player.optimiser.zero_grad(set_to_none=True)
    for share, part in turn.parts(discriminator.microbatch):
        part.begin()
        losses = {"discriminator": discriminator.losses(part), "generator": generator.losses(part.handed_on())}
        for player in players:  # each by its own weights alone; what the two graphs share is walked twice
            loss = losses[player.side]["loss"] * share
            weights = [weight for weight in player.net.parameters() if weight.requires_grad]
            backward(loss, inputs=weights, retain_graph=player is discriminator)
            _add(record[player.side], losses[player.side], share)
        _add(record["discriminator"], part.seen(), share)
    for player in players:
        player.optimiser.step()
    return record


def _add(record: Losses, losses: Losses, share: float) -> None:
    for name, loss in losses.items():
        record[name] = record.get(name, 0.0) + loss.detach() * share


@contextmanager
def frozen(net: nn.Module) -> Iterator[None]:
    """No parameter of `net` asks for a gradient inside; each is as it was after."""
    open_ones = [parameter for parameter in net.parameters() if parameter.requires_grad]
    for parameter in open_ones:
        parameter.requires_grad_(False)
    try:
        yield
    finally:
        for parameter in open_ones:
            parameter.requires_grad_(True)
