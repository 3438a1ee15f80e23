"""How well `sparring plan` predicts: step time, memory and time to finish against what then happens.

    python bench/plan.py digits ring image/small --data fashion_mnist [--steps 600]

For each recipe: the prediction by the command, in a process of its own, then the run by the command in another. Prints
predicted over measured; within 0.75 to 1.25 is promised on a quiet machine.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any


def command(*words: str) -> str:
    return subprocess.run([sys.executable, "-m", "sparring", *words], check=True, capture_output=True, text=True).stdout


def compared(recipe: str, data: list[str], steps: int) -> dict[str, Any]:
    predicted = json.loads(command("plan", recipe, f"steps={steps}", *data, "--json"))
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "run"
        command("train", recipe, f"steps={steps}", "score.metrics=[]", *data, "--out", str(out))
        lines = [json.loads(line) for line in (out / "log.jsonl").read_text().splitlines()]
    ended = lines[-1]
    speeds = sorted(line["images_per_s"] for line in lines if "images_per_s" in line)
    return {
        "recipe": recipe,
        "step_time": round(predicted["seconds"] / predicted["steps"] / (ended["seconds"] / steps), 3),
        "images_per_s": round(predicted["images_per_s"] / speeds[len(speeds) // 2], 3),
        "memory": round(predicted["memory_mb"] / ended["memory_mb"], 3),
        "finish": round(predicted["seconds"] / ended["seconds"], 3),
        "measured_s": round(ended["seconds"], 1),
    }


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("recipes", nargs="+")
    options.add_argument("--data", default="fashion_mnist", help="for recipes that leave it open")
    options.add_argument("--steps", type=int, default=600)
    said = options.parse_args()
    for recipe in said.recipes:
        data = ["--data", said.data] if recipe.startswith("image/") else []
        print(json.dumps(compared(recipe, data, said.steps)), flush=True)


if __name__ == "__main__":
    main()
