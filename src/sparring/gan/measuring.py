"""What is measured of a match between its steps, without changing it."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from sparring.base.draws import Key
from sparring.data import Rows, probe_batch
from sparring.gan.game import cuts
from sparring.gan.match import Match
from sparring.gan.sampling import draw, make, measuring


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
    """The discriminator's mean logits, in eval mode, of held-out samples and, beside them, of training ones; of both
    as they are, not augmented."""
    found = {}
    match.fit("generator", "discriminator", passes=PROBE_PASSES)
    with measuring(match.duel.discriminator):
        for name, rows in (("train", match.batches.rows), ("heldout", match.heldout)):
            if len(rows):
                batch = probe_batch(rows, match.chunk, key.at(name))
                verdict = match.game.show(match.duel.discriminator, batch.samples, batch)
                found[f"logits_{name}"] = float(verdict.logits.float().mean())
    return found


def overfitting(match: Match, key: Key) -> dict[str, float]:
    """Means of the discriminator's logits of training, held-out and fake samples, all in eval mode; how often it ranks
    the first above fakes more than the second (`gap`); the mean sign of the first (`sign`).

    They are as many as a batch has, and augmented as they now are in training, each by draws of its own: how the
    discriminator judges images that it is never shown says little of how it learned (as in the code of Karras et al.
    2020, https://arxiv.org/abs/2006.06676)."""
    match.fit("generator", "discriminator", passes=PROBE_PASSES)
    with measuring(match.duel.discriminator, match.duel.generator):
        train = _logits(match, match.batches.rows, key.at("train"))
        fake = _logits(match, match.batches.rows, key.at("fake"), fakes=True)
        found = {"train": train.mean(), "fake": fake.mean(), "sign": train.sign().mean()}
        if len(match.heldout) >= match.game.together:
            heldout = _logits(match, match.heldout, key.at("heldout"))
            found["heldout"] = heldout.mean()
            found["gap"] = _ranked_above(train, fake) - _ranked_above(heldout, fake)
    return {name: float(number) for name, number in found.items()}


def _logits(match: Match, rows: Rows, key: Key, *, fakes: bool = False) -> Tensor:
    """The logits, float32 [batch, ...], of samples or of fakes in their place, as training shows them."""
    game, duel, found = match.game, match.duel, []
    whole = probe_batch(rows, match.batch, key)
    for part in cuts(whole.size, match.chunk, game.together):
        batch = whole.part(part)
        made = make(game, duel.generator, key, batch.rows, game.asked(batch)) if fakes else batch.samples
        verdict = duel.judge(game.shown(made, batch), batch, match.now(match.step), key.at("augment"))
        found.append(verdict.logits.float())
    return torch.cat(found)


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
