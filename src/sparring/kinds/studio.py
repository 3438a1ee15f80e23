"""What the page of a demo does with a run that starts from noise; it knows nothing of Gradio."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Protocol, TypeAlias

import torch
from torch import Tensor

from sparring.base.draws import Key
from sparring.base.errors import RequestError
from sparring.data import Codec, DataSet
from sparring.gan.insight import Direction
from sparring.gan.insight.exploring import between, directions
from sparring.gan.trained import Trained
from sparring.kinds.kind import Made, Wish

if TYPE_CHECKING:
    from PIL import Image

Screen: TypeAlias = "Image.Image | str"
"""A picture, or HTML."""

DIRECTIONS = 6
"""Sliders, at most."""
SIDE = 720
"""Pixels that a picture's longer edge is brought up to, about, by repeating pixels."""
MOVED = 4
"""Samples that sliders move together."""
PLACES = 9
"""Samples on the way between two."""


class OnScreen(Protocol):
    """A kind of data whose samples are shown on the page of a demo."""

    @property
    def pictured(self) -> bool:
        """Whether the way between two samples is worth showing."""

    @property
    def draws(self) -> bool:
        """Whether `screen` gives pictures; else it gives HTML."""

    @property
    def on_page(self) -> tuple[int, int]:
        """Samples on the page: at first, and at most."""

    def make(self, trained: Trained, wish: Wish, key: Key) -> Made:
        """New samples."""

    def screen(
        self, samples: Tensor, codec: Codec, data: DataSet | None, columns: int | None = None, side: int = SIDE
    ) -> Screen:
        """Samples as a picture, or HTML."""


class Studio:
    """Samples of one run as its kind shows them on a screen: a picture, or HTML. Equal requests give equal ones."""

    def __init__(self, kind: OnScreen, trained: Trained, data: DataSet | None = None) -> None:
        self.kind, self.trained, self.data = kind, trained, data
        self._alone = threading.Lock()  # dropout that is always on draws from a state that its layers hold

    @property
    def labels(self) -> list[str]:
        """The names that can be asked for; none where the run has no labels."""
        return list(self.trained.label_names) if self.trained.game.labelled else []

    def samples(self, seed: int | None, count: int, label: str | None = None) -> Screen:
        """The samples that `run.sample` gives."""
        key = Key(checked_seed(seed), "samples")
        with self._alone:
            made = self.kind.make(self.trained, Wish(count, label), key)
        return self._shown(made.samples)

    def way(self, first: int | None, last: int | None, place: float, label: str | None = None) -> tuple[Screen, Screen]:
        """The sample at a place between the first samples of two seeds, 0 for the one and 1 for the other; and nine on
        the whole way, along a great circle for normal latents."""
        first, last = checked_seed(first, "first seed"), checked_seed(last, "second seed")
        key = Key(first, "samples")
        ends = self.trained.latents(key, 1), self.trained.latents(Key(last, "samples"), 1)
        places = [place, *torch.linspace(0, 1, PLACES).tolist()]
        made = self._made(between(self.trained, *ends, places), self._labels(key, label, 1), key, len(places))
        return self._shown(made[:1], side=SIDE // 2), self._shown(made[1:], PLACES)

    @cached_property
    def found(self) -> dict[str, list[Direction]]:
        """Latent directions by the method that found them; none where the generator could not be followed."""
        count = min(DIRECTIONS, self.trained.noise_game.latent.size)
        layer, closed, components = directions(self.trained, count)
        return {"GANSpace": components, "SeFa": closed} if layer else {}

    def moved(self, seed: int | None, method: str, amounts: Sequence[float], label: str | None = None) -> Screen:
        """A seed's first four samples, moved along a method's directions by so many standard deviations each."""
        key = Key(checked_seed(seed), "samples")
        latents = self.trained.latents(key, MOVED)
        deviation = latents.square().mean().sqrt()
        for direction, amount in zip(self.found[method], amounts, strict=False):
            latents = latents + deviation * float(amount) * direction.vector.to(latents)
        latents = latents.clamp(*self.trained.noise_game.latent.support)
        return self._shown(self._made(latents, self._labels(key, label, MOVED), key, 1), 2)

    def _shown(self, samples: Tensor, columns: int | None = None, side: int = SIDE) -> Screen:
        return self.kind.screen(samples, self.trained.codec, self.data, columns, side)

    def _labels(self, key: Key, label: str | None, count: int) -> Tensor | None:
        """As `run.sample` gives them."""
        return self.trained.labels(key, count, label if self.labels else None)

    def _made(self, latents: Tensor, labels: Tensor | None, key: Key, each: int) -> Tensor:
        """Samples for latents of which every `each` share a label and a mask."""
        with self._alone:
            return self.trained.made(latents, labels, each, key)


def checked_seed(seed: int | None, name: str = "seed") -> int:
    """Raises RequestError for what is no seed."""
    if seed is None or seed < 0 or seed != int(seed):
        raise RequestError(f"{name}: {'is missing' if seed is None else seed}; write a whole number from 0")
    return int(seed)
