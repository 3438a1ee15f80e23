"""How much memory samples may take: the machine's, while they are read, and a device's, while they are trained on."""

from __future__ import annotations

import os
import re
from pathlib import Path

import torch

from sparring.base.errors import RequestError

MACHINE, DEVICE = "SPARRING_DATA_MEMORY", "SPARRING_DEVICE_MEMORY"
"""Environment variables that set the two budgets: bytes, or 500MB, 8GB."""
MACHINE_PART, DEVICE_PART = 4, 2
"""Without them: a quarter of the machine's available memory, half of a device's free memory."""
UNKNOWN = 4_000_000_000
"""Available, where the machine does not say."""


def machine_budget() -> int:
    """Bytes of decoded samples that are kept in memory; more go to a memory-mapped file in the cache.

    Raises RequestError where the variable holds no amount.
    """
    named = _named(MACHINE)
    return available() // MACHINE_PART if named is None else named


def device_budget(device: torch.device) -> int:
    """Bytes of samples that stay on a device; more are moved batch by batch. Nothing is copied for a CPU."""
    named = _named(DEVICE)
    if named is not None:
        return named
    if device.type == "cuda":
        return int(torch.cuda.mem_get_info(device)[0]) // DEVICE_PART
    return available() // DEVICE_PART


def amount(text: str) -> int | None:
    """`1500000`, `500MB` or `8GB` as bytes; None for other words."""
    found = re.fullmatch(r"(\d+(?:\.\d+)?)\s*(B|KB|MB|GB|TB)?", text.strip(), re.IGNORECASE)
    if found is None:
        return None
    return int(float(found[1]) * 1000 ** ["B", "KB", "MB", "GB", "TB"].index((found[2] or "B").upper()))


def _named(variable: str) -> int | None:
    text = os.environ.get(variable)
    if not text:
        return None
    found = amount(text)
    if found is None:
        raise RequestError(f"{variable}: '{text}' is no amount of memory; write it as 500MB or 8GB")
    return found


def available() -> int:
    """Bytes that the machine, or the container this runs in, has left."""
    free = UNKNOWN
    try:
        lines = Path("/proc/meminfo").read_text().splitlines()
        free = next(int(line.split()[1]) * 1024 for line in lines if line.startswith("MemAvailable:"))
    except (OSError, StopIteration, ValueError, IndexError):
        pass
    try:
        group = Path("/sys/fs/cgroup")
        limit, used = ((group / name).read_text().strip() for name in ("memory.max", "memory.current"))
        free = free if limit == "max" else min(free, max(0, int(limit) - int(used)))
    except (OSError, ValueError):
        pass
    return free
