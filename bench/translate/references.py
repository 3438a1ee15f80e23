"""What stands beside a trained network and needs no training."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from sparring.base.draws import Key, integers
from sparring.data import DataSet

Filler = Callable[[np.ndarray, np.ndarray], np.ndarray]


def nearest_pair(data: DataSet) -> Tensor:
    """For each held-out input the sample of the training pair whose input is nearest by pixels, as stored."""
    assert data.inputs is not None
    known = data.inputs.stored(data.inputs.train).float().flatten(1)
    asked = data.inputs.stored(data.inputs.heldout).float().flatten(1)
    return data.stored(data.train[torch.cdist(asked, known).argmin(1)])


def with_colours(images: Tensor, others: Tensor) -> Tensor:
    """Images uint8 [n, channels, height, width] with the histograms of others, each of one drawn at random."""
    from skimage.exposure import match_histograms

    chosen = integers(Key("colours"), torch.arange(len(images)), len(others))
    found = [
        match_histograms(image.numpy(), other.numpy(), channel_axis=0)
        for image, other in zip(images, others[chosen], strict=True)
    ]
    return torch.from_numpy(np.stack(found)).round().clamp(0, 255).to(torch.uint8)


def biharmonic(images: Tensor, holes: Tensor) -> Tensor:
    """Images [n, channels, height, width] in [0, 1] with their holes filled as smoothly as can be."""
    from skimage.restoration import inpaint_biharmonic

    def fill(image: np.ndarray, hole: np.ndarray) -> np.ndarray:
        return inpaint_biharmonic(image, hole, channel_axis=0)

    return _each(fill, images * (1 - holes), holes)


def telea(images: Tensor, holes: Tensor) -> Tensor:
    """The same by fast marching (Telea 2004), as OpenCV has it."""
    import cv2

    def fill(image: np.ndarray, hole: np.ndarray) -> np.ndarray:
        bytes_ = (image.transpose(1, 2, 0) * 255).round().astype(np.uint8)
        made = cv2.inpaint(np.ascontiguousarray(bytes_), hole.astype(np.uint8), 3, cv2.INPAINT_TELEA)
        return made.reshape(bytes_.shape).transpose(2, 0, 1) / 255

    return _each(fill, images * (1 - holes), holes)


def mean(images: Tensor, holes: Tensor) -> Tensor:
    """Each hole in the mean colour of what lies outside it."""
    outside = 1 - holes
    colour = (images * outside).sum((2, 3)) / outside.sum((2, 3))
    return colour[:, :, None, None].expand_as(images)


def _each(fill: Filler, images: Tensor, holes: Tensor) -> Tensor:
    made = [fill(image.numpy(), hole[0].numpy() > 0.5) for image, hole in zip(images, holes, strict=True)]
    return torch.from_numpy(np.stack(made)).float().clamp(0, 1)
