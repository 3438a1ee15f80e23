"""Batch normalisation over the joined batch of several processes."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from sparring.engine import ranks

PLAIN = (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d)


class SyncedBatchNorm(_BatchNorm):
    """Normalises [batch, channels, ...] by the mean and variance of the joined batch of all processes.

    Unlike `torch.nn.SyncBatchNorm` it runs on CPUs too, and its gradient has a gradient, which penalties take. Each
    process's moments travel in one message, and are put together by the formula of Chan et al. 1979.
    """

    def _check_input_dim(self, input: Tensor) -> None:
        if input.ndim < 2:
            raise ValueError(f"expected at least 2 dimensions, got {input.ndim}")

    def forward(self, input: Tensor) -> Tensor:
        if not self.training:  # the first process measures by itself
            return super().forward(input)
        x = input.float() if input.dtype in (torch.float16, torch.bfloat16) else input
        over = [axis for axis in range(x.ndim) if axis != 1]
        mean, variance = _joined_moments(x, over)
        self._follow(mean.detach(), variance.detach(), x.numel() // x.shape[1] * ranks.count())
        shape = [1, -1] + [1] * (x.ndim - 2)
        scale = (variance + self.eps).rsqrt()
        if self.affine:
            scale = scale * self.weight
        x = (x - mean.view(shape)) * scale.view(shape)
        if self.affine:
            x = x + self.bias.view(shape)
        return x.to(input.dtype)

    @torch.no_grad()
    def _follow(self, mean: Tensor, variance: Tensor, count: int) -> None:
        """Moves the running statistics as PyTorch's batch norm does."""
        if not self.track_running_stats or self.running_mean is None or self.running_var is None:
            return
        assert self.num_batches_tracked is not None
        self.num_batches_tracked.add_(1)
        momentum = 1.0 / float(self.num_batches_tracked) if self.momentum is None else self.momentum
        self.running_mean.lerp_(mean.to(self.running_mean.dtype), momentum)
        self.running_var.lerp_((variance * (count / (count - 1))).to(self.running_var.dtype), momentum)


def _joined_moments(x: Tensor, over: list[int]) -> tuple[Tensor, Tensor]:
    """Mean and variance (of the population) of each channel over all processes, [channels] each."""
    variance, mean = torch.var_mean(x, over, correction=0)
    mine = torch.stack((mean, variance))
    place = torch.zeros(ranks.count(), 1, 1, dtype=x.dtype, device=x.device)
    place[ranks.rank()] = 1.0
    means, variances = ranks.total(place * mine).unbind(1)  # each [processes, channels]
    joined = means.mean(0)
    return joined, variances.mean(0) + (means - joined).square().mean(0)


def sync_batch_norms(net: nn.Module) -> list[str]:
    """Makes a network's batch norms take their statistics over all processes, in place: hooks, weights and names stay.

    Gives the names of those it does not know: subclasses with a way of their own.
    """
    others = []
    for name, module in net.named_modules():
        if type(module) in PLAIN:
            module.__class__ = SyncedBatchNorm
        elif isinstance(module, _BatchNorm) and not isinstance(module, (SyncedBatchNorm, nn.SyncBatchNorm)):
            others.append(name)
    return others


@contextmanager
def by_image(net: nn.Module) -> Iterator[None]:
    """Has each batch norm of a network take the statistics of each image alone, in the place of those it keeps."""

    def alone(layer: _BatchNorm, inputs: tuple[Tensor, ...], output: Tensor) -> Tensor:
        return F.instance_norm(inputs[0], weight=layer.weight, bias=layer.bias, eps=layer.eps)

    layers = [layer for layer in net.modules() if isinstance(layer, _BatchNorm)]
    handles = [layer.register_forward_hook(alone) for layer in layers]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()
