"""What the loop, logging, averaging and probes cost: steps as a run makes them against the bare mathematics.

    python bench/overhead.py [--recipe image/small] [--data fashion_mnist] [--blocks 20]

Both play the same networks on the same data in turn, block by block, so that a drift of the machine's speed meets both.
The bare step is written out below: forward passes, penalties, backward passes, optimiser steps, nothing else (latents
are PyTorch's, reals are indexed). Prints the ratio of medians; at most 1.05 is wanted.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable

import numpy as np
import torch

from sparring.engine import Engine, choose_plan
from sparring.gan.match import Match
from sparring.gan.measuring import check_weights
from sparring.gan.players import frozen
from sparring.kinds import zoo
from sparring.recipe import validated
from sparring.recipe.build import build, fitted
from sparring.recipe.request import options_of
from sparring.runs.controllers import Controllers
from sparring.runs.observers import Log
from sparring.runs.trainer import check_losses

BLOCK = 50
"""Steps in a block: one line of the log falls into each."""


def bare(match: Match) -> Callable[[], None]:
    """One step of the same mathematics, by hand."""
    rows, batch = match.batches.rows, match.batch
    first, second = match.players["discriminator"], match.players["generator"]
    generator, discriminator = match.duel.generator, match.duel.discriminator
    latent = match.game.latent.size
    terms = {name: term for name, term in first.terms.items() if name in ("r1", "r2")}
    if set(first.terms) != set(terms) or second.terms or match.duel.augment:
        raise SystemExit("this bench writes out r1 and r2 alone; take a recipe without other terms and augmentation")
    for player in match.players.values():
        player.prepare(match.now(0))  # the learning rate, which stays as it is
    number = 0

    def reals() -> tuple[torch.Tensor, torch.Tensor | None]:
        index = torch.randint(0, len(rows), (batch,))
        labels = rows.labels[index] if match.game.labelled and rows.labels is not None else None
        return rows.encoded(index), labels

    def make(labels: torch.Tensor | None) -> torch.Tensor:
        latents = torch.randn(batch, latent)
        made: torch.Tensor = generator(latents) if labels is None else generator(latents, labels)
        return made

    def judge(x: torch.Tensor, labels: torch.Tensor | None) -> torch.Tensor:
        logits: torch.Tensor = (discriminator(x) if labels is None else discriminator(x, labels)).logits
        return logits

    def step() -> None:
        nonlocal number
        active = {name for name, term in terms.items() if number % term.every == 0}
        real, labels = reals()
        real.requires_grad_("r1" in active)
        with torch.no_grad():
            fake = make(labels)
        fake.requires_grad_("r2" in active)
        on_real, on_fake = judge(real, labels), judge(fake, labels)
        loss = first.objective.discriminator(on_real, on_fake).mean()
        for name, logits, sample in (("r1", on_real, real), ("r2", on_fake, fake)):
            if name in active:
                (slope,) = torch.autograd.grad(logits.sum(), sample, create_graph=True)
                weight = float(terms[name].weight) * terms[name].every  # type: ignore[arg-type]
                loss = loss + weight * slope.square().flatten(1).sum(1).mean() / 2
        first.optimiser.zero_grad(set_to_none=True)
        loss.backward()
        first.optimiser.step()
        with frozen(discriminator):
            real, labels = reals()
            logits = None
            if second.objective.generator_sees_real:
                with torch.no_grad():
                    logits = judge(real, labels)
            loss = second.objective.generator(logits, judge(make(labels), labels)).mean()
            second.optimiser.zero_grad(set_to_none=True)
            loss.backward()
            second.optimiser.step()
        number += 1

    return step


def whole(match: Match) -> Callable[[], None]:
    """One step as a run makes it: the loop, checks, averaging, the log with its probes, controllers."""
    observers = [Controllers(), Log(None, BLOCK, show=lambda line: None)]
    steps = match.play()

    def step() -> None:
        played = next(steps)
        check_losses(played)
        match.take(played)
        for observer in observers:
            observer.observe(match, played)

    return step


def timed(step: Callable[[], None]) -> float:
    began = time.perf_counter()
    for _ in range(BLOCK):
        step()
    return (time.perf_counter() - began) / BLOCK


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--recipe", default="image/small")
    options.add_argument("--data", default="fashion_mnist")
    options.add_argument("--blocks", type=int, default=20)
    said = options.parse_args()
    fields = zoo.read_recipe(said.recipe)
    fields["data"] = options_of(said.data, fields.get("data"))
    recipe = validated(fields)
    data = recipe.data.load()
    recipe = fitted(recipe, data, {})
    plan = choose_plan("auto", recipe.precision, images=data.codec.maps)
    matches = {name: build(recipe, data, Engine(plan)) for name in ("whole", "bare")}
    runs = {"whole": whole(matches["whole"]), "bare": bare(matches["bare"])}
    for step in runs.values():
        timed(step)
    times: dict[str, list[float]] = {name: [] for name in runs}
    for _ in range(said.blocks):
        for name, step in runs.items():
            times[name].append(timed(step))
    for match in matches.values():
        check_weights(match)  # a network that fell to NaN is another workload
    pairs = np.array(times["whole"]) / np.array(times["bare"])
    found = {
        "recipe": said.recipe,
        "plan": plan.to_json(),
        "whole_ms": round(float(np.median(times["whole"])) * 1000, 3),
        "bare_ms": round(float(np.median(times["bare"])) * 1000, 3),
        "ratio": round(float(np.median(pairs)), 4),
        "ratio_quartiles": [round(float(q), 4) for q in np.quantile(pairs, (0.25, 0.75))],
    }
    print(json.dumps(found))


if __name__ == "__main__":
    main()
