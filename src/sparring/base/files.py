"""Files written whole, or line by line."""

from __future__ import annotations

import errno
import hashlib
import io
import json
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import torch
from filelock import FileLock, Timeout
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from sparring.base.errors import RequestError

PART = ".part-"
"""What the names of unfinished files begin with."""


@contextmanager
def held(folder: Path) -> Iterator[None]:
    """Holds a folder for this process alone. Raises RequestError where another has it."""
    lock = FileLock(folder / ".lock")
    try:
        lock.acquire(timeout=0)
    except Timeout:
        raise RequestError(f"out: {folder} is in use by another process") from None
    except OSError as error:
        raise RequestError(f"out: {folder} cannot be written ({error.strerror})") from None
    try:
        yield
    finally:
        lock.release()


def write_file(path: Path, content: str | bytes) -> None:
    """Writes a whole file, all or nothing."""
    part = path.with_name(f"{PART}{path.name}")
    try:
        with part.open("wb") as file:
            file.write(content.encode() if isinstance(content, str) else content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(part, path)
    finally:
        part.unlink(missing_ok=True)


def put_file(path: Path, content: str | bytes, name: str = "to", endings: Sequence[str] = ()) -> None:
    """Writes a file where a person wants it, with the folders above it. Raises RequestError, with the `name` of the
    option that said where, where that cannot be, or where the path has none of the endings."""
    if endings and path.suffix not in endings:
        raise RequestError(f"{name}: {path} ends in none of {', '.join(endings)}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_file(path, content)
    except OSError as error:
        raise RequestError(f"{name}: {path} cannot be written ({error.strerror})") from None


def npz(name: str, array: NDArray[np.generic], labels: Tensor | None) -> bytes:
    """An array under a name, then `labels`, as a .npz file."""
    arrays = {name: np.ascontiguousarray(array)}
    if labels is not None:
        arrays["labels"] = labels.numpy()
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **arrays)  # type: ignore[arg-type]
    return buffer.getvalue()


def append_line(path: Path, line: dict[str, Any]) -> None:
    """Adds one JSON object to a file of lines; a line that a killed process left unfinished is closed first."""
    with path.open("a+b") as file:
        if file.tell():
            file.seek(-1, os.SEEK_END)
            if file.read(1) != b"\n":
                file.write(b"\n")
        file.write(json.dumps(line, allow_nan=False).encode() + b"\n")


def read_lines(path: Path) -> list[dict[str, Any]]:
    """The JSON objects of a file of lines; unfinished lines are left out."""
    if not path.exists():
        return []
    found = []
    for line in path.read_bytes().splitlines():
        try:
            found.append(json.loads(line))
        except ValueError:
            continue
    return [line for line in found if isinstance(line, dict)]


def write_state(folder: Path, state: dict[str, Any]) -> None:
    """A tree of tensors and plain values as `state.safetensors` and `state.json`, which has the former's digest."""
    tensors: dict[str, Tensor] = {}
    plain = _packed(state, "", tensors)
    file = folder / "state.safetensors"
    try:
        save_file(tensors, file)
    except SafetensorError as error:  # says so of a full disk too
        full = "No space" in str(error) or "StorageFull" in str(error)
        number = errno.ENOSPC if full else errno.EIO
        raise OSError(number, os.strerror(number)) from None
    with file.open("rb+") as written:
        os.fsync(written.fileno())
    write_file(folder / "state.json", json.dumps({"sha256": _digest(file), "state": plain}))


def read_state(folder: Path) -> dict[str, Any]:
    """What `write_state` wrote. Raises ValueError where the tensors are not those that were written."""
    head = json.loads((folder / "state.json").read_text())
    file = folder / "state.safetensors"
    if _digest(file) != head["sha256"]:
        raise ValueError(f"{file.name} is cut short or changed")
    state: dict[str, Any] = _unpacked(head["state"], load_file(file))
    return state


def _packed(value: Any, name: str, tensors: dict[str, Tensor]) -> Any:
    if isinstance(value, Tensor):
        tensors[name] = value.detach().cpu().clone(memory_format=torch.contiguous_format)
        return {"tensor": name}
    if isinstance(value, dict):
        return {"dict": [[key, _packed(item, f"{name}/{key}", tensors)] for key, item in value.items()]}
    if isinstance(value, (list, tuple)):
        items = [_packed(item, f"{name}/{place}", tensors) for place, item in enumerate(value)]
        return {"list" if isinstance(value, list) else "tuple": items}
    return {"value": value}


def _unpacked(packed: Any, tensors: dict[str, Tensor]) -> Any:
    ((kind, value),) = packed.items()
    match kind:
        case "tensor":  # a copy lies as new tensors do: sums of products may round by where in the memory they begin
            return tensors[value].clone()
        case "dict":
            return {key: _unpacked(item, tensors) for key, item in value}
        case "list":
            return [_unpacked(item, tensors) for item in value]
        case "tuple":
            return tuple(_unpacked(item, tensors) for item in value)
        case "value":
            return value
    raise ValueError(f"state.json holds a {kind}, which is unknown")


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
