"""One system's training and sampling, in a process of its own: what it made, in how long, in how much memory."""

from __future__ import annotations

import argparse
import importlib
import json
import os
import re
import resource
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from systems import SYSTEMS, Task


class Order(NamedTuple):
    """What is to be made."""

    system: str
    csv: Path
    seed: int
    count: int
    """Rows to sample."""
    budget: str | None = None
    overrides: tuple[str, ...] = ()
    kept: bool = True
    """Whether the rows are kept, as `made.csv`."""


def made(order: Order, folder: Path, threads: int | None = None) -> dict[str, Any]:
    """What became of an order, from `made.json` in `folder` where it was made before.

    Raises SystemExit where it was made otherwise than asked, or cannot be made.
    """
    file = folder / "made.json"
    if not file.exists():
        folder.mkdir(parents=True, exist_ok=True)
        command = [sys.executable, __file__, str(folder), order.system, str(order.csv)]
        command += ["--seed", str(order.seed), "--count", str(order.count)]
        command += ["--for", order.budget] if order.budget else []
        command += [] if order.kept else ["--forget"]
        environment = os.environ | ({"OMP_NUM_THREADS": str(threads)} if threads else {})
        done = subprocess.run([*command, "--override", *order.overrides], env=environment, stdout=sys.stderr)
        if done.returncode != 0:
            raise SystemExit(f"{folder}: {order.system} ended with status {done.returncode}; why stands above")
    found: dict[str, Any] = json.loads(file.read_text())
    if found["asked"] != asked(order):
        raise SystemExit(f"{folder}: made for {found['asked']}, not {asked(order)}; take another --out")
    return found


def asked(order: Order) -> dict[str, Any]:
    """What an order says beyond where it is kept; only Sparring hears of its budget and overrides."""
    ours = order.system == "sparring"
    return {"count": order.count, "for": order.budget if ours else None, "override": list(order.overrides * ours)}


def make(order: Order, folder: Path) -> None:
    """In this process: trains, samples, and writes down both."""
    system = SYSTEMS[order.system]
    for package in system.packages:
        importlib.import_module(package)
    task = Task(order.csv, folder, order.seed, order.budget, order.overrides)
    if order.system != "sparring":  # Sparring reads the file itself, and that is in its time
        _ = task.plain
    clock = time.perf_counter(), time.process_time()
    fitted = system.fit(task)
    facts = fitted.facts | {"wall": time.perf_counter() - clock[0], "cpu": time.process_time() - clock[1]}
    facts["train_peak_mb"] = peak_mb()
    clock = time.perf_counter(), time.process_time()
    rows = fitted.sample(order.count)
    facts |= {"sample": time.perf_counter() - clock[0], "sample_cpu": time.process_time() - clock[1]}
    facts["peak_mb"] = peak_mb()
    if len(rows) != order.count:
        raise RuntimeError(f"{order.system}: {len(rows)} rows of {order.count}")
    if order.kept:
        keep(folder / "made.csv", rows.to_csv(index=False))
    told = {"threads": os.environ.get("OMP_NUM_THREADS"), "asked": asked(order)}
    keep(folder / "made.json", json.dumps(facts | told))


def peak_mb() -> float:
    """The peak memory of this process: on Linux VmHWM, since what `getrusage` says there may be the parent's."""
    status = Path("/proc/self/status")
    if status.exists() and (found := re.search(r"VmHWM:\s+(\d+) kB", status.read_text())):
        return int(found[1]) / 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def keep(path: Path, text: str) -> None:
    """A file that is there whole or not at all."""
    part = path.with_name(f"{path.name}.part")
    part.write_text(text)
    os.replace(part, path)


def main(words: Sequence[str] | None = None) -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("folder", type=Path)
    options.add_argument("system", choices=SYSTEMS)
    options.add_argument("csv", type=Path)
    options.add_argument("--seed", type=int, required=True)
    options.add_argument("--count", type=int, required=True)
    options.add_argument("--for", dest="budget")
    options.add_argument("--override", nargs="*", default=[])
    options.add_argument("--forget", action="store_true")
    said = options.parse_args(words)
    order = Order(said.system, said.csv, said.seed, said.count, said.budget, tuple(said.override), kept=not said.forget)
    make(order, said.folder)


if __name__ == "__main__":
    main()
