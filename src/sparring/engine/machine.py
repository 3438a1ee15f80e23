"""The machine: its devices, threads and memory."""

from __future__ import annotations

import ctypes
import functools
import os
import platform
import resource
import sys
import time
from contextlib import suppress
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch

from sparring.base.errors import RequestError
from sparring.base.version import __version__

_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3
"""Of glibc's malloc.h."""
DEVICES = ("auto", "cpu", "cuda", "mps")


def device_named(wanted: str) -> str:
    """The device of this name, of which `auto` takes the best. Raises RequestError for one that is not there."""
    there = {
        "cpu": True,
        "cuda": torch.cuda.is_available(),
        "mps": torch.backends.mps.is_available(),
    }
    if wanted == "auto":
        return "cuda" if there["cuda"] else "cpu"  # mps, which nobody has tried yet, is for those who name it
    if wanted not in there:
        raise RequestError(f"device: '{wanted}' is none of {', '.join(DEVICES)}")
    if not there[wanted]:
        raise RequestError(
            f"device: {wanted} is not on this machine; there is {', '.join(n for n in there if there[n])}"
        )
    return wanted


def fast_bf16(device: str) -> bool:
    """Whether the device multiplies bf16 matrices in hardware made for it."""
    if device == "cuda":
        return bool(torch.cuda.is_bf16_supported())
    if device == "cpu":
        return _processor_has("amx_tile")
    return False


def multiplies_bf16(device: str) -> bool:
    """Whether the device has instructions for bf16 at all, be they faster or not: worth a trial."""
    return fast_bf16(device) or (device == "cpu" and _processor_has("avx512_bf16"))


def _processor_has(feature: str) -> bool:
    """Whether PyTorch sees it; an older PyTorch may not know it."""
    known = getattr(torch.cpu, f"_is_{feature}_supported", None)
    return bool(known and known())


def free_threads(most: int | None = None, samples: int = 9, pause: float = 0.02) -> int:
    """Threads, `most` of them (by default PyTorch's own number), that find a core of their own beside what other
    programs run just now: PyTorch waits for its slowest thread after every operation, so that one shared core costs far
    more than its share. Where the system does not tell what runs (other than Linux), all."""
    threads = most or torch.get_num_threads()
    found = []
    try:
        for _ in range(samples):
            told = Path("/proc/stat").read_text().partition("procs_running ")[2].split()[0]
            found.append(int(told) - 1)  # not counting this one
            time.sleep(pause)
    except (OSError, IndexError, ValueError):
        return threads
    busy = sorted(found)[samples // 2]
    return max(1, min(threads, (os.cpu_count() or threads) - busy))


@functools.cache
def keep_freed_memory() -> None:
    """Has the C library keep large blocks that were freed, where it is glibc. Else it hands them back to the system,
    and each step of a training pays again for having the same ones mapped and cleared."""
    if not sys.platform.startswith("linux"):
        return
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        for option, size in ((_MMAP_THRESHOLD, 2**30), (_TRIM_THRESHOLD, 2**31 - 1)):
            mallopt(option, size)


def peak_memory(device: torch.device | str) -> int:
    """The most memory the process has used so far, in bytes: on the device, or of the machine for a CPU."""
    device = torch.device(device)
    if device.type == "cuda":
        return int(torch.cuda.max_memory_allocated(device))
    used = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return int(used if sys.platform == "darwin" else used * 1024)


def forget_peak(device: torch.device | str = "cpu", *, thorough: bool = False) -> None:
    """Has `peak_since` begin anew, where the system can (Linux, CUDA); `thorough` also hands freed memory back, so that
    what was done before does not count."""
    if torch.device(device).type == "cuda":
        torch.cuda.reset_peak_memory_stats(device)
        return
    if not sys.platform.startswith("linux"):
        return
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if thorough and trim is not None:
        trim(0)
    with suppress(OSError):  # then it is the peak of all that was done
        Path("/proc/self/clear_refs").write_text("5")


def peak_since(device: torch.device | str) -> int:
    """The most memory used since `forget_peak`, in bytes, or as `peak_memory` where that is not told."""
    if torch.device(device).type == "cpu":
        try:
            told = Path("/proc/self/status").read_text().partition("VmHWM:")[2].split()
            return int(told[0]) * 1024
        except (OSError, IndexError, ValueError):
            pass
    return peak_memory(device)


def out_of_memory(error: BaseException) -> bool:
    """Whether an error says that memory ran out, on a device or of the machine."""
    text = str(error)
    return isinstance(error, (torch.cuda.OutOfMemoryError, MemoryError)) or (
        isinstance(error, RuntimeError) and ("can't allocate memory" in text or "out of memory" in text)
    )


def environment() -> dict[str, Any]:
    """Versions and the machine, for the record."""
    import numpy

    return {
        "sparring": __version__,
        "python": platform.python_version(),
        "torch": torch.__version__,
        "lightning_fabric": version("lightning-fabric"),
        "numpy": numpy.__version__,
        "system": f"{platform.system()} {platform.release()} {platform.machine()}",
        "cpus": os.cpu_count(),
        "cpu_capability": torch.backends.cpu.get_cpu_capability(),
        "gpu": torch.cuda.get_device_name() if torch.cuda.is_available() else None,
    }
