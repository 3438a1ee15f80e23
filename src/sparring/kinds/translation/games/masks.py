"""Where holes are."""

from __future__ import annotations

import functools
from typing import Annotated

import numpy as np
import torch
from PIL import Image
from pydantic import Field
from torch import Tensor

from sparring.base.draws import Key, integers, uniform
from sparring.base.errors import RequestError
from sparring.base.part import OneOf, Part
from sparring.base.paths import given_path
from sparring.data.files import files_of
from sparring.kinds.translation.picturefiles import holes_of, raster


class Drawn(Part):
    """Holes drawn at random: boxes, strokes of a brush, or all that lies outside a window."""

    boxes: float = Field(1.0, ge=0)
    """How often a hole is a box, beside the other two."""
    strokes: float = Field(1.0, ge=0)
    """How often it is a few strokes, each of several straight parts."""
    borders: float = Field(0.0, ge=0)
    """How often it is the border around a window, so that the image is continued."""
    least: float = Field(0.05, gt=0, lt=1)
    """The part of the image that a box or a border takes, at least; strokes have no such bound."""
    most: float = Field(0.35, gt=0, lt=1)
    """The same, at most. Strokes take what their width and number of parts make."""
    width: float = Field(0.12, gt=0, lt=1)
    """Of a stroke, as a part of the shorter edge, at most; at least a third of it."""
    parts: int = Field(6, ge=1, le=32)
    """Straight parts of all strokes of a hole together."""

    def model_post_init(self, context: object) -> None:
        if self.least > self.most:
            raise ValueError(f"least: {self.least:g} is more than most, {self.most:g}")
        if self.boxes + self.strokes + self.borders == 0:
            raise ValueError("boxes: boxes, strokes and borders are all 0; give one of them a share")

    def draw(self, key: Key, rows: Tensor, size: tuple[int, int]) -> Tensor:
        """Holes of numbered rows, 1 inside and 0 outside, float32 [rows, 1, height, width]; never empty or whole: where
        strokes would be, the row has a box."""
        total = self.boxes + self.strokes + self.borders
        kind = uniform(key.at("kind"), rows, (1, 1)) * total
        boxes = self._box(key, rows, size, border=False)
        holes = boxes
        if self.strokes:
            strokes = self._strokes(key, rows, size)
            covered = strokes.flatten(1)
            usable = (covered.any(1) & ~covered.all(1))[:, None, None]
            holes = torch.where((kind < self.boxes) | ~usable, boxes, strokes)
        if self.borders:
            outside = ~self._box(key, rows, size, border=True)
            holes = torch.where(kind < self.boxes + self.strokes, holes, outside)
        return holes[:, None].float()

    def _box(self, key: Key, rows: Tensor, size: tuple[int, int], *, border: bool) -> Tensor:
        """Boxes of any place and shape, or, of a border, the windows inside: bool [rows, height, width]."""
        drawn = uniform(key.at("border" if border else "box"), rows, (4,))
        area = self.least + (self.most - self.least) * drawn[:, 0]
        area = 1 - area if border else area
        # Edges of 1 to 2 up to 2 to 1, as far as the image is wide enough
        stretch = torch.exp((drawn[:, 1] - 0.5) * 2 * (-area.log()).clamp_max(0.7))
        inside = []
        for edge, ratio, place in ((size[0], stretch, drawn[:, 2]), (size[1], 1 / stretch, drawn[:, 3])):
            length = ((area * ratio).sqrt() * edge).round().clamp(1, edge - 1)
            first = (place * (edge - length + 1)).floor()
            at = torch.arange(edge, device=rows.device)
            inside.append((at >= first[:, None]) & (at < (first + length)[:, None]))
        return inside[0][:, :, None] & inside[1][:, None, :]

    def _strokes(self, key: Key, rows: Tensor, size: tuple[int, int]) -> Tensor:
        """What lies near a path of straight parts, bool [rows, height, width]."""
        short = min(size)
        start = uniform(key.at("start"), rows, (1, 2)) * 0.8 + 0.1
        moves = (uniform(key.at("moves"), rows, (self.parts, 2)) - 0.5) * 0.8
        corners = torch.cat((start, start + moves.cumsum(1)), 1)
        corners = (corners - 2 * (corners / 2).floor() - 1).abs()  # reflected at the image's edges
        corners = torch.stack([(corners[..., axis] * n).clamp_max(n - 1) for axis, n in enumerate(size)], -1)
        reach = (uniform(key.at("width"), rows) * 2 / 3 + 1 / 3) * self.width * short / 2
        grid = torch.stack(
            torch.meshgrid(*(torch.arange(n, device=rows.device, dtype=torch.float32) for n in size), indexing="ij"), -1
        )
        nearest = torch.full((len(rows), *size), torch.inf, device=rows.device)
        for part in range(self.parts):
            nearest = torch.minimum(nearest, _apart(grid, corners[:, part], corners[:, part + 1]))
        return nearest <= reach.clamp_min(0.75)[:, None, None] ** 2


def _apart(grid: Tensor, first: Tensor, last: Tensor) -> Tensor:
    """Squared distances of places [height, width, 2] to lines between points [rows, 2]: [rows, height, width]."""
    along = (last - first)[:, None, None]
    offset = grid - first[:, None, None]
    share = ((offset * along).sum(-1) / along.square().sum(-1).clamp_min(1e-9)).clamp(0, 1)
    return (offset - share[..., None] * along).square().sum(-1)


class Folder(Part):
    """Holes from the image files of a folder or a zip, white (over half) where something is to be filled in, or, in one
    with transparent pixels, these; each sample takes one at random, brought to its size."""

    path: str
    """The folder or zip."""

    def draw(self, key: Key, rows: Tensor, size: tuple[int, int]) -> Tensor:
        """As `Drawn.draw`."""
        known = _read(self.path, size).to(rows.device)
        return known[integers(key.at("file"), rows, len(known))].float()


@functools.lru_cache(4)
def _read(path: str, size: tuple[int, int]) -> Tensor:
    """All masks of a folder, bool [masks, 1, height, width]."""
    where = given_path(path, "game.inpaint.masks.folder.path")
    if not where.exists():
        raise RequestError(f"game.inpaint.masks.folder.path: {where} does not exist")
    found = []
    for file in files_of(where)[0]:
        image = Image.fromarray(holes_of(raster.read(where / file.name, file))[0])
        mask = np.asarray(image.convert("L").resize((size[1], size[0]), Image.Resampling.BOX)) >= 128
        if mask.all() or not mask.any():
            told = "all of it is a hole" if mask.all() else "has no hole"
            wanted = "white (over half), or transparent, is what is to be filled in"
            raise RequestError(f"{where}/{file.name}: {told} at {size[1]} x {size[0]} pixels; {wanted}")
        found.append(torch.from_numpy(mask))
    return torch.stack(found)[:, None]


Masks = Annotated[Drawn | Folder, OneOf()]
