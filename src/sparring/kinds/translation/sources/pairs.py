"""Pairs of images: each sample is made from an input of its own."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path
from typing import ClassVar, Literal, NamedTuple

import torch
from pydantic import Field

from sparring.data import DataSet, Found
from sparring.data.codec import image_codec
from sparring.data.files import File, readable
from sparring.data.pictures.decoding import Rules
from sparring.data.pictures.options import Arrays, FileOptions
from sparring.data.pictures.reading import read_pictures, sizes_of
from sparring.data.samplefile import blocks_of
from sparring.data.store import Kept
from sparring.kinds.translation.sources.layouts import (
    WIDE,
    images_of,
    in_parts,
    matched,
    refuse_all_held,
    side_by_side,
    spots_of,
    two_sides,
)

Direction = Literal["a2b", "b2a"]


class _Files(NamedTuple):
    """The files of each pair, number by number; the same ones, where each holds both."""

    inputs: list[File]
    samples: list[File]
    held: list[bool] | None
    """Which pairs are of the official held-out part, where there is one."""
    names: tuple[str, str]
    """What the two sides are called."""

    @property
    def halves(self) -> bool:
        return self.inputs is self.samples


class Pairs(FileOptions):
    """Pairs of images: folders `a` and `b` with the same names, or two images side by side in each file (pix2pix; Isola
    et al. 2017, https://arxiv.org/abs/1611.07004). Folders `train`, and `val` or `test`, which are held out, are
    respected."""

    kind: ClassVar[str] = "translation"
    places: ClassVar[tuple[str, ...]] = ("path",)
    whole: ClassVar[str] = "take the folder that holds both"

    path: str
    """The folder or .zip."""
    direction: Direction = "a2b"
    """What is made from what: `a2b` makes b's images from a's, or right halves from left ones."""
    layout: Literal["auto", "folders", "halves"] = "auto"
    """Two `folders`, or `halves` of each image; `auto` sees for itself."""
    input_channels: int | None = Field(None, ge=1)
    """Of the inputs, where they are not to have `channels`."""
    apart: bool = False
    """Take the pairs apart, for games of two kinds of images: each sample then gets any input."""

    def sizes(self) -> list[tuple[int, int]]:
        path = readable(self.path)
        files = self._files(path, Found(str(path)))
        parts = 2 if files.halves else 1
        return [(height, width // parts) for height, width in sizes_of(files.inputs)]

    def load(self) -> DataSet:
        path = readable(self.path)
        found, source = Found(str(path)), Found(f"{path}, inputs")
        files = self._files(path, found)
        inputs, samples, places = self._read(files, path, found, source)
        heldout = None
        if files.held is not None:
            heldout = torch.tensor([files.held[place] for place in places]).nonzero()[:, 0]
            refuse_all_held(len(heldout), len(places), path)
        found.title = f"{path}: {len(places):,} pairs of images"
        partners = blocks_of(inputs.samples, inputs.file)
        data = self.assembled(path.stem, Arrays(samples.samples, None, (), heldout, samples.file), found, partners)
        codec = image_codec(inputs.samples, self.range, blocks_of(inputs.samples, inputs.file))
        fingerprint = hashlib.sha256(f"{data.fingerprint} {codec!r}".encode()).hexdigest()
        data = replace(data, fingerprint=fingerprint)
        beside = replace(data, samples=inputs.samples, file=inputs.file, codec=codec, found=source)
        return replace(data, inputs=beside, paired=not self.apart)

    def _files(self, path: Path, found: Found) -> _Files:
        """The files of each pair, by the layout."""
        files = images_of(path, "data.pairs.path")
        one_side = len({spot.side for spot in spots_of(files)}) == 1
        if self.layout == "halves" or (self.layout == "auto" and one_side and side_by_side(files)):
            kind, pairs = "two images side by side", _Files(files, files, in_parts(files).held, ("left", "right"))
        else:
            kind, pairs = "two folders", self._by_name(files, path, found)
        source, made = pairs.names
        other = "b2a"
        if self.direction == "b2a":
            source, made, other = made, source, "a2b"
            if not pairs.halves:
                pairs = pairs._replace(inputs=pairs.samples, samples=pairs.inputs)
        held = f"; held out: {sum(pairs.held):,}" if pairs.held is not None else ""
        told = f"layout: {kind}; {made} is made from {source} (data.pairs.direction={other} turns it){held}"
        found.notes.append(told)
        return pairs._replace(names=(source, made))

    def _by_name(self, files: list[File], path: Path, found: Found) -> _Files:
        """Two folders' files that have the same names."""
        wanted = "data.pairs takes two folders of images, a/ and b/"
        if self.layout == "auto":
            wanted += f", or images side by side, at least {WIDE:g} times as wide as high"
        first, second = two_sides(files, path, wanted)
        pairs, alone = matched(first, second, path, strict=self.strict)
        found.unreadable += alone
        held = first.held or second.held
        return _Files(
            [first.files[one] for one, _ in pairs],
            [second.files[two] for _, two in pairs],
            None if held is None else [first.spots[one].held for one, _ in pairs],
            (f"{first.name}/", f"{second.name}/"),
        )

    def _read(self, files: _Files, path: Path, found: Found, source: Found) -> tuple[Kept, Kept, list[int]]:
        """Both sides' images, number by number, and the places of the pairs that they are. A pair is left out where one
        of its files cannot be read: where that shows only after the other was, the others are read again without."""
        left_first = files.names[0] == "left"
        asked = self.rules(("left" if left_first else "right") if files.halves else None)
        made = self.rules(("right" if left_first else "left") if files.halves else None)
        asked = replace(asked, channels=self.input_channels or self.channels)
        places, unreadable = list(range(len(files.inputs))), list(found.unreadable)
        while True:
            before = (list(found.notes), list(source.notes))
            inputs, rest = _part(files.inputs, places, asked, source, path, None if files.halves else files.samples)
            rest = [places[number] for number in rest]
            sized = replace(made, size=(int(inputs.samples.shape[2]), int(inputs.samples.shape[3])))
            samples, kept = _part(files.samples, rest, sized, found, path)
            unreadable += [told for told in (*source.unreadable, *found.unreadable) if told not in unreadable]
            if len(kept) == len(rest):
                break
            places = [rest[number] for number in kept]
            found.notes, source.notes = before
        found.unreadable = unreadable
        names = ", ".join(source.channels)
        found.notes += [*source.notes, f"inputs: {names}"]
        return inputs, samples, rest


def _part(
    files: list[File], places: list[int], rules: Rules, found: Found, path: Path, partners: list[File] | None = None
) -> tuple[Kept, list[int]]:
    """The images of some of the files, with the numbers of those that could be read."""
    beside = None if partners is None else [partners[place] for place in places]
    return read_pictures([files[place] for place in places], rules, found, path, beside)
