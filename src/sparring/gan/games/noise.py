"""Samples from noise: the game that GANs began with, with or without labels."""

from __future__ import annotations

import math
from functools import cache
from typing import Annotated, Literal

import torch
from pydantic import Field
from torch import Tensor, nn

from sparring.base.draws import Key, normal, uniform
from sparring.base.errors import RequestError
from sparring.base.part import OneOf, Part
from sparring.data import Batch, Codec, DataSet, Formats
from sparring.gan.game import Game, Side, Turn
from sparring.gan.schedules import Schedule, value
from sparring.nets import Net, Own, Shape, Verdict
from sparring.nets.labels import ConcatDiscriminator, LabelledGenerator, ProjectionDiscriminator


class _Latent(Part):
    size: int = Field(128, ge=1)
    """Values of one latent."""

    @property
    def support(self) -> tuple[float, float]:
        """Where a latent's values can lie."""
        return -math.inf, math.inf


class Normal(_Latent):
    """Standard normal latents."""

    def draw(self, key: Key, rows: Tensor) -> Tensor:
        """Latents [rows, size]."""
        return normal(key, rows, (self.size,))


class Uniform(_Latent):
    """Latents uniform in [-1, 1)."""

    @property
    def support(self) -> tuple[float, float]:
        return -1.0, 1.0

    def draw(self, key: Key, rows: Tensor) -> Tensor:
        """Latents [rows, size]."""
        return uniform(key, rows, (self.size,)) * 2 - 1


class Truncated(_Latent):
    """Normal latents within bounds, drawn by the inverse of the distribution function, so that none is rejected."""

    at: float = Field(2.0, gt=0)
    """The bound, in standard deviations."""

    @property
    def support(self) -> tuple[float, float]:
        return -self.at, self.at

    def draw(self, key: Key, rows: Tensor) -> Tensor:
        """Latents [rows, size]."""
        drawn = uniform(key, rows, (self.size,)).to(torch.float64) * 2 - 1
        return (torch.erfinv(drawn * _within(self.at)) * 2**0.5).float()


@cache
def _within(bound: float) -> float:
    """The probability of a standard normal value within the bound, either way."""
    return float(torch.erf(torch.tensor(bound / 2**0.5, dtype=torch.float64)))


Latent = Annotated[Normal | Uniform | Truncated, OneOf()]


class NoiseGame(Game):
    """A game whose generator starts from latents."""

    latent: Latent = Normal()
    """What the generator starts from."""

    def generate(self, generator: nn.Module, latents: Tensor, labels: Tensor | None) -> Tensor:
        """Samples [n, ...] for given latents [n, latent], and labels, int64 [n], where the game has any."""
        raise NotImplementedError

    def judge(self, discriminator: nn.Module, sample: Tensor, labels: Tensor | None) -> Verdict:
        """The discriminator's verdict on samples [n, ...], and labels, int64 [n], where the game has any."""
        raise NotImplementedError

    def show(self, discriminator: nn.Module, sample: Tensor, batch: Batch) -> Verdict:
        return self.judge(discriminator, sample, batch.labels)


class FromNoise(NoiseGame):
    """The generator makes samples from latents; the discriminator tells them from the data's."""

    labels: Literal["auto", "none", "projection", "concat"] = "none"
    """How labels take part: not at all, by a projection discriminator, or as more input of both networks; `auto` takes
    projection where the data has labels."""
    label_width: int = Field(32, ge=1)
    """Values of a label's embedding as input."""
    noise_images: Schedule = 0.0
    """Share of the discriminator's fakes that are uniform noise in the data's range instead of generated, for a
    discriminator that is first trained alone."""

    @property
    def labelled(self) -> bool:
        return self.labels != "none"

    def fitted(self, batch: int, data: DataSet) -> Game:
        super().fitted(batch, data)
        if data.inputs is not None:
            raise takes_no_inputs(self, data)
        if self.labels == "auto":
            return self.model_copy(update={"labels": "projection" if 1 < data.classes <= 1000 else "none"})
        if self.labelled and data.classes < 2:
            raise RequestError(f"game.from_noise.labels: {self.labels}, and {data.name} has no labels; say none")
        return self

    def check_update(self, update: str) -> None:
        if update == "simultaneous" and self.noise_images != 0:
            raise ValueError(
                "game.from_noise.noise_images: the generator would learn from them; say update=alternating"
            )

    def build_generator(self, net: Net, formats: Formats) -> nn.Module:
        """The generator of samples of a format, of so many classes (0 for none)."""
        if isinstance(net, Own):
            raise refuse_own("generator")
        shape = _shape(formats.samples)
        if self.labels == "none":
            return net.generator(self.latent.size, shape)
        inner = net.generator(self.latent.size + self.label_width, shape)
        return LabelledGenerator(inner, formats.classes, self.label_width)

    def build_discriminator(self, net: Net, formats: Formats) -> nn.Module:
        """The discriminator of such samples."""
        if isinstance(net, Own):
            raise refuse_own("discriminator")
        shape, classes = _shape(formats.samples), formats.classes
        if self.labels == "none":
            return net.discriminator(shape)
        if self.labels == "concat":
            inner = net.discriminator((shape[0] + self.label_width, *shape[1:]))
            return ConcatDiscriminator(inner, classes, self.label_width)
        inner = net.discriminator(shape)
        return ProjectionDiscriminator(inner, classes, int(inner.features))  # type: ignore[arg-type]

    def example(self, side: Side, formats: Formats) -> tuple[Tensor, ...]:
        """Two rows of what a network of this side sees."""
        shape = formats.samples.shape
        if side == "generator":
            first, count = self.latent.draw(Key("example"), torch.arange(2)), 2
        else:
            first, count = torch.zeros(2, *shape), 2
        return (first,) if self.labels == "none" else (first, torch.zeros(count, dtype=torch.int64))

    def fake(self, turn: Turn) -> Tensor:
        fakes = self.make(turn.duel.generator, turn.key.at("latents"), turn.batch.rows, turn.batch.labels)
        share = value(self.noise_images, turn.now) if turn.mover == "discriminator" else 0.0
        if share <= 0:
            return fakes
        key, one_each = turn.key.at("noise images"), [1] * (fakes.ndim - 1)
        noise = uniform(key, turn.batch.rows, fakes.shape[1:])
        low, high = turn.batch.bounds
        chosen = uniform(key.at("chosen"), turn.batch.rows, one_each) < share
        return torch.where(chosen, low + (high - low) * noise, fakes)

    def make(self, generator: nn.Module, key: Key, rows: Tensor, asked: Tensor | None) -> Tensor:
        """Samples [rows, ...] for latents that are functions of the key and the samples' numbers."""
        return self.generate(generator, self.latent.draw(key, rows), asked)

    def generate(self, generator: nn.Module, latents: Tensor, labels: Tensor | None) -> Tensor:
        made: Tensor = generator(latents) if self.labels == "none" else generator(latents, labels)
        return made

    def judge(self, discriminator: nn.Module, sample: Tensor, labels: Tensor | None) -> Verdict:
        seen = discriminator(sample) if self.labels == "none" else discriminator(sample, labels)
        return as_verdict(seen, len(sample))


def with_latents(game: Game, what: str) -> NoiseGame:
    """A game whose generator starts from latents. Raises RequestError that says `what` needs these, for the others."""
    if not isinstance(game, NoiseGame):
        raise RequestError(f"{what}: needs a generator with latents, and the game {game.recipe_name()} has none")
    return game


def takes_no_inputs(game: Game, data: DataSet) -> RequestError:
    """For data whose samples are to be made from inputs, in a game that starts from noise."""
    told = "say game=paired" if data.paired else "say game=unpaired"
    return RequestError(f"game: {game.recipe_name()} takes no input images, and {data.name} has some; {told}")


def refuse_own(side: Side) -> RequestError:
    """For networks of the user's, which a recipe cannot build."""
    return RequestError(f"{side}.net: own: this run's {side} is a module of your own; give it from Python")


def _shape(codec: Codec) -> Shape:
    if codec.plays != "from_noise":
        told = f"say game={codec.plays}, or take the recipe {codec.plays}"
        raise RequestError(f"game: from_noise is for images and points, and the data are {codec.noun}; {told}")
    return codec.shape


def as_verdict(seen: object, count: int | None) -> Verdict:
    """What a discriminator gave, as a verdict: one itself, logits, or logits and features; of `count` samples, where
    that is known."""
    if isinstance(seen, Verdict):
        return seen
    logits, features = seen if isinstance(seen, tuple) and len(seen) == 2 else (seen, None)
    if not isinstance(logits, Tensor) or (count is not None and len(logits) != count):
        raise RequestError(f"discriminator: gives {_told(logits)} for {count} samples; wanted logits [{count}]")
    return Verdict(
        logits[:, 0] if logits.shape[1:] == (1,) else logits.flatten(1) if logits.ndim > 2 else logits, features
    )


def _told(value: object) -> str:
    return f"a tensor {list(value.shape)}" if isinstance(value, Tensor) else f"a {type(value).__name__}"
