"""Feature extractors of pictures, chosen and trained."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from sparring.base.errors import RequestError
from sparring.data import DataSet
from sparring.metrics.features import Extractor, Pixels
from sparring.metrics.pictures.classifier import train_classifier
from sparring.metrics.pictures.imagenet import installed, load_imagenet
from sparring.metrics.pictures.inception import at_hand, load_inception
from sparring.metrics.pictures.kept import trained_extractor
from sparring.metrics.pictures.selfsup import train_selfsup
from sparring.nets.pretrained import EXTRA

Say = Callable[[str], None]
EXTRACTORS = ("imagenet", "inception", "classifier", "selfsup", "pixels")
PHOTO_EDGE = 32
"""Pixels from which on images of three channels count as photos."""


def choose_extractor(name: str, data: DataSet, device: torch.device, say: Say) -> Extractor:
    """The extractor of a name, or for `auto` a network that was trained on other photos, for photos where one is at
    hand, else one trained on these data: a classifier where there are labels, else a network trained without."""
    if name == "auto":
        photos = len(data.shape) == 3 and data.shape[0] == 3 and min(data.shape[1:]) >= PHOTO_EDGE
        found = pretrained(device) if photos else None
        if found is not None:
            return found
        name = "selfsup" if data.labels is None else "classifier"
        if photos:
            say(f"scores by {name}, which was trained on these very images: it flatters; better: {EXTRA}")
    if name == "pixels":
        return Pixels(math.prod(data.shape))
    if name == "inception":
        return load_inception(device=device)
    if name == "imagenet":
        return load_imagenet(device=device)
    if name == "classifier" and data.labels is None:
        raise RequestError(f"score.extractor: classifier, and {data.name} has no labels; take selfsup")
    return trained_on(name, data, device, say)


def pretrained(device: torch.device) -> Extractor | None:
    """A network that was trained on other pictures, where the weights of one are at hand: nothing is fetched."""
    if at_hand() is not None:
        return load_inception(device=device)
    return load_imagenet(device=device) if installed() else None


def trained_on(name: str, data: DataSet, device: torch.device, say: Say) -> Extractor:
    """A network trained on the training samples, `classifier` or `selfsup`, from the cache where it was trained
    before."""

    def unit(index: Tensor) -> Tensor:
        return data.codec.to_unit(data.stored(data.train[index]))

    def build() -> Any:
        say(f"training the feature network '{name}' on {len(data.train):,} training samples, once for this data")
        if name == "classifier":
            assert data.labels is not None
            return train_classifier(unit, data.labels[data.train], len(data.train), data.shape, device=device)
        return train_selfsup(unit, len(data.train), data.shape, device=device)

    extractor: Extractor = trained_extractor(name, data.fingerprint, build, device=device).extractor
    return extractor


def usual_of(extractor: Extractor) -> list[str]:
    """The scores of pictures by an extractor's features, the most telling first."""
    chosen = ["fid", "kid", "precision", "recall", "density", "coverage"]
    chosen += ["is"] if extractor.name in ("classifier", "inception") else []
    return [*chosen, "memorisation", "diversity"]
