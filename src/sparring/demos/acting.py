"""What the page does with a run that makes images of images."""

from __future__ import annotations

import threading
import warnings
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image, ImageChops, ImageOps, UnidentifiedImageError
from torch import Tensor

from sparring.data import DataSet, ValueCodec
from sparring.data.picture import MOST_PIXELS
from sparring.draws import Key, permutation
from sparring.errors import RequestError, nearest
from sparring.games import Cycle, FromImages, Inpaint
from sparring.match import make
from sparring.run import Run

DIRECTIONS = ("a2b", "b2a")
"""From the first kind of images to the second, and back."""
EXAMPLES = 6
"""Held-out images on the page, at most."""
SHOWN = (512, 1024)
"""The longer edge of what a mask is painted on, at least and at most."""
MODES = {1: "L", 2: "LA", 3: "RGB", 4: "RGBA"}
"""What images of so many channels are to Pillow."""
DEEP = ("I;16", "I")
"""What images of 16 bits are to Pillow."""
_ALONE = threading.Lock()  # dropout that is always on draws from a state that its layers hold


def directions_of(run: Run) -> tuple[str, ...]:
    """The ways between which a person chooses; none where there is only one."""
    return DIRECTIONS if isinstance(run.recipe.game, Cycle) else ()


def act_on(
    run: Run, picture: Image.Image, mask: Image.Image | None = None, direction: str | None = None
) -> Image.Image:
    """What the run makes of a picture, in the picture's size; each time the same.

    Of a run that fills holes, `mask` is a picture of one channel and of the same size, above 0 in the holes; outside of
    these, every pixel is as it was. `direction` is for runs that go both ways, `a2b` by default. Raises RequestError
    where the mask or the direction is wrong.
    """
    game = run.recipe.game
    assert isinstance(game, FromImages)
    ways = directions_of(run)
    if direction is not None and direction not in (ways or DIRECTIONS[:1]):
        raise RequestError(f"direction: '{direction}'; {nearest(direction, ways or DIRECTIONS[:1])}")
    given, made = _codecs(run, back=direction == "b2a")
    holes = _holes(mask, picture) if isinstance(game, Inpaint) else None
    asked = _encoded(picture, given)
    if holes is not None:
        asked = Inpaint.emptied(asked, torch.from_numpy(np.array(holes) > 0)[None, None].float())
    with _ALONE, torch.no_grad():
        asked = asked.to(next(run.generator.parameters()).device)
        if direction == "b2a":
            drawn = game.drawn(run.generator, asked, back=True)
        else:
            drawn = make(game, run.generator, Key("demo"), torch.arange(1, device=asked.device), asked)
    result = _picture(made.decode(drawn)[0].cpu(), made)
    if holes is None:
        return result
    return _composed(picture, result, np.array(holes) > 0)


def _codecs(run: Run, *, back: bool) -> tuple[ValueCodec, ValueCodec]:
    """Of what goes in, and of what comes out."""
    ends = (run.codec if run.inputs is None else run.inputs, run.codec)
    given, made = reversed(ends) if back else ends
    assert isinstance(given, ValueCodec)
    assert isinstance(made, ValueCodec)
    return given, made


def _holes(mask: Image.Image | None, picture: Image.Image) -> Image.Image:
    """255 in the holes and 0 elsewhere, of one channel."""
    if mask is None or mask.getextrema()[1] == 0:
        raise RequestError("mask: nothing is painted; paint over what is to be filled in")
    if mask.size != picture.size:
        sizes = " x ".join(map(str, mask.size)), " x ".join(map(str, picture.size))
        raise RequestError(f"mask: {sizes[0]} pixels, and the picture has {sizes[1]}")
    if mask.getextrema()[0] != 0:
        raise RequestError("mask: all is painted; leave something of the picture to go by")
    return mask.point(lambda value: 255 if value else 0)


def _composed(picture: Image.Image, made: Image.Image, holes: NDArray[np.bool_]) -> Image.Image:
    """The picture with what was made in its holes, bool [height, width]; by arrays, since Pillow's paste errs in 16
    bits."""
    before = np.array(picture)
    if picture.mode not in DEEP:
        after = np.array(made.convert(picture.mode))
    else:
        after = np.array(made) if made.mode in DEEP else np.array(made.convert("L")).astype(np.int32) * 257
    before[holes] = after[holes]
    return Image.fromarray(before)


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


def opened(path: str | Path) -> Image.Image:
    """The picture in a file, upright, as its pixels are: palettes become colours. Raises RequestError for what is no
    picture, is damaged, moves, or is too large."""
    name = Path(path).name
    try:
        with _file(path) as image:
            if image.width * image.height > MOST_PIXELS:
                raise RequestError(f"{name}: {image.width} x {image.height} pixels; at most {MOST_PIXELS:,}")
            frames = int(getattr(image, "n_frames", 1))
            if frames > 1:
                raise RequestError(f"{name}: has {frames} frames; take a picture of one")
            upright = ImageOps.exif_transpose(image)
    except UnidentifiedImageError:
        raise RequestError(f"{name}: not a picture that can be read; take a .png or .jpg") from None
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise RequestError(f"{name}: damaged ({str(error).splitlines()[0][:120]})") from None
    if upright.mode == "P":
        return upright.convert("RGBA" if "transparency" in upright.info else "RGB")
    return (
        upright if upright.mode in (*MODES.values(), *DEEP) else upright.convert("L" if upright.mode == "1" else "RGB")
    )


def _file(path: str | Path) -> Image.Image:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", Image.DecompressionBombWarning)
        return Image.open(path)


def shown(picture: Image.Image, edges: tuple[int, int] = SHOWN) -> Image.Image:
    """A picture as a page shows it: 8 bits, in colours, its longer edge brought within `edges`."""
    if picture.mode in DEEP:
        values = np.asarray(picture).astype(np.float32)
        low, high = float(values.min()), float(values.max())
        picture = Image.fromarray(((values - low) / max(high - low, 1.0) * 255).round().astype(np.uint8))
    longest = max(picture.size)
    scale = min(max(longest, edges[0]), edges[1]) / longest
    size = max(1, round(picture.width * scale)), max(1, round(picture.height * scale))
    return picture.convert("RGB").resize(size, Image.Resampling.BICUBIC)


def examples(data: DataSet, *, back: bool = False, count: int = EXAMPLES) -> list[Image.Image]:
    """Some of the images that training did not see, as a generator is given them (`back`: as it makes them); of the
    training images, where nothing is held out."""
    side = data if data.inputs is None or back else data.inputs
    numbers = data.heldout if data.paired else side.heldout
    numbers = numbers if len(numbers) else side.train
    chosen = numbers[permutation(Key("demo"), len(numbers))[:count]]
    assert isinstance(side.codec, ValueCodec)
    return [_picture(sample, side.codec) for sample in side.stored(chosen)]


def _encoded(picture: Image.Image, codec: ValueCodec) -> Tensor:
    """As networks see it, float32 [1, channels, height, width]. Other depths are stretched to the codec's."""
    channels = codec.shape[0]
    if channels not in MODES:
        raise RequestError(f"pictures have 1 to 4 channels, and this run's images have {channels}")
    if picture.mode in DEEP:
        stored = torch.from_numpy(np.asarray(picture).astype(np.float32))[None]
        unit = codec.to_unit(stored).clamp(0, 1) if codec.depth == "uint16" else stored / 65535
        unit = unit.expand(channels, -1, -1)
    else:
        array = np.array(picture.convert(MODES[channels])).reshape(picture.height, picture.width, channels)
        unit = torch.from_numpy(array).permute(2, 0, 1).float() / 255
    return (unit if codec.range == "unit" else unit * 2 - 1)[None]


def _picture(stored: Tensor, codec: ValueCodec) -> Image.Image:
    """A sample as it is stored, [channels, height, width], as a picture."""
    channels = codec.shape[0]
    if channels not in MODES:
        raise RequestError(f"pictures have 1 to 4 channels, and this run's images have {channels}")
    if codec.depth == "uint16" and channels == 1:
        return Image.fromarray(stored[0].numpy().astype(np.uint16))
    array = (codec.to_unit(stored) * 255).round().clamp(0, 255).to(torch.uint8).permute(1, 2, 0).numpy()
    return Image.fromarray(array[..., 0] if channels == 1 else array)
