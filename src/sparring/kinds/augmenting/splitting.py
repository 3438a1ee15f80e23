"""Which real samples train and which are held out, for each seed anew."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sparring.base.errors import RequestError

Values = NDArray[np.float64]
Places = NDArray[np.intp]

FEWEST = 10
"""Samples on either side of a split, at least."""


def splits(
    labels: Values, seeds: int, held_out: float, rows: int | None, of: str = "samples"
) -> tuple[list[tuple[Places, Places]], float]:
    """For each seed the places of training and of held-out samples, each label in its proportion; and with what chance
    a sample that one seed holds out is held out by another. `of` is what errors call them.

    With `rows` there are so many training samples; and where all samples are enough, each seed has a part of them to
    itself, so that seeds are independent of each other. Else all samples are split anew for each seed."""
    count = len(labels)
    order = np.random.default_rng([0, 0]).permutation(count)
    part = np.empty(count, dtype=np.intp)
    part[order[np.argsort(labels[order], kind="stable")]] = np.arange(count) % seeds
    apart = rows is not None and count // seeds >= max(2 * rows, rows + FEWEST)
    found = []
    for seed in range(seeds):
        own = np.flatnonzero(part == seed) if apart else np.arange(count)
        held_count = len(own) - rows if rows is not None and apart else round(held_out * count)
        train, held = _split(labels[own], held_count, rows, np.random.default_rng([seed, 1]), of)
        found.append((own[train], own[held]))
    return found, 0.0 if apart else len(found[0][1]) / count


def _split(
    labels: Values, held_count: int, rows: int | None, generator: np.random.Generator, of: str
) -> tuple[Places, Places]:
    """At least one sample of each class on either side, or the only one to train with."""
    count = len(labels)
    if rows is not None and rows < FEWEST:
        raise RequestError(f"rows: {rows} to train with; it takes {FEWEST}")
    if min(held_count, count - held_count) < FEWEST:
        raise RequestError(f"{count} {of}, {held_count} to hold out; it takes {FEWEST} on either side")
    if rows is not None and rows > count - held_count:
        raise RequestError(f"rows: {rows} to train with; it can be {FEWEST} to {count - held_count:,}")
    held = _drawn(labels, held_count, generator, spare=1)
    rest = np.setdiff1d(np.arange(count), held)
    if rows is not None:
        rest = rest[_drawn(labels[rest], rows, generator, spare=0)]
    return rest, held


def _drawn(labels: Values, wanted: int, generator: np.random.Generator, spare: int) -> Places:
    """About so many places, each label in its proportion: at least one, and at least `spare` left behind."""
    found, counts = np.unique(labels, return_counts=True)
    exact = counts * wanted / counts.sum()
    takes = np.floor(exact).astype(int)
    for place in np.argsort(takes - exact, kind="stable")[: wanted - int(takes.sum())]:
        takes[place] += 1
    takes = np.minimum(np.maximum(takes, 1), counts - spare)
    picked = [
        generator.permutation(np.flatnonzero(labels == label))[:take] for label, take in zip(found, takes, strict=True)
    ]
    return np.sort(np.concatenate(picked))
