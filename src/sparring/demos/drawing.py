"""What the page does with a run that starts from noise."""

from __future__ import annotations

import io
import math
import threading
from collections.abc import Sequence
from functools import cached_property

import torch
from PIL import Image
from torch import Tensor

from sparring.data import DataSet, TableCodec, ValueCodec
from sparring.data.tables.column import CHOICES
from sparring.draws import Key
from sparring.errors import RequestError
from sparring.exploring import between, directions, pair_of
from sparring.insight import Direction
from sparring.run import Run
from sparring.sampling import picture_of

DIRECTIONS = 6
"""Sliders, at most."""
MOST = 64
"""Samples at once, at most."""
MOST_ROWS = 10_000
"""Rows of a table at once, at most."""
SIDE = 720
"""Pixels that a picture's longer edge is brought up to, about, by repeating pixels."""
MOVED = 4
"""Samples that sliders move together."""
GAP = 6
"""Pixels between samples."""
PLACES = 9
"""Samples on the way between two."""


class Studio:
    """Samples of one run, as pictures. Equal requests give equal pictures."""

    def __init__(self, run: Run) -> None:
        self.run = run
        self.pair = pair_of(run)
        self._alone = threading.Lock()  # dropout that is always on draws from a state that its layers hold

    @property
    def codec(self) -> ValueCodec:
        """Of the samples."""
        assert isinstance(self.run.codec, ValueCodec)
        return self.run.codec

    @property
    def labels(self) -> list[str]:
        """The names that can be asked for; none where the run has no labels."""
        return [] if self.run.recipe.game.labels == "none" else list(self.run.label_names)

    def samples(self, seed: int | None, count: int, label: str | None = None) -> Image.Image:
        """The samples that `run.sample` gives, side by side."""
        seed = checked_seed(seed)
        with self._alone:
            found, _ = self.run.draw(count, seed, label, str(self.pair.device))
        return laid(found, self.codec)

    def way(
        self, first: int | None, last: int | None, place: float, label: str | None = None
    ) -> tuple[Image.Image, Image.Image]:
        """The sample at a place between the first samples of two seeds, 0 for the one and 1 for the other; and a strip
        of nine on the whole way, along a great circle for normal latents."""
        first, last = checked_seed(first, "first seed"), checked_seed(last, "second seed")
        key = Key(first, "samples")
        ends = self.pair.latents(key, 1), self.pair.latents(Key(last, "samples"), 1)
        places = [place, *torch.linspace(0, 1, PLACES).tolist()]
        made = self._made(between(self.pair, *ends, places), self._labels(key, label, 1), key, len(places))
        return laid(made[:1], self.codec, side=SIDE // 2), laid(made[1:], self.codec, PLACES)

    @cached_property
    def found(self) -> dict[str, list[Direction]]:
        """Latent directions by the method that found them; none where the generator could not be followed."""
        count = min(DIRECTIONS, self.pair.game.latent.size)
        layer, closed, components = directions(self.pair, count)
        return {"GANSpace": components, "SeFa": closed} if layer else {}

    def moved(self, seed: int | None, method: str, amounts: Sequence[float], label: str | None = None) -> Image.Image:
        """A seed's first four samples, moved along a method's directions by so many standard deviations each."""
        key = Key(checked_seed(seed), "samples")
        latents = self.pair.latents(key, MOVED)
        deviation = latents.square().mean().sqrt()
        for direction, amount in zip(self.found[method], amounts, strict=False):
            latents = latents + deviation * float(amount) * direction.vector.to(latents)
        latents = latents.clamp(*self.pair.game.latent.support)
        made = self._made(latents, self._labels(key, label, MOVED), key, 1)
        return laid(made, self.codec, 2)

    def _labels(self, key: Key, label: str | None, count: int) -> Tensor | None:
        """As `run.sample` gives them."""
        if label is None or not self.labels:
            return self.pair.labels(key, count)
        return torch.full((count,), self.run.label_number(label), device=self.pair.device)

    def _made(self, latents: Tensor, labels: Tensor | None, key: Key, each: int) -> Tensor:
        """Samples for latents of which every `each` share a label and a mask."""
        rows = torch.arange(len(latents), device=latents.device) // each
        with self._alone, torch.no_grad():
            made = self.pair.generate(latents, None if labels is None else labels[rows], key, rows)
        return self.run.codec.decode(made).cpu()


def points(run: Run, seed: int | None, count: int, label: str | None, data: DataSet | None) -> Image.Image:
    """New points of the plane over held-out ones, where the run's data are at hand."""
    from sparring.plots import scatter  # Matplotlib, a second

    assert isinstance(run.codec, ValueCodec)
    if run.codec.shape != (2,):
        raise RequestError(f"points of {run.codec.shape[0]} values cannot be drawn in the plane")
    samples, _ = run.draw(count, checked_seed(seed), label)
    real = None if data is None else data.stored(data.heldout[:2000])
    return Image.open(io.BytesIO(scatter(samples, real, run.codec.high * 1.3)))


def choices(codec: TableCodec) -> list[str]:
    """The columns of a table whose values can be made equally frequent."""
    return [column.name for column in codec.columns if column.kind in CHOICES]


def hint(codec: TableCodec) -> str:
    """Conditions as they are written, of the table's own columns."""
    told = []
    for column in codec.columns:
        if column.kind in CHOICES:
            told.append(f"{column.name}='{column.categories[0]}'")
        elif column.kind in ("integer", "float"):
            told.append(f"{column.name}>{(column.low + column.high) / 2:.3g}")
    return "\n".join(told[:2])


def conditions(text: str) -> list[str]:
    """A condition a line, as `age>60`."""
    return [line.strip() for line in text.splitlines() if line.strip()]


def checked_seed(seed: int | None, name: str = "seed") -> int:
    """Raises RequestError for what is no seed."""
    if seed is None or seed < 0 or seed != int(seed):
        raise RequestError(f"{name}: {'is missing' if seed is None else seed}; write a whole number from 0")
    return int(seed)


def laid(samples: Tensor, codec: ValueCodec, columns: int | None = None, side: int = SIDE) -> Image.Image:
    """Samples side by side on nothing (transparent), small ones enlarged by a whole number, so that the longer edge
    comes near `side`."""
    columns = min(columns or math.ceil(math.sqrt(len(samples))), len(samples))
    height, width = samples.shape[2:]
    rows = math.ceil(len(samples) / columns)
    factor = max(1, round(side / max(columns * width, rows * height)))
    place = (width * factor + GAP, height * factor + GAP)
    canvas = Image.new("RGBA", (columns * place[0] - GAP, rows * place[1] - GAP), (0, 0, 0, 0))
    for number, sample in enumerate(samples):
        one = picture_of(sample, codec)
        one = one.resize((width * factor, height * factor), Image.Resampling.NEAREST)
        canvas.paste(one, (number % columns * place[0], number // columns * place[1]))
    return canvas
