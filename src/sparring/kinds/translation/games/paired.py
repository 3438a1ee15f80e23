"""Images into others that belong to them."""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Tensor

from sparring.base.errors import RequestError
from sparring.data import Batch, DataSet, Formats
from sparring.gan.game import Alike, Likeness, Turn
from sparring.kinds.translation.games.images import FromImages
from sparring.nets import Shape


class Paired(FromImages):
    """Of each input it is known what should come out; the discriminator judges the two side by side (pix2pix: Isola et
    al. 2017, https://arxiv.org/abs/1611.07004)."""

    offers: ClassVar[frozenset[Likeness]] = frozenset({"target"})
    scores: ClassVar[tuple[str, ...]] = ("patch_kid", "psnr", "ssim", "ms_ssim_pairs", "mae", "kid", "fid")

    conditional: bool = True
    """Whether the discriminator sees the input beside the output, so that it judges how the two fit."""

    def check(self, data: DataSet) -> None:
        super().check(data)
        if data.inputs is None or not data.paired:
            raise RequestError(f"game: paired needs pairs of images, and {data.name} has none; say data.pairs.path=DIR")

    def asked(self, batch: Batch) -> Tensor:
        assert batch.inputs is not None  # `check` has seen to it
        return batch.inputs

    def shown_shape(self, formats: Formats) -> Shape:
        made, asked = super().shown_shape(formats), self.asked_shape(formats)
        return (asked[0] + made[0], *made[1:]) if self.conditional else made

    def real(self, turn: Turn) -> Tensor:
        return self.shown(turn.batch.samples, turn.batch)

    def fake(self, turn: Turn) -> Tensor:
        return self.shown(self.made(turn), turn.batch)

    def shown(self, sample: Tensor, batch: Batch) -> Tensor:
        """Input and output as channels of one image, so that whatever is done to a sample is done to both."""
        return torch.cat((self.asked(batch), sample.to(self.asked(batch).dtype)), 1) if self.conditional else sample

    def likenesses(self, turn: Turn, kind: Likeness) -> list[Alike]:
        return [Alike(self.made(turn), turn.batch.samples)] if kind == "target" else []
