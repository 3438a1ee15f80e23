"""What a generator makes of the data's own images, beside what should have come out."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import NamedTuple

import torch
from PIL import Image
from torch import Tensor, nn

from sparring.base.draws import Key
from sparring.base.errors import RequestError
from sparring.data import Batch, Codec, Rows, ValueCodec
from sparring.gan.sampling import CHUNK_VALUES, make
from sparring.gan.surgery import random_layers, rewind
from sparring.gan.trained import Trained
from sparring.kinds.kind import Way
from sparring.kinds.translation.games.images import FromImages
from sparring.kinds.translation.scale import Options, scale_of
from sparring.kinds.translation.sources.pairs import Pairs
from sparring.kinds.translation.sources.sides import Sides
from sparring.kinds.translation.translating import Translation
from sparring.nets import Translator
from sparring.pages.drawing import coloured, in_bytes, sheet


class Remade(NamedTuple):
    """Images, and what was made of them."""

    asked: Tensor
    """What the generator was given, as a picture shows it: uint8 [n, channels, height, width], holes in grey."""
    made: Tensor
    """What it made, [n, ...] as samples are stored."""
    truth: Tensor | None
    """What should have come out, where that is known, [n, ...] as stored."""
    holes: Tensor | None
    """Where something was filled in, bool [n, 1, height, width]; None where all was made."""


@torch.no_grad()
def remade(game: FromImages, generator: nn.Module, rows: Rows, key: Key, count: int | None = None) -> Remade:
    """What the generator, in eval mode, makes of the first `count` of some images, in their order; of sides that are
    not paired, of the inputs in their order, again from the first where there are too few.

    Equal keys give equal holes and equal noise."""
    total = len(rows) if count is None else count
    size = max(1, min(rows.codec.at_once, CHUNK_VALUES // math.prod(rows.codec.shape)))
    found = []
    for first in range(0, total, size):
        numbers = torch.arange(first, min(first + size, total), device=rows.device)
        found.append(_some(game, generator, rows, numbers, key))
    asked, made, truth, holes = zip(*found, strict=True)
    return Remade(torch.cat(asked), torch.cat(made), _joined(truth), _joined(holes))


def _some(game: FromImages, generator: nn.Module, rows: Rows, numbers: Tensor, key: Key) -> Remade:
    own = numbers % len(rows)
    inputs = None if rows.inputs is None or rows.paired else numbers % len(rows.inputs)
    batch = Batch(rows, own, numbers, key=key, inputs=inputs)
    asked = game.asked(batch)
    made = rows.codec.decode(make(game, generator, key, batch.rows, asked)).cpu()
    truth = rows.stored(own).cpu() if game.truth else None
    codec = values_of(rows.codec if rows.inputs is None else rows.inputs.codec)
    holes = game.holes_in(asked.cpu())
    seen = codec.in_unit(asked[:, : codec.shape[0]]).cpu()
    if holes is not None:
        assert truth is not None
        made = torch.where(holes, made, truth)  # not even rounded
        seen = torch.where(holes, 0.5, seen)
    return Remade(in_bytes(seen), made, truth, holes)


def _joined(parts: tuple[Tensor | None, ...]) -> Tensor | None:
    known = [part for part in parts if part is not None]
    return torch.cat(known) if known else None


def strips(found: Remade, codec: ValueCodec, columns: int = 4) -> Image.Image:
    """Rows of input, output and, where it is known, what should have come out; `columns` such groups beside each
    other."""
    known = [images for images in (found.made, found.truth) if images is not None]
    pictures = [coloured(images) for images in (found.asked, *(in_bytes(codec.to_unit(images)) for images in known))]
    return sheet(torch.stack(pictures, 1).flatten(0, 1), columns * len(pictures))


def values_of(codec: Codec) -> ValueCodec:
    """The codec of images."""
    assert isinstance(codec, ValueCodec)  # `FromImages.check` has seen to it
    return codec


def translation(
    game: FromImages,
    generator: nn.Module,
    codecs: tuple[ValueCodec, ValueCodec],
    device: torch.device,
    key: Key,
    *,
    back: bool = False,
) -> Translation:
    """What a generator, in eval mode, does to pictures, from the first codec to the second, with what it draws besides
    by a key; of the game `cycle`, also `back`."""

    @torch.no_grad()
    def act(images: Tensor) -> Tensor:
        asked = images.to(device)
        rows = torch.arange(len(asked), device=device)
        if back:
            rewind(random_layers(generator), key.at("masks"), rows)
            return game.drawn(generator, asked, back=True).cpu()
        return make(game, generator, key, rows, asked).cpu()

    emptied = game.emptied if game.fills else None
    drawing = game.drawing(generator, back=back)
    if not isinstance(drawing, Translator):  # a user's own, of which nothing is known
        return Translation(act, *codecs, emptied=emptied, device=device)
    alike = game.batch_norms == "data" and not any(layer.always for layer in random_layers(drawing))
    reach = drawing.reach if alike else None
    return Translation(act, *codecs, step=drawing.step, reach=reach, emptied=emptied, device=device)


def translation_of(trained: Trained, way: Way) -> Translation:
    """What a run does to pictures: the way it was trained, or of the game `cycle` in either direction, a2b or b2a."""
    game, formats = trained.game, trained.formats
    assert isinstance(game, FromImages)  # else another kind were asked
    there = values_of(formats.samples if formats.inputs is None else formats.inputs), values_of(formats.samples)
    back = _turned(trained, game, way.direction)
    codecs = (there[1], there[0]) if back else there
    found = translation(game, trained.generator, codecs, trained.device, Key(way.seed, "translation"), back=back)
    _, height, width = there[0].shape
    asked = way.more.scale if isinstance(way.more, Options) else None
    return replace(found, framed=trained.source.single, scale=scale_of(trained.source, (height, width), asked))


def directions_of(trained: Trained) -> tuple[str, ...]:
    """The ways between which a person chooses, a2b and b2a, that of training first; none where there is only one."""
    source, game = trained.source, trained.game
    if not isinstance(source, Pairs | Sides) or not isinstance(game, FromImages) or not game.both_ways:
        return ()
    return ("a2b", "b2a") if source.direction == "a2b" else ("b2a", "a2b")


def _turned(trained: Trained, game: FromImages, direction: str | None) -> bool:
    """Whether a direction is the other one than that of training."""
    source = trained.source
    if direction is None:
        return False
    if direction not in ("a2b", "b2a"):
        raise RequestError(f"direction: '{direction}' is none; say a2b or b2a")
    if not isinstance(source, Pairs | Sides):
        raise RequestError(f"direction: {direction}, and {trained.name} knows one way only; leave it out")
    if direction == source.direction:
        return False
    if not game.both_ways:
        way = f"train with data.{source.recipe_name()}.direction={direction}"
        raise RequestError(f"direction: {direction}, and {trained.name} was trained {source.direction}; {way}")
    return True
