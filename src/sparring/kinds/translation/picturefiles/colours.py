"""Between grey, RGB and CMYK; arrays [..., channels, height, width] in float32."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

LUMA = (0.299, 0.587, 0.114)
"""Of ITU-R BT.601, which Pillow takes too."""

Floats = NDArray[np.float32]


def to_rgb(values: NDArray[Any]) -> Floats:
    """Three channels from one, three or four (CMYK of 0 to 255, without its profile)."""
    floats = values.astype(np.float32, copy=False)
    channels = floats.shape[-3]
    if channels == 4:
        ink, black = floats[..., :3, :, :], floats[..., 3:, :, :]
        return (255 - ink) * (255 - black) * np.float32(1 / 255)
    return np.repeat(floats, 3, axis=-3) if channels == 1 else floats


def to_grey(values: NDArray[Any]) -> Floats:
    """The luminance, in one channel."""
    if values.shape[-3] == 1:
        return values.astype(np.float32, copy=False)
    weights = np.asarray(LUMA, np.float32)[:, None, None]
    grey: Floats = (to_rgb(values) * weights).sum(axis=-3, keepdims=True)
    return grey


def to_cmyk(rgb: Floats, like: NDArray[Any]) -> Floats:
    """RGB as inks, with as much black as `like` has wherever that is not too dark; what `to_rgb(like)` gives becomes
    `like` again."""
    inks = like.astype(np.float32, copy=False)
    black = np.minimum(inks[..., 3:, :, :], 255 - rgb.max(axis=-3, keepdims=True))
    paper = 255 - black
    dark = paper < 0.5  # no ink shows on black
    ink = np.where(dark, inks[..., :3, :, :], 255 - rgb * 255 / np.where(dark, 1, paper))
    return np.concatenate([ink, black], axis=-3)
