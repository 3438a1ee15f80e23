"""Perturbations of at most one size: the ball they lie in, its random members, and the way back into it."""

from __future__ import annotations

import math
from typing import Literal, NamedTuple

import torch
from torch import Tensor

from sparring.base.draws import Key, normal


class Ball(NamedTuple):
    """Perturbations of a norm up to a radius that keep what they perturb within a box."""

    norm: Literal["l2", "linf"]
    radius: float
    low: float = -math.inf
    high: float = math.inf

    def project(self, centres: Tensor, delta: Tensor) -> Tensor:
        """Perturbations brought into the ball around their centres, [n, ...] each. The box comes last: as the centres
        are in it, it only makes perturbations smaller."""
        if self.norm == "linf":
            delta = delta.clamp(-self.radius, self.radius)
        else:
            size = self.sizes(delta)
            delta = delta * (self.radius / size.clamp(min=self.radius))
        if math.isinf(self.low) and math.isinf(self.high):
            return delta
        return (centres + delta).clamp(self.low, self.high) - centres

    def steepest(self, gradient: Tensor) -> Tensor:
        """The step of norm 1 that climbs most, by a gradient [n, ...]; zero where that is zero or not finite."""
        gradient = gradient.nan_to_num(0.0, 0.0, 0.0)
        if self.norm == "linf":
            return gradient.sign()
        gradient = gradient / gradient.abs().flatten(1).amax(1).clamp(min=1e-30).reshape(_each(gradient))
        return gradient / self.sizes(gradient).clamp(min=1e-30)

    def drawn(self, centres: Tensor, key: Key, rows: Tensor) -> Tensor:
        """Random perturbations as large as the ball allows, [n, ...] like the centres: uniform on the sphere, or at the
        corners of the cube. Those of row i are a function of the key and `rows[i]`."""
        direction = self.steepest(normal(key, rows, centres.shape[1:]).to(centres))
        return self.project(centres, self.radius * direction)

    def sizes(self, delta: Tensor) -> Tensor:
        """The norm of each perturbation, of a shape that broadcasts to theirs."""
        flat = delta.flatten(1)
        size = flat.abs().amax(1) if self.norm == "linf" else torch.linalg.vector_norm(flat, dim=1)
        return size.reshape(_each(delta))


def _each(delta: Tensor) -> tuple[int, ...]:
    """One number a row, of a shape that broadcasts to [n, ...]."""
    return (-1, *[1] * (delta.ndim - 1))
