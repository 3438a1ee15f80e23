"""Drawing samples and batches from keys."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from sparring.base.draws import Key
from sparring.base.progress import through
from sparring.data import Codec
from sparring.gan.game import Game
from sparring.gan.surgery import random_layers, rewind


def make(game: Game, generator: nn.Module, key: Key, rows: Tensor, asked: Tensor | None) -> Tensor:
    """Samples for numbered rows, as asked for, with the generator's own noise, if it has any, drawn from the key
    too."""
    rewind(random_layers(generator), key.at("masks"), rows)
    return game.make(generator, key.at("latents"), rows, asked)


@contextmanager
def measuring(*nets: nn.Module) -> Iterator[None]:
    """A mode that changes nothing: no gradients, no statistics, no dropout; the nets are as before after."""
    with resting(*nets), torch.no_grad():
        yield


@contextmanager
def resting(*nets: nn.Module) -> Iterator[None]:
    """The same with gradients."""
    modes = [(module, module.training) for net in nets for module in net.modules()]
    for net in nets:
        net.eval()
    try:
        yield
    finally:
        for module, mode in modes:
            module.training = mode


CHUNK_VALUES = 2**22
"""Values of samples made at once: what a chunk takes in memory is a multiple of that."""


@torch.no_grad()
def draw(
    game: Game,
    generator: nn.Module,
    codec: Codec,
    count: int,
    key: Key,
    labels: Tensor | None,
    device: torch.device,
    start: int = 0,
) -> Tensor:
    """Samples in the data's own format [count, ...], on the CPU, numbered from `start`; sample i depends on the key and
    i alone."""
    parts = []
    size = max(1, min(codec.at_once, CHUNK_VALUES // math.prod(codec.shape)))
    firsts = range(0, count, size)
    for first in through(firsts, "drawing samples", len(firsts)):
        rows = torch.arange(start + first, start + min(first + size, count), device=device)
        chunk = None if labels is None else labels[first : first + size].to(device)
        parts.append(codec.decode(make(game, generator, key, rows, chunk)).cpu())
    return torch.cat(parts)
