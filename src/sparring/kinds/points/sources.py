"""Toy sets of points: Gaussians around a circle or a grid."""

from __future__ import annotations

import math
from typing import Any, ClassVar

import torch
from pydantic import Field
from torch import Tensor

from sparring.base.draws import Key, bits, integers, normal_from
from sparring.data import DataSet, Found, Modes
from sparring.data.codec import point_codec
from sparring.data.dataset import assemble
from sparring.data.source import SourceOptions
from sparring.engine.budget import check_memory


class _Mixture(SourceOptions):
    kind: ClassVar[str] = "points"

    count: int = Field(10_000, ge=100)
    """Points to draw."""
    sigma: float = Field(0.05, gt=0)
    """Standard deviation of each mode."""


class Ring(_Mixture):
    """Gaussians around a circle."""

    modes: int = Field(8, ge=2)
    radius: float = Field(2.0, gt=0)
    sigma: float = Field(0.02, gt=0)

    def load(self) -> DataSet:
        samples, labels, modes = ring(self.count, self.modes, self.radius, self.sigma)
        return _points("ring", samples, labels, modes, self)


class Grid(_Mixture):
    """Gaussians around a square grid."""

    edge: int = Field(5, ge=2)
    """Modes a side."""
    spacing: float = Field(2.0, gt=0)

    def load(self) -> DataSet:
        samples, labels, modes = grid(self.count, self.edge, self.spacing, self.sigma)
        return _points("grid", samples, labels, modes, self)


def _points(name: str, samples: torch.Tensor, labels: torch.Tensor, modes: Any, options: _Mixture) -> DataSet:
    return assemble(
        name,
        samples,
        labels,
        point_codec(samples),
        Found(f"{name}: points with {len(modes.centres)} known modes"),
        label_names=tuple(str(number) for number in range(len(modes.centres))),
        fraction=options.held_out,
        limit=options.limit,
        modes=modes,
    )


def ring(count: int, modes: int, radius: float, sigma: float) -> tuple[Tensor, Tensor, Modes]:
    """Points [count, 2] around a circle of Gaussians, with the mode of each (Metz et al. 2016,
    https://arxiv.org/abs/1611.02163)."""
    _check(count, modes)
    angles = torch.arange(modes, dtype=torch.float64) * (2 * math.pi / modes)
    centres = radius * torch.stack((angles.cos(), angles.sin()), 1)
    return _mixture("ring", count, centres, sigma)


def grid(count: int, edge: int, spacing: float, sigma: float) -> tuple[Tensor, Tensor, Modes]:
    """Points [count, 2] around a square grid of Gaussians, with the mode of each (Srivastava et al. 2017,
    https://arxiv.org/abs/1705.07761)."""
    _check(count, edge * edge)
    line = (torch.arange(edge, dtype=torch.float64) - (edge - 1) / 2) * spacing
    centres = torch.cartesian_prod(line, line)
    return _mixture("grid", count, centres, sigma)


def _check(count: int, modes: int) -> None:
    """Raises RequestError where the machine has not enough memory for so many points and modes."""
    check_memory(100.0 * count + 100.0 * modes, f"data: {count:,} points around {modes:,} modes")


def _mixture(name: str, count: int, centres: Tensor, sigma: float) -> tuple[Tensor, Tensor, Modes]:
    """Points around centres, float64 [modes, 2]. All is float64 until the end: float32 logarithms, sines and roots
    differ in their last bit from CPU to CPU, which made a run's data others on the next machine, and what is held out
    of them."""
    rows = torch.arange(count)
    labels = integers(Key("toy", name, "modes"), rows, len(centres))
    noise = normal_from(bits(Key("toy", name), rows, 1), torch.float64)
    return (centres[labels] + sigma * noise).float(), labels, Modes(centres.float(), sigma)
