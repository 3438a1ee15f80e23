"""Fakes with a truth each, made up for the tests of paired metrics."""

from __future__ import annotations

import torch
from torch import Tensor

from sparring.base.draws import Key
from sparring.metrics import Features, Views


def blocks(count: int, seed: int, *, side: int = 24, colours: int = 4) -> Tensor:
    """Images of a few flat colours in squares of 6 pixels, float32 [count, 3, side, side]."""
    generator = torch.Generator().manual_seed(seed)
    table = torch.rand(colours, 3, generator=torch.Generator().manual_seed(99))
    cells = torch.randint(colours, (count, -(-side // 6), -(-side // 6)), generator=generator)
    big = cells.repeat_interleave(6, 1).repeat_interleave(6, 2)[:, :side, :side]
    return table[big].permute(0, 3, 1, 2).contiguous()


def noisy(images: Tensor, amount: float, seed: int = 5) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return (images + amount * torch.randn(images.shape, generator=generator)).clamp(0, 1)


def pair_views(fake: Tensor, truth: Tensor, holes: Tensor | None = None, targets: Tensor | None = None) -> Views:
    """Views of fakes and their truths; some of these are the training images of their kind."""
    sides = [Features(images.flatten(1)[:, :4], samples=images) for images in (truth, fake)]
    return Views(
        heldout=sides[0],
        fake=sides[1],
        key=Key(0),
        truth=truth,
        holes=holes,
        targets=blocks(30, 77, side=fake.shape[2]) if targets is None else targets,
    )
