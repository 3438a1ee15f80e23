"""Quality, measured: how good the recipes are, at least 3 seeds each, against what the same command runs beside them.

    python bench/quality.py fashion --seeds 3 --minutes 10     image/small against bench/rough_try.py, in the same time
    python bench/quality.py fashion --seeds 3 --minutes 10 --override game.from_noise.labels=none
    python bench/quality.py digits ring grid
    python bench/quality.py precision --network dcgan --steps 600     bf16 beside float32, the same steps and draws

Run nothing else meanwhile. `fashion` takes about 25 minutes a seed and needs Fashion-MNIST, downloaded or in the folder
that SPARRING_DATA names.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import torch
from scipy import stats

sys.path.insert(0, str(Path(__file__).parent / "speed"))

import networks

import sparring
from sparring import kinds
from sparring.base.part import read_choice
from sparring.data import DataSet, Source
from sparring.kinds.kind import Kind, Made
from sparring.pages.console import Talk
from sparring.recipe import Scoring
from sparring.recipe.request import options_of
from sparring.runs.run import Run
from sparring.runs.scoring import choose_extractor, judged_by, score

HERE = Path(__file__).parent
OWN = ("digits", "ring", "grid", "stacked_digits")
METRICS = ("fid", "kid", "precision", "recall", "density", "coverage", "memorisation")


def load(name: str) -> tuple[Kind, DataSet]:
    """The data of a place or a name, and their kind."""
    source: Source = read_choice(options_of(name), kinds.parts(Source))
    return kinds.kind_named(source.kind), source.load()


def trained(recipe: str, out: Path, seed: int, words: list[str]) -> Run:
    """A run by the real command, in a process of its own; only its scores by default metrics are left out."""
    command = [sys.executable, "-m", "sparring", "train", recipe, "--seed", str(seed), "--out", str(out), *words]
    subprocess.run([*command, "score.metrics=[]"], check=True, stderr=subprocess.DEVNULL)
    return sparring.load(out)


def scored(kind: Kind, samples: torch.Tensor, data: DataSet, names: tuple[str, ...]) -> dict[str, Any]:
    """The scores of the first samples, as many as held-out ones are taken."""
    scoring = Scoring()
    extractor = choose_extractor(kind, scoring.extractor, data, torch.device("cpu"), Talk().say)
    some = samples[: len(judged_by(data, scoring))]
    return score(kind, Made(some, data.codec), data, scoring, extractor, names, {})


def fashion(said: argparse.Namespace) -> list[dict[str, Any]]:
    """`image/small` and the rough try, turn by turn."""
    (images, data), rows = load(said.data), []
    count = min(len(data.heldout), 10_000)
    for seed in range(said.seeds):
        with tempfile.TemporaryDirectory() as folder:
            out = Path(folder) / "run"
            words = ["--data", said.data, "--for", f"{said.minutes}m", *said.override]
            run = trained("image/small", out, seed, words)
            mine = scored(images, run.draw(count).samples, data, METRICS)
            rows.append(row("sparring", seed, run.seconds, run.step * run.recipe.batch, mine))
            seconds = max(60 * said.minutes, run.seconds)  # never less time than ours took
            fakes = Path(folder) / "fakes.npz"
            words = ["--data", said.data, "--seconds", str(seconds), "--seed", str(seed), "--count", str(count)]
            subprocess.run([sys.executable, str(HERE / "rough_try.py"), *words, "--out", str(fakes)], check=True)
            with np.load(fakes) as stored:
                rough = scored(images, torch.from_numpy(stored["images"]), data, METRICS)
                rows.append(row("rough try", seed, seconds, int(stored["images_seen"]), rough))
        print(json.dumps(rows[-2:]), file=sys.stderr, flush=True)
    return rows


def own(recipe: str, said: argparse.Namespace) -> list[dict[str, Any]]:
    """A recipe by itself, against its own data's yardstick."""
    rows = []
    for seed in range(said.seeds):
        with tempfile.TemporaryDirectory() as folder:
            run = trained(recipe, Path(folder) / "run", seed, said.override)
            data = run.recipe.data.load()
            samples = run.draw(max(len(data.heldout), 10)).samples
            names = ("modes", "high_quality") if data.modes else METRICS
            found = scored(run.kind, samples, data, names)
            rows.append(row(recipe, seed, run.seconds, run.step * run.recipe.batch, found))
        print(json.dumps(rows[-1]), file=sys.stderr, flush=True)
    return rows


def precision(said: argparse.Namespace) -> list[dict[str, Any]]:
    """A network of `bench/speed.py` in bf16 and in float32, turn by turn, equal but for that."""
    (images, data), rows = load(said.data), []
    count = min(len(data.heldout), 10_000)
    for seed in range(said.seeds):
        for kind in ("bf16", "fp32"):
            with tempfile.TemporaryDirectory() as folder:
                path = Path(folder) / f"{said.network}.yaml"
                path.write_text(json.dumps(networks.recipe(said.network, None, "alternating", kind)))
                words = ["--data", said.data, "--for", f"{said.steps}steps", "plan=plain"]
                run = trained(str(path), Path(folder) / "run", seed, words)
                found = scored(images, run.draw(count).samples, data, METRICS)
                rows.append(row(kind, seed, run.seconds, run.step * run.recipe.batch, found))
        print(json.dumps(rows[-2:]), file=sys.stderr, flush=True)
    return rows


def row(system: str, seed: int, seconds: float, images: int, scores: dict[str, Any]) -> dict[str, Any]:
    yardstick = {n: s["protocol"]["training_data"] for n, s in scores.items() if "training_data" in s["protocol"]}
    return {
        "system": system,
        "seed": seed,
        "seconds": round(seconds, 1),
        "images": images,
        "scores": {name: one["value"] for name, one in scores.items()},
        "training_data": yardstick,
    }


def student(values: list[float]) -> tuple[float, float, float]:
    """Mean and 95 % interval over seeds."""
    mean = float(np.mean(values))
    if len(values) < 2:
        return mean, float("nan"), float("nan")
    half = float(stats.t.ppf(0.975, len(values) - 1) * np.std(values, ddof=1) / len(values) ** 0.5)
    return mean, mean - half, mean + half


def report(rows: list[dict[str, Any]]) -> None:
    """A line for each system and score, then ratios, paired by seed."""
    systems = list(dict.fromkeys(one["system"] for one in rows))
    for system in systems:
        mine = [one for one in rows if one["system"] == system]
        seconds = ", ".join(f"{one['seconds']:.0f}" for one in mine)
        print(f"{system}: {len(mine)} seeds, training seconds {seconds}, images {[one['images'] for one in mine]}")
        for name in mine[0]["scores"]:
            mean, low, high = student([one["scores"][name] for one in mine])
            line = f"  {name:14} {mean:9.4g}  ({low:.4g} to {high:.4g})"
            if name in mine[0]["training_data"]:
                line += f"   training data {mine[0]['training_data'][name]:.4g}"
            print(line)
    if len(systems) == 2:
        first, second = ([one for one in rows if one["system"] == system] for system in systems)
        ratios = [a["scores"]["fid"] / b["scores"]["fid"] for a, b in zip(first, second, strict=True)]
        mean, low, high = student(ratios)
        print(
            f"fid, {systems[0]} over {systems[1]}: {mean:.3f} ({low:.3f} to {high:.3f}), by seed {np.round(ratios, 3)}"
        )


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("what", nargs="+", choices=["fashion", "precision", *OWN])
    options.add_argument("--seeds", type=int, default=3)
    options.add_argument("--minutes", type=float, default=10)
    options.add_argument("--data", default="fashion_mnist")
    options.add_argument("--network", default="dcgan", choices=list(networks.RECIPES))
    options.add_argument("--steps", type=int, default=600)
    options.add_argument("--override", nargs="*", default=[])
    options.add_argument("--json", action="store_true")
    said = options.parse_args()
    for what in said.what:
        rows = own(what, said) if what in OWN else {"fashion": fashion, "precision": precision}[what](said)
        print(json.dumps(rows) if said.json else "", end="\n" if said.json else "")
        if not said.json:
            report(rows)


if __name__ == "__main__":
    main()
