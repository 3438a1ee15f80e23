"""What games that turn images into images share."""

from __future__ import annotations

from contextlib import nullcontext
from typing import ClassVar, Literal

from torch import Tensor, nn

from sparring.base.draws import Key
from sparring.base.errors import RequestError
from sparring.data import Batch, DataSet
from sparring.gan.augment import Groups
from sparring.gan.games import FromInputs, Game
from sparring.nets import Shape
from sparring.nets.batchnorm import by_image

SMALL = 32
"""Pixels of an edge, under which images are scored whole."""


class FromImages(FromInputs):
    """The generator makes each sample from an image; what it draws besides, it draws by dropout that is always on."""

    kind: ClassVar[str | None] = "translation"
    refit_passes: ClassVar[int] = 4
    """A quarter of the usual is enough: each channel has its values in many places of each image."""
    scores: ClassVar[tuple[str, ...]] = ()
    """The metrics that tell most of it, the most telling first."""
    fills: ClassVar[bool] = False
    """Whether it fills holes of an image, and leaves the rest as it is."""
    both_ways: ClassVar[bool] = False
    """Whether it can translate back too."""

    batch_norms: Literal["data", "image"] = "data"
    """Whose statistics the generator's batch norms take at translation: those of the training data, or the image's own,
    as pix2pix does. Dropout is another matter: it acts at translation where its surgery says `when: always`."""

    def fitted(self, batch: int, data: DataSet) -> Game:
        super().fitted(batch, data)
        self.check(data)
        return self

    def check(self, data: DataSet) -> None:
        """Raises RequestError where the data are not for this game."""
        if not data.codec.maps:
            raise RequestError(f"game: {self.recipe_name()} is for images, and the data are {data.codec.noun}")
        for part in (data, data.inputs):
            if part is not None and part.shape[0] not in (1, 3):
                kind = "images with transparency" if part.shape[0] in (2, 4) else f"{part.shape[0]} channels"
                told = "pictures keep theirs as it is; say channels=3 or channels=1"
                raise RequestError(f"data: {part.name} has {kind}, and images are made of 1 or 3 channels; {told}")

    def scores_of(self, shape: Shape) -> tuple[str, ...]:
        """The metrics that are taken of samples of this shape: small images have no patches and no structure."""
        small = min(shape[1:]) < SMALL
        return tuple(name for name in self.scores if not small or name not in ("ssim", "ms_ssim_pairs", "patch_kid"))

    def drawing(self, generator: nn.Module, *, back: bool = False) -> nn.Module:
        """The network within a generator that draws images."""
        return generator

    def make(self, generator: nn.Module, key: Key, rows: Tensor, asked: Tensor | None) -> Tensor:
        """Samples [n, ...] of images [n, ...]."""
        return self.drawn(generator, asked)

    def drawn(self, generator: nn.Module, *inputs: object, **options: object) -> Tensor:
        """What the generator draws; its batch norms by the statistics that `batch_norms` says."""
        own = self.batch_norms == "image" and not generator.training
        with by_image(generator) if own else nullcontext():
            made: Tensor = generator(*inputs, **options)
        return made

    def emptied(self, images: Tensor, holes: Tensor) -> Tensor:
        """What a generator that fills holes sees of images [n, channels, height, width] and the holes [n, 1, height,
        width], which are its last channel."""
        raise NotImplementedError

    def holes_in(self, asked: Tensor) -> Tensor | None:
        """Where something is to be filled in, bool [n, 1, height, width], of what the generator is asked for; None
        where all is made."""
        return None

    def groups(self, sample: Tensor, batch: Batch) -> Groups:
        """A sample alone, or beside another image, which comes first."""
        made = batch.shape[0]
        beside = sample.shape[1] - made
        return (beside, made) if beside else (made,)
