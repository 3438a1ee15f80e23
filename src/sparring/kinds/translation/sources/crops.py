"""Two pictures as many crops of each: what one picture's style is learned from."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any, ClassVar

import torch
from PIL import Image
from pydantic import Field
from torch import Tensor

from sparring.base.draws import Key, uniform
from sparring.base.errors import RequestError
from sparring.data import DataSet, Found
from sparring.data.files import FORMATS, File, readable
from sparring.data.pictures.decoding import MODE_NAMES, Rules, Unreadable, as_array, head_of, or_reason, whole
from sparring.data.pictures.options import Arrays, PictureOptions
from sparring.data.pictures.reading import kind_of
from sparring.data.store import Stream, files_key, keep, known
from sparring.kinds.translation.sources.sides import unpaired


class Pictures(PictureOptions):
    """Two single pictures: random crops of one are to look like those of the other (SinCUT; Park et al. 2020,
    https://arxiv.org/abs/2007.15651). The held-out crops are of the same two pictures, and overlap with others."""

    kind: ClassVar[str] = "translation"
    places: ClassVar[tuple[str, ...]] = ("content", "style")
    single: ClassVar[bool] = True

    content: str
    """The picture whose content stays."""
    style: str
    """The picture whose look it is to get."""
    size: int = Field(64, ge=8, le=1024)
    """Edge of a crop."""
    count: int = Field(2000, ge=20, le=1_000_000)
    """Crops of each picture."""
    scale: tuple[float, float] = (0.25, 1.0)
    """By what a picture is made smaller before a crop is cut out, drawn anew for each, evenly from low to high; it is
    never smaller than the crop."""
    largest: int = Field(1024, ge=8)
    """The longer side of a picture at most; larger ones are made smaller first."""
    channels: int | None = Field(None, ge=1)
    """1 grey, 2 grey and alpha, 3 colour, 4 colour and alpha; needed where the two differ."""

    def model_post_init(self, context: Any) -> None:
        low, high = self.scale
        if not 0 < low <= high <= 1:
            raise ValueError(f"scale: [{low:g}, {high:g}] is not low, high with 0 < low <= high <= 1")

    def load(self) -> DataSet:
        paths = [_picture(self.content, "content"), _picture(self.style, "style")]
        found = Found(f"{paths[0]} in the style of {paths[1]}")
        rules = Rules(None, None, "crop", self.channels, strict=False, options="data.pictures")
        stream = self._crops([_file(path) for path in paths], rules, found)
        key = files_key(paths, {"crops": [self.size, self.count, *self.scale, self.largest, self.channels]})
        kept = known(key) or keep(stream, key)
        found.title = f"{found.what}: {self.count:,} crops of each"
        if kept.file is not None:
            found.notes.append(kept.note)
        content, style = kept.part(0, self.count), kept.part(self.count, self.count)
        inputs, samples = (Arrays(side.samples, None, (), None, side.file) for side in (content, style))
        return unpaired(self, f"{paths[0].stem}-{paths[1].stem}", inputs, samples, found)

    def _crops(self, files: list[File], rules: Rules, found: Found) -> Stream:
        """The content's crops, then the style's."""
        modes = set()
        for file in files:
            head = or_reason(head_of, file, rules)
            if isinstance(head, Unreadable):
                raise RequestError(f"{file.name}: {head}")
            if min(head.size) * min(1, self.largest / max(head.size)) < self.size:
                sides = f"{head.size[0]} x {head.size[1]} (height x width)"
                raise RequestError(f"data.pictures.size: {self.size} is more than {file.name} has, {sides}; say less")
            modes.add(head.mode)
            found.sizes[head.size] += 1
            found.channels[MODE_NAMES.get(head.mode, head.mode)] += 1
        channels, deep = kind_of(modes, rules, found, found.what)
        shape = (channels, self.size, self.size)

        def blocks() -> Iterator[Tensor]:
            for side, file in enumerate(files):
                image = or_reason(whole, file, rules, channels, deep)
                if isinstance(image, Unreadable):
                    raise RequestError(f"{file.name}: {image}")
                yield from self._of(image, Key("crops", side))

        return Stream(2 * self.count, shape, torch.int32 if deep else torch.uint8, blocks)

    def _of(self, image: Image.Image, key: Key) -> Iterator[Tensor]:
        """The crops of one picture, [1, channels, size, size] each, at places and scales that the key draws."""
        image.thumbnail((self.largest, self.largest), Image.Resampling.LANCZOS)
        low, high = self.scale
        for scale, left, top in uniform(key, torch.arange(self.count), (3,)).tolist():
            edge = min(self.size / (low + scale * (high - low)), *image.size)
            left, top = left * (image.width - edge), top * (image.height - edge)
            box = (left, top, min(left + edge, image.width), min(top + edge, image.height))
            crop = image.resize((self.size, self.size), Image.Resampling.BICUBIC, box)
            yield torch.from_numpy(as_array(crop))[None]


def _picture(given: str, key: str) -> Path:
    path = readable(given)
    if not path.is_file() or path.suffix.lower() not in FORMATS:
        what = "a file of another kind" if path.is_file() else "a folder"
        raise RequestError(f"{path}: {what}; data.pictures.{key} takes one picture: {', '.join(FORMATS)}")
    return path


def _file(path: Path) -> File:
    return File(str(path), partial(Path.read_bytes, path))
