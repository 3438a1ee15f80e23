"""What dropout costs and what it does to gradients, by rate, kind and place.

    python bench/dropout_cost.py [--only time,memory,gradients] [--networks dense,convolutional] [--json]

time: a step of both players on random images of 28 x 28, over the same step without dropout; all cases take turns,
block by block, and the median of the ratios within a round is printed. `torch` rows have PyTorch's own layer in the
same places. memory: what a few such steps take at most beside what their process had before (VmHWM, so Linux alone;
on a GPU, PyTorch's own count, with time), over that without dropout. gradients: on digits, with players that were
trained for a while without dropout, both players' gradients of one batch under many masks, beside that without dropout.
Run nothing else meanwhile.
"""

from __future__ import annotations

import argparse
import copy
import json
import re
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from sparring.base.draws import Key
from sparring.data import DataSet, probe_batch
from sparring.engine import Engine, choose_plan
from sparring.gan.game import SIDES, Turn
from sparring.gan.match import Match
from sparring.gan.measuring import check_weights
from sparring.gan.players import frozen
from sparring.gan.surgery import Drop, rewind
from sparring.kinds.images.sources import Digits
from sparring.recipe import Recipe, validated
from sparring.recipe.build import build, fitted

LEAKY = {"leaky_relu": {"slope": 0.2}}
ADAM = {"adam": {"lr": 2e-4, "betas": [0.0, 0.99]}}
NETWORKS: dict[str, dict[str, Any]] = {
    "dense": {
        "generator": {"dense": {"widths": [256, 256], "activation": LEAKY}},
        "discriminator": {"dense": {"widths": [256, 256], "activation": LEAKY}},
        "batch": 128,
        "first": "hidden.1",
        "last": "hidden.3",
    },
    "convolutional": {
        "generator": {"dcgan": {"widths": [128, 64, 32], "strides": [1, 2, 2], "activation": LEAKY, "kernel": 3}},
        "discriminator": {
            "dcgan": {"widths": [32, 64, 64], "strides": [1, 2, 2], "norm": "none", "activation": LEAKY, "kernel": 3}
        },
        "batch": 64,
        "first": "convolutions.1",
        "last": "convolutions.5",
    },
}
RATES = (0.1, 0.25, 0.5, 0.75)


class Case(NamedTuple):
    """One way to drop."""

    name: str
    discriminator: dict[str, Any] | None = None
    generator: dict[str, Any] | None = None
    terms: dict[str, Any] | None = None
    own: type[nn.Module] | None = None
    """PyTorch's layer, put in place of this project's."""


def cases(network: str) -> list[Case]:
    """The cases of one network; the first is without dropout."""
    places = NETWORKS[network]
    half = {"rate": 0.5}
    found = [Case("none"), *(Case(f"value, rate {rate:g}", {"rate": rate}) for rate in RATES)]
    kinds = ("gaussian",) if network == "dense" else ("channel", "block", "gaussian")
    found += [Case(f"{kind}, rate 0.5", half | {"kind": kind}) for kind in kinds]
    found += [
        Case(f"value, rate 0.5, {place} place alone", half | {"where": places[place]}) for place in ("first", "last")
    ]
    found += [Case("value, rate 0.5, both players", half, half), Case("torch: Dropout(0.5)", half, own=nn.Dropout)]
    if network != "dense":
        found.append(Case("torch: Dropout2d(0.5)", half, own=nn.Dropout2d))
    found.append(Case("none, with R1", terms={"r1": None}))
    found += [
        Case(f"value, rate 0.5, with R1, masks: {masks}", half, terms={"r1": {"masks": masks}}) for masks in MASKS
    ]
    return found


MASKS = ("one", "two", "off")


def recipe_of(network: str, case: Case, data: Any, **more: Any) -> Recipe:
    """The recipe of a case."""
    options = NETWORKS[network]
    players = {
        side: {
            "net": options[side],
            "optimiser": ADAM,
            "surgery": {} if getattr(case, side) is None else {"dropout": getattr(case, side)},
        }
        for side in SIDES
    }
    players["discriminator"]["terms"] = case.terms or {}
    fields = {"data": data, "objective": "non_saturating", "batch": options["batch"], "game": LATENT, **players, **more}
    return validated(fields)


LATENT = {"from_noise": {"latent": {"normal": {"size": 64}}}}


def match_of(network: str, case: Case, data: DataSet, options: Any, device: str, **more: Any) -> Match:
    """A match of a case, ready to be played."""
    plan = choose_plan(device, "fp32", images=True)
    recipe = fitted(recipe_of(network, case, options, **more), data, {})
    match = build(recipe, data, Engine(plan))
    if case.own is not None:
        for _, layer in list(match.discriminator.named_modules()):
            for name, child in layer.named_children():
                if isinstance(child, Drop):
                    layer.add_module(name, case.own(0.5))
    return match


def random_images(folder: Path) -> tuple[DataSet, dict[str, Any]]:
    """Two thousand random images of 28 x 28 in a file, and the options that read it."""
    path = folder / "images.npz"
    np.savez(path, images=np.random.default_rng(0).integers(0, 256, (2000, 28, 28), dtype=np.uint8))
    options = {"images": {"path": str(path)}}
    return recipe_of("dense", Case("none"), options).data.load(), options


def play(match: Match, steps: Any, count: int, clock: str = "wall") -> float:
    """Seconds a step."""
    read = time.perf_counter if clock == "wall" else time.process_time
    match.engine.settle()
    began = read()
    for _ in range(count):
        match.take(next(steps))
    match.engine.settle()
    return (read() - began) / count


def times(network: str, said: argparse.Namespace) -> list[dict[str, Any]]:
    """Step times by case, over that of the first."""
    with tempfile.TemporaryDirectory() as folder:
        data, options = random_images(Path(folder))
        found = [(case, match_of(network, case, data, options, said.device)) for case in cases(network)]
        played = [(case, match, match.play()) for case, match in found]
        for _, match, steps in played:
            play(match, steps, 2)
        block = max(
            1, round(said.seconds / said.rounds / play(played[0][1], played[0][2], 3, said.clock) / len(played))
        )
        rounds = [[play(match, steps, block, said.clock) for _, match, steps in played] for _ in range(said.rounds)]
        memory = _gpu_memory(played) if said.device == "cuda" else [None] * len(played)
        for _, match in found:
            check_weights(match)  # a network that fell to NaN is another workload
    rows = []
    for place, (case, *_) in enumerate(played):
        ratios = [one[place] / one[0] for one in rounds]
        low, middle, high = np.quantile(ratios, (0.25, 0.5, 0.75))
        step_ms = 1000 * statistics.median(one[place] for one in rounds)
        row = {"network": network, "case": case.name, "step_ms": step_ms, "ratio": middle, "quartiles": [low, high]}
        rows.append(row | ({} if memory[place] is None else {"peak_mb": memory[place]}))
    return rows


def _gpu_memory(played: list[tuple[Case, Match, Any]]) -> list[float]:
    """What a step takes at most beside what was there before it, in MB."""
    found = []
    for _, match, steps in played:
        torch.cuda.reset_peak_memory_stats()
        before = torch.cuda.memory_allocated()
        play(match, steps, 2)
        found.append((torch.cuda.max_memory_allocated() - before) / 2**20)
    return found


def memory(network: str, said: argparse.Namespace) -> list[dict[str, Any]]:
    """Peaks by case, each in a process of its own."""
    rows = []
    for number, case in enumerate(cases(network)):
        words = [sys.executable, __file__, "--child", f"{network}:{number}"]
        done = subprocess.run(words, capture_output=True, text=True, check=True)
        peak = float(done.stdout.strip().splitlines()[-1])
        rows.append({"network": network, "case": case.name, "peak_mb": peak})
    return [row | {"ratio": row["peak_mb"] / rows[0]["peak_mb"]} for row in rows]


def child(told: str) -> float:
    """Plays a few steps; gives what they take at most beside what this process had before, in MB."""
    network, number = told.split(":")
    with tempfile.TemporaryDirectory() as folder:
        data, options = random_images(Path(folder))
        match = match_of(network, cases(network)[int(number)], data, options, "cpu")
        before = resident("VmRSS")
        play(match, match.play(), 4)
    return resident("VmHWM") - before


def resident(name: str) -> float:
    """This process's memory as Linux tells it, in MB."""
    status = Path("/proc/self/status")
    found = re.search(rf"{name}:\s+(\d+) kB", status.read_text()) if status.exists() else None
    if found is None:
        raise SystemExit("memory: this system does not tell a process's peak (VmHWM); --only time,gradients")
    return int(found[1]) / 1024


def gradients(network: str, said: argparse.Namespace) -> list[dict[str, Any]]:
    """What masks do to both players' gradients, at a point that was reached without dropout."""
    data = Digits().load()
    reached = match_of(network, Case("none"), data, "digits", "cpu", steps=said.steps)
    play(reached, reached.play(), said.steps)
    state = reached.state()
    kinds = () if network == "dense" else ("channel", "block")
    ways = [Case(f"value, rate {rate:g}", {"rate": rate}) for rate in RATES]
    ways += [Case(f"{kind}, rate 0.5", {"rate": 0.5, "kind": kind}) for kind in (*kinds, "gaussian")]
    ways += [Case("value, rate 0.5, in the generator alone", None, {"rate": 0.5})]
    rows = []
    plain = {side: gradient(reached, side, batch=0, masks=0) for side in SIDES}
    for side in SIDES:
        others = torch.stack([gradient(reached, side, batch=number, masks=0) for number in range(1, said.masks + 1)])
        whole = others.mean(0)  # of all batches: a batch is to it what a mask is to the mean over masks
        rows.append({"network": network, "side": side, "case": "no dropout, other batches", **compared(others, whole)})
    for case in ways:
        match = match_of(network, case, data, "digits", "cpu", steps=said.steps)
        match.restore(copy.deepcopy(state))
        for player in match.players.values():
            player.prepare(match.now(match.step))
        for side in SIDES:
            found = torch.stack([gradient(match, side, batch=0, masks=number) for number in range(said.masks)])
            rows.append({"network": network, "side": side, "case": case.name, **compared(found, plain[side])})
    return rows


def gradient(match: Match, side: str, *, batch: int, masks: int) -> Tensor:
    """One player's gradient of the adversarial loss, as one row, on a batch and under masks of these numbers."""
    samples = probe_batch(match.batches.rows, 64, Key("batch", batch))
    turn = Turn(match.duel, samples, match.now(match.step), side, Key("batch", batch))  # type: ignore[arg-type]
    turn.begin()
    for layers in match.duel.random.values():
        rewind(layers, Key("masks", masks), samples.rows)
    net = match.nets()[side]
    if side == "discriminator":
        loss = match.players[side].adversarial(turn)
    else:
        with frozen(match.discriminator):
            loss = match.players[side].adversarial(turn)
    return torch.cat([one.flatten() for one in torch.autograd.grad(loss, list(net.parameters()))])


def compared(found: Tensor, plain: Tensor) -> dict[str, float]:
    """Gradients [draws, values] beside one [values]: the mean of their norms and the root of their total variance, both
    over its norm; their cosine to it, on average, and that of their mean."""
    norm, mean = plain.norm(), found.mean(0)
    spread = ((found - mean).square().sum() / (len(found) - 1)).sqrt()
    return {
        "norm": float(found.norm(dim=1).mean() / norm),
        "spread": float(spread / norm),
        "cosine": float(torch.cosine_similarity(found, plain[None]).mean()),
        "cosine_of_mean": float(torch.cosine_similarity(mean, plain, dim=0)),
    }


def shown(rows: dict[str, list[dict[str, Any]]]) -> str:
    """All as tables."""
    lines = []
    if "time" in rows:
        peak = any("peak_mb" in row for row in rows["time"])
        lines += [
            "| network | dropout | step, ms | over none | quartiles |" + (" peak of a step, MB |" if peak else "")
        ]
        lines += ["|---|---|---|---|---|" + ("---|" if peak else "")]
        for row in rows["time"]:
            low, high = row["quartiles"]
            told = f" {row['peak_mb']:.1f} |" if peak else ""
            line = f"| {row['network']} | {row['case']} | {row['step_ms']:.3g} | {row['ratio']:.2f} "
            lines.append(f"{line}| {low:.2f} to {high:.2f} |{told}")
    if "memory" in rows:
        lines += ["", "| network | dropout | peak, MB | over none |", "|---|---|---|---|"]
        lines += [f"| {r['network']} | {r['case']} | {r['peak_mb']:.0f} | {r['ratio']:.3f} |" for r in rows["memory"]]
    if "gradients" in rows:
        lines += ["", "| network | player | dropout | norm | spread | cosine | cosine of the mean |", "|" + "---|" * 7]
        for r in rows["gradients"]:
            numbers = " | ".join(f"{r[name]:.2f}" for name in ("norm", "spread", "cosine", "cosine_of_mean"))
            lines.append(f"| {r['network']} | {r['side']} | {r['case']} | {numbers} |")
    return "\n".join(lines).strip()


def main(words: list[str] | None = None) -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--only", default="time,memory,gradients")
    options.add_argument("--networks", default=",".join(NETWORKS))
    options.add_argument("--device", default="cpu")
    options.add_argument("--seconds", type=float, default=25.0, help="to time each network for, about")
    options.add_argument("--rounds", type=int, default=7)
    options.add_argument(
        "--clock",
        default="wall",
        choices=("wall", "cpu"),
        help="cpu: this process's time, where the machine is not quiet",
    )
    options.add_argument("--steps", type=int, default=600, help="to train before gradients are compared")
    options.add_argument("--masks", type=int, default=100, help="draws for each row of gradients")
    options.add_argument("--json", action="store_true")
    options.add_argument("--child", help=argparse.SUPPRESS)
    said = options.parse_args(words)
    if said.child:
        print(child(said.child))
        return
    measures = {"time": times, "memory": memory, "gradients": gradients}
    wanted = [name for name in said.only.split(",") if name in measures]
    if not wanted:
        options.error(f"--only: '{said.only}' is none of {', '.join(measures)}")
    rows: dict[str, list[dict[str, Any]]] = {name: [] for name in wanted}
    for name in wanted:
        for network in said.networks.split(","):
            rows[name] += measures[name](network, said)
    print(json.dumps(rows, indent=1) if said.json else shown(rows))


if __name__ == "__main__":
    main()
