"""How much memory samples may take: the machine's, while they are read, and a device's, while they are trained on; and
whether there is enough for what is about to be made."""

from __future__ import annotations

import os
import re
from math import prod
from pathlib import Path
from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode

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
    found = re.fullmatch(r"([0-9]{1,18}(?:\.[0-9]{1,18})?)\s*(B|KB|MB|GB|TB)?", text.strip(), re.IGNORECASE)
    if found is None:
        return None
    return int(float(found[1]) * 1000 ** ["B", "KB", "MB", "GB", "TB"].index((found[2] or "B").upper()))


def check_memory(needed: float, what: str) -> None:
    """Raises RequestError where so many bytes are more than the machine has left. `what` begins with the option that
    asks for them. The system itself would promise them, and end the process once they are used."""
    free = available()
    if needed > free:
        raise RequestError(f"{what}: takes {in_bytes(needed)} of memory, and {in_bytes(free)} are left here; take less")


def in_bytes(amount: float) -> str:
    """An amount of memory for people."""
    for unit, size in (("TB", 1e12), ("GB", 1e9), ("MB", 1e6)):
        if amount >= size:
            return f"{amount / size:,.3g} {unit}" if amount < 1e15 else f"{amount / size:.1e} {unit}"
    return f"{amount / 1000:,.0f} KB"


class Counted(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Inside, new tensors are counted before they are made; where they outgrow the machine's memory, RequestError is
    raised with what `what` says."""

    def __init__(self, what: str) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.what = what
        self.bytes = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if args and isinstance(args[0], list | tuple) and all(type(one) is int for one in args[0]):  # a new one's shape
            given = (kwargs or {}).get("dtype") or torch.get_default_dtype()
            self.bytes += prod(args[0]) * given.itemsize
            if self.bytes > 2**26:
                check_memory(self.bytes, self.what)
        return func(*args, **(kwargs or {}))


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
