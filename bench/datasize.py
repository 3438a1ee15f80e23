"""Whether cost is flat in the size of the data: 10 thousand against a million images, in memory and from a file.

    python bench/datasize.py [--counts 10000 1000000] [--recipe digits] [--steps 300] [--json]

Images are random, uint8, 28 x 28, written to a .npz first. Each case is a process of its own that loads them (decoding
them before, where they come from a file), plays the recipe's steps as a run does, and tells the median step time and
its own peak memory (VmHWM, so Linux alone). Cases take turns, `--rounds` times; prints medians and ratios.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
import zipfile
from pathlib import Path
from typing import Any

WAYS = {"memory": "1TB", "file": "0"}
"""How samples are kept, with the budget that makes it so."""
EDGE = 28


def write(path: Path, count: int) -> None:
    """Random images as an .npz, block by block."""
    import numpy as np

    source = np.random.default_rng(0)
    with zipfile.ZipFile(path, "w") as archive, archive.open("images.npy", "w", force_zip64=True) as out:
        head = {"descr": "|u1", "fortran_order": False, "shape": (count, EDGE, EDGE)}
        np.lib.format.write_array_header_1_0(out, head)
        for first in range(0, count, 10_000):
            out.write(source.bytes(min(10_000, count - first) * EDGE * EDGE))


def one(path: str, recipe_name: str, steps: int) -> dict[str, Any]:
    """One case, in this process."""
    from sparring.engine import Engine, choose_plan
    from sparring.kinds import zoo
    from sparring.recipe import validated
    from sparring.recipe.build import build, fitted
    from sparring.recipe.request import options_of

    fields = zoo.read_recipe(recipe_name)
    fields["data"] = options_of(path, fields.get("data"))
    began = time.perf_counter()
    recipe = validated(fields)
    data = recipe.data.load()
    loaded = time.perf_counter() - began
    recipe = fitted(recipe, data, {})
    match = build(recipe, data, Engine(choose_plan("auto", recipe.precision, images=True)))
    played, times = match.play(), []
    for number in range(steps):
        began = time.perf_counter()
        step = next(played)
        match.take(step)
        float(step.discriminator[-1]["loss"]) if step.discriminator else None
        if number >= steps // 5:  # the first ones start things up
            times.append(time.perf_counter() - began)
    peak = re.search(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text())
    assert peak is not None
    return {
        "step_ms": statistics.median(times) * 1000,
        "peak_mb": int(peak[1]) / 1024,
        "load_s": loaded,
        "from_file": data.file is not None,
        "device": str(match.engine.device),
    }


def case(path: Path, way: str, cache: Path, said: argparse.Namespace) -> dict[str, Any]:
    """The same in a process of its own."""
    words = [sys.executable, __file__, "--one", str(path), "--recipe", said.recipe, "--steps", str(said.steps)]
    environment = os.environ | {"SPARRING_DATA_MEMORY": WAYS[way], "SPARRING_CACHE": str(cache / way)}
    ended = subprocess.run(words, check=True, stdout=subprocess.PIPE, text=True, env=environment)
    found: dict[str, Any] = json.loads(ended.stdout)
    if found["from_file"] != (way == "file"):
        raise SystemExit(f"{path}: not kept in {way}")
    return found


def compared(said: argparse.Namespace) -> dict[str, Any]:
    """Medians of each case, and the ratios of the largest to the smallest data."""
    small, large = min(said.counts), max(said.counts)
    found: dict[str, dict[int, list[dict[str, Any]]]] = {way: {n: [] for n in (small, large)} for way in WAYS}
    with tempfile.TemporaryDirectory(dir=said.folder) as folder:
        for count in (small, large):
            write(Path(folder) / f"{count}.npz", count)
        for _ in range(said.rounds):
            for way in WAYS:
                for count in (small, large):
                    found[way][count].append(case(Path(folder) / f"{count}.npz", way, Path(folder), said))
    result: dict[str, Any] = {"recipe": said.recipe, "counts": [small, large], "rounds": said.rounds}
    result["device"] = found["file"][large][0]["device"]
    for way, cases in found.items():
        numbers = {
            name: [statistics.median(run[name] for run in cases[count]) for count in (small, large)]
            for name in ("step_ms", "peak_mb", "load_s")
        }
        result[way] = {name: [round(number, 2) for number in both] for name, both in numbers.items()}
        result[way] |= {
            f"{name}_ratio": round(numbers[name][1] / numbers[name][0], 3) for name in ("step_ms", "peak_mb")
        }
    steps = [result[way]["step_ms"][1] for way in ("file", "memory")]
    result["file_over_memory_step_ratio"] = round(steps[0] / steps[1], 3)
    return result


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--counts", type=int, nargs=2, default=[10_000, 1_000_000])
    options.add_argument("--recipe", default="digits")
    options.add_argument("--steps", type=int, default=300)
    options.add_argument("--rounds", type=int, default=3)
    options.add_argument("--folder", help="where images and cache are written, and removed; the system's by default")
    options.add_argument("--json", action="store_true")
    options.add_argument("--one", help=argparse.SUPPRESS)
    said = options.parse_args()
    if said.one:
        print(json.dumps(one(said.one, said.recipe, said.steps)))
        return
    found = compared(said)
    if said.json:
        print(json.dumps(found))
        return
    small, large = found["counts"]
    print(f"{found['recipe']} on {found['device']}, {small:,} against {large:,} images of {EDGE} x {EDGE}")
    for way in WAYS:
        one_way = found[way]
        for name, unit in (("step_ms", "ms a step"), ("peak_mb", "MB at the peak")):
            first, last = one_way[name]
            print(f"  {way:<7} {first:9.2f} and {last:9.2f} {unit:<15} ratio {one_way[f'{name}_ratio']:.3f}")
    print(f"  a step from the file over one from memory: {found['file_over_memory_step_ratio']:.3f}")


if __name__ == "__main__":
    main()
