"""A request to compare, checked; and where its answer goes."""

from __future__ import annotations

import json
import math
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

from sparring.base.errors import RequestError, nearest
from sparring.base.files import write_file
from sparring.kinds.augmenting.answers import Comparison


def check(
    seeds: int,
    choosing: int,
    mixes: Sequence[float],
    models: Sequence[str],
    known: Sequence[str],
    held_out: float,
    margin: float,
) -> None:
    """Raises RequestError for what is no comparison; `known` are the models there are."""
    if not 2 <= seeds <= 1000:
        raise RequestError(f"seeds: {seeds}; differences take 2 or more, and 5 to tell much; 1,000 at most")
    if choosing < 1:
        raise RequestError(f"choosing: {choosing}; it takes a seed to choose by")
    if not mixes or min(mixes) <= 0 or not math.isfinite(max(mixes)):
        raise RequestError(f"mixes: {list(mixes)}; each is synthetic samples for each real one, above 0")
    if not 0 < held_out < 1:
        raise RequestError(f"held_out: {held_out} is no part between 0 and 1")
    if not margin > 0:
        raise RequestError(f"margin: {margin} is not above 0")
    for model in models:
        if model not in known:
            raise RequestError(f"models: no model '{model}'; {nearest(model, known)}")
    if not models or len(set(models)) < len(models) or len(set(mixes)) < len(mixes):
        raise RequestError("models, mixes: one or more of each, none twice")


def writable(folder: Path, key: str) -> None:
    """Raises RequestError where nothing can be written into a folder, be it there or to be made."""
    there = next(place for place in (folder.absolute(), *folder.absolute().parents) if place.exists())
    try:
        tempfile.TemporaryFile(dir=there).close()
    except OSError as error:
        raise RequestError(f"{key}: {folder} cannot be written ({error.strerror or error})") from None


def nth(seed: int, choosing: int, seeds: int) -> str:
    """What a seed is called: the first ones are there to choose by."""
    return (
        f"seed {seed + 1} of {choosing}, to choose by" if seed < choosing else f"seed {seed - choosing + 1} of {seeds}"
    )


def tell(found: Comparison, folder: Path, say: Callable[[str], None]) -> None:
    """Says an answer, and keeps it as `results.json`."""
    folder.mkdir(parents=True, exist_ok=True)
    write_file(folder / "results.json", json.dumps(found.to_json(), indent=1))
    for line in found.lines():
        say(line)
