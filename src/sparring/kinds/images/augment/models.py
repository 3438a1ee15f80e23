"""Models that tell images apart: a small network of their own, and a line through a pretrained one's features.

Each is tried at several strengths, for whoever compares to choose from by other splits than those that are scored. In
every arm a network makes the same number of steps: with more steps for more images, copies of the same could seem to
help.
"""

from __future__ import annotations

import time
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from sparring.base.draws import Key
from sparring.base.errors import RequestError, nearest
from sparring.kinds.augmenting.scores import roc_auc
from sparring.kinds.images.augment.labelled import Labelled
from sparring.metrics import Extractor
from sparring.metrics.features.base import run
from sparring.metrics.pictures.classifier import shifted
from sparring.metrics.pictures.extractors import pretrained
from sparring.metrics.pictures.training import Plan, fit, new_net
from sparring.nets.pretrained import EXTRA

NETWORK, FEATURES = "network", "features"
MODELS = (NETWORK, FEATURES)
LENGTHS = (0.25, 1.0)
"""Parts of a network's steps after which training may end."""
FEWEST, MOST, EPOCHS, BATCH, RATE = 300, 1000, 30, 128, 3e-3
"""A network's steps, at least and at most, and the passes over the real images between them."""
AT_ONCE = 128
"""Images that are judged at once."""
PENALTIES = (1000.0, 100.0, 10.0, 1.0)
"""Of the sum of squared weights, beside the sum of losses."""

Values = NDArray[np.float64]
Scores = dict[str, float]


Predictions = Iterator[tuple[str, Values]]
"""For each strength its name, and probabilities [held, classes]."""


class Model(Protocol):
    """What learns from some images to tell others."""

    @property
    def mark(self) -> str:
        """Tells it from others of its kind."""

    def predictions(
        self, pool: Labelled, chosen: Tensor, weights: Tensor | None, held: Labelled, seed: int
    ) -> Predictions:
        """Trained on those `chosen` of a pool of images, int64 [n]; `weights` [n] say what each counts. A pool is asked
        for in several arms one after the other, with the same held-out images."""

    def seconds(self, images: Labelled) -> tuple[float, float]:
        """About how long a training takes, and each image, on images such as these."""


@dataclass(frozen=True)
class Network:
    """The small convolutional network that feature extractors are trained with, from its first weights on. Images are
    shown as the data say (mirrored, say), and moved by up to a sixteenth of their sides."""

    steps: int
    device: torch.device

    @classmethod
    def fitting(cls, count: int, device: torch.device) -> Network:
        """One for so many real images to train with."""
        return cls(min(MOST, max(FEWEST, EPOCHS * count // BATCH)), device)

    @property
    def mark(self) -> str:
        return f"{self.steps} steps, {self.device.type}"

    def predictions(
        self, pool: Labelled, chosen: Tensor, weights: Tensor | None, held: Labelled, seed: int
    ) -> Predictions:
        train = pool.part(chosen)
        for part in LENGTHS:
            yield f"{part:g} of the steps", self._told(train, weights, held, seed, max(1, round(part * self.steps)))

    def seconds(self, images: Labelled) -> tuple[float, float]:
        some = images.part(torch.arange(min(len(images), BATCH)))
        self._told(some, None, some, 0, 2)
        began = time.perf_counter()
        self._told(some, None, some, 0, 4)
        return (time.perf_counter() - began) / 4 * sum(LENGTHS) * self.steps, 0.0

    def _told(self, train: Labelled, weights: Tensor | None, held: Labelled, seed: int, steps: int) -> Values:
        key = Key("augment", seed)
        net = new_net(tuple(train.samples.shape[1:]), {"classes": len(train.names)}, NETWORK, key, self.device)

        def loss(index: Tensor, draws: Key) -> Tensor:
            rows = torch.arange(len(index))
            x = shifted(train.views.shown(train.unit(index), draws.at("shown"), rows), draws).to(self.device)
            losses = F.cross_entropy(net.head("classes", net(x)), train.labels[index].to(self.device), reduction="none")
            return losses.mean() if weights is None else (losses * weights[index].to(self.device)).mean()

        fit(net, loss, torch.arange(len(train)), Plan(steps, BATCH, RATE), key)
        parts = [
            run(net, lambda x: (net.head("classes", net(x)).softmax(1), None), held.unit(index), AT_ONCE).values
            for index in torch.split(torch.arange(len(held)), 1000)
        ]
        return torch.cat(parts).double().numpy()


class Features:
    """A logistic regression of what a network sees that was trained on other pictures."""

    def __init__(self, extractor: Extractor) -> None:
        self.extractor = extractor
        self._seen: tuple[Labelled, Labelled, Values, Values] | None = None
        """The pool and the held-out images that were asked for last, and their features."""

    @property
    def mark(self) -> str:
        return self.extractor.hash

    def predictions(
        self, pool: Labelled, chosen: Tensor, weights: Tensor | None, held: Labelled, seed: int
    ) -> Predictions:
        from sklearn.linear_model import LogisticRegression

        seen, asked = self._both(pool, held)
        inputs, truth = seen[chosen.numpy()], pool.labels[chosen].numpy()
        if len(np.unique(truth)) < 2:  # made images alone may all be of one class
            only = np.tile(np.eye(len(pool.names))[truth[0]], (len(held), 1))
            yield from ((f"penalty {penalty:g}", only) for penalty in PENALTIES)
            return
        middle, size = inputs.mean(0), inputs.std(0)
        size[size <= 1e-6 * float(size.max())] = np.inf
        line = LogisticRegression(max_iter=300, tol=1e-3, warm_start=True)
        for penalty in PENALTIES:
            line.set_params(C=1 / penalty)
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # of convergence: a penalty that is too weak is not chosen
                shares = None if weights is None else weights.numpy()
                line.fit((inputs - middle) / size, truth, shares)
            told = np.zeros((len(held), len(pool.names)))
            told[:, line.classes_] = line.predict_proba((asked - middle) / size)
            yield f"penalty {penalty:g}", told

    def seconds(self, images: Labelled) -> tuple[float, float]:
        some = images.part(torch.arange(min(len(images), 8)))
        began = time.perf_counter()
        self._of(some)
        return 1.0, (time.perf_counter() - began) / len(some)

    def _both(self, pool: Labelled, held: Labelled) -> tuple[Values, Values]:
        if self._seen is None or self._seen[0] is not pool or self._seen[1] is not held:
            self._seen = pool, held, self._of(pool), self._of(held)
        return self._seen[2:]

    def _of(self, images: Labelled) -> Values:
        parts = [self.extractor(images.unit(index)).values for index in torch.split(torch.arange(len(images)), 500)]
        return torch.cat(parts).double().numpy()


def chosen_models(
    names: Sequence[str], images: Labelled, count: int, device: torch.device
) -> tuple[dict[str, Model], list[str]]:
    """The models of these names, or of none given those that are at hand, for so many real images to train with; and
    what is to be said of those that are not. Raises RequestError for a name that is none, or one that cannot be had."""
    for name in names:
        if name not in MODELS:
            raise RequestError(f"models: no model '{name}'; {nearest(name, MODELS)}")
    wanted = names or MODELS
    found: dict[str, Model] = {}
    notes = []
    if NETWORK in wanted:
        found[NETWORK] = Network.fitting(count, device)
    if FEATURES in wanted:
        extractor, why = _usable(images, device)
        if extractor is not None:
            found[FEATURES] = Features(extractor)
        elif FEATURES in names:
            raise RequestError(f"models: {FEATURES} cannot be had: {why}")
        else:
            notes.append(f"no model by features of a pretrained network: {why}")
    return found, notes


def _usable(images: Labelled, device: torch.device) -> tuple[Extractor | None, str]:
    """A pretrained network for such images, or why there is none."""
    channels = images.samples.shape[1]
    if channels not in (1, 3):
        return None, f"these see 1 or 3 channels, and the images have {channels}"
    extractor = pretrained(device)
    return extractor, f"none is at hand: {EXTRA}" if extractor is None else ""


def score(truth: Values, predicted: Values) -> Scores:
    """Of probabilities [n, classes]: the mean over classes of what share is told right, that of all, and the area under
    the ROC curve, of more than two classes the mean over those that occur, each against the rest."""
    right = predicted.argmax(1) == truth
    there = np.unique(truth).astype(int)
    places = there if predicted.shape[1] > 2 else there[-1:]
    judged = [
        roc_auc(truth == place, predicted[:, place]) for place in places if 0 < (truth == place).sum() < len(truth)
    ]
    return {
        "balanced_accuracy": float(np.mean([right[truth == place].mean() for place in there])),
        "accuracy": float(right.mean()),
        "roc_auc": float(np.mean(judged)) if judged else float("nan"),
    }


def metric_of(classes: int) -> str:
    """What is judged by: with two classes accuracy is coarse, with many the area under the ROC curve is near 1."""
    return "roc_auc" if classes == 2 else "balanced_accuracy"
