"""Stacked digits: three digits as the channels of one image, 1,000 modes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, ClassVar

import torch
from pydantic import Field
from torch import Tensor

from sparring.data import DataSet, Found, ValueCodec
from sparring.data.pictures.options import Arrays, PictureOptions
from sparring.kinds.images import digits as toys
from sparring.metrics import Extractor, Features


class StackedDigits(PictureOptions):
    """Three digits as the channels of one image: 1,000 modes."""

    kind: ClassVar[str] = "images"

    count: int = Field(25_600, ge=100)
    """Images to make."""

    def load(self) -> DataSet:
        found = Found("stacked digits (three of scikit-learn's)")
        samples, codes, heldout = toys.stacked_digits(self.count, self.held_out)
        found.sizes[8, 8] = len(samples)
        names = tuple(f"{code:03d}" for code in range(1000))
        return self.assembled("stacked_digits", Arrays(samples, codes, names, heldout), found)


class PerChannel:
    """An extractor of grey images on each channel of an image, features beside each other, for stacked digits."""

    def __init__(self, inner: Extractor, channels: int = 3) -> None:
        self.inner = inner
        self.channels = channels
        self.name, self.hash = f"{inner.name} per channel", inner.hash
        self.resize, self.width = inner.resize, inner.width * channels
        self.slow = inner.slow
        self.details: Mapping[str, Any] = inner.details

    def __call__(self, samples: Tensor) -> Features:
        parts = [self.inner(samples[:, channel : channel + 1]) for channel in range(self.channels)]
        return Features(torch.cat([part.values for part in parts], 1), None, samples)

    def graded(self, samples: Tensor) -> Tensor:
        return torch.cat([self.inner.graded(samples[:, c : c + 1]) for c in range(self.channels)], 1)


def single_digits(data: DataSet) -> DataSet:
    """Stacked digits as three times as many single ones, labelled by the digits of their codes."""

    assert data.labels is not None
    assert isinstance(data.codec, ValueCodec)
    first = data.samples.flatten(0, 1)[:, None]
    digits = torch.stack((data.labels // 100, data.labels // 10 % 10, data.labels % 10), 1).flatten()
    train = (data.train[:, None] * 3 + torch.arange(3)).flatten()
    return replace(
        data,
        name="single digits",
        samples=first,
        labels=digits,
        label_names=tuple("0123456789"),
        train=train,
        codec=replace(data.codec, shape=(1, *data.codec.shape[1:])),
    )
