"""The players who move: each a network, its optimiser, its side of the objective and its terms."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Protocol

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.nn.utils.parametrizations import _SpectralNorm
from torch.nn.utils.spectral_norm import SpectralNorm as SpectralNormHook

from sparring.gan.game import Losses, Side, Turn
from sparring.gan.objectives import Objective
from sparring.gan.schedules import Now, Schedule, value
from sparring.gan.surgery import random_layers


class Backward(Protocol):
    """Adds a loss's gradients to those of the weights, as `torch.Tensor.backward` does."""

    def __call__(self, loss: Tensor, **options: Any) -> None: ...


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
            if isinstance(group["lr"], Tensor):  # which a recorded move reads
                group["lr"].fill_(rate)
            else:
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


def moved(players: Sequence[Player], turn: Turn, backward: Backward) -> dict[Side, Losses]:
    """Moves one player, or both at once; gives what each recorded."""
    if len(players) == 1:
        return {players[0].side: players[0].move(turn, backward)}
    discriminator, generator = players
    return move_both(discriminator, generator, turn, backward)


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
    """The other player's network: inside, no parameter asks for a gradient, and passes leave no trace in what layers
    keep of those before: batch norms' running statistics, spectral norms' vectors. All is as it was after."""
    open_ones = [parameter for parameter in net.parameters() if parameter.requires_grad]
    keepers = [(module, switch) for module in net.modules() if (switch := _keeps(module)) and getattr(module, switch)]
    for parameter in open_ones:
        parameter.requires_grad_(False)
    for module, switch in keepers:
        setattr(module, switch, False)
    try:
        yield
    finally:
        for parameter in open_ones:
            parameter.requires_grad_(True)
        for module, switch in keepers:
            setattr(module, switch, True)


def _keeps(module: nn.Module) -> str:
    """The attribute that has a layer keep something of each pass; none for most."""
    if isinstance(module, _BatchNorm):
        return "track_running_stats" if module.training else ""
    if isinstance(module, _SpectralNorm) or any(
        isinstance(hook, SpectralNormHook) for hook in module._forward_pre_hooks.values()
    ):
        return "training"
    return ""
