"""Optimisers, and the moving average of the generator."""

from __future__ import annotations

import copy
from collections.abc import Iterable
from typing import Annotated

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from sparring.base.part import OneOf, Part
from sparring.gan.schedules import Schedule


class _Optimiser(Part):
    lr: Schedule = 2e-4
    """Learning rate: a number or a schedule."""
    weight_decay: float = Field(0.0, ge=0)
    """L2 penalty on all weights (in AdamW: decoupled decay)."""


class Adam(_Optimiser):
    """Adam (Kingma and Ba 2014, https://arxiv.org/abs/1412.6980)."""

    betas: tuple[float, float] = (0.0, 0.99)
    """Decay of the averages of the gradient and of its square; GANs want little of the first."""
    eps: float = Field(1e-8, gt=0)

    def build(self, parameters: Iterable[Tensor]) -> torch.optim.Optimizer:
        return torch.optim.Adam(
            parameters, lr=1.0, betas=self.betas, eps=self.eps, weight_decay=self.weight_decay, fused=True
        )


class AdamW(Adam):
    """Adam with decoupled weight decay (Loshchilov and Hutter 2017, https://arxiv.org/abs/1711.05101)."""

    weight_decay: float = Field(0.01, ge=0)

    def build(self, parameters: Iterable[Tensor]) -> torch.optim.Optimizer:
        return torch.optim.AdamW(
            parameters, lr=1.0, betas=self.betas, eps=self.eps, weight_decay=self.weight_decay, fused=True
        )


class Sgd(_Optimiser):
    """Stochastic gradient descent."""

    lr: Schedule = 1e-2
    momentum: float = Field(0.0, ge=0, lt=1)
    nesterov: bool = False
    """Look ahead along the momentum."""

    def build(self, parameters: Iterable[Tensor]) -> torch.optim.Optimizer:
        return torch.optim.SGD(
            parameters,
            lr=1.0,
            momentum=self.momentum,
            nesterov=self.nesterov,
            weight_decay=self.weight_decay,
            fused=True,
        )


class RmsProp(_Optimiser):
    """Steps over the root of an average of squared gradients (Tieleman and Hinton 2012)."""

    lr: Schedule = 5e-5
    alpha: float = Field(0.99, gt=0, lt=1)
    """Decay of the average."""
    momentum: float = Field(0.0, ge=0, lt=1)
    eps: float = Field(1e-8, gt=0)

    def build(self, parameters: Iterable[Tensor]) -> torch.optim.Optimizer:
        return torch.optim.RMSprop(
            parameters,
            lr=1.0,
            alpha=self.alpha,
            momentum=self.momentum,
            eps=self.eps,
            weight_decay=self.weight_decay,
            foreach=True,
        )


Optimiser = Annotated[Adam | AdamW | Sgd | RmsProp, OneOf()]


class Ema(Part):
    """Exponential moving average of the generator's weights, which is what samples (Yazici et al. 2018,
    https://arxiv.org/abs/1806.04498)."""

    half_life: float = Field(10_000, gt=0)
    """Images after which a weight counts half."""
    ramp: float | None = Field(0.05, gt=0, le=1)
    """The half-life is at most this part of the images seen so far; none for no ramp."""

    def decay(self, images: int, batch: int) -> float:
        """What the old average counts when `batch` images are added to `images`."""
        half_life = self.half_life if self.ramp is None else min(self.half_life, self.ramp * images)
        return 0.5 ** (batch / half_life) if half_life > 0 else 0.0


def make_recordable(optimiser: torch.optim.Optimizer, device: torch.device) -> None:
    """Has an Adam keep on its device all that its steps go by, so that a recorded step can be replayed."""
    for group in optimiser.param_groups:
        group["lr"] = torch.tensor(float(group["lr"]), device=device)
        group["capturable"] = True


class Average:
    """The moving average itself: a second network of the same make.

    Averaged weights do not fit batch-norm statistics of the live network: `refit` estimates them anew before the
    network samples. Other buffers (those of spectral normalisation) are the live network's.
    """

    def __init__(self, options: Ema, net: nn.Module) -> None:
        self.options = options
        self.net = copy.deepcopy(net).requires_grad_(False)
        self._averaged: list[Tensor] = list(self.net.parameters())
        self._live: list[Tensor] = list(net.parameters())
        self._buffers = list(zip(self.net.buffers(), net.buffers(), strict=True))

    @torch.no_grad()
    def update(self, images: int, batch: int) -> None:
        """Takes the live weights in, after `batch` more images than `images`."""
        decay = self.options.decay(images, batch)
        torch._foreach_lerp_(self._averaged, self._live, 1 - decay)

    @torch.no_grad()
    def refit(self, passes: Iterable[object]) -> nn.Module:
        """Copies buffers and estimates batch-norm statistics over `passes`; each item of it runs the network once."""
        for mine, live in self._buffers:
            mine.copy_(live)
        refit_batch_norms(self.net, passes)
        return self.net.eval()


@torch.no_grad()
def refit_batch_norms(net: nn.Module, passes: Iterable[object]) -> None:
    """Sets the statistics of every batch norm to their mean over `passes`."""
    norms = [module for module in net.modules() if isinstance(module, _BatchNorm)]
    if not norms:
        return
    before = [module.momentum for module in norms]
    net.eval()
    for module in norms:
        module.reset_running_stats()
        module.momentum = None  # a plain mean over all passes
        module.train()
    for _ in passes:
        pass
    for module, momentum in zip(norms, before, strict=True):
        module.momentum = momentum
        module.eval()
