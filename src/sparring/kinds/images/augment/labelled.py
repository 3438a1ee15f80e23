"""Images with their labels: real ones, each once, and made ones."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from sparring.base.errors import RequestError
from sparring.base.files import npz, write_file
from sparring.data import Codec, DataSet, ValueCodec
from sparring.data.dataset import contents_of
from sparring.data.samplefile import blocks_of
from sparring.data.views import STILL, Views
from sparring.kinds.images.writing import as_people_take


@dataclass(frozen=True)
class Labelled:
    """Images as they are stored, with what they show."""

    samples: Tensor
    """[n, channels, height, width]"""
    labels: Tensor
    """int64 [n], from 0 up to the number of classes."""
    names: tuple[str, ...]
    codec: Codec
    views: Views = STILL
    """How they are shown in training."""

    def __len__(self) -> int:
        return len(self.samples)

    @property
    def truth(self) -> NDArray[np.float64]:
        return self.labels.numpy().astype(np.float64)

    def part(self, places: Tensor | NDArray[np.intp]) -> Labelled:
        """Those of these places."""
        chosen = torch.as_tensor(places)
        return replace(self, samples=self.samples[chosen], labels=self.labels[chosen])

    def with_more(self, samples: Tensor, labels: Tensor) -> Labelled:
        """These, and others after them."""
        return replace(self, samples=torch.cat((self.samples, samples)), labels=torch.cat((self.labels, labels)))

    def unit(self, index: Tensor) -> Tensor:
        """Images of these places in [0, 1], float32 [n, channels, height, width]."""
        return self.codec.to_unit(self.samples[index])


def distinct(data: DataSet, place: str) -> tuple[Labelled, list[str]]:
    """A data set's images, each content once, with what is to be said of those left out: a copy could be held out while
    its twin trains. Raises RequestError where nothing is to be told apart."""
    if data.labels is None:
        raise RequestError(
            f"data: {place} has no labels, which models are to tell; put the images of each class into a folder of "
            "their own"
        )
    hashes = contents_of(blocks_of(data.samples, data.file), len(data.samples)).hashes
    taken = torch.cat((data.train, data.heldout)).sort().values
    _, first = np.unique(hashes[taken.numpy()], return_index=True)
    kept = taken[torch.from_numpy(np.sort(first))]
    labels, names = _present(data.labels[kept], data.label_names)
    if len(names) < 2:
        raise RequestError(f"data: {place} has one class, '{names[0]}'; a classifier takes two")
    left = len(taken) - len(kept)
    notes = [f"{left:,} images that equal others were left out"] if left else []
    return Labelled(data.stored(kept), labels, names, data.codec, data.views), notes


def _present(labels: Tensor, names: Sequence[str]) -> tuple[Tensor, tuple[str, ...]]:
    """Labels numbered among those that occur."""
    found, numbers = np.unique(labels.numpy(), return_inverse=True)
    return torch.from_numpy(numbers.astype(np.int64)), tuple(names[one] for one in found)


def written(place: Path, images: Labelled) -> Path:
    """Training images as a file of data, with the numbers of their labels."""
    place.mkdir(parents=True, exist_ok=True)
    file = place / "images.npz"
    content = npz("images", as_people_take(images.samples, values_of(images)), images.labels)
    if not file.exists() or file.read_bytes() != content:
        write_file(file, content)
    return file


def values_of(images: Labelled) -> ValueCodec:
    assert isinstance(images.codec, ValueCodec)  # its sources give no other
    return images.codec
