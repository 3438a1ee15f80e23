"""How alike images are to their truths, as functions of tensors, with gradients: PSNR, SSIM, mean absolute error."""

from __future__ import annotations

import torch
from torch import Tensor

from sparring.metrics.pictures.ms_ssim import CONTRAST, LUMINANCE, WINDOW, gaussian_means

CEILING = 100.0
"""Decibels that an image gets which equals its truth; without, one such image makes a mean infinite."""


def mae(fake: Tensor, truth: Tensor, holes: Tensor | None = None) -> Tensor:
    """Mean absolute error of images in [0, 1], [n, channels, height, width]: [n], in [0, 1].

    `holes`, bool or 0 and 1, [n, 1, height, width]: over the pixels in the hole alone; NaN where there are none.
    """
    return _mean((fake - truth).abs(), holes)


def psnr(fake: Tensor, truth: Tensor, holes: Tensor | None = None) -> Tensor:
    """Peak signal-to-noise ratio -10 log10(mean squared error) of images in [0, 1], [n, channels, height, width]: [n],
    in decibels, at most 100. `holes` as of `mae`."""
    least = 10 ** (-CEILING / 10)
    return -10 * _mean((fake - truth).square(), holes).clamp(min=least).log10()


def ssim(fake: Tensor, truth: Tensor, holes: Tensor | None = None) -> Tensor:
    """Structural similarity (Wang et al. 2004, https://doi.org/10.1109/TIP.2003.819861) of images in [0, 1], [n,
    channels, height, width] with sides of at least 11: [n], in [-1, 1].

    The mean over the windows that lie inside the image, or, with `holes`, bool or 0 and 1, [n, 1, height, width], over
    those whose middle lies in the hole; NaN where there are none. Smaller images are a ValueError.
    """
    values = ssim_map(fake, truth)
    if holes is not None:
        return _mean(values, holes)
    side = WINDOW // 2
    return values[..., side:-side, side:-side].mean((1, 2, 3))


def ssim_map(fake: Tensor, truth: Tensor) -> Tensor:
    """The structural similarity of the window about each pixel, [n, channels, height, width]; see `ssim`.

    Gaussian windows of sigma 1.5, 11 pixels wide, K1 .01, K2 .03, population covariances, each channel by itself;
    images go on mirrored beyond their borders: scikit-image's `structural_similarity` with `gaussian_weights`.
    """
    if min(fake.shape[2:]) < WINDOW:
        raise ValueError(f"ssim takes images of at least {WINDOW} pixels a side, not {list(fake.shape[2:])}")
    x, y = _mirrored(fake), _mirrored(truth)
    mean_x, mean_y, xx, yy, xy = gaussian_means(torch.cat((x, y, x * x, y * y, x * y))).chunk(5)
    products = mean_x * mean_y
    squares = mean_x.square() + mean_y.square()
    contrast = (2 * (xy - products) + CONTRAST) / (xx + yy - squares + CONTRAST)
    luminance: Tensor = (2 * products + LUMINANCE) / (squares + LUMINANCE)
    return luminance * contrast


def _mean(values: Tensor, holes: Tensor | None) -> Tensor:
    """The mean of each image, [n], or of its hole."""
    if holes is None:
        return values.mean((1, 2, 3))
    inside = holes.to(values.dtype)
    return (values * inside).sum((1, 2, 3)) / (inside.sum((1, 2, 3)) * values.shape[1])


def _mirrored(images: Tensor) -> Tensor:
    """Half a window more on each side, the border's own pixels being repeated."""
    height, width = (_places(side, images.device) for side in images.shape[2:])
    return images[:, :, height][:, :, :, width]


def _places(side: int, device: torch.device) -> Tensor:
    place = torch.arange(-(WINDOW // 2), side + WINDOW // 2, device=device)
    place = torch.where(place < 0, -1 - place, place)
    return torch.where(place >= side, 2 * side - 1 - place, place)
