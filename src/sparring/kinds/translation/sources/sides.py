"""Images of two kinds that know nothing of each other."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path
from typing import ClassVar

import torch
from torch import Tensor

from sparring.base.errors import RequestError
from sparring.data import DataSet, Found
from sparring.data.files import readable
from sparring.data.pictures.options import Arrays, FileOptions, PictureOptions
from sparring.data.pictures.reading import read_pictures, sizes_of
from sparring.data.store import Kept
from sparring.kinds.translation.sources.layouts import Side, images_of, in_parts, refuse_all_held, two_sides
from sparring.kinds.translation.sources.pairs import Direction


class Sides(FileOptions):
    """Two folders of images that are not paired, brought to one size and number of channels: `a` and `b`, `trainA`,
    `trainB`, `testA` and `testB` (CycleGAN; Zhu et al. 2017, https://arxiv.org/abs/1703.10593), or any two."""

    kind: ClassVar[str] = "translation"
    places: ClassVar[tuple[str, ...]] = ("path", "other")

    path: str
    """The folder or .zip of both; with `other`, of the first."""
    other: str | None = None
    """The folder or .zip of the second kind, where it lies apart."""
    direction: Direction = "a2b"
    """What is made like what: `a2b` makes images like the second folder's from those of the first by name."""

    def sizes(self) -> list[tuple[int, int]]:
        return [size for side in self._sides()[:2] for size in sizes_of(side.files)]

    def load(self) -> DataSet:
        first, second, roots = self._sides()
        found = Found(" and ".join(map(str, roots)))
        kept, places = read_pictures([*first.files, *second.files], self.rules(), found, roots)
        count = sum(place < len(first.files) for place in places)
        sides = (
            (first, kept.part(0, count), places[:count], roots[0]),
            (second, kept.part(count, len(places) - count), [p - len(first.files) for p in places[count:]], roots[-1]),
        )
        turned = self.direction == "b2a"
        (asked, *inputs), (made, *samples) = reversed(sides) if turned else sides
        found.title = f"{found.what}: images like those in {made.name}, made from those in {asked.name}"
        found.notes.append(f"data.sides.direction={'a2b' if turned else 'b2a'} turns it")
        return unpaired(self, roots[0].stem, _arrays(asked, *inputs), _arrays(made, *samples), found)

    def _sides(self) -> tuple[Side, Side, tuple[Path, ...]]:
        """Both sides' files, and where they lie."""
        path = readable(self.path)
        if self.other is None:
            wanted = "data.sides takes two folders of images, a/ and b/, or a second place, data.sides.other"
            first, second = two_sides(images_of(path, "data.sides.path"), path, wanted)
            return first, second, (path,)
        places = {"path": path, "other": readable(self.other)}
        first, second = (in_parts(images_of(place, f"data.sides.{key}"), str(place)) for key, place in places.items())
        for side in (first, second):
            side.files = [replace(file, name=f"{side.name}/{file.name}") for file in side.files]
        return first, second, tuple(places.values())


def unpaired(options: PictureOptions, name: str, inputs: Arrays, samples: Arrays, found: Found) -> DataSet:
    """The data set of samples, with inputs of another kind beside them; each side has its own part held out."""
    source = Found(f"{found.what}, inputs")
    asked = options.assembled(f"{name}, inputs", inputs, source)
    data = options.assembled(name, samples, found)
    found.notes.append(f"inputs: {source.count:,}; " + "; ".join(source.lines()[1:]))
    fingerprint = hashlib.sha256(f"{data.fingerprint} {asked.fingerprint}".encode()).hexdigest()
    return replace(data, inputs=asked, fingerprint=fingerprint)


def _arrays(side: Side, kept: Kept, places: list[int], where: Path) -> Arrays:
    """One side's images with the official held-out part, where there is one."""
    if not places:
        raise RequestError(f"{where}: no image of {side.name} can be read, of {len(side.files):,}")
    heldout: Tensor | None = None
    if side.held is not None:
        heldout = torch.tensor([side.spots[place].held for place in places], dtype=torch.bool).nonzero()[:, 0]
        refuse_all_held(len(heldout), len(places), where)
    return Arrays(kept.samples, None, (), heldout, kept.file)
