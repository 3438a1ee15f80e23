"""`patch_kid`: is local texture like the real one's? The kernel distance of patches, in features that nothing
trains."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from sparring.metrics import needs
from sparring.metrics.base import Metric, Reading, Views
from sparring.metrics.intervals import jackknife, within
from sparring.metrics.kernel import KernelDistance

SIDE = 16
"""Pixels of a patch, of images with sides of at least 32; half the shorter side of others."""
PLACES = 4
"""Patches along each side, evenly spread from border to border; they meet at 64 pixels."""
SCALES = 3
FINE = 0.1
"""Where the logarithm of a difference begins to bend, as a share of the range."""
MOST = 500
"""Images a side, at most."""
ROWS = 50
"""Images to compare at once."""


def patches(images: Tensor) -> Tensor:
    """Sixteen patches of each image [n, channels, height, width], always at the same places: [n, 16, channels, side,
    side]."""
    side = patch_side(*images.shape[2:])
    down, across = (_starts(length, side) for length in images.shape[2:])
    return torch.stack([images[:, :, y : y + side, x : x + side] for y in down for x in across], 1)


def patch_side(height: int, width: int) -> int:
    """How large the patches of an image are."""
    return min(SIDE, min(height, width) // 2)


def _starts(length: int, side: int) -> list[int]:
    return [round(place * (length - side) / (PLACES - 1)) for place in range(PLACES)]


def texture(patch: Tensor) -> Tensor:
    """What texture patches in [0, 1] have, [n, channels, side, side] with sides of at least 2: [n, width].

    Each channel's mean, and log(1 + d / .1) of the mean and of the root mean square d of the differences to its
    neighbours in four directions, at up to three scales, each half the one before. The two means differ as edges do
    from noise. Nothing is trained or drawn: the same of all data, sizes and seeds.
    """
    means, found = patch.mean((2, 3)), []
    for scale in range(scales(min(patch.shape[2:]))):
        patch = F.avg_pool2d(patch, 2) if scale else patch
        found += [
            patch[..., 1:] - patch[..., :-1],
            patch[..., 1:, :] - patch[..., :-1, :],
            patch[..., 1:, 1:] - patch[..., :-1, :-1],
            patch[..., 1:, :-1] - patch[..., :-1, 1:],
        ]
    sizes = [size for each in found for size in (each.abs().mean((2, 3)), each.square().mean((2, 3)).sqrt())]
    return torch.cat((means, torch.log1p(torch.cat(sizes, 1) / FINE)), 1)


def scales(side: int) -> int:
    """At how many scales a patch has neighbours."""
    return min(SCALES, int(math.log2(side / 2)) + 1)


def patch_distance(real: Tensor, fake: Tensor, *, paired: bool = False) -> KernelDistance:
    """Unbiased squared MMD of sets of images by features of their patches, [n, patches, width] and [m, patches, width],
    under the kernel (x.y / width + 1)^3, with its standard error by the jackknife of images.

    Patches of one image are alike, and are never compared with each other; nor, where real i and fake i are `paired`
    (n = m), with each other's: so equal pairs give 0. Both sets need at least 3 images. Float64.
    """
    within_real, within_fake, across = _of_images(real, real), _of_images(fake, fake), _of_images(real, fake)
    n, m = across.shape
    alone = _without_one(within_real), _without_one(within_fake)
    value = _others(within_real) + _others(within_fake)
    if paired:
        value = value - 2 * _others(across)
        error = jackknife(alone[0] + alone[1] - 2 * _without_one(across))
        return KernelDistance(float(value), math.sqrt(error))
    value = value - 2 * across.mean()
    without_real = alone[0] - 2 * (across.sum() - across.sum(1)) / ((n - 1) * m)
    without_fake = alone[1] - 2 * (across.sum() - across.sum(0)) / ((m - 1) * n)
    return KernelDistance(float(value), math.sqrt(jackknife(without_real) + jackknife(without_fake)))


def _of_images(x: Tensor, y: Tensor) -> Tensor:
    """The mean kernel of the patches of each two images, float64 [n, m]."""
    columns, found = y.double().flatten(0, 1), []
    for some in torch.split(x.double(), ROWS):
        kernel = torch.mm(some.flatten(0, 1), columns.T).div_(x.shape[2]).add_(1)
        kernel = kernel * kernel.square()
        found.append(kernel.reshape(len(some), x.shape[1], len(y), y.shape[1]).mean((1, 3)))
    return torch.cat(found)


def _others(kernel: Tensor) -> Tensor:
    """The mean of [n, n] but for its diagonal."""
    return (kernel.sum() - kernel.trace()) / (len(kernel) * (len(kernel) - 1))


def _without_one(kernel: Tensor) -> Tensor:
    """The same with one row and its column left out, [n]."""
    n, diagonal = len(kernel), kernel.diagonal()
    gone = kernel.sum(0) + kernel.sum(1) - 2 * diagonal
    return (kernel.sum() - kernel.trace() - gone) / ((n - 1) * (n - 2))


def _features(images: Tensor) -> Tensor:
    """[n, patches, width], of the first images."""
    cut = [patches(some.float()) for some in torch.split(images[:MOST], ROWS)]
    return torch.cat([texture(some.flatten(0, 1)).reshape(*some.shape[:2], -1) for some in cut])


def _patch_kid(views: Views) -> Reading:
    fake, paired = views.fake.samples, views.truth is not None
    real = views.truth if paired else views.heldout.samples
    assert real is not None and fake is not None  # noqa: PT018  `needs` saw to it
    sides = [_features(images) for images in (real, fake)]
    found = patch_distance(*sides, paired=paired)
    side = patch_side(*fake.shape[2:])
    protocol = {
        "kernel": "(x.y / width + 1)^3",
        "features": "means, and logarithms of differences of neighbours",
        "width": sides[0].shape[2],
        "patch": side,
        "patches": PLACES**2,
        "scales": scales(side),
        "against": "the truths" if paired else "held-out samples",
        "images": [len(each) for each in sides],
        "estimate": "unbiased, patches of one image or pair never compared",
        "standard_error": found.standard_error,
        "interval": "1.96 standard errors by the jackknife of images",
    }
    return Reading(found.value, within(*found), protocol, n=len(sides[1]))


PATCH_KID = Metric(
    "patch_kid", "lower", (-math.inf, math.inf), _patch_kid, (needs.images, needs.samples(3)), like_the_data=True
)
"""Kernel distance (Bińkowski et al. 2018, https://arxiv.org/abs/1801.01401) of patches of fakes and of real images, in
features of texture: blur, noise and patterns of the generator's own raise it, content hardly does."""
