"""A small network for melodies."""

from __future__ import annotations

from pydantic import Field
from torch import Tensor, nn

from sparring.nets import Dense, Net, Shape


class Tune(Net):
    """A few values for each place, a convolution over places, and the shares of notes at each."""

    width: int = Field(32, ge=1)
    """Values of a place in the hidden layers."""

    def generator(self, latent: int, shape: Shape) -> nn.Module:
        length, notes = shape
        first = [nn.Linear(latent, self.width * length), nn.LeakyReLU(0.2), nn.Unflatten(1, (self.width, length))]
        middle = [nn.Conv1d(self.width, self.width, 5, padding=2), nn.LeakyReLU(0.2)]
        return nn.Sequential(*first, *middle, nn.Conv1d(self.width, notes, 1), Shares())

    def discriminator(self, shape: Shape) -> nn.Module:
        return Dense(widths=(4 * self.width,)).discriminator(shape)


class Shares(nn.Module):
    """Logits [batch, notes, length] to shares [batch, length, notes]."""

    def forward(self, logits: Tensor) -> Tensor:
        return logits.softmax(1).transpose(1, 2)
