"""Images: all that the rest of the program asks of them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar

import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from sparring import kinds
from sparring.base.paths import given_path
from sparring.data import Codec, DataSet, ValueCodec
from sparring.data.files import FORMATS
from sparring.engine import choose_plan
from sparring.gan.game import Game
from sparring.kinds import zoo
from sparring.kinds.images.drawing import enlarged
from sparring.kinds.images.sources import Cifar10, Digits, FashionMnist, Images, Mnist, peek
from sparring.kinds.images.stacked import PerChannel, StackedDigits, single_digits
from sparring.kinds.images.writing import as_people_take, write_images
from sparring.kinds.kind import Augment, Claim, Known, Made, Say, Train
from sparring.kinds.noise import NoiseKind
from sparring.metrics import Extractor, Modes, codes_by_channel
from sparring.metrics.pictures.extractors import EXTRACTORS, choose_extractor, trained_on, usual_of
from sparring.metrics.pictures.ms_ssim import MS_SSIM
from sparring.metrics.pictures.patches import PATCH_KID
from sparring.pages.blocks import Block
from sparring.pages.drawing import laid

FEW = 500
"""Images under which augmentation and dropout decide."""


class ImagesKind(NoiseKind):
    """Images, made from noise."""

    name: ClassVar = "images"
    unit: ClassVar = "images"
    parts: ClassVar = (Images, Digits, Mnist, FashionMnist, Cifar10, StackedDigits)
    codecs: ClassVar = {"image": ValueCodec.from_json}
    metrics: ClassVar = (MS_SSIM, PATCH_KID)
    extractors: ClassVar = EXTRACTORS
    reads: ClassVar = tuple(FORMATS)
    against_overfitting: ClassVar = ("augment.diff_augment.cutout=0.5",)

    def claim(self, place: str, other: str | None, device: str) -> Claim | None:
        named = kinds.source_at(place)
        if named is not None:
            if named.kind != self.name:
                return None
            own = named.recipe_name() in zoo.names()
            return Claim(place, "made for it", 2) if own else Claim("image/small", "images of 28 to 32 pixels", 2)
        if other is not None:
            return None
        return Claim(*_fitting(*peek(given_path(place, "data")), device), 0)

    def given(self, made: Made, seed: int) -> NDArray[Any]:
        """Images [count, height, width, channels], grey ones [count, height, width], of the data's type."""
        array = as_people_take(made.samples, _values(made.codec))
        return array[..., 0] if array.shape[-1] == 1 else array

    def write(self, to: Path, made: Made, seed: int) -> int:
        return write_images(to, made.samples, made.labels, _values(made.codec))

    def extractor(self, name: str, data: DataSet, device: torch.device, say: Say) -> Extractor:
        if data.name == StackedDigits.recipe_name() and name in ("auto", "classifier", "selfsup"):
            return PerChannel(trained_on("classifier", single_digits(data), device, say))
        return choose_extractor(name, data, device, say)

    def usual(self, game: Game, data: DataSet, extractor: Extractor) -> list[str]:
        chosen = usual_of(extractor)
        return ["modes", *chosen] if data.name == StackedDigits.recipe_name() else chosen

    def known(self, data: DataSet, extractor: Extractor, names: Sequence[str], train: Tensor) -> Known:
        if isinstance(extractor, PerChannel):
            return Known(modes=Modes(code=codes_by_channel(extractor.inner), codes=data.classes))
        return Known()

    def augment(self, asked: Augment, train: Train, say: Say) -> Any:
        from sparring.kinds.images.augment.synthesis import answer

        return answer(asked, train, say)

    def lay(
        self, samples: Tensor, codec: Codec, columns: int | None = None, marks: Tensor | None = None, alt: str = ""
    ) -> Block:
        return laid(codec.to_unit(samples), columns, marks, alt)

    def screen(
        self, samples: Tensor, codec: Codec, data: DataSet | None, columns: int | None = None, side: int = 720
    ) -> Image.Image:
        return enlarged(codec.to_unit(samples), columns, side)


def _values(codec: Codec) -> ValueCodec:
    assert isinstance(codec, ValueCodec)  # its sources give no other
    return codec


def _fitting(count: int, edge: int, device: str) -> tuple[str, str]:
    """The recipe for so many images of so many pixels, and why."""
    if edge <= 16:
        return "digits", f"tiny images of {edge} pixels"
    if count < FEW:
        return "image/few", f"only {count} images"
    if edge <= 40:
        return "image/small", f"{count:,} images of {edge} pixels"
    if edge < 128:
        return "image/medium", f"{count:,} images of {edge} pixels"
    if choose_plan(device, "fp32", images=True).device == "cpu":
        return (
            "image/medium",
            f"{count:,} images of {edge} pixels, and no GPU: made at 64; image/large makes 128 and up",
        )
    return "image/large", f"{count:,} images of {edge} pixels"


KINDS = (ImagesKind(),)
