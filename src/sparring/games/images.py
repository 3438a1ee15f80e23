"""What games that turn images into images share."""

from __future__ import annotations

from contextlib import nullcontext
from typing import ClassVar, Literal

import torch
from torch import Tensor, nn

from sparring.augmentations import Groups
from sparring.data import Batch, Batches, DataSet, Formats, Rows, ValueCodec
from sparring.draws import Key
from sparring.errors import RequestError
from sparring.game import Alike, Likeness, Side, Turn
from sparring.games.noise import as_verdict, refuse_own
from sparring.nets import Net, Own, Shape, Verdict, translator_of
from sparring.nets.batchnorm import by_image
from sparring.part import Part

SMALL = 32
"""Pixels of an edge, under which images are scored whole."""


class FromImages(Part):
    """The generator makes each sample from an image; what it draws besides, it draws by dropout that is always on."""

    translates: ClassVar[bool] = True
    """Whether samples are made from images."""
    offers: ClassVar[frozenset[Likeness]] = frozenset()
    """Which likenesses terms can ask for."""
    scores: ClassVar[tuple[str, ...]] = ()
    """The metrics that tell most of it, the most telling first."""
    fills: ClassVar[bool] = False
    """Whether it fills holes of an image, and leaves the rest as it is."""
    truth: ClassVar[bool] = True
    """Whether it is known what should come out."""
    pack: ClassVar[int] = 1
    """Samples that the discriminator sees at once."""
    labels: ClassVar[Literal["none"]] = "none"
    """Labels take no part."""

    batch_norms: Literal["data", "image"] = "data"
    """Whose statistics the generator's batch norms take at translation: those of the training data, or the image's own,
    as pix2pix does. Dropout is another matter: it acts at translation where its surgery says `when: always`."""

    def check(self, data: DataSet) -> None:
        """Raises RequestError where the data are not for this game."""
        if data.codec.kind != "image":
            told = "rows of a table" if data.codec.kind == "table" else "points"
            raise RequestError(f"game: {self.recipe_name()} is for images, and {data.name} are {told}")
        for part in (data, data.inputs):
            if part is not None and part.shape[0] not in (1, 3):
                kind = "images with transparency" if part.shape[0] in (2, 4) else f"{part.shape[0]} channels"
                told = "pictures keep theirs as it is; say channels=3 or channels=1"
                raise RequestError(f"data: {part.name} has {kind}, and images are made of 1 or 3 channels; {told}")

    def scores_of(self, shape: Shape) -> tuple[str, ...]:
        """The metrics that are taken of samples of this shape: small images have no patches and no structure."""
        small = min(shape[1:]) < SMALL
        return tuple(name for name in self.scores if not small or name not in ("ssim", "ms_ssim_pairs", "patch_kid"))

    def asked(self, batch: Batch) -> Tensor:
        """The images that each row's sample is to be made from, [batch, channels, height, width]."""
        raise NotImplementedError

    def asked_shape(self, formats: Formats) -> Shape:
        """Of one of them."""
        return _image(formats.samples if formats.inputs is None else formats.inputs)

    def shown_shape(self, formats: Formats) -> Shape:
        """What the discriminator sees of one sample."""
        return _image(formats.samples)

    def build_generator(self, net: Net, formats: Formats) -> nn.Module:
        """The generator, from images to samples."""
        if isinstance(net, Own):
            raise refuse_own("generator")
        return translator_of(net, self.asked_shape(formats), _image(formats.samples))

    def build_discriminator(self, net: Net, formats: Formats) -> nn.Module:
        """The discriminator of what it is shown."""
        if isinstance(net, Own):
            raise refuse_own("discriminator")
        return net.discriminator(self.shown_shape(formats))

    def example(self, side: Side, formats: Formats) -> tuple[Tensor, ...]:
        """Two rows of what a network of this side sees."""
        shape = self.asked_shape(formats) if side == "generator" else self.shown_shape(formats)
        return (torch.zeros(2, *shape),)

    def batches(self, rows: Rows, size: int, key: Key, *, position: int = 0) -> Batches:
        """The training data, one random order after the other."""
        return Batches(rows, size, key, position=position)

    def drawing(self, generator: nn.Module, *, back: bool = False) -> nn.Module:
        """The network within a generator that draws images."""
        return generator

    def made(self, turn: Turn) -> Tensor:
        """What the generator makes in this turn."""
        generator, key = turn.duel.generator, turn.key.at("latents")
        return turn.once("made", lambda: self.make(generator, key, turn.batch.rows, self.asked(turn.batch)))

    def make(self, generator: nn.Module, key: Key, rows: Tensor, asked: Tensor | None) -> Tensor:
        """Samples [n, ...] of images [n, ...]."""
        return self.drawn(generator, asked)

    def drawn(self, generator: nn.Module, *inputs: object, **options: object) -> Tensor:
        """What the generator draws; its batch norms by the statistics that `batch_norms` says."""
        own = self.batch_norms == "image" and not generator.training
        with by_image(generator) if own else nullcontext():
            made: Tensor = generator(*inputs, **options)
        return made

    def real(self, turn: Turn) -> Tensor:
        return turn.batch.samples

    def fake(self, turn: Turn) -> Tensor:
        return self.made(turn)

    def shown(self, sample: Tensor, batch: Batch) -> Tensor:
        """Samples of the batch's rows as the discriminator sees them."""
        return sample

    def groups(self, sample: Tensor, batch: Batch) -> Groups:
        """A sample alone, or beside another image, which comes first."""
        made = batch.shape[0]
        beside = sample.shape[1] - made
        return (beside, made) if beside else (made,)

    def show(self, discriminator: nn.Module, sample: Tensor, batch: Batch) -> Verdict:
        """The verdict on samples, as they are or as `shown`."""
        alone = sample.shape[1] == batch.shape[0]
        return as_verdict(discriminator(self.shown(sample, batch) if alone else sample), len(sample))

    def seen(self, generator: nn.Module, batch: Batch, key: Key) -> tuple[Tensor, Tensor]:
        """What the discriminator sees of a batch in training, real and fake; all of the generator takes part."""
        made = self.make(generator, key, batch.rows, self.asked(batch))
        return self.shown(batch.samples, batch), self.shown(made, batch)

    def likenesses(self, turn: Turn, kind: Likeness) -> list[Alike]:
        return []


def _image(codec: object) -> Shape:
    assert isinstance(codec, ValueCodec)
    return codec.shape
