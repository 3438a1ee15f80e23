"""Images on a screen."""

from __future__ import annotations

import math

from PIL import Image
from torch import Tensor

from sparring.pages.drawing import picture_of

GAP = 6
"""Pixels between samples."""


def enlarged(images: Tensor, columns: int | None, side: int) -> Image.Image:
    """Images [n, channels, height, width] in [0, 1] side by side on nothing (transparent), small ones enlarged by a
    whole number, so that the longer edge comes near `side`."""
    columns = min(columns or math.ceil(math.sqrt(len(images))), len(images))
    height, width = images.shape[2:]
    rows = math.ceil(len(images) / columns)
    factor = max(1, round(side / max(columns * width, rows * height)))
    place = (width * factor + GAP, height * factor + GAP)
    canvas = Image.new("RGBA", (columns * place[0] - GAP, rows * place[1] - GAP), (0, 0, 0, 0))
    for number, sample in enumerate(images):
        one = picture_of(sample).resize((width * factor, height * factor), Image.Resampling.NEAREST)
        canvas.paste(one, (number % columns * place[0], number // columns * place[1]))
    return canvas
