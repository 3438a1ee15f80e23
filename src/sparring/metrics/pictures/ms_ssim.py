"""`ms_ssim`: how alike pairs of fakes are, by multi-scale structural similarity."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from sparring.base.draws import Key, permutation
from sparring.metrics import needs
from sparring.metrics.base import Features, Metric, Reading, Views
from sparring.metrics.intervals import within

WEIGHTS = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)
WINDOW, SIGMA = 11, 1.5
LUMINANCE, CONTRAST = 0.01**2, 0.03**2
PAIRS = 1000


def scales(height: int, width: int) -> int:
    """How many scales images of a size have: all five where the window fits into the coarsest, fewer else, at least
    one."""
    return min(len(WEIGHTS), max(1, int(math.log2(min(height, width) / WINDOW) + 1e-9) + 1))


def ms_ssim(x: Tensor, y: Tensor, count: int | None = None) -> Tensor:
    """Multi-scale structural similarity (Wang, Simoncelli and Bovik 2003, https://doi.org/10.1109/ACSSC.2003.1292216)
    of pairs of images in [0, 1], [pairs, channels, height, width] with sides of at least 6: [pairs], in [0, 1].

    `count` scales (all that fit, where None); with fewer than five their weights are scaled to sum to 1. Borders are
    mirrored at the coarsest scale, elsewhere only windows inside the image count; negative similarities count as 0,
    with a gradient of 0.
    """
    count = scales(*x.shape[2:]) if count is None else count
    total = sum(WEIGHTS[:count])
    result = torch.ones(len(x), dtype=x.dtype, device=x.device)
    for scale, weight in enumerate(WEIGHTS[:count]):
        contrast, similarity = _ssim(x, y)
        last = scale == count - 1
        result = result * _power(similarity if last else contrast, weight / total)
        if not last:
            x, y = F.avg_pool2d(x, 2), F.avg_pool2d(y, 2)
    return result


def _power(base: Tensor, exponent: float) -> Tensor:
    """A power of what is above 0, else 0: the slope of a power below 1 at 0 itself would be infinite."""
    above = base > 0
    return torch.where(above, torch.where(above, base, 1.0) ** exponent, 0.0)


def _ssim(x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    """The mean contrast and structure inside the borders, and the mean similarity with mirrored borders, [pairs]."""
    side = WINDOW // 2
    x, y = (F.pad(images, (side, side, side, side), mode="reflect") for images in (x, y))
    mean_x, mean_y, xx, yy, xy = gaussian_means(torch.cat((x, y, x * x, y * y, x * y))).chunk(5)
    variances = (xx - mean_x.square()).clamp(min=0) + (yy - mean_y.square()).clamp(min=0)
    contrast = (2 * (xy - mean_x * mean_y) + CONTRAST) / (variances + CONTRAST)
    luminance = (2 * mean_x * mean_y + LUMINANCE) / (mean_x.square() + mean_y.square() + LUMINANCE)
    inside = contrast[..., side:-side, side:-side] if min(contrast.shape[2:]) > 2 * side else contrast
    return inside.mean((1, 2, 3)), (luminance * contrast).mean((1, 2, 3))


def gaussian_means(images: Tensor) -> Tensor:
    """Gaussian means of the windows that lie inside, channel by channel."""
    place = torch.arange(WINDOW, dtype=images.dtype, device=images.device) - WINDOW // 2
    window = torch.exp(-place.square() / (2 * SIGMA**2))
    window = window / window.sum()
    flat = images.flatten(0, 1)[:, None]
    flat = F.conv2d(F.conv2d(flat, window[None, None, :, None]), window[None, None, None])
    return flat.reshape(*images.shape[:2], *flat.shape[2:])


def _of_pairs(features: Features, key: Key) -> Tensor:
    """The similarity of disjoint pairs drawn at random, float64 [pairs]."""
    assert features.samples is not None  # `needs` saw to it
    pairs = min(PAIRS, len(features) // 2)
    order = permutation(key, len(features))
    found = []
    for some in torch.split(torch.arange(pairs), 100):
        x, y = (features.samples[order[2 * some + which]].float() for which in (0, 1))
        found.append(ms_ssim(x, y))
    return torch.cat(found).double()


def _ms_ssim(views: Views) -> Reading:
    each = _of_pairs(views.fake, views.key.at("pairs", "fake"))
    real = _of_pairs(views.heldout, views.key.at("pairs", "heldout"))
    assert views.fake.samples is not None
    value = float(each.mean())
    error = float(each.std()) / math.sqrt(len(each)) if len(each) > 1 else 1.0
    protocol = {
        "pairs": len(each),
        "scales": scales(*views.fake.samples.shape[2:]),
        "window": WINDOW,
        "borders": "mirrored at the coarsest scale",
        "real_value": float(real.mean()),
        "interval": "1.96 standard errors over disjoint pairs",
    }
    return Reading(value, within(value, error), protocol)


MS_SSIM = Metric("ms_ssim", "lower", (0.0, 1.0), _ms_ssim, (needs.images, needs.samples(2)), like_the_data=True)
"""Mean similarity of two fakes (as a measure of variety: Odena, Olah and Shlens 2017,
https://arxiv.org/abs/1610.09585): high where they collapse. Read it beside `real_value`, the same of held-out
samples: noise is less alike than any real data."""
