"""Holes of images, filled."""

from __future__ import annotations

from typing import ClassVar

import torch
from pydantic import Field
from torch import Tensor, nn

from sparring.base.draws import Key
from sparring.base.errors import RequestError
from sparring.data import Batch, DataSet, Formats
from sparring.gan.augment import Groups
from sparring.gan.game import Alike, Likeness, Turn
from sparring.kinds.translation.games.images import FromImages
from sparring.kinds.translation.games.masks import Drawn, Masks
from sparring.nets import Shape


class Inpaint(FromImages):
    """The generator sees an image without what lies in its holes, and where they are; what it makes there is put into
    the image, and the discriminator judges the whole (Pathak et al. 2016, https://arxiv.org/abs/1604.07379; with the
    mask shown: Yu et al. 2019, https://arxiv.org/abs/1806.03589)."""

    fills: ClassVar[bool] = True
    offers: ClassVar[frozenset[Likeness]] = frozenset({"target"})
    scores: ClassVar[tuple[str, ...]] = ("psnr", "ssim", "mae", "patch_kid", "kid", "fid")

    masks: Masks = Drawn()
    """Where the holes are: drawn at random, or from a folder."""
    show_mask: bool = True
    """Whether the discriminator sees where the holes are."""
    symmetry: bool = False
    """Whether the generator also sees the image, and its holes, mirrored left to right: what is missing of a face or a
    head seen from the front can be taken from the other side."""
    valid: float = Field(0.1, ge=0)
    """What a place outside the holes counts for a term that compares with the target, where one inside counts 1: there
    the network's own image is compared, of which translation takes nothing."""

    @property
    def recordable(self) -> bool:
        return isinstance(self.masks, Drawn)  # others are read from files, in a move

    def check(self, data: DataSet) -> None:
        super().check(data)
        if data.inputs is not None:
            raise RequestError(f"game: inpaint takes images, and {data.name} has two sides; say data.images.path=DIR")

    def asked_shape(self, formats: Formats) -> Shape:
        shape = super().asked_shape(formats)
        return ((shape[0] + 1) * (1 + self.symmetry), *shape[1:])

    def shown_shape(self, formats: Formats) -> Shape:
        shape = super().shown_shape(formats)
        return (shape[0] + self.show_mask, *shape[1:])

    def holes(self, batch: Batch) -> Tensor:
        """1 where something is to be filled in, else 0, float32 [batch, 1, height, width]."""
        return self.masks.draw(batch.key.at("holes"), batch.rows, (batch.shape[1], batch.shape[2]))

    def asked(self, batch: Batch) -> Tensor:
        return self.emptied(batch.samples, self.holes(batch))

    def emptied(self, images: Tensor, holes: Tensor) -> Tensor:
        """What the generator sees: images [n, channels, height, width] without what lies in the holes [n, 1, height,
        width], and these as the last channel; in between, where it is asked for, both mirrored."""
        seen = images * (1 - holes)
        mirrored = (seen.flip(-1), holes.flip(-1)) if self.symmetry else ()
        return torch.cat((seen, *mirrored, holes), 1)

    def make(self, generator: nn.Module, key: Key, rows: Tensor, asked: Tensor | None) -> Tensor:
        assert asked is not None
        return self._filled(self.drawn(generator, asked), asked)

    @staticmethod
    def _filled(made: Tensor, asked: Tensor) -> Tensor:
        images, holes = asked[:, : made.shape[1]], asked[:, -1:]
        return images + made * holes  # where there are holes, the image is 0

    def made(self, turn: Turn) -> Tensor:
        return turn.once("filled", lambda: self._filled(self._raw(turn), self._asked(turn)))

    def _asked(self, turn: Turn) -> Tensor:
        return turn.once("asked", lambda: self.asked(turn.batch))

    def _raw(self, turn: Turn) -> Tensor:
        """The network's whole image, also outside the holes."""
        return turn.once("raw", lambda: turn.duel.generator(self._asked(turn)))

    def real(self, turn: Turn) -> Tensor:
        return self._with_holes(turn.batch.samples, self._asked(turn)[:, -1:])

    def fake(self, turn: Turn) -> Tensor:
        return self._with_holes(self.made(turn), self._asked(turn)[:, -1:])

    def shown(self, sample: Tensor, batch: Batch) -> Tensor:
        return self._with_holes(sample, self.holes(batch))

    def groups(self, sample: Tensor, batch: Batch) -> Groups:
        """The image; where the holes are is a mask."""
        return (batch.shape[0],)

    def holes_in(self, asked: Tensor) -> Tensor | None:
        return asked[:, -1:] > 0.5

    def _with_holes(self, images: Tensor, holes: Tensor) -> Tensor:
        return torch.cat((images, holes.to(images.dtype)), 1) if self.show_mask else images

    def likenesses(self, turn: Turn, kind: Likeness) -> list[Alike]:
        if kind != "target":
            return []
        holes = self._asked(turn)[:, -1:]
        return [Alike(self._raw(turn), turn.batch.samples, holes + (1 - holes) * self.valid)]
