"""What the doctor costs: steps of a run with it, beside the same steps without.

    python bench/doctor_cost.py [--networks mlp,dcgan] [--blocks 12] [--threads 1] [--json]

The networks of `bench/speed.py`, on made images of 28 x 28, in fp32. A block is 50 steps, into which one reading falls
(with everything that steps note for it), and its judging. Blocks of a match without and with the doctor take turns, in
one process. Times are of the process's own work, all threads added up, so that what else runs on the machine counts
little. A reading looks at samples too at about forty places of a run (`doctor.attend.LOOKS`): the second row is of a
run so short that every reading does. At most 1.03 is wanted of the first.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import torch

sys.path.insert(0, str(Path(__file__).parent / "speed"))

import networks

from sparring import kinds
from sparring.base.rundir import RunDir
from sparring.doctor import Attending, facts_of
from sparring.engine import Engine, choose_plan
from sparring.gan.match import Match
from sparring.recipe import validated
from sparring.recipe.build import build, fitted

BLOCK = 50
SHORT = 2000
"""Steps of a run of which every reading looks at samples."""


def match_of(network: str, folder: Path, steps: int) -> Match:
    """A match on 2,000 made images."""
    path = folder / "images.npz"
    if not path.exists():
        np.savez(path, images=np.random.default_rng(0).integers(0, 256, (2000, 28, 28, 1), dtype=np.uint8))
    fields = networks.recipe(network, None, "alternating", "fp32")
    recipe = validated(fields | {"data": {"images": {"path": str(path)}}, "steps": steps})
    data = recipe.data.load()
    recipe = fitted(recipe, data, {})
    return build(recipe, data, Engine(choose_plan("cpu", "fp32", images=True)))


def block(match: Match, doctor: Attending | None) -> float:
    """Milliseconds of work in a step, over a block that ends where a reading is due."""
    steps = match.play()
    began = time.process_time()
    for step in steps:
        match.take(step)
        if doctor is not None:
            doctor.observe(match, step)
        if match.step % BLOCK == 0:
            return (time.process_time() - began) / BLOCK * 1000
    raise AssertionError("a match plays without end")


def measured(network: str, folder: Path, steps: int, blocks: int) -> dict[str, object]:
    """Both ways in turn, after a block each to warm up."""
    plain, watched = (match_of(network, folder, steps) for _ in range(2))
    run = RunDir(folder / f"{network}-{steps}")
    run.create()
    fields = networks.recipe(network, None, "alternating", "fp32") | {"data": {"digits": {}}, "steps": steps}
    recipe = validated(fields)
    doctor = Attending(run, facts_of(recipe), lambda line: None, kind=kinds.of(recipe.game, recipe.data))
    block(plain, None), block(watched, doctor)
    pairs = [(block(plain, None), block(watched, doctor)) for _ in range(blocks)]
    ratios = [with_it / without for without, with_it in pairs]
    quarters = statistics.quantiles(ratios, n=4)
    return {
        "network": network,
        "samples": "every reading" if steps == SHORT else "now and then",
        "step_ms": statistics.median(without for without, _ in pairs),
        "with_ms": statistics.median(with_it for _, with_it in pairs),
        "ratio": statistics.median(ratios),
        "quartiles": [quarters[0], quarters[2]],
    }


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--networks", default="mlp,dcgan")
    options.add_argument("--blocks", type=int, default=12)
    options.add_argument("--threads", type=int, default=1)
    options.add_argument("--json", action="store_true")
    said = options.parse_args()
    torch.set_num_threads(said.threads)
    found = []
    with tempfile.TemporaryDirectory() as folder:
        for network in said.networks.split(","):
            for steps in (100_000, SHORT):
                found.append(measured(network, Path(folder), steps, said.blocks))
                one = found[-1]
                if not said.json:
                    low, high = one["quartiles"]  # type: ignore[misc]
                    print(
                        f"{network:10} samples looked at {one['samples']:14} {one['step_ms']:8.2f} ms a step, with the "
                        f"doctor {one['with_ms']:8.2f}: {one['ratio']:.3f} ({low:.3f} to {high:.3f})"
                    )
    if said.json:
        print(json.dumps(found))


if __name__ == "__main__":
    main()
