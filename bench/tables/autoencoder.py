"""A variational autoencoder for tables in the style of TVAE, in plain PyTorch: a baseline.

A number becomes one of up to ten modes of a Gaussian mixture and its place within it; a category, or a number of few
values, one of its values. What is missing is a mode or value of its own.
"""

from __future__ import annotations

import time
import warnings
from typing import NamedTuple

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from sets import decimals
from sklearn.exceptions import ConvergenceWarning
from sklearn.mixture import BayesianGaussianMixture
from torch import Tensor, nn
from torch.nn import functional as F

MODES = 10
FEW = 10
"""A number of so few values is a choice among them."""
SPAN = 4.0
"""A place within a mode is in units of so many standard deviations."""
FITTED_ON = 10_000
"""Values that a mixture is fitted on, at most."""


class Choice:
    """A column of values to choose from."""

    place = 0

    def __init__(self, column: pd.Series[float]) -> None:
        self.values = column.drop_duplicates().to_numpy()
        self.size = len(self.values)
        self.number = column.dtype != object

    def encode(self, column: pd.Series[float]) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
        codes = pd.Categorical(column, categories=[one for one in self.values if not pd.isna(one)]).codes.astype(int)
        places = np.flatnonzero(~pd.isna(self.values))
        missing = np.flatnonzero(pd.isna(self.values))
        return np.empty((len(column), 0), np.float32), np.append(places, missing)[codes]  # code -1: the last

    def decode(self, _: NDArray[np.float32], chosen: NDArray[np.int64]) -> NDArray[np.float64]:
        return self.values[chosen]


class Modes:
    """A column of numbers: mode-specific normalisation."""

    place = 1

    def __init__(self, column: pd.Series[float], source: np.random.Generator) -> None:
        self.source = source
        values = column.dropna().to_numpy()
        self.low, self.high, self.decimals = values.min(), values.max(), decimals(column)
        self.centre, self.scale = values.mean(), values.std()
        some = source.choice(values, min(len(values), FITTED_ON), replace=False)
        mixture = BayesianGaussianMixture(
            n_components=min(MODES, len(some)), weight_concentration_prior=1e-3, random_state=0
        )
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            mixture.fit(self.standard(some))
        self.kept = np.flatnonzero(mixture.weights_ > 0.005)
        self.mixture = mixture
        self.means = mixture.means_[self.kept, 0]
        self.deviations = SPAN * np.sqrt(mixture.covariances_[self.kept, 0, 0])
        self.size = len(self.kept) + int(column.isna().any())

    def standard(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        return (values[:, None] - self.centre) / self.scale

    def encode(self, column: pd.Series[float]) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
        there = column.notna().to_numpy()
        places, chosen = np.zeros((len(column), 1), np.float32), np.full(len(column), self.size - 1)
        values = self.standard(column[there].to_numpy())
        shares = self.mixture.predict_proba(values)[:, self.kept].cumsum(1)
        drawn = self.source.random((len(values), 1)) * shares[:, -1:]
        chosen[there] = (drawn > shares).sum(1).clip(max=len(self.kept) - 1)
        mode = chosen[there]
        places[there, 0] = ((values[:, 0] - self.means[mode]) / self.deviations[mode]).clip(-0.99, 0.99)
        return places, chosen

    def decode(self, places: NDArray[np.float32], chosen: NDArray[np.int64]) -> NDArray[np.float64]:
        mode = chosen.clip(max=len(self.kept) - 1)
        values = (places[:, 0] * self.deviations[mode] + self.means[mode]) * self.scale + self.centre
        values = np.round(values.clip(self.low, self.high), self.decimals)
        return np.where(chosen < len(self.kept), values, np.nan)


class Encoded(NamedTuple):
    """A batch: places within modes [rows, numbers], and what was chosen [rows, columns]."""

    places: Tensor
    chosen: Tensor


class Autoencoder:
    """Trained by `train`, once."""

    def __init__(
        self,
        frame: pd.DataFrame,
        seed: int,
        *,
        width: int = 128,
        latent: int = 128,
        batch: int = 500,
        epochs: int = 300,
        least_steps: int = 3000,
        most_steps: int = 10_000,
    ) -> None:
        source = np.random.default_rng(seed)
        self.names = list(frame)
        self.columns = [column_of(frame[name], source) for name in frame]
        coded = [column.encode(frame[name]) for column, name in zip(self.columns, frame, strict=True)]
        self.data = Encoded(
            torch.from_numpy(np.concatenate([places for places, _ in coded], axis=1)),
            torch.from_numpy(np.stack([chosen for _, chosen in coded], axis=1)),
        )
        self.sizes = [column.size for column in self.columns]
        self.batch = min(batch, len(frame))
        self.steps = min(max(least_steps, epochs * len(frame) // self.batch), most_steps)
        self.generator = torch.Generator().manual_seed(seed)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            numbers = self.data.places.shape[1]
            inputs = numbers + sum(self.sizes)
            self.encoder = dense(inputs, width, 2 * latent)
            self.decoder = dense(latent, width, inputs)
        self.latent, self.numbers = latent, numbers
        self.deviation = nn.Parameter(torch.full((numbers,), 0.1))

    def train(self) -> float:
        """Gives the rows it trained on a second."""
        parameters = [*self.encoder.parameters(), *self.decoder.parameters(), self.deviation]
        optimiser = torch.optim.Adam(parameters, lr=1e-3, weight_decay=1e-5)
        began = time.perf_counter()
        for _ in range(self.steps):
            rows = torch.randint(len(self.data.chosen), (self.batch,), generator=self.generator)
            loss = self.loss(Encoded(self.data.places[rows], self.data.chosen[rows]))
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            with torch.no_grad():
                self.deviation.clamp_(0.01, 1.0)
        return self.steps * self.batch / (time.perf_counter() - began)

    def loss(self, batch: Encoded) -> Tensor:
        """The evidence bound, reconstruction counted twice, as TVAE does."""
        ones = [F.one_hot(batch.chosen[:, at], size).float() for at, size in enumerate(self.sizes)]
        mean, spread = self.encoder(torch.cat([batch.places, *ones], dim=1)).chunk(2, dim=1)
        noise = torch.randn(mean.shape, generator=self.generator)
        places, choices = self.decoded(mean + noise * (spread / 2).exp())
        off = (batch.places - places) / self.deviation
        wrong = (off.square() / 2 + self.deviation.log()).sum(1)
        for at, logits in enumerate(choices):
            wrong = wrong + F.cross_entropy(logits, batch.chosen[:, at], reduction="none")
        divergence = (mean.square() + spread.exp() - 1 - spread).sum(1) / 2
        return (2 * wrong + divergence).mean()

    def decoded(self, latents: Tensor) -> tuple[Tensor, tuple[Tensor, ...]]:
        """Places within modes, and the logits of each column."""
        found = self.decoder(latents)
        return found[:, : self.numbers].tanh(), found[:, self.numbers :].split(self.sizes, dim=1)

    @torch.no_grad()
    def sample(self, count: int) -> pd.DataFrame:
        parts = [self.drawn(min(10_000, count - first)) for first in range(0, count, 10_000)]
        return pd.concat(parts, ignore_index=True)

    def drawn(self, count: int) -> pd.DataFrame:
        places, choices = self.decoded(torch.randn(count, self.latent, generator=self.generator))
        places = places + self.deviation * torch.randn(places.shape, generator=self.generator)
        found, first = {}, 0
        for name, column, logits in zip(self.names, self.columns, choices, strict=True):
            chosen = torch.multinomial(logits.softmax(1), 1, generator=self.generator)[:, 0].numpy()
            found[name] = column.decode(places[:, first : first + column.place].numpy(), chosen)
            first += column.place
        return pd.DataFrame(found)


def column_of(column: pd.Series[float], source: np.random.Generator) -> Choice | Modes:
    return Choice(column) if column.dtype == object or column.nunique() <= FEW else Modes(column, source)


def dense(inputs: int, width: int, outputs: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Linear(inputs, width), nn.ReLU(), nn.Linear(width, width), nn.ReLU(), nn.Linear(width, outputs)
    )
