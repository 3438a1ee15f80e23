"""A small dense network for tables, looked at several times on its way."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from sparring.kinds.tables.augment.downstream.task import Task, Values

if TYPE_CHECKING:
    import torch

WIDTH = 64
RATE, DECAY, DROPOUT = 2e-3, 1e-3, 0.1
EPOCHS, FEWEST, MOST = 30, 320, 3_200
"""Passes over the rows; steps at least, and at most."""
LOOKS = (1 / 16, 1 / 8, 1 / 4, 1 / 2, 1.0)
"""Parts of the way after which it is asked."""

Floats = NDArray[np.float32]


def train_dense(
    task: Task, inputs: Floats, truth: Values, weights: Values, asked: Floats, seed: int
) -> Iterator[tuple[str, Values]]:
    """What the network says of the features asked for, at each look. Draws from a generator of its own: PyTorch's
    global one is left alone."""
    import torch

    generator = torch.Generator().manual_seed(seed)
    layers = _layers(inputs.shape[1], max(len(task.classes), 1), generator)
    optimiser = torch.optim.AdamW([one for layer in layers for one in layer], lr=RATE, weight_decay=DECAY)
    middle, spread = (0.0, 1.0) if task.classifies else (float(truth.mean()), float(truth.std()) or 1.0)
    given, questions = torch.from_numpy(inputs), torch.from_numpy(asked)
    wanted = torch.from_numpy(truth).long() if task.classifies else torch.from_numpy((truth - middle) / spread).float()
    shares = torch.from_numpy(weights / weights.mean()).float()
    batch = min(256, max(16, len(inputs) // 8))
    steps = min(MOST, max(FEWEST, EPOCHS * len(inputs) // batch))
    looks = {round(part * steps): look_name(part) for part in LOOKS}
    for step in range(1, steps + 1):
        now = torch.randint(len(inputs), (batch,), generator=generator)
        out = _outputs(layers, given[now], generator)
        loss = (_losses(task, out, wanted[now]) * shares[now]).mean()
        optimiser.zero_grad()
        torch.autograd.backward(loss)
        optimiser.step()
        if step in looks:
            with torch.no_grad():
                said = _outputs(layers, questions, None).double()
            yield looks[step], said.softmax(1).numpy() if task.classifies else said[:, 0].numpy() * spread + middle


def look_name(part: float) -> str:
    return f"{part:g} of the steps"


def _layers(inputs: int, outputs: int, generator: torch.Generator) -> list[tuple[torch.Tensor, torch.Tensor]]:
    import torch

    layers = []
    for before, after in itertools.pairwise((inputs, WIDTH, WIDTH, outputs)):
        weight = torch.randn(after, before, generator=generator) * math.sqrt(2 / before)
        layers.append((weight.requires_grad_(), torch.zeros(after, requires_grad=True)))
    return layers


def _outputs(
    layers: list[tuple[torch.Tensor, torch.Tensor]], batch: torch.Tensor, generator: torch.Generator | None
) -> torch.Tensor:
    """With dropout where there is a generator to draw it from."""
    import torch
    from torch.nn import functional

    *hidden, last = layers
    for weight, bias in hidden:
        batch = functional.relu(functional.linear(batch, weight, bias))
        if generator is not None:
            kept = torch.rand(batch.shape, generator=generator) >= DROPOUT
            batch = batch * kept / (1 - DROPOUT)
    return functional.linear(batch, *last)


def _losses(task: Task, out: torch.Tensor, wanted: torch.Tensor) -> torch.Tensor:
    from torch.nn import functional

    if task.classifies:
        return functional.cross_entropy(out, wanted, reduction="none")
    return (out[:, 0] - wanted) ** 2
