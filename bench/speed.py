"""Speed: Sparring beside a plain PyTorch script and Keras on TensorFlow, on the same networks, in one run.

    python bench/speed.py [--only mlp,dcgan] [--seconds 3] [--device cpu] [--json]
    python bench/speed.py --keras path/to/python            Keras in an environment of its own

Each system runs in a process of its own; they take turns, block by block, so that the machine's moods meet all, and the
medians are compared. Networks and batches are in bench/speed/networks.py. `alternating` gives each player fakes of its
own; `simultaneous` moves both on one pass of fakes, as Keras's tutorials have it: like beside like. Averaging, checks,
log and probes are in Sparring's rows; the scripts have none. The limit's fraction is a step's floating-point
operations (counted in the plain script) over the rate of a large matrix product, measured here in the same precision.
Run nothing else meanwhile.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent / "speed"
NETWORKS = ("mlp", "dcgan", "resnet-32", "r3gan-32", "table")
UPDATES = ("alternating", "simultaneous")
BLOCKS = 7


class Contestant:
    """A system's process, ready to run steps."""

    def __init__(self, system: str, network: str, update: str, batch: int | None, command: list[str]) -> None:
        self.about: dict[str, Any] = {"network": network, "system": system, "update": update}
        words = [*command, network, "--update", update, *(["--batch", str(batch)] if batch else [])]
        self.process = subprocess.Popen(
            words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        self.steps = 1
        self.times: list[float] = []
        self.plan: dict[str, Any] | None = None

    def ready(self) -> None:
        """Waits until its step is made. Raises SystemError where it cannot be."""
        told = self.hear()
        self.about["precision"] = told["precision"]
        self.plan = told.get("plan")

    def hear(self) -> dict[str, Any]:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            if line.startswith("{"):
                told: dict[str, Any] = json.loads(line)
                return told
        assert self.process.stderr is not None
        raise SystemError(self.process.stderr.read().strip().splitlines()[-1:] or ["ended without a word"])

    def run(self, steps: int) -> float:
        """Seconds a step."""
        assert self.process.stdin is not None
        self.process.stdin.write(f"{steps}\n")
        self.process.stdin.flush()
        return float(self.hear()["seconds"]) / steps

    def warm(self, seconds: float) -> None:
        """Runs for so long at least, and sets how many steps a block has."""
        self.run(2)
        self.steps = max(1, round(seconds / BLOCKS / self.run(2)))
        self.run(self.steps)

    def finish(self) -> float:
        """Ends the process; gives its peak memory in MB."""
        assert self.process.stdin is not None
        self.process.stdin.write("done\n")
        self.process.stdin.flush()
        peak = float(self.hear()["peak_mb"])
        self.process.wait()
        return peak


def commands(said: argparse.Namespace) -> dict[str, list[str]]:
    """How each row is run."""
    place = ["--device", said.device]
    sparring = [sys.executable, str(HERE / "sparring_run.py"), *place]
    found = {
        "sparring": [*sparring, "--precision", "auto"],
        "sparring fp32": [*sparring, "--precision", "fp32"],
        **({"sparring compiled": [*sparring, "--precision", "auto", "--compiled"]} if said.compiled else {}),
        "torch": [sys.executable, str(HERE / "plain_torch.py"), *place],
    }
    if said.device == "cpu":
        found["keras"] = [said.keras, str(HERE / "keras_tensorflow.py")]
        found["keras xla"] = [said.keras, str(HERE / "keras_tensorflow.py"), "--xla"]
    return found


def measured(network: str, update: str, said: argparse.Namespace) -> list[dict[str, Any]]:
    """The rows of one network and update."""
    limits = json.loads(output([*commands(said)["torch"], network, "--flops"]))
    contestants = started(network, update, said)
    batch = said.batch or limits["batch"]
    for one in contestants:
        one.warm(said.seconds)
    for _ in range(BLOCKS):
        for one in contestants:
            one.times.append(one.run(one.steps))
    rows = []
    for one in contestants:
        step_s, precision = statistics.median(one.times), one.about["precision"]
        operations = limits["flops"][update] * batch / limits["batch"]
        row = one.about | {"batch": batch, "device": said.device, "images_per_s": batch / step_s}
        row |= {"step_ms": 1000 * step_s, "peak_mb": one.finish()}
        rows.append(row | {"limit_fraction": operations / step_s / limits["rates"][precision], "plan": one.plan})
    return rows


def started(network: str, update: str, said: argparse.Namespace) -> list[Contestant]:
    """All systems, ready; Sparring's first, each by itself, since they try which way is fastest."""
    found, waiting = [], []
    for system, command in commands(said).items():
        try:
            waiting.append(Contestant(system, network, update, said.batch, command))
            if system.startswith("sparring"):
                waiting[-1].ready()
                found.append(waiting.pop())
        except OSError as error:
            print(f"{network}, {update}: without {system}: {error}", file=sys.stderr)
    for one in waiting:
        try:
            one.ready()
            found.append(one)
        except SystemError as error:
            print(f"{network}, {update}: without {one.about['system']}: {error}", file=sys.stderr)
    return found


def parts(network: str, update: str, said: argparse.Namespace) -> dict[str, float]:
    """What each part of Sparring's step takes, in seconds."""
    found: dict[str, float] = json.loads(output([*commands(said)["sparring"], network, "--update", update, "--parts"]))[
        "parts"
    ]
    return found


def output(command: list[str]) -> str:
    """The last line that a command prints."""
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return done.stdout.strip().splitlines()[-1]


def table(rows: list[dict[str, Any]]) -> None:
    """Rows for people, with ratios to Sparring's."""
    ours = rows[0]["images_per_s"]
    print(f"\n{rows[0]['network']}, batch {rows[0]['batch']}, {rows[0]['update']}")
    print(f"  {'system':14} {'precision':9} {'images/s':>9} {'step ms':>9} {'peak MB':>8} {'of limit':>8}  sparring is")
    for row in rows:
        print(
            f"  {row['system']:14} {row['precision']:9} {row['images_per_s']:9,.0f} {row['step_ms']:9.2f} "
            f"{row['peak_mb']:8,.0f} {row['limit_fraction']:8.1%}  {ours / row['images_per_s']:.2f} times as fast"
        )


def show_parts(found: dict[str, float]) -> None:
    whole = found["whole step"]
    print("  parts of Sparring's step: " + ", ".join(f"{n} {s / whole:.1%}" for n, s in found.items()))


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--only", default=",".join(NETWORKS), help="networks, by commas")
    options.add_argument("--updates", default=",".join(UPDATES))
    options.add_argument("--seconds", type=float, default=1.5, help="for each row, after warming up")
    options.add_argument("--device", default="cpu", choices=["cpu", "cuda"])
    options.add_argument("--batch", type=int)
    options.add_argument(
        "--compiled", action="store_true", help="Sparring with compiled networks too, a minute more each"
    )
    options.add_argument("--keras", default=sys.executable, help="the Python that has Keras and TensorFlow")
    options.add_argument("--json", action="store_true")
    said = options.parse_args()
    everything: list[dict[str, Any]] = []
    for network in said.only.split(","):
        for update in said.updates.split(","):
            rows = measured(network, update, said)
            everything += rows
            if not said.json:
                table(rows)
                show_parts(parts(network, update, said))
    if said.json:
        print(json.dumps(everything))


if __name__ == "__main__":
    main()
