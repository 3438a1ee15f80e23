"""At what size a run sees pictures: as large as the images it was trained on, or as a person asks."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Literal

import torch.nn.functional as F
from pydantic import Field
from torch import Tensor

from sparring.base.part import Part
from sparring.data import Source
from sparring.data.pictures.options import FileOptions
from sparring.kinds.translation.sources.crops import Pictures

NEAR = 1.1
"""A factor within this of 1, either way, leaves a picture as it is: resampling would cost more than it mends."""


class Options(Part):
    """What `sparring translate` takes beside its own options."""

    scale: float | None = Field(None, gt=0, le=64)
    """How large the run sees a picture, as a factor of its own size: 1 as it is, 0.5 half as high and wide; by default
    as large as the images that it was trained on. What it makes comes back in the picture's own size."""


@dataclass(frozen=True)
class Scale:
    """At what size pictures are seen."""

    size: tuple[int, int] | None = None
    """(height, width) of the images of training; None where a picture's own size is as good as any."""
    fit: Literal["crop", "resize", "pad"] = "crop"
    """How images were brought to it."""
    zoom: float = 0.0
    """By how much more they were enlarged at most."""
    crops: tuple[float, int] | None = None
    """Of a run that saw crops of one picture: the largest factor, and the longer side that it is of."""
    asked: float | None = None
    """What a person asks for."""

    def usual(self, height: int, width: int) -> float:
        """The factor by which training would have made such a picture larger, nearest to 1 where it knows several."""
        if self.crops is not None:
            return min(1.0, self.crops[0] * min(1.0, self.crops[1] / max(height, width)))
        if self.size is None:
            return 1.0
        ratios = self.size[0] / height, self.size[1] / width
        least = {"crop": max(ratios), "pad": min(ratios), "resize": math.sqrt(ratios[0] * ratios[1])}[self.fit]
        return min(max(1.0, least), least * (1 + self.zoom))

    def seen(self, height: int, width: int) -> tuple[int, int]:
        """The (height, width) at which such a picture is seen."""
        factor = self.usual(height, width) if self.asked is None else self.asked
        if self.asked is None and 1 / NEAR <= factor <= NEAR:
            return height, width
        return max(1, round(height * factor)), max(1, round(width * factor))

    def told(self, height: int, width: int) -> str:
        """What people should know of it, in a line; nothing where pictures are seen as in training."""
        usual, (down, right) = self.usual(height, width), self.seen(height, width)
        if self.size is None:
            trained = "training saw crops of one picture, made smaller"
        else:
            trained = f"training saw images at {self.size[0]} x {self.size[1]}"
        if self.asked is None:
            if (down, right) == (height, width):
                return ""
            return (
                f"scale: {trained}; pictures are brought to that ({height} x {width} to {down} x {right}, a scale of "
                f"{usual:.3g}), and what is made of them back to their size; --scale 1 takes them as they are"
            )
        apart = self.asked / usual
        if 1 / NEAR <= apart <= NEAR:
            return ""
        words = f"{apart:.3g} times as large" if apart > 1 else f"{apart:.3g} of the size"
        return f"scale: {self.asked:.3g} is {words} as {trained}; what is made may hold what no picture does"


OWN_SIZE = Scale()
"""A run of which nothing is known takes pictures as they are."""


def scale_of(source: Source, size: tuple[int, int], asked: float | None = None) -> Scale:
    """At what size a run that was trained on a source's images, (height, width) each, sees pictures."""
    if isinstance(source, Pictures):
        return Scale(crops=(source.scale[1], source.largest), asked=asked)
    if isinstance(source, FileOptions):
        return Scale(size, source.fit, source.zoom, asked=asked)
    return replace(OWN_SIZE, asked=asked)


def resized(images: Tensor, size: tuple[int, int]) -> Tensor:
    """Images [n, channels, height, width] at another (height, width), within the values that they have."""
    if tuple(images.shape[2:]) == size:
        return images
    made = F.interpolate(images, size=size, mode="bicubic", antialias=True)
    return made.clamp(images.amin(), images.amax())


def with_holes(images: Tensor, holes: Tensor, size: tuple[int, int]) -> tuple[Tensor, Tensor]:
    """The same of images and their holes (1 where to fill, else 0, [n, 1, height, width]): whatever touches a hole is
    one, so that nothing of what is to be filled shows beside it."""
    if tuple(images.shape[2:]) == size:
        return images, holes
    return F.adaptive_avg_pool2d(images, size), F.adaptive_max_pool2d(holes, size)
