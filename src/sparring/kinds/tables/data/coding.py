"""How networks see a column: choices as one of several, numbers by where they lie within one of several pieces.

Each code takes some places of the row that networks see: perhaps one scalar in [-1, 1], perhaps one of several.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from sparring.kinds.tables.data.column import CHOICES, Column

NumberCode = Literal["auto", "mixture", "ranks"]

ONE_EACH = 256
"""Choices beyond so many are written as two digits, so that 10,000 values take 200 places and not 10,000."""
FEW_VALUES = 20
"""A number of at most so many different values is taken as one of several."""
SPIKE_SHARE, SPIKE_HEIGHT = 0.01, 4.0
"""A number's value is a piece of its own from this share of the rows on, where it is so much likelier than its
neighbours."""
NEIGHBOURS = 10
"""To either side, among the different values."""
COMPONENTS = 10
"""Of a mixture, at most."""
FITTED = 5_000
"""Values that a mixture is fitted to, at most."""
LEAST_WEIGHT = 0.005
"""Of a mixture's component."""
REACH = 4.0
"""Standard deviations of a component to either side that a scalar covers (Xu et al. 2019)."""
MISFIT = 0.03
"""The Kolmogorov distance between a mixture and its data above which ranks are taken instead."""
KNOTS = 513
"""Of a distribution function, at most."""


@dataclass(frozen=True)
class Choice:
    """One of several, and missing as one more where values are missing; of many, two digits, each one of several."""

    count: int
    missing: bool

    @property
    def total(self) -> int:
        return self.count + self.missing

    @property
    def scalar(self) -> bool:
        return False

    @property
    def widths(self) -> tuple[int, ...]:
        """Of its one-of-several parts."""
        if self.total <= ONE_EACH:
            return (self.total,)
        base = math.isqrt(self.total - 1) + 1
        return (-(-self.total // base), base)

    def encode(self, values: Tensor) -> tuple[Tensor | None, list[Tensor]]:
        """Of values, float64 [n]: a scalar (None), and the chosen place of each one-of-several part, int64 [n]."""
        code = torch.where(values.isnan(), self.count, values.nan_to_num()).long()
        if len(self.widths) == 1:
            return None, [code]
        return None, [code // self.widths[1], code % self.widths[1]]

    def decode(self, scalar: Tensor | None, chosen: list[Tensor]) -> Tensor:
        """Values, float64 [n]; digits that no value has count as the last one's."""
        code = chosen[0] if len(chosen) == 1 else (chosen[0] * self.widths[1] + chosen[1]).clamp(max=self.total - 1)
        return torch.where(code == self.count, math.nan, code.double())

    def to_json(self) -> dict[str, Any]:
        return {"choice": {"count": self.count, "missing": self.missing}}


@dataclass(frozen=True)
class Number:
    """A number: one of several pieces (components of a mixture, or one whole by ranks; single values of their own;
    missing), and within a component or the whole a scalar in [-1, 1]."""

    spikes: tuple[float, ...]
    missing: bool
    means: tuple[float, ...] = ()
    deviations: tuple[float, ...] = ()
    weights: tuple[float, ...] = ()
    """Of the mixture's components; none where ranks are taken."""
    knots: tuple[float, ...] = ()
    """Of the distribution function of what is no spike, evenly spaced in probability; none where a mixture is taken."""

    @property
    def pieces(self) -> int:
        """Those with a scalar."""
        return len(self.means) if self.means else int(bool(self.knots))

    @property
    def scalar(self) -> bool:
        return self.pieces > 0

    @property
    def widths(self) -> tuple[int, ...]:
        total = self.pieces + len(self.spikes) + self.missing
        return (total,) if total > 1 or not self.pieces else ()

    def encode(self, values: Tensor) -> tuple[Tensor | None, list[Tensor]]:
        """Of values, float64 [n]: the scalar, float32 [n], and the chosen piece, int64 [n]."""
        known = values.nan_to_num()
        place, within = self._piece(known)
        if self.spikes:
            spikes = torch.tensor(self.spikes, dtype=torch.float64, device=values.device)
            near = torch.searchsorted(spikes, known.contiguous()).clamp(max=len(self.spikes) - 1)
            below = (near - 1).clamp(min=0)
            near = torch.where((known - spikes[below]).abs() < (known - spikes[near]).abs(), below, near)
            hit = (spikes[near] == known) if self.pieces else torch.ones_like(known, dtype=torch.bool)
            place = torch.where(hit, self.pieces + near, place)
            within = torch.where(hit, 0.0, within)
        gone = values.isnan()
        place = torch.where(gone, self.pieces + len(self.spikes), place)
        within = torch.where(gone, 0.0, within).float()
        return (within if self.scalar else None), ([place] if self.widths else [])

    def decode(self, scalar: Tensor | None, chosen: list[Tensor]) -> Tensor:
        """Values, float64 [n]."""
        source = scalar if scalar is not None else chosen[0]
        place = chosen[0] if chosen else torch.zeros(len(source), dtype=torch.int64, device=source.device)
        values = torch.zeros(len(source), dtype=torch.float64, device=source.device)
        if scalar is not None:
            within = scalar.double().clamp(-1, 1)
            if self.means:
                mean, deviation = (
                    torch.tensor(x, dtype=torch.float64, device=source.device) for x in (self.means, self.deviations)
                )
                piece = place.clamp(max=self.pieces - 1)
                values = mean[piece] + within * REACH * deviation[piece]
            else:
                knots = torch.tensor(self.knots, dtype=torch.float64, device=source.device)
                values = _at_share(knots, (within + 1) / 2)
        if self.spikes:
            spikes = torch.tensor(self.spikes, dtype=torch.float64, device=source.device)
            spike = (place - self.pieces).clamp(0, len(self.spikes) - 1)
            values = torch.where(place >= self.pieces, spikes[spike], values)
        if self.missing:
            values = torch.where(place == self.pieces + len(self.spikes), math.nan, values)
        return values

    def _piece(self, values: Tensor) -> tuple[Tensor, Tensor]:
        """The likeliest component of each value, and where in it the value lies."""
        if self.means:
            mean, deviation, weight = (
                torch.tensor(x, dtype=torch.float64, device=values.device)
                for x in (self.means, self.deviations, self.weights)
            )
            apart = (values[:, None] - mean) / deviation
            place = (weight.log() - deviation.log() - apart**2 / 2).argmax(1)
            return place, (apart.gather(1, place[:, None])[:, 0] / REACH).clamp(-1, 1)
        place = torch.zeros(len(values), dtype=torch.int64, device=values.device)
        if not self.knots:
            return place, torch.zeros_like(values)
        knots = torch.tensor(self.knots, dtype=torch.float64, device=values.device)
        return place, _share_at(knots, values) * 2 - 1

    def to_json(self) -> dict[str, Any]:
        return {"number": {name: _plain(value) for name, value in vars(self).items()}}


Code = Choice | Number


def code_from_json(fields: Mapping[str, Any]) -> Code:
    """The code that `to_json` wrote."""
    (name, options), *_ = fields.items()
    plain: dict[str, Any] = {key: tuple(value) if isinstance(value, list) else value for key, value in options.items()}
    return Choice(**plain) if name == "choice" else Number(**plain)


def fit_code(column: Column, values: NDArray[np.float64], numbers: NumberCode) -> Code:
    """The code of a learned column for its values, float64 [n], NaN where missing."""
    if column.kind in CHOICES:
        return Choice(len(column.categories), column.missing)
    known = values[~np.isnan(values)]
    different, counts = np.unique(known, return_counts=True)
    if len(different) <= FEW_VALUES:
        return Number(tuple(different.tolist()), column.missing)
    spiky = _spikes(counts, len(known))
    rest = known[~np.isin(known, different[spiky])]
    spikes = tuple(different[spiky].tolist())
    if numbers != "ranks":
        mixture, misfit = _mixture(rest)
        if numbers == "mixture" or misfit <= MISFIT:
            return Number(spikes, column.missing, *mixture)
    return Number(spikes, column.missing, knots=_knots(rest))


def _spikes(counts: NDArray[np.int64], total: int) -> NDArray[np.bool_]:
    """Which of the different values, in order, stand out among their neighbours."""
    padded = np.pad(counts, NEIGHBOURS, mode="reflect") if len(counts) > NEIGHBOURS else counts
    windows = np.lib.stride_tricks.sliding_window_view(padded, 2 * NEIGHBOURS + 1)
    often = counts >= max(SPIKE_SHARE * total, 5)
    tall: NDArray[np.bool_] = counts >= SPIKE_HEIGHT * np.median(windows, axis=1)
    return often & tall


def _mixture(values: NDArray[np.float64]) -> tuple[tuple[tuple[float, ...], ...], float]:
    """Means, deviations and weights of a Bayesian Gaussian mixture of values, and its Kolmogorov distance to them."""
    import warnings

    from scipy.special import ndtr
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.mixture import BayesianGaussianMixture

    few = np.sort(np.random.default_rng(0).choice(values, min(len(values), FITTED), replace=False))
    middle, scale = few.mean(), few.std() or 1.0
    model = BayesianGaussianMixture(
        n_components=min(COMPONENTS, len(np.unique(few))),
        weight_concentration_prior=0.001,
        covariance_prior=[[0.001]],
        max_iter=100,
        random_state=0,
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        model.fit(((few - middle) / scale)[:, None])
    # By the values nearest to each component: its own variance is widened by what it shares with the others
    near = model.predict(((few - middle) / scale)[:, None])
    parts = [few[near == place] for place in np.unique(near)]
    parts = [part for part in parts if len(part) > LEAST_WEIGHT * len(few)]
    least = 1e-3 * scale / len(parts)
    weights = np.array([len(part) for part in parts]) / sum(len(part) for part in parts)
    means, deviations = (
        np.array(found) for found in zip(*[(p.mean(), max(p.std(), least)) for p in parts], strict=True)
    )
    shares = (ndtr((few[:, None] - means) / deviations) * weights).sum(1)
    steps = (np.arange(len(few)) + 0.5) / len(few)
    order = np.argsort(means)
    found = tuple(tuple(part[order].tolist()) for part in (means, deviations, weights))
    return found, float(np.abs(shares - steps).max())


def _knots(values: NDArray[np.float64]) -> tuple[float, ...]:
    count = min(KNOTS, len(values))
    knots = np.quantile(values, np.linspace(0, 1, count), method="nearest")
    return tuple(knots.tolist())


def _share_at(knots: Tensor, values: Tensor) -> Tensor:
    """The share of the distribution below each value, float64 in [0, 1]; of a stretch of equal knots, its middle."""
    values = values.contiguous()
    last = len(knots) - 1
    low = torch.searchsorted(knots, values)
    high = torch.searchsorted(knots, values, right=True)
    before = (low - 1).clamp(0, last)
    after = low.clamp(0, last)
    gap = knots[after] - knots[before]
    share = torch.where(gap > 0, (values - knots[before]) / torch.where(gap > 0, gap, 1.0), 0.0).clamp(0, 1)
    between = before + share * (after - before)
    flat = (low + high - 1) / 2
    return torch.where(high > low, flat, between) / last


def _at_share(knots: Tensor, shares: Tensor) -> Tensor:
    """The values with such shares of the distribution below them."""
    place = shares * (len(knots) - 1)
    below = place.floor().long().clamp(0, len(knots) - 2)
    part = place - below
    return knots[below] * (1 - part) + knots[below + 1] * part


def _plain(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value
