"""How feature networks are trained: a fixed number of steps, every draw from a key, so that equal data and seed give
equal weights on one machine, and different runs are scored by the same network."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import NamedTuple

import torch
from torch import Tensor, nn

from sparring.base.draws import Key, permutation, uniform
from sparring.base.errors import RequestError
from sparring.base.progress import through
from sparring.metrics.features.base import exact
from sparring.metrics.pictures.small_net import SmallNet, blank
from sparring.nets import Shape, initialise

BatchesOf = Callable[[Tensor], Tensor]
"""Indices, int64 [n], to samples in [0, 1], float32 [n, channels, height, width]: the data may rest in any format."""
Loss = Callable[[Tensor, Key], Tensor]
"""Indices of a batch, and the key of its draws, to a scalar."""


class Plan(NamedTuple):
    """How long to train, and how fast."""

    steps: int
    batch: int
    rate: float
    """The largest learning rate; it rises over the first tenth of the steps and falls to 0 by a cosine."""


def new_net(shape: Shape, heads: dict[str, int], kind: str, key: Key, device: torch.device) -> SmallNet:
    """A network for images of a shape, its first weights drawn from the key."""
    if len(shape) != 3:
        raise RequestError(f"extractor: {kind} takes images, and these samples have shape {list(shape)}; use pixels")
    net = blank(shape, heads)
    initialise(net, key.at("weights"))
    return net.to(device)


def fit(net: nn.Module, loss: Loss, rows: Tensor, plan: Plan, key: Key) -> None:
    """Trains with AdamW (Loshchilov and Hutter 2017, https://arxiv.org/abs/1711.05101) on the samples numbered `rows`,
    int64 [n]; leaves the network in eval mode."""
    device = next(net.parameters()).device
    optimiser = torch.optim.AdamW(net.parameters(), lr=plan.rate, weight_decay=0.01)
    net.train()
    with torch.enable_grad(), exact(device):
        batches = through(_batches(rows, plan, key), "training the feature network", plan.steps)
        for step, index in enumerate(batches):
            for group in optimiser.param_groups:
                group["lr"] = plan.rate * _progress(step / plan.steps)
            optimiser.zero_grad()
            loss(index, key.at("draws", step)).backward()  # type: ignore[no-untyped-call]
            optimiser.step()
    net.eval()


def _batches(rows: Tensor, plan: Plan, key: Key) -> Iterator[Tensor]:
    """`plan.steps` batches: all rows in a random order, then again in another."""
    size = min(plan.batch, len(rows))
    order, epoch = rows[:0], 0
    for _ in range(plan.steps):
        if len(order) < size:
            order = torch.cat((order, rows[permutation(key.at("order", epoch), len(rows))]))
            epoch += 1
        yield order[:size]
        order = order[size:]


def _progress(done: float) -> float:
    """The learning rate over its largest, at a fraction of the training."""
    return done / 0.1 + 0.01 if done < 0.1 else 0.5 + 0.5 * math.cos(math.pi * (done - 0.1) / 0.9)


def spread(key: Key, count: int, low: float, high: float, shape: tuple[int, ...] = ()) -> Tensor:
    """Uniform draws in [low, high), float32 [count, *shape]."""
    return uniform(key, torch.arange(count), shape) * (high - low) + low
