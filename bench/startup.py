"""How long starting takes: `sparring --help`, `import sparring`, and `sparring train digits` up to its first step.

    python bench/startup.py [--runs 5] [--json]

Each in a fresh process, from its start on; the first step has been made when its line is in the run's `log.jsonl`.
Prints medians; under 0.5 s, 0.3 s and 5 s are wanted on two cores.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

WANTED = {"help": 0.5, "import": 0.3, "first_step": 5.0}


def whole(*command: str) -> float:
    """Seconds from a process's start to its end."""
    began = time.perf_counter()
    subprocess.run([sys.executable, *command], check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - began


def first_step() -> float:
    """Seconds from the command's start to the first line of its log."""
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder) / "run" / "log.jsonl"
        words = ["train", "digits", "steps=1", "score.metrics=[]", "--out", str(log.parent)]
        began = time.perf_counter()
        process = subprocess.Popen([sys.executable, "-m", "sparring", *words], stderr=subprocess.DEVNULL)
        while not (log.exists() and "\n" in log.read_text()):
            if process.poll() not in (None, 0):
                raise SystemExit(f"sparring {' '.join(words)} ended with status {process.returncode}")
            time.sleep(0.005)
        took = time.perf_counter() - began
        process.wait()
    return took


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--runs", type=int, default=5)
    options.add_argument("--json", action="store_true")
    said = options.parse_args()
    measures = {
        "help": lambda: whole("-m", "sparring", "--help"),
        "import": lambda: whole("-c", "import sparring"),
        "first_step": first_step,
    }
    found = {}
    for name, measure in measures.items():
        measure()  # compiles the byte code, fills the file cache
        found[name] = round(statistics.median(measure() for _ in range(said.runs)), 3)
    if said.json:
        print(json.dumps({"runs": said.runs, "seconds": found, "wanted_below": WANTED}))
        return
    for name, seconds in found.items():
        print(f"{name:<11} {seconds:.3f} s, median of {said.runs} (wanted: under {WANTED[name]:g} s)")


if __name__ == "__main__":
    main()
