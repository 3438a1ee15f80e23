"""Whether synthetic images help: models trained with and without them, scored on real ones that neither has seen.

Nothing here knows how images are made. For each seed the real ones are split anew; the synthesiser and the models see
the training part alone.
"""

from __future__ import annotations

import hashlib
import json
import math
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import torch
from torch import Tensor

from sparring.base.checking import no_link
from sparring.base.errors import RequestError
from sparring.base.files import write_file
from sparring.kinds.augmenting.answers import REAL, SYNTHETIC, WEIGHTS, Comparison, Grid, Setting, conclude, mixed
from sparring.kinds.augmenting.asking import check, nth
from sparring.kinds.augmenting.splitting import splits
from sparring.kinds.images.augment.labelled import Labelled
from sparring.kinds.images.augment.models import MODELS, Model, metric_of, score
from sparring.pages.wording import duration

Make = Callable[[int], tuple[Tensor, Tensor]]
"""So many new images, as they are stored, and what they are to show."""
Synthesise = Callable[[Labelled, int], Make]
"""From training images and a seed to what makes new ones."""
Arm = tuple[str, Tensor, Tensor | None]
"""Its name, places in the pool of real and made images, and their weights."""
BySeed = dict[str, dict[str, dict[str, dict[str, float]]]]
"""By arm, model and strength, of one seed."""

VERSION = "1"
"""Part of what scores are kept by: raised when models change."""
MARGIN = 0.01
"""Differences within it count as none."""
MOST_HELD = 2000
"""Held-out images that are judged by, at most."""
UNEQUAL = 1.1
"""So many times the smallest class is the largest, at least, where classes are weighted."""


def study_images(
    images: Labelled,
    synthesise: Synthesise,
    models: Mapping[str, Model],
    *,
    seeds: int = 5,
    choosing: int = 2,
    mixes: Sequence[float] = (0.5, 1.0, 2.0),
    held_out: float = 0.2,
    rows: int | None = None,
    margin: float = MARGIN,
    keep: Path | None = None,
    notes: Sequence[str] = (),
    say: Callable[[str], None] = lambda line: None,
) -> Comparison:
    """Trains each model on real images, on these with synthetic ones (`mixes`: so many for each real one), on synthetic
    ones alone, and, where classes differ in size, with these weighted; scores all on the same held-out real images; and
    says what helps. Mixes and the strengths of models are chosen on `choosing` seeds, which are not among the `seeds`
    reported. `rows` trains with so few real images. What a seed came to is kept below `keep`, and found there again."""
    check(seeds, choosing, mixes, tuple(models), MODELS, held_out, margin)
    parts, overlap = splits(images.truth, choosing + seeds, held_out, rows, of="labelled images")
    parts = [(train, held[:: math.ceil(len(held) / MOST_HELD)]) for train, held in parts]
    grid: Grid = {}
    began, fresh = time.monotonic(), 0
    for seed, (train, held) in enumerate(parts):
        name, judged = nth(seed, choosing, seeds), images.part(held)
        if int(judged.labels.min()) == int(judged.labels.max()):
            raise RequestError("data: the held-out images are all of one class")
        say(f"{name}: a generator learns from {len(train):,} images")
        pool, arms = _arms(images.part(train), synthesise, mixes, seed)
        place = None if keep is None else no_link(keep / f"seed-{seed}") / "scores.json"
        mark = _mark(pool, judged, arms, models)
        found = _before(place, mark)
        if found is None:
            found = _scored(models, pool, arms, judged, seed)
            fresh += 1
            _keep(place, mark, found)
        for arm, by_model in found.items():
            for model, by_strength in by_model.items():
                for strength, scores in by_strength.items():
                    grid.setdefault(arm, {}).setdefault(model, {}).setdefault(strength, {})[seed] = scores
        left = (time.monotonic() - began) / max(fresh, 1) * (len(parts) - seed - 1)
        more = f"; about {duration(round(left))} left" if fresh and left else ""
        say(f"{name}: {len(train):,} real images to train with, {len(held):,} held out{more}")
    setting = Setting(
        target="label",
        metric=metric_of(len(images.names)),
        mixes=tuple(mixes),
        models=tuple(models),
        seeds=seeds,
        choosing=choosing,
        training_rows=len(parts[0][0]),
        held_out_rows=len(parts[0][1]),
        overlap=overlap,
        margin=margin,
        unit="images",
    )
    return conclude(setting, grid, notes)


def _arms(real: Labelled, synthesise: Synthesise, mixes: Sequence[float], seed: int) -> tuple[Labelled, list[Arm]]:
    """All images of a seed, the real ones first, and which of them each arm trains with."""
    count, wanted = len(real), math.ceil(max(1.0, *mixes) * len(real))
    samples, labels = synthesise(real, seed)(wanted)
    if samples.shape != (wanted, *real.samples.shape[1:]) or len(labels) != wanted:
        raise ValueError(f"the synthesiser made {tuple(samples.shape)} where {wanted} images were asked for")
    everything = torch.arange(count + wanted)
    arms: list[Arm] = [(REAL, everything[:count], None)]
    arms += [(mixed(mix), everything[: count + round(mix * count)], None) for mix in mixes]
    arms.append((SYNTHETIC, everything[count : 2 * count], None))
    sizes = real.labels.bincount(minlength=len(real.names)).float()
    if float(sizes.max() / sizes[sizes > 0].min()) >= UNEQUAL:
        weights = count / ((sizes > 0).sum() * sizes[real.labels])
        arms.append((WEIGHTS, everything[:count], weights))
    return real.with_more(samples, labels), arms


def _scored(models: Mapping[str, Model], pool: Labelled, arms: Sequence[Arm], held: Labelled, seed: int) -> BySeed:
    found: BySeed = {}
    for arm, chosen, weights in arms:
        for name, model in models.items():
            for strength, told in model.predictions(pool, chosen, weights, held, seed):
                found.setdefault(arm, {}).setdefault(name, {})[strength] = score(held.truth, told)
    return found


def _before(place: Path | None, mark: str) -> BySeed | None:
    """What was scored before of the same images by the same models; None where nothing was, or nothing sound."""
    try:
        kept = {} if place is None else json.loads(place.read_text(encoding="utf-8"))
        return dict(kept["scores"]) if kept.get("of") == mark else None
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None


def _keep(place: Path | None, mark: str, scores: BySeed) -> None:
    if place is not None:
        place.parent.mkdir(parents=True, exist_ok=True)
        write_file(place, json.dumps({"of": mark, "scores": scores}))


def _mark(pool: Labelled, held: Labelled, arms: Sequence[Arm], models: Mapping[str, Model]) -> str:
    """What scores depend on."""
    digest = hashlib.sha256(f"{VERSION} {pool.names} {pool.views}".encode())
    for tensor in (pool.samples, pool.labels, held.samples, held.labels):
        digest.update(f"{tensor.dtype}{tuple(tensor.shape)}".encode())
        digest.update(tensor.contiguous().numpy().data.cast("B"))
    for name, chosen, _ in arms:
        digest.update(f"{name} {len(chosen)}".encode())
    for name, model in models.items():
        digest.update(f"{name} {model.mark}".encode())
    return digest.hexdigest()
