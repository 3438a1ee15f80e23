"""`agreement`, `pixel_accuracy`: do fake and truth show the same thing at each place, by the main colours of targets?

For targets whose colours stand for things, such as maps and label images: the scores by which pix2pix was judged on
Cityscapes (Isola et al. 2017, https://arxiv.org/abs/1611.07004), with colours in the place of a segmentation network.
"""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor

from sparring.base.draws import Key, permutation
from sparring.kinds.translation.metrics import needs as own
from sparring.kinds.translation.metrics.scores import mean_reading
from sparring.metrics import Metric, Reading, Views
from sparring.metrics.intervals import jackknife, within

COLOURS = 8
PIXELS = 100_000
"""Pixels whose colours are grouped, at most."""
STARTS = 4
ROWS = 50
"""Pairs to compare at once."""


def palette(images: Tensor, count: int = COLOURS) -> Tensor:
    """The main colours of images in [0, 1], [n, channels, height, width]: float64 [colours, channels], the most
    frequent first; fewer where the images have fewer.

    The middles of `count` groups of pixels by k-means (the best of four starts by k-means++, Arthur and Vassilvitskii
    2007), of colours rounded to 8 bits; equal images give equal colours.
    """
    from sklearn.cluster import KMeans

    pixels = images.permute(0, 2, 3, 1).flatten(0, 2)
    some = permutation(Key("palette"), len(pixels))[:PIXELS]
    colours, times = torch.unique((pixels[some] * 255).round().long(), dim=0, return_counts=True)
    colours = colours.double() / 255
    if len(colours) <= count:
        frequent: Tensor = colours[times.argsort(descending=True, stable=True)]
        return frequent
    found = KMeans(count, n_init=STARTS, random_state=0).fit(colours.numpy(), sample_weight=times.numpy())
    shares = torch.zeros(count, dtype=torch.int64).index_add_(0, torch.from_numpy(found.labels_).long(), times)
    middles: Tensor = torch.from_numpy(found.cluster_centers_).double()
    return middles[shares.argsort(descending=True, stable=True)]


def classes(images: Tensor, colours: Tensor) -> Tensor:
    """Which of the colours [k, channels] is nearest to each pixel of images [n, channels, height, width]: int64 [n,
    height, width]; of equally near ones the first."""
    pixels = images.permute(0, 2, 3, 1).to(colours.dtype)
    return torch.stack([(pixels - colour).square().sum(3) for colour in colours]).argmin(0)


def confusion(truth: Tensor, fake: Tensor, count: int, holes: Tensor | None = None) -> Tensor:
    """How many pixels of each image are of one class in the truth and of another in the fake, int64 [n, height, width]
    both: float64 [n, count, count], of the hole alone where `holes` (bool, [n, 1, height, width]) are given."""
    number = torch.arange(len(truth))[:, None, None]
    cells = (number * count + truth) * count + fake
    cells = cells.flatten() if holes is None else cells[holes[:, 0].bool()]
    return torch.bincount(cells, minlength=len(truth) * count * count).reshape(len(truth), count, count).double()


def mean_iou(confusions: Tensor) -> Tensor:
    """Mean intersection over union of confusions [..., k, k], over the classes that truth or fake has: [...]."""
    both = confusions.diagonal(dim1=-2, dim2=-1)
    either = confusions.sum(-1) + confusions.sum(-2) - both
    share = torch.where(either > 0, both / either.clamp(min=1), 0.0)
    return share.sum(-1) / (either > 0).sum(-1)


def _confusions(views: Views) -> Tensor:
    """The confusion of each pair, [n, k, k]; pairs with a mask that holds no pixel are left out."""
    colours, found = _colours(views), []
    fake, truth, holes = views.fake.samples, views.truth, views.holes
    assert fake is not None and truth is not None  # noqa: PT018  `needs` saw to it
    for some in torch.split(torch.arange(len(fake)), ROWS):
        right, shown = (classes(images[some], colours) for images in (truth, fake))
        found.append(confusion(right, shown, len(colours), None if holes is None else holes[some]))
    every = torch.cat(found)
    return every[every.sum((1, 2)) > 0]


def _colours(views: Views) -> Tensor:
    targets = views.targets
    assert targets is not None  # `needs` saw to it
    return views.once("palette", lambda: palette(targets))


def _protocol(views: Views) -> dict[str, Any]:
    colours = [[round(value * 255) for value in colour] for colour in _colours(views).tolist()]
    return {
        "over": "the whole image" if views.holes is None else "in the hole",
        "k": len(colours),
        "palette": colours,
        "colours": f"k-means of {0 if views.targets is None else len(views.targets)} training images",
    }


def _agreement(views: Views) -> Reading:
    each = views.once("confusions", lambda: _confusions(views))
    value = float(mean_iou(each.sum(0)))
    error = math.sqrt(jackknife(mean_iou(each.sum(0) - each)))
    protocol = _protocol(views) | {
        "classes": "those that truth or fakes have",
        "counts": "of all pixels together",
        "interval": "1.96 standard errors by the jackknife over images",
    }
    return Reading(value, within(value, error), protocol, n=len(each))


def _pixel_accuracy(views: Views) -> Reading:
    each = views.once("confusions", lambda: _confusions(views))
    right = each.diagonal(dim1=1, dim2=2).sum(1) / each.sum((1, 2))
    return mean_reading(right, _protocol(views))


AGREEMENT = Metric("agreement", "higher", (0.0, 1.0), _agreement, (own.pairs, own.targets))
"""Mean intersection over union of the classes of truth and fake, a pixel's class being its nearest main colour."""
PIXEL_ACCURACY = Metric("pixel_accuracy", "higher", (0.0, 1.0), _pixel_accuracy, (own.pairs, own.targets))
"""Share of pixels whose class is that of the truth, mean over images."""
