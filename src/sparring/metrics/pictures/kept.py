"""Trained extractors kept in the cache, so that every run on the same data is scored by the same network."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import safetensors
import safetensors.torch
import torch

from sparring.base.cache import cache_directory
from sparring.base.errors import RequestError, nearest
from sparring.metrics.pictures import classifier, selfsup
from sparring.metrics.pictures.small_net import TrainedExtractor, blank

VERSIONS = {"classifier": classifier.VERSION, "selfsup": selfsup.VERSION}
WEIGHTS, ABOUT = "net.safetensors", "extractor.json"


class Kept(NamedTuple):
    """A trained extractor, and what became of keeping it."""

    extractor: TrainedExtractor
    trained: bool
    """Whether it was trained just now, not found in the cache."""
    stored: bool
    """Whether it is in the cache now; not so where the cache cannot be written."""


def trained_extractor(
    kind: str,
    data_fingerprint: str,
    build: Callable[[], TrainedExtractor],
    *,
    device: torch.device | str = "cpu",
    cache: Path | None = None,
) -> Kept:
    """The extractor of a kind for some data, from `extractors/<kind>-<fingerprint>-<version>/` in the cache; built, and
    put there, where it is not there or its parameters do not have the hash they were kept with.

    `data_fingerprint` (its first 12 characters count) must change with all that `build` depends on: samples, their
    size, labels, seed. Several processes may do this at once: a folder appears whole, and the first one stays.
    """
    if kind not in VERSIONS:
        raise RequestError(f"extractor: '{kind}' is not trained on data; {nearest(kind, VERSIONS)}")
    root = cache_directory() if cache is None else cache
    folder = root / "extractors" / f"{kind}-{data_fingerprint[:12]}-{VERSIONS[kind]}"
    found = _load(folder, kind, device)
    if found is not None:
        return Kept(found, trained=False, stored=True)
    extractor = build()
    return Kept(extractor, trained=True, stored=_store(extractor, folder))


def _load(folder: Path, kind: str, device: torch.device | str) -> TrainedExtractor | None:
    """The extractor in a folder; None where there is none, or not a sound one."""
    try:
        about: dict[str, Any] = json.loads((folder / ABOUT).read_text(encoding="utf-8"))
        net = blank(tuple(about["shape"]), about["heads"])
        net.load_state_dict(safetensors.torch.load((folder / WEIGHTS).read_bytes()))
        extractor = TrainedExtractor(kind, net, about["details"], device=device)
        sound = about["kind"] == kind and about["hash"] == extractor.hash
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RuntimeError, safetensors.SafetensorError):
        return None
    return extractor if sound else None


def _store(extractor: TrainedExtractor, folder: Path) -> bool:
    """Whether the extractor is in the folder now."""
    net = extractor.net
    about = {
        "kind": extractor.name,
        "hash": extractor.hash,
        "shape": list(net.shape),
        "heads": net.outputs,
        "details": extractor.details,
    }
    weights = {name: values.detach().cpu().contiguous() for name, values in net.state_dict().items()}
    part: Path | None = None
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        part = Path(tempfile.mkdtemp(prefix=".part-", dir=folder.parent))
        _write(part / WEIGHTS, safetensors.torch.save(weights))
        _write(part / ABOUT, json.dumps(about, indent=1).encode())
        _move(part, folder, extractor.name)
        return True
    except OSError:
        return False
    finally:
        if part is not None:
            shutil.rmtree(part, ignore_errors=True)


def _write(path: Path, content: bytes) -> None:
    with path.open("wb") as out:
        out.write(content)
        out.flush()
        os.fsync(out.fileno())


def _move(part: Path, folder: Path, kind: str) -> None:
    """Puts a finished folder in its place, unless another process has put a sound one there meanwhile."""
    try:
        part.rename(folder)
    except OSError:
        if _load(folder, kind, "cpu") is None:
            shutil.rmtree(folder)
            part.rename(folder)
