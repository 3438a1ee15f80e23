"""Dropout before batch norm: how far running statistics are from what eval mode sees, and what is left of it after they
are estimated anew (claim 7 of docs/claims.md).

    python bench/norm_gap.py [--rates 0,0.1,0.25,0.5] [--seeds 8] [--steps 1000] [--json]

A dense discriminator with batch norm and dropout behind each activation learns on digits. Its batch norms' inputs are
then looked at in eval mode, over batches of reals and fakes. Printed is the running variance over the one seen, as the
median over channels, of the first batch norm behind dropout: 1 where they agree.
"""

from __future__ import annotations

import argparse
import json
import math
import statistics
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from scipy import stats
from torch import Tensor, nn

from sparring.base.draws import Key
from sparring.data import probe_batch
from sparring.engine import Engine, choose_plan
from sparring.gan.match import Match
from sparring.gan.sampling import make, measuring
from sparring.kinds.images.sources import Digits
from sparring.recipe import validated
from sparring.recipe.build import build, fitted

BATCHES = 16


def match_of(rate: float, seed: int, steps: int) -> Match:
    net = {"dense": {"widths": [256, 256], "norm": "batch"}}
    fields: dict[str, Any] = {
        "data": "digits",
        "objective": "non_saturating",
        "generator": {"net": "dense"},
        "discriminator": {"net": net, "surgery": {"dropout": {"rate": rate}}, "refit_batch_norms": True},
        "batch": 64,
        "seed": seed,
        "steps": steps,
    }
    data = Digits().load()
    recipe = fitted(validated(fields), data, {})
    return build(recipe, data, Engine(choose_plan("cpu", "fp32", images=False)))


@contextmanager
def inputs_of(norms: list[nn.BatchNorm1d]) -> Iterator[dict[nn.BatchNorm1d, list[Tensor]]]:
    """Collects what batch norms see."""
    seen: dict[nn.BatchNorm1d, list[Tensor]] = {norm: [] for norm in norms}
    handles = [norm.register_forward_pre_hook(lambda norm, x: seen[norm].append(x[0])) for norm in norms]
    yield seen
    for handle in handles:
        handle.remove()


def gap(match: Match) -> float:
    """Running variance over the variance seen in eval mode."""
    norms = [layer for layer in match.discriminator.modules() if isinstance(layer, nn.BatchNorm1d)]
    running = {norm: norm.running_var.clone() for norm in norms if norm.running_var is not None}
    with measuring(match.discriminator, match.generator), inputs_of(norms) as seen:
        for number in range(BATCHES):
            key = Key(match.seed, "gap", number)
            batch = probe_batch(match.batches.rows, match.batch, key)
            match.game.show(match.discriminator, batch.samples, batch)
            match.game.show(match.discriminator, make(match.game, match.generator, key, batch.rows, None), batch)
    behind = norms[1]  # the first stands before all dropout
    seen_there = torch.stack([x.var(0) for x in seen[behind]]).mean(0)  # by batch, as a batch norm estimates it
    return float((running[behind] / seen_there).median())


def gaps(rate: float, seed: int, steps: int) -> tuple[float, float]:
    """Before and after the statistics are estimated anew."""
    match = match_of(rate, seed, steps)
    for step in match.play():
        match.take(step)
        if match.step == steps:
            break
    before = gap(match)
    match.fit("discriminator")
    return before, gap(match)


def told(values: list[float]) -> str:
    mean = statistics.mean(values)
    half = float(stats.t.ppf(0.975, len(values) - 1)) * statistics.stdev(values) / math.sqrt(len(values))
    return f"{mean:.2f} ({mean - half:.2f} to {mean + half:.2f})"


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--rates", default="0,0.1,0.25,0.5")
    options.add_argument("--seeds", type=int, default=8)
    options.add_argument("--steps", type=int, default=1000)
    options.add_argument("--json", action="store_true")
    said = options.parse_args()
    rows = []
    for rate in map(float, said.rates.split(",")):
        before, after = zip(*(gaps(rate, seed, said.steps) for seed in range(said.seeds)), strict=True)
        rows.append({"rate": rate, "before": list(before), "after": list(after)})
        if not said.json:
            print(
                f"rate {rate:g}: running over seen {told(list(before))}, estimated anew {told(list(after))}", flush=True
            )
    if said.json:
        print(json.dumps(rows))


if __name__ == "__main__":
    main()
