"""What a generator makes of the data's own images, beside what should have come out."""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from PIL import Image
from torch import Tensor, nn

from sparring.data import Batch, Rows, ValueCodec
from sparring.draws import Key
from sparring.games import ImageGame, Inpaint
from sparring.match import make
from sparring.nets import Translator
from sparring.sampling import CHUNK, CHUNK_VALUES, sheet
from sparring.surgery import random_layers, rewind
from sparring.translating import Translation


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
def remade(game: ImageGame, generator: nn.Module, rows: Rows, key: Key, count: int | None = None) -> Remade:
    """What the generator, in eval mode, makes of the first `count` of some images, in their order; of sides that are
    not paired, of the inputs in their order, again from the first where there are too few.

    Equal keys give equal holes and equal noise."""
    total = len(rows) if count is None else count
    size = max(1, min(CHUNK, CHUNK_VALUES // math.prod(rows.codec.shape)))
    found = []
    for first in range(0, total, size):
        numbers = torch.arange(first, min(first + size, total), device=rows.device)
        found.append(_some(game, generator, rows, numbers, key))
    asked, made, truth, holes = zip(*found, strict=True)
    return Remade(torch.cat(asked), torch.cat(made), _joined(truth), _joined(holes))


def _some(game: ImageGame, generator: nn.Module, rows: Rows, numbers: Tensor, key: Key) -> Remade:
    own = numbers % len(rows)
    inputs = None if rows.inputs is None or rows.paired else numbers % len(rows.inputs)
    batch = Batch(rows, own, numbers, key=key, inputs=inputs)
    asked = game.asked(batch)
    made = rows.codec.decode(make(game, generator, key, batch.rows, asked)).cpu()
    truth = rows.stored(own).cpu() if game.truth else None
    codec = rows.codec if rows.inputs is None else rows.inputs.codec
    assert isinstance(codec, ValueCodec)
    holes = asked[:, -1:].cpu() > 0.5 if isinstance(game, Inpaint) else None
    seen = codec.in_unit(asked[:, : codec.shape[0]]).cpu()
    if holes is not None:
        assert truth is not None
        made = torch.where(holes, made, truth)  # not even rounded
        seen = torch.where(holes, 0.5, seen)
    return Remade(_bytes(seen), made, truth, holes)


def _bytes(images: Tensor) -> Tensor:
    """Images in [0, 1] in 8 bits."""
    return (images * 255).round().clamp(0, 255).to(torch.uint8)


def _joined(parts: tuple[Tensor | None, ...]) -> Tensor | None:
    known = [part for part in parts if part is not None]
    return torch.cat(known) if known else None


def strips(found: Remade, codec: ValueCodec, columns: int = 4) -> Image.Image:
    """Rows of input, output and, where it is known, what should have come out; `columns` such groups beside each
    other."""
    known = [images for images in (found.made, found.truth) if images is not None]
    pictures = [_coloured(images) for images in (found.asked, *(_bytes(codec.to_unit(images)) for images in known))]
    return sheet(torch.stack(pictures, 1).flatten(0, 1), columns * len(pictures))


def _coloured(pictures: Tensor) -> Tensor:
    """Pictures of any number of channels in three."""
    return pictures[:, :3] if pictures.shape[1] >= 3 else pictures[:, :1].expand(-1, 3, -1, -1)


def translation(
    game: ImageGame,
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

    emptied = game.emptied if isinstance(game, Inpaint) else None
    drawing = game.drawing(generator, back=back)
    if not isinstance(drawing, Translator):  # a user's own, of which nothing is known
        return Translation(act, *codecs, emptied=emptied, device=device)
    alike = game.batch_norms == "data" and not any(layer.always for layer in random_layers(drawing))
    reach = drawing.reach if alike else None
    return Translation(act, *codecs, step=drawing.step, reach=reach, emptied=emptied, device=device)
