"""What the kinds of data have in common in a recipe."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple, Self

from pydantic import Field
from torch import Tensor

from sparring.data.codec import Codec, Range, image_codec
from sparring.data.dataset import DataSet, Found, assemble
from sparring.data.pictures.decoding import Half, Rules
from sparring.data.pictures.fitting import Fit, size_for
from sparring.data.samplefile import SampleFile, blocks_of
from sparring.data.source import SourceOptions
from sparring.data.views import Views


class PictureOptions(SourceOptions):
    """Of images."""

    mirror: bool = False
    """Show half of the training images mirrored, drawn anew each time."""
    zoom: float = Field(0.0, ge=0, le=4)
    """Show a window of each training image, drawn anew each time, enlarged by up to this part: 0.25 for a quarter."""
    turn: float = Field(0.0, ge=0, le=180)
    """Show each training image turned by up to so many degrees either way, drawn anew each time."""
    range: Range = "signed"
    """What networks see: `signed` for [-1, 1], `unit` for [0, 1]."""

    def assembled(self, name: str, arrays: Arrays, found: Found, partners: Iterable[Tensor] | None = None) -> DataSet:
        """The data set of images, as `assemble` puts it together."""
        return assemble(
            name,
            arrays.samples,
            arrays.labels,
            image_codec(arrays.samples, self.range, blocks_of(arrays.samples, arrays.file)),
            found,
            label_names=arrays.label_names,
            heldout=arrays.heldout,
            fraction=self.held_out,
            limit=self.limit,
            views=Views(self.mirror, self.zoom, self.turn),
            file=arrays.file,
            partners=partners,
        )


class FileOptions(PictureOptions):
    """Of image files."""

    size: int | tuple[int, int] | None = None
    """Edge, or [height, width]; by default the images' own size where they share one, the middle one of those of one
    shape, as far as `largest` allows, else a square of the median shorter side."""
    largest: int | None = Field(None, ge=4)
    """The longer side that a recipe is made for. Where `size` is not given, images of more pixels than 1.5 times its
    square are made smaller, in proportion; a run that begins writes down their size."""
    fit: Fit = "crop"
    """How other sizes are brought to it: `crop` the middle, `resize` out of shape, or `pad` with the mean colour."""
    channels: int | None = Field(None, ge=1)
    """1 grey, 2 grey and alpha, 3 colour, 4 colour and alpha; needed where files are mixed."""
    strict: bool = True
    """Refuse files that cannot be read or are not what their ending says; without, such files are left out (or read as
    what they are) and named."""

    def model_post_init(self, context: Any) -> None:
        edges = [self.size] if isinstance(self.size, int) else list(self.size or [])
        if edges and (min(edges) < 4 or max(edges) > 4096):
            raise ValueError(f"size: {self.size} is not within 4 to 4096")

    @property
    def exact_size(self) -> tuple[int, int] | None:
        """[height, width] as asked for."""
        return (self.size, self.size) if isinstance(self.size, int) else self.size

    def sizes(self) -> list[tuple[int, int]]:
        """The (height, width) of some of the images, from the first to the last."""
        raise NotImplementedError

    def decided(self) -> tuple[Self, str]:
        """These options with the size that images are made at, where that is not their own or above `largest`."""
        if self.size is not None or self.largest is None:
            return self, ""
        sizes = self.sizes()
        size, smaller = size_for(sizes, self.largest)
        if size is None:
            return self, ""
        told = ""
        if set(sizes) == {size}:
            key, times = f"data.{self.recipe_name()}.size", size[0] * size[1] / self.largest**2
            told = (
                f"made at their own size, {size[0]} x {size[1]}, which takes about {times:.3g} times the work of "
                f"{self.largest} x {self.largest}; {key}=[{smaller[0]},{smaller[1]}] makes them smaller"
            )
        return self.model_copy(update={"size": size}), told

    def like(self, codec: Codec) -> DataSet:
        """These images brought to the size of a codec's."""
        own = self.model_copy(update={"size": tuple(codec.shape[1:])}) if codec.maps else self
        return super(FileOptions, own).like(codec)

    def rules(self, half: Half | None = None) -> Rules:
        """How image files become one array."""
        where = f"data.{self.recipe_name()}"
        return Rules(self.exact_size, self.largest, self.fit, self.channels, self.strict, half, where)


class Arrays(NamedTuple):
    """Samples [n, channels, height, width] with labels, and the numbers of an official test part."""

    samples: Tensor
    labels: Tensor | None
    label_names: tuple[str, ...]
    heldout: Tensor | None
    file: SampleFile | None = None
    """Which the samples lie over, where they are not in memory."""
