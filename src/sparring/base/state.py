"""A training state in a folder: tensors, and plain values with the digest of the tensors' file."""

from __future__ import annotations

import errno
import hashlib
import json
import os
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor
from typing_extensions import TypedDict

from sparring.base.checking import Damaged, opened, read_json
from sparring.base.files import write_file


class Head(TypedDict):
    """Of `state.json`."""

    sha256: str
    state: dict[str, Any]


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
    """What `write_state` wrote. Raises Damaged where a file is missing, or not as it was written."""
    plain = folder / "state.json"
    head = read_json(plain, Head)
    file = folder / "state.safetensors"
    try:
        if _digest(file) != head["sha256"]:
            raise Damaged(file, "cut short or changed")
        tensors = load_file(file)
    except (OSError, SafetensorError) as error:
        raise Damaged(file, getattr(error, "strerror", None) or error) from None
    try:
        state = _unpacked(head["state"], tensors)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        told = f"no tensor {error}" if isinstance(error, KeyError) else error
        raise Damaged(plain, told) from None
    if not isinstance(state, dict):
        raise Damaged(plain, "it holds no state")
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
    with os.fdopen(opened(path, os.O_RDONLY), "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
