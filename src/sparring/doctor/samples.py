"""What a few hundred samples say of a generator, beside as many real ones: in features that are fixed, cheap and need
no training, so that they can be taken many times in a run. They are no scores: `sparring evaluate` gives those."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from sparring.doctor.rules.signs import USUAL_COPIES

THUMBNAIL = 8
"""Side of the picture that is left of an image, in pixels."""
GRAIN = 4
"""Side of the map of what the thumbnail does not show."""
COMPONENTS = 16
"""Directions in which moments are compared, at most."""
NEAREST = 5
"""Neighbours that make a real sample's ball."""


def thumbnails(samples: Tensor) -> Tensor:
    """Float [n, width] of samples [n, ...]: an image's thumbnail and, where it is larger than that, how much varies
    below it; other samples as they are."""
    samples = samples.detach().float()
    if samples.ndim != 4:
        return samples.flatten(1)
    height, width = samples.shape[2:]
    small = (min(height, THUMBNAIL), min(width, THUMBNAIL))
    thumbnail = F.adaptive_avg_pool2d(samples, small)
    if (height, width) == small:
        return samples.flatten(1)
    rest = samples - F.interpolate(thumbnail, size=(height, width), mode="bilinear", align_corners=False)
    grain = F.adaptive_avg_pool2d(rest.square(), (min(height, GRAIN), min(width, GRAIN))).sqrt()
    return torch.cat((thumbnail.flatten(1), grain.flatten(1)), 1)


class Yardstick:
    """Real samples that fakes are held against, and what is known of them."""

    def __init__(self, train: Tensor, heldout: Tensor | None, labels: Tensor | None = None) -> None:
        """Features of training samples [n, width] and of held-out ones; labels of the former, int64 [n]."""
        self.train = train
        self.judged = train if heldout is None or len(heldout) < 2 * NEAREST else heldout
        """The real ones that fakes should be like: held out, where there are some."""
        self.labels = labels
        self.mean = train.mean(0)
        centred = train - self.mean
        self.radius = float(centred.square().sum(1).mean().sqrt().clamp(min=1e-12))
        """Root mean square distance of training samples from their mean."""
        values, vectors = _principal(centred.double())  # float64: pixels that are never set vary by rounding alone
        keep = values.flip(0)[:COMPONENTS] > 1e-6 * values[-1].clamp(min=1e-30)
        count = max(int(keep.sum()), 1)
        scales = values.flip(0)[:count].clamp(min=1e-30).sqrt()
        self.axes = (vectors.flip(1)[:, :count] / scales).to(train)
        self.span = torch.linalg.qr(self.axes).Q
        self.beyond = float(self._residual(self.judged))
        self.apart = _apart(self.judged)
        self.balls = _balls(self.judged)
        nearest = _nearest(self.judged)
        self.close = float(nearest.quantile(0.05))
        """Below it a pair is nearer than all but a twentieth of real nearest neighbours."""
        if heldout is not None and self.judged is heldout:
            nearest = torch.cdist(heldout, train).amin(1)
        self.edge = float(nearest.quantile(USUAL_COPIES))
        """Below it a sample is nearer to a training sample than all but a twentieth of held-out ones."""
        if labels is not None:
            self.classes = int(labels.max()) + 1
            self.entropy = _entropy_of(labels, self.classes).clamp(min=1e-12)

    def statistics(self, fake: Tensor, *, full: bool = True) -> dict[str, Tensor]:
        """Of fakes' features [n, width]: scalars by name.

        `spread`: mean pairwise distance over that of reals. `distance`: the Fréchet distance in the first principal
        components, each scaled to the training data's variance of 1, per component. `residual`: mean squared distance
        from the span of these components, over that of real samples. `covered`: share of real samples whose ball holds
        a fake. `precise`: share of fakes in the ball of a real one. `twins`: share of fakes with another as near as a
        twentieth of real ones have. `copies`: share of fakes nearer to a training sample than all but a twentieth of
        held-out ones; `copies_expected`: the most that it would be (to two standard errors) were training samples come
        upon as often as held-out ones are, one by one, in data that list each of a few combinations once, say.
        `entropy`: of the labels of the nearest training samples, over that of all labels. `shift`:
        distance of the means over the radius. `contrast`: radius over that of reals.
        """
        found = {"spread": _apart(fake) / self.apart}
        centre = fake.mean(0)
        found["shift"] = (centre - self.mean).norm() / self.radius
        found["contrast"] = (fake - centre).square().sum(1).mean().sqrt() / self.radius
        found["distance"] = self.distance(fake)
        if self.beyond > 1e-6 * self.radius**2:
            found["residual"] = self._residual(fake) / self.beyond
        if not full:
            return found
        to_real = torch.cdist(fake, self.judged)
        inside = to_real <= self.balls
        found["covered"] = inside.any(0).float().mean()
        found["precise"] = inside.any(1).float().mean()
        found["twins"] = (_nearest(fake) < self.close).float().mean()
        to_train, nearest = torch.cdist(fake, self.train).min(1)
        if self.close > 1e-6 * self.radius:  # else there are duplicates among the reals
            found["copies"] = (to_train < self.edge).float().mean()
            if self.judged is not self.train:
                found["copies_expected"] = self._expected(*to_real.min(1), to_train)
        if self.labels is not None:
            found["entropy"] = _entropy_of(self.labels[nearest], self.classes) / self.entropy
        return found

    def distance(self, fake: Tensor) -> Tensor:
        """See `statistics`."""
        mean = self.judged.mean(0)
        ours, theirs = (fake - mean) @ self.axes, (self.judged - mean) @ self.axes
        return _frechet(ours, theirs).div(self.axes.shape[1])

    def _expected(self, to_heldout: Tensor, nearest: Tensor, to_train: Tensor) -> Tensor:
        """See `statistics`: by the fakes of which each held-out sample is the nearest real one, and near."""
        theirs = nearest[(to_heldout < self.edge) & (to_heldout < to_train)]
        hits = torch.bincount(theirs, minlength=len(self.judged)).float()
        most = (hits.sum() + 2 * hits.square().sum().sqrt()) / len(to_train)
        return (most * len(self.train) / len(self.judged)).clamp(USUAL_COPIES, 1.0)

    def _residual(self, samples: Tensor) -> Tensor:
        """The mean squared distance from the span of the first principal components."""
        centred = samples - self.mean
        rest: Tensor = centred - centred @ self.span @ self.span.T
        return rest.square().sum(1).mean()


def _principal(centred: Tensor) -> tuple[Tensor, Tensor]:
    """Variances, rising, and directions [width, count] of centred samples [n, width]; by the smaller of the two
    products, since the time goes with the cube."""
    count, width = centred.shape
    if width <= count:
        values, vectors = torch.linalg.eigh(centred.T @ centred / max(count - 1, 1))
        return values, vectors
    values, ours = torch.linalg.eigh(centred @ centred.T / max(count - 1, 1))
    vectors = centred.T @ ours
    return values, vectors / vectors.norm(dim=0).clamp(min=1e-30)


def _apart(features: Tensor) -> Tensor:
    """The mean distance of two samples."""
    n = len(features)
    mean: Tensor = torch.cdist(features, features).sum() / (n * max(n - 1, 1))
    return mean


def _nearest(features: Tensor) -> Tensor:
    """Each sample's distance to the nearest other one, [n]."""
    distances = torch.cdist(features, features)
    return distances.fill_diagonal_(torch.inf).amin(1)


def _balls(features: Tensor) -> Tensor:
    """Each sample's distance to its fifth nearest other one, [n]."""
    distances = torch.cdist(features, features)
    return distances.kthvalue(min(NEAREST + 1, len(features)), 1).values


def _frechet(first: Tensor, second: Tensor) -> Tensor:
    """The Fréchet distance of two sets of points [n, d] as normal distributions."""
    first, second = first.double(), second.double()
    shift = (first.mean(0) - second.mean(0)).square().sum()
    a, b = (torch.cov(points.T).reshape(points.shape[1], -1) for points in (first, second))
    values, vectors = torch.linalg.eigh(a)
    root = (vectors * values.clamp(min=0).sqrt()) @ vectors.T
    cross = torch.linalg.eigvalsh(root @ b @ root).clamp(min=0).sqrt().sum()
    distance: Tensor = shift + a.trace() + b.trace() - 2 * cross
    return distance.clamp(min=0).float()


def _entropy_of(labels: Tensor, classes: int) -> Tensor:
    shares = torch.bincount(labels, minlength=classes).double() / len(labels)
    return -(shares * shares.clamp(min=1e-12).log()).sum().float()
