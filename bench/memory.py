"""How much memory `sparring plan` foretells, beside what a run then uses, scores and report counted.

    python bench/memory.py --data shared/data [digits ring image/small ...] [--steps 60]

For each recipe: the prediction by the command, in a process of its own, then a short run by the command in another,
whose peak the system tells (the largest resident set). Prints foretold over used; within 0.75 to 1.25 is promised.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

BRAIN = ("medical/brain-tumor-mri.zip", "data.images.channels=1", "data.images.size=64", "data.images.strict=false")
PLACES = {
    "image/few": [*BRAIN],
    "image/small": ["fashion-mnist"],
    "image/medium": ["faces/lfw-aligned-112-subset.zip"],
    "image/large": ["faces/lfw-aligned-112-subset.zip"],
    "table": ["tabular/adult.csv"],
    "table/few": ["tabular/penguins.csv"],
    "translate/paired": ["image-to-image/maps.zip"],
    "translate/unpaired": ["image-to-image/maps.zip"],
    "translate/cycle": ["image-to-image/maps.zip"],
    "inpaint/photos": ["faces/lfw-aligned-112-subset.zip"],
    "inpaint/medical": [*BRAIN],
}
"""What recipes that leave the data open are tried on, below the data's folder, and overrides."""
LEFT_OUT = ("classic/", "style/")
"""Programs of tutorials, which run on digits as does the first; and two pictures."""


def words_of(recipe: str, data: Path, steps: int) -> list[str]:
    place, *more = PLACES.get(recipe, [""])
    return [recipe, f"steps={steps}", *more, *(["--data", str(data / place)] if place else [])]


def foretold(words: Sequence[str]) -> float:
    """In MB."""
    told = subprocess.run(
        [sys.executable, "-m", "sparring", "plan", *words, "--json"], check=True, capture_output=True, text=True
    )
    return float(json.loads(told.stdout)["memory_mb"])


def used(words: Sequence[str]) -> float:
    """The peak of the process of a whole run, in MB."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "sparring", "train", *words, "--out", f"{folder}/run"]
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            raise SystemExit(f"{' '.join(command)}: status {process.returncode}")
    return usage.ru_maxrss / (2**20 if sys.platform == "darwin" else 2**10)


def compared(recipes: Sequence[str], data: Path, steps: int) -> Iterator[dict[str, Any]]:
    for recipe in recipes:
        words = words_of(recipe, data, steps)
        told, peak = foretold(words), used(words)
        yield {"recipe": recipe, "foretold_mb": round(told), "used_mb": round(peak), "ratio": round(told / peak, 3)}


def main() -> None:
    from sparring import recipes

    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("recipes", nargs="*", default=[name for name in recipes() if not name.startswith(LEFT_OUT)])
    options.add_argument("--data", type=Path, required=True, help="the folder of the data sets")
    options.add_argument("--steps", type=int, default=60)
    said = options.parse_intermixed_args()
    for line in compared(said.recipes, said.data, said.steps):
        print(json.dumps(line), flush=True)


if __name__ == "__main__":
    main()
