"""What is measured of a match between its steps, without changing it."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from sparring.base.draws import Key
from sparring.data import probe_batch
from sparring.gan.match import Match
from sparring.gan.sampling import draw, make, measuring
from sparring.nets import Verdict


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


PROBE_PASSES = 4
"""Batches over which batch-norm statistics are estimated for a measurement, where a recipe asks for it."""


def heldout_logits(match: Match, key: Key) -> dict[str, float]:
    """The discriminator's mean logits, in eval mode, of held-out samples and, beside them, of training ones."""
    found = {}
    match.fit("generator", "discriminator", passes=PROBE_PASSES)
    with measuring(match.duel.discriminator):
        for name, rows in (("train", match.batches.rows), ("heldout", match.heldout)):
            if len(rows):
                found[f"logits_{name}"] = float(_verdict(match, rows, key.at(name)).logits.float().mean())
    return found


def overfitting(match: Match, key: Key) -> dict[str, float]:
    """Means of the discriminator's logits of training, held-out and fake samples, all in eval mode; how often it ranks
    the first above fakes more than the second (`gap`); the mean sign of the first (`sign`)."""
    match.fit("generator", "discriminator", passes=PROBE_PASSES)
    with measuring(match.duel.discriminator, match.duel.generator):
        train = _verdict(match, match.batches.rows, key.at("train")).logits.float()
        batch = probe_batch(match.batches.rows, match.chunk, key.at("fake"))
        fakes = make(match.game, match.duel.generator, key.at("fake"), batch.rows, match.game.asked(batch))
        fake = match.game.show(match.duel.discriminator, fakes, batch).logits.float()
        found = {"train": train.mean(), "fake": fake.mean(), "sign": train.sign().mean()}
        if len(match.heldout):
            heldout = _verdict(match, match.heldout, key.at("heldout")).logits.float()
            found["heldout"] = heldout.mean()
            found["gap"] = _ranked_above(train, fake) - _ranked_above(heldout, fake)
    return {name: float(number) for name, number in found.items()}


def _verdict(match: Match, rows: Any, key: Key) -> Verdict:
    batch = probe_batch(rows, match.chunk, key)
    return match.game.show(match.duel.discriminator, batch.samples, batch)


def _ranked_above(first: Tensor, second: Tensor) -> Tensor:
    """The probability that a logit of the first is above one of the second."""
    return (first.flatten()[:, None] > second.flatten()[None]).float().mean()


def gradient_norm(net: nn.Module) -> Tensor | None:
    """The norm of the gradient that the last move left, a scalar; None where it left none."""
    gradients = [parameter.grad for parameter in net.parameters() if parameter.grad is not None]
    if not gradients:
        return None
    norm: Tensor = torch.linalg.vector_norm(torch.stack(torch._foreach_norm(gradients)))
    return norm


def draw_for(match: Match, count: int, key: Key) -> Tensor:
    """Samples of a match's averaged generator, [count, ...] in the data's own format, with labels as frequent as in
    training."""
    device = match.engine.device
    labels = match.asked(key, torch.arange(count, device=device))
    return draw(match.game, match.sampler(), match.data.codec, count, key, labels, device)
