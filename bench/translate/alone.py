"""The ablation: a recipe's generator without its discriminator."""

from __future__ import annotations

import time

import torch
from torch import nn

from sparring.data import DataSet
from sparring.engine import Engine, choose_plan
from sparring.kinds.translation.games.images import FromImages
from sparring.recipe import Recipe
from sparring.recipe.build import build, fitted


def reconstruction_alone(recipe: Recipe, data: DataSet, seconds: float) -> nn.Module:
    """A recipe's generator trained on the mean absolute distance alone, with the same optimiser, batches, average and
    schedule of the learning rate, for so many seconds (so for more steps, as a discriminator takes none)."""
    plan = choose_plan("cpu", recipe.precision, images=True)
    match = build(fitted(recipe, data, {}), data, Engine(plan))
    game, player, net = recipe.game, match.players["generator"], match.duel.generator
    assert isinstance(game, FromImages)
    begun, step = time.perf_counter(), 0
    while (spent := time.perf_counter() - begun) < seconds:
        player.prepare(match.now(min(int(recipe.steps * spent / seconds), recipe.steps - 1)))
        batch = next(match.batches)
        loss = (net(game.asked(batch)) - batch.samples).abs().mean()
        player.optimiser.zero_grad()
        loss.backward()
        player.optimiser.step()
        step += 1
        if match.average is not None:
            match.average.update(step * match.batch, match.batch)
    print(f"reconstruction alone: {step:,} steps in {seconds:.0f} s, loss {float(loss.detach()):.4f}")
    with torch.no_grad():
        return match.sampler()
