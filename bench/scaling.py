"""How much faster several processes train than one: images a second of both, side by side, and their ratio.

    python bench/scaling.py [RECIPE] [--data PATH|NAME] [--devices N] [--steps 300] [--weak] [--json] [key=value ...]

Each is a whole run by the command, in turn, on the same joined batch (strong scaling: each process takes 1/N of it),
or with `--weak` on N times the batch. The speed is the median over the log's lines after the first two, so that
starting up does not count. On one machine's CPU the processes share its cores: the ratio then says what the exchange
costs, and a ratio above 1 that one process left cores idle.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import yaml


def command(*words: str) -> str:
    return subprocess.run(
        [sys.executable, "-m", "sparring", *words], check=True, stdout=subprocess.PIPE, text=True
    ).stdout


def speed(words: list[str], devices: int, steps: int) -> float:
    """Images a second of a run in so many processes."""
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "run"
        every = max(1, steps // 10)
        fixed = [
            f"steps={steps}",
            f"log_every={every}",
            f"sample_every={steps}",
            f"save_every={steps}",
            "score.metrics=[]",
        ]
        command("train", *words, *fixed, "--devices", str(devices), "--out", str(out))
        lines = [json.loads(line) for line in (out / "log.jsonl").read_text().splitlines()]
    return statistics.median(line["images_per_s"] for line in lines[2:] if "images_per_s" in line)


def compared(words: list[str], devices: int, steps: int, batch: int, *, weak: bool) -> dict[str, Any]:
    """One process and several, in turn: one, several, several, one, so that a slow drift of the machine cancels."""
    joined = batch * devices if weak else batch
    alone, together = [], []
    for number in (1, devices, devices, 1):
        if number == 1:
            alone.append(speed([*words, f"batch={batch}"], 1, steps))
        else:
            together.append(speed([*words, f"batch={joined}"], devices, steps))
    one, several = statistics.mean(alone), statistics.mean(together)
    return {
        "recipe": words[0],
        "devices": devices,
        "scaling": "weak" if weak else "strong",
        "batch": {"one": batch, "several": joined},
        "images_per_s": {"one": round(one, 1), "several": round(several, 1)},
        "each": {"one": [round(s, 1) for s in alone], "several": [round(s, 1) for s in together]},
        "ratio": round(several / one, 3),
        "efficiency": round(several / one / devices, 3),
    }


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("recipe", nargs="?", default="digits")
    options.add_argument("overrides", nargs="*", metavar="key=value")
    options.add_argument("--data", help="for recipes that leave it open")
    options.add_argument("--devices", type=int, default=2)
    options.add_argument("--steps", type=int, default=300)
    options.add_argument("--weak", action="store_true", help="N times the batch for N processes")
    options.add_argument("--json", action="store_true", help="print one JSON object and nothing else")
    said = options.parse_intermixed_args()
    if said.devices < 2:
        options.error("--devices: 2 or more, to compare with one")
    words = [said.recipe, *said.overrides, *(["--data", said.data] if said.data else [])]
    batch = int(yaml.safe_load(command("show", *words))["batch"])
    found = compared(words, said.devices, said.steps, batch, weak=said.weak)
    if said.json:
        print(json.dumps(found))
        return
    speeds = found["images_per_s"]
    print(f"{'':12}{'1 process':>14}{f'{said.devices} processes':>14}{'ratio':>8}")
    print(f"{'images/s':12}{speeds['one']:>14,.0f}{speeds['several']:>14,.0f}{found['ratio']:>8.2f}")


if __name__ == "__main__":
    main()
