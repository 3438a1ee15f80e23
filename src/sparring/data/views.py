"""How images are shown in training: changed at random, anew each time."""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from sparring.base.draws import Key, uniform


class Views(NamedTuple):
    """What is drawn anew each time an image is shown."""

    mirror: bool = False
    """Half of the images are mirrored."""
    zoom: float = 0.0
    """Windows are shown, of sizes down to 1 / (1 + zoom) of the image's, enlarged to its size."""
    turn: float = 0.0
    """Images are turned by up to so many degrees, either way; what comes in is reflected."""

    def shown(self, images: Tensor, key: Key, rows: Tensor) -> Tensor:
        """Images [n, channels, height, width] of numbered rows, int64 [n], as this key has them seen; the same shape.
        Images of the same rows are changed alike."""
        if self.mirror:
            flip = uniform(key, rows, [1] * (images.ndim - 1)) < 0.5
            images = torch.where(flip, images.flip(-1), images)
        if self.zoom or self.turn:
            grid = F.affine_grid(self._windows(images, key, rows), list(images.shape), align_corners=False)
            images = F.grid_sample(images, grid, mode="bilinear", padding_mode="reflection", align_corners=False)
        return images

    def _windows(self, images: Tensor, key: Key, rows: Tensor) -> Tensor:
        """Where each pixel comes from, as affine maps of coordinates that run over [-1, 1]: [n, 2, 3]."""
        drawn = uniform(key.at("window"), rows, (4,))
        share = (1 + self.zoom) ** -drawn[:, 0]
        angle = (drawn[:, 1] * 2 - 1) * math.radians(self.turn)
        cos, sin = angle.cos() * share, angle.sin() * share
        ratio = images.shape[2] / images.shape[3]
        right, down = ((drawn[:, place] * 2 - 1) * (1 - share) for place in (2, 3))
        return torch.stack((torch.stack((cos, -sin * ratio, right), 1), torch.stack((sin / ratio, cos, down), 1)), 1)


STILL = Views()
"""Images as they are."""
