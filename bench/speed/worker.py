"""What every system's process does: it makes its step, then runs as many as it is told, and says how long they took.

A process each, because PyTorch and TensorFlow keep thread pools of their own. Told over standard input, a line a time:
a number of steps, or `done`. Answers are JSON, a line each, on standard output.
"""

from __future__ import annotations

import json
import resource
import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np

ROWS = 4096
"""Images in the data: enough that none is in a cache of the processor again before it is due."""


def images(shape: tuple[int, ...], rows: int = ROWS) -> np.ndarray[Any, np.dtype[np.uint8]]:
    """Noise: what is in the images does not change the time of a step."""
    return np.random.default_rng(0).integers(0, 256, (rows, *shape), dtype=np.uint8)


def serve(step: Callable[[], object], settle: Callable[[], object], about: dict[str, Any], warm: int = 3) -> None:
    """Runs steps when told; `settle` waits for what is still under way on a device."""
    for _ in range(warm):
        step()
    settle()
    answer({"ready": True} | about)
    for line in sys.stdin:
        if line.strip() == "done":
            break
        began = time.perf_counter()
        for _ in range(int(line)):
            step()
        settle()
        answer({"seconds": time.perf_counter() - began})
    answer({"peak_mb": peak_mb()})


def peak_mb() -> float:
    torch = sys.modules.get("torch")
    if torch is not None and torch.cuda.is_available():
        return float(torch.cuda.max_memory_allocated() / 2**20)
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def answer(told: dict[str, Any]) -> None:
    print(json.dumps(told), flush=True)
