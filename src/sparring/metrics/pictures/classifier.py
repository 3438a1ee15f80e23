"""`classifier`: features of a small network trained once to tell the classes of the training samples."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from sparring.base.draws import Key, integers, permutation
from sparring.base.errors import RequestError
from sparring.metrics.features.base import run
from sparring.metrics.pictures.small_net import SmallNet, TrainedExtractor
from sparring.metrics.pictures.training import BatchesOf, Plan, fit, new_net
from sparring.nets import Shape

VERSION = "1"
"""Part of a kept network's name: raised when training changes, so that old ones are not taken for new ones."""
CHECKED = 5000
"""At most so many training samples, and at most a tenth, are set aside to measure the accuracy."""


def train_classifier(
    batches_of: BatchesOf,
    labels: Tensor,
    count: int,
    shape: Shape,
    seed: int = 0,
    device: torch.device | str = "cpu",
) -> TrainedExtractor:
    """Trains on `count` samples of a shape [channels, height, width] with labels, int64 [count] from 0.

    A tenth of them measures the accuracy that scores state in their protocol. Samples are shifted by up to a
    sixteenth of their sides. Fewer than two classes, or labels that are not as many as the samples, are a
    RequestError.
    """
    classes = int(labels.max()) + 1 if len(labels) else 0
    if len(labels) != count or classes < 2 or int(labels.min()) < 0:
        raise RequestError(
            f"extractor: classifier needs a label from 0 for each of {count} samples and two classes, not "
            f"{len(labels)} labels of {classes} classes; use selfsup"
        )
    device, key = torch.device(device), Key("extractor", "classifier", seed)
    order = permutation(key.at("split"), count)
    checked, rows = order.tensor_split([min(CHECKED, count // 10)])
    net = new_net(shape, {"classes": classes}, "classifier", key, device)

    def loss(index: Tensor, draws: Key) -> Tensor:
        x = shifted(batches_of(index), draws).to(device)
        return F.cross_entropy(net.head("classes", net(x)), labels[index].to(device))

    plan = Plan(steps=min(1000, max(300, len(rows) * 30 // 128)), batch=128, rate=3e-3)
    fit(net, loss, rows, plan, key)
    details = {
        "trained_on": len(rows),
        "classes": classes,
        "accuracy": _accuracy(net, batches_of, labels, checked),
        "accuracy_on": len(checked),
        "steps": plan.steps,
        "extractor_seed": seed,
    }
    return TrainedExtractor("classifier", net, details, device=device)


def shifted(x: Tensor, key: Key) -> Tensor:
    """Each image moved by up to a sixteenth of each side (a pixel at least), its edges repeated."""
    margin = [max(1, side // 16) for side in x.shape[2:]]
    rows = torch.arange(len(x))
    padded = F.pad(x, (margin[1], margin[1], margin[0], margin[0]), mode="replicate")
    index = []
    for axis, name in enumerate(("down", "right")):
        start = integers(key.at(name), rows, 2 * margin[axis] + 1)
        index.append(start[:, None] + torch.arange(x.shape[2 + axis]))
    down, right = index
    channels = torch.arange(x.shape[1])[None, :, None, None]
    return padded[rows[:, None, None, None], channels, down[:, None, :, None], right[:, None, None, :]]


def _accuracy(net: SmallNet, batches_of: BatchesOf, labels: Tensor, rows: Tensor) -> float | None:
    """The share of samples whose class is told right; None where none were set aside."""
    if not len(rows):
        return None
    right = 0
    for index in torch.split(rows, 500):
        found = run(net, lambda x: (net.head("classes", net(x)), None), batches_of(index), 500)
        right += int((found.values.argmax(1) == labels[index]).sum())
    return round(right / len(rows), 4)
