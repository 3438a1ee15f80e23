"""What the page does with a run that makes images of images."""

from __future__ import annotations

import tempfile
import threading
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image, ImageChops

from sparring.base.draws import Key, permutation
from sparring.base.errors import RequestError
from sparring.data import DataSet
from sparring.gan.trained import Trained
from sparring.kinds.kind import Say, Way
from sparring.kinds.translation.picturefiles import Picture, ending_of, read_picture, transparent, written_ending
from sparring.kinds.translation.picturefiles.colours import to_rgb
from sparring.kinds.translation.picturefiles.picture import bounds
from sparring.kinds.translation.remaking import translation_of, values_of
from sparring.kinds.translation.showing import game_of
from sparring.kinds.translation.translating import translate
from sparring.pages.drawing import picture_of

EXAMPLES = 6
"""Held-out images on the page, at most."""
SHOWN = (512, 1024)
"""The longer edge of what a mask is painted on, at least and at most."""
_ALONE = threading.Lock()  # dropout that is always on draws from a state that its layers hold


def act_on(
    trained: Trained,
    source: Path,
    folder: Path,
    mask: Image.Image | None = None,
    direction: str | None = None,
    say: Say = lambda line: None,
) -> Path:
    """What the run makes of a picture's file, as a file in a folder, named after both; as `sparring translate` does it.

    Of a run that fills holes, `mask` is white in the holes, of one channel and of the picture's size; without one, what
    is transparent is filled. `say` hears what people should know of it, such as the scale. Raises RequestError, which
    names the file without its folder, where the picture, the mask or the direction is wrong.
    """
    fills, ending = game_of(trained).fills, ending_of(source)
    stem = source.name[: len(source.name) - len(ending)]
    target = folder / f"{stem}-{Path(trained.name).resolve().name}{written_ending(ending, fills)}"
    with tempfile.TemporaryDirectory() as aside:
        where = None
        if fills:
            where = _written(mask, picture_in(source), Path(aside) / "mask.png")
        try:
            with _ALONE:
                act = translation_of(trained, Way(direction=direction))
                return translate(act, source, target, where, say=say, overwrite=True)[0]
        except RequestError as error:
            raise _by_name(error, source) from None


def _written(mask: Image.Image | None, picture: Picture, path: Path) -> Path | None:
    """The mask's file; None where a picture says itself what to fill."""
    extremes = (0, 0) if mask is None else mask.getextrema()
    if mask is None or extremes[1] == 0:
        if transparent(picture) is not None:
            return None
        raise RequestError("mask: nothing is painted; paint over what is to be filled in")
    if extremes[0] != 0:
        raise RequestError("mask: all is painted; leave something of the picture to go by")
    mask.save(path)
    return path


def picture_in(path: Path) -> Picture:
    """The picture in a file. Raises RequestError, which names the file without its folder, for what is none."""
    try:
        return read_picture(path)
    except RequestError as error:
        raise _by_name(error, path) from None


def _by_name(error: RequestError, path: Path) -> RequestError:
    """The same of a file whose folder says nothing to a person."""
    return RequestError(str(error).replace(str(path), path.name))


def mask_of(layers: Sequence[Image.Image], size: tuple[int, int]) -> Image.Image | None:
    """The mask of a size (width, height) that was painted on layers over a picture: 255 wherever a layer is not
    altogether transparent. None without layers."""
    found: Image.Image | None = None
    for layer in layers:
        painted = layer.convert("RGBA").getchannel("A").point(lambda value: 255 if value else 0)
        found = painted if found is None else ImageChops.lighter(found, painted)
    if found is None:
        return None
    larger = size[0] > found.width or size[1] > found.height
    whole = found.resize(size, Image.Resampling.NEAREST if larger else Image.Resampling.BOX)
    return whole.point(lambda value: 255 if value else 0)  # so that the thinnest stroke stays


def shown(picture: Picture, like: Picture | None = None, edges: tuple[int, int] = SHOWN) -> Image.Image:
    """A picture, of a volume the middle slice, as a page shows it: 8 bits, in colours, its longer edge brought within
    `edges`. Black and white are the lowest and the highest value where there are more than 8 bits, of the picture that
    it is to be beside (`like`), if any."""
    scale = picture if like is None or like.depth != picture.depth else like
    low, high = (scale.low, scale.high) if scale.depth == "uint8" else bounds(scale.planes)
    if scale.high < scale.low and low < high:  # values are to be inverted
        low, high = high, low
    plane = to_rgb(picture.planes[len(picture.planes) // 2]).astype(np.float32)
    unit = np.nan_to_num((plane - low) / (high - low)).clip(0, 1)
    image = Image.fromarray((unit * 255).round().astype(np.uint8).transpose(1, 2, 0))
    return fitted(image, edges)


def fitted(image: Image.Image, edges: tuple[int, int] = SHOWN) -> Image.Image:
    """An image with its longer edge brought within `edges`."""
    longest = max(image.size)
    scale = min(max(longest, edges[0]), edges[1]) / longest
    size = max(1, round(image.width * scale)), max(1, round(image.height * scale))
    return image.resize(size, Image.Resampling.BICUBIC)


def examples(data: DataSet, *, back: bool = False, count: int = EXAMPLES) -> list[Image.Image]:
    """Some of the images that training did not see, as a generator is given them (`back`: as it makes them); of the
    training images, where nothing is held out."""
    side = data if data.inputs is None or back else data.inputs
    numbers = data.heldout if data.paired else side.heldout
    numbers = numbers if len(numbers) else side.train
    chosen = numbers[permutation(Key("demo"), len(numbers))[:count]]
    codec = values_of(side.codec)
    deep = codec.depth == "uint16" and codec.shape[0] == 1
    return [
        Image.fromarray(sample[0].numpy().astype(np.uint16)) if deep else picture_of(codec.to_unit(sample))
        for sample in side.stored(chosen)
    ]
