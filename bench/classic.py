"""What the mistakes do that copies of the classic recipes spread: each beside its correct recipe, measured.

    python bench/classic.py [--seeds 3] [--steps 4000] [--only NAME,...] [--json] [--data PATH|NAME] [--out FILE]

`Tutorial` (bench/classic/tutorial.py) is the training step as tutorials write it, done right: with it a recipe gets,
bit for bit, the weights that `sparring train` gives it (tests/kinds/images/test_classic.py). Each mistake beside it is
a class that gets one thing wrong and else does as `Tutorial` does: so both versions start from the same weights and see
the same images and latents in the same order, and what differs is the mistake. The results, with the reasons, are in
docs/classic.md.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

sys.path.insert(0, str(Path(__file__).parent / "classic"))

from dropout import RescaledWeights, TestStepTrains
from mistakes import MISTAKES
from movers import NotDetached
from pairing import Asked, Bench, begun, played
from telling import results, table, verdict
from tutorial import Tutorial

from sparring.base.errors import RequestError
from sparring.gan.game import Turn
from sparring.gan.surgery import random_layers

__all__ = [
    "MISTAKES",
    "Asked",
    "NotDetached",
    "RescaledWeights",
    "TestStepTrains",
    "Turn",
    "Tutorial",
    "begun",
    "main",
    "played",
    "random_layers",
    "verdict",
]
"""What the tests look at, besides."""


def kept(path: Path | None, protocol: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """The runs that a file holds already. Raises RequestError where they are of another protocol."""
    if path is None or not path.exists():
        return {}
    found = json.loads(path.read_text())
    if found["protocol"] != protocol:
        raise RequestError(f"out: {path} holds runs of another protocol; name another file")
    runs: dict[str, dict[str, Any]] = found["runs"]
    return runs


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])  # type: ignore[union-attr]
    parser.add_argument("--seeds", type=int, default=3, help="how many, from 0 on")
    parser.add_argument("--steps", type=int, default=4000, help="of each run")
    parser.add_argument("--only", help=f"some of {', '.join(MISTAKES)}")
    parser.add_argument("--json", action="store_true", help="print the results as one JSON object")
    parser.add_argument("--data", help="other images: a path or a named data set")
    parser.add_argument("--count", type=int, default=10_000, help="samples to score, at most")
    parser.add_argument("--out", type=Path, help="a file to keep runs in; those it holds are not played again")
    parser.add_argument("--pictures", type=Path, help="a folder for 64 samples of each run")
    told = parser.parse_args(arguments)
    names = told.only.split(",") if told.only else list(MISTAKES)
    unknown = [name for name in names if name not in MISTAKES]
    if unknown:
        parser.error(f"--only: '{unknown[0]}' is none of {', '.join(MISTAKES)}")
    bench = Bench(Asked(told.steps, told.count, told.data, told.pictures))
    protocol = {"steps": told.steps, "torch": torch.__version__, **bench.judge.protocol}
    runs = kept(told.out, protocol)
    for seed in range(told.seeds):
        for name in names:
            if str(seed) in runs.setdefault(name, {}):
                continue
            runs[name][str(seed)] = pair = bench.pair(name, seed)
            print(f"{name}, seed {seed}: {json.dumps(pair)}", file=sys.stderr, flush=True)
            if told.out is not None:
                part = told.out.with_name(f".part-{told.out.name}")
                part.write_text(json.dumps({"protocol": protocol, "runs": runs}, indent=1))
                os.replace(part, told.out)
        bench.right.clear()
    lines = results(runs, names)
    print(json.dumps({"protocol": protocol, "results": lines}, indent=1) if told.json else table(lines, protocol))


if __name__ == "__main__":
    main()
