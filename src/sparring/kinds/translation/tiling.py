"""Pictures of any size through a network, in overlapping tiles.

`act` maps an image [1, channels, height, width] to another [1, channels', height, width]; it may ask for heights and
widths that are multiples of `step` (2 to the number of halvings in a network), which images are padded to here.

There are two ways. A network whose outputs depend on inputs within `reach` pixels alone is tiled *exactly*: each tile
is given a margin of at least `reach`, and only what lies within the margin is taken, so that the result is the whole
image's, the network's own padding at the borders included. Any other (one that normalises by an image's own statistics,
or attends to all of it) is *blended*: tiles overlap, and each counts with a weight that falls to nothing towards the
sides that it shares.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from sparring.engine.machine import forget_peak, peak_since

Act = Callable[[Tensor], Tensor]

LEAST_BYTES = 1024.0
"""What a pixel is taken to need at least: what is measured of a small network is lost in the noise."""


class _Span(NamedTuple):
    """One tile along one axis."""

    start: int
    stop: int
    """The part of the image that the network sees."""
    weights: Tensor
    """What each of its places counts, [stop - start]; over all tiles they sum to 1 at each place."""


@torch.no_grad()
def tiled(act: Act, image: Tensor, tile: int, overlap: int = 0, step: int = 1, reach: int | None = None) -> Tensor:
    """`act` of an image [1, channels, height, width], on the image's device: [1, channels', height, width] in float32.

    No tile has an edge over `tile` (brought down to a multiple of `step`, at least `step`); an image that fits into one
    is done whole. With `reach`, tiles are exact, and larger than `tile` where that leaves nothing within the margins;
    without, they overlap by `overlap` or more, and are blended. Beside the result this takes one tile's memory.
    Raises ValueError where `tile` or `step` is not positive, or `overlap` not below the tile.
    """
    if tile < 1 or step < 1:
        raise ValueError(f"tile and step must be positive, not {tile} and {step}")
    height, width = image.shape[2:]
    padded = pad_to(image, step)
    edge = max(step, tile // step * step)
    rows, columns = (_spans(size, edge, overlap, step, reach) for size in padded.shape[2:])
    if len(rows) == len(columns) == 1:
        return act(padded)[..., :height, :width].float().to(image.device)
    result: Tensor | None = None
    for row in rows:
        for column in columns:
            part = act(padded[..., row.start : row.stop, column.start : column.stop]).float().to(image.device)
            if result is None:
                result = torch.zeros(1, part.shape[1], *padded.shape[2:], device=image.device)
            weights = row.weights.to(part.device)[:, None] * column.weights.to(part.device)
            result[..., row.start : row.stop, column.start : column.stop] += part * weights
    assert result is not None
    return result[..., :height, :width]


def pad_to(image: Tensor, step: int) -> Tensor:
    """The image, mirrored (where too small, repeated) beyond its right and lower border to multiples of `step`."""
    height, width = image.shape[2:]
    down, right = -height % step, -width % step
    if not down and not right:
        return image
    mode = "reflect" if down < height and right < width else "replicate"
    return F.pad(image, (0, right, 0, down), mode=mode)


def _spans(size: int, edge: int, overlap: int, step: int, reach: int | None) -> list[_Span]:
    """Tiles along an axis of `size`, a multiple of `step`."""
    if edge >= size:
        return [_Span(0, size, torch.ones(size))]
    return list(_blended(size, edge, overlap, step) if reach is None else _exact(size, edge, reach, step))


def _exact(size: int, edge: int, reach: int, step: int) -> Iterator[_Span]:
    """Tiles with margins, which count nothing."""
    margin = margin_for(reach, step)
    inner = max(step, edge - 2 * margin)
    for first in range(0, size, inner):
        last = min(size, first + inner)
        start, stop = max(0, first - margin), min(size, last + margin)
        weights = torch.zeros(stop - start)
        weights[first - start : last - start] = 1
        yield _Span(start, stop, weights)


def _blended(size: int, edge: int, overlap: int, step: int) -> Iterator[_Span]:
    """Tiles of one size, evenly spread, with weights that rise and fall over what they share with their neighbours."""
    if not 0 <= overlap < edge:
        raise ValueError(f"overlap must be at least 0 and below the tile's {edge}, not {overlap}")
    count = math.ceil((size - overlap) / (edge - overlap))
    while True:
        steps = (size - edge) // step
        starts = [round(place * steps / (count - 1)) * step for place in range(count)]
        gaps = [after - before for before, after in pairwise(starts)]
        if edge - max(gaps) >= min(overlap, edge - step):
            break
        count += 1  # rounding to steps took from an overlap
    weights = torch.ones(count, edge)
    for place, gap in enumerate(gaps):
        ramp = _ramp(edge - gap)
        weights[place + 1, : len(ramp)] *= ramp
        weights[place, edge - len(ramp) :] *= ramp.flip(0)
    total = torch.zeros(size)
    for start, weight in zip(starts, weights, strict=True):
        total[start : start + edge] += weight
    for start, weight in zip(starts, weights, strict=True):
        yield _Span(start, start + edge, weight / total[start : start + edge])


def _ramp(length: int) -> Tensor:
    """From near 0 to near 1 without a kink; with itself turned round it sums to 1."""
    return torch.sin((torch.arange(length) + 0.5) * (math.pi / 2 / max(1, length))) ** 2


def margin_for(reach: int, step: int) -> int:
    """The least multiple of `step` that is no less than `reach`."""
    return math.ceil(reach / step) * step


def tile_for(limit: int, pixel_bytes: float, step: int = 1, reach: int | None = None) -> int:
    """The edge of the largest square tile that takes at most `limit` bytes, a multiple of `step`.

    It is at least `step`; where tiles are exact, at least four margins, since narrower ones would be mostly margin,
    even if that passes the limit.
    """
    edge = int(math.sqrt(max(0, limit) / pixel_bytes)) // step * step
    least = step if reach is None else max(step, 4 * margin_for(reach, step))
    return max(edge, least)


@torch.no_grad()
def pixel_bytes(act: Act, channels: int, device: torch.device | str, step: int = 1, edge: int = 256) -> float:
    """Bytes of memory on a device that `act` takes for each pixel of an image of `channels`, measured on one of about
    `edge` x `edge`. Where the system does not tell, `LEAST_BYTES`."""
    edge = max(step, edge // step * step)
    act(torch.zeros(1, channels, step * max(1, 32 // step), step * max(1, 32 // step)))  # what is made once, and kept
    image = torch.zeros(1, channels, edge, edge)
    forget_peak(device, thorough=True)
    before = _in_use(device)
    act(image)
    return max(LEAST_BYTES, (peak_since(device) - before) / edge**2)


def _in_use(device: torch.device | str) -> int:
    """Bytes in use now: after `forget_peak`, the peak is what is there."""
    if torch.device(device).type == "cuda":
        return int(torch.cuda.memory_allocated(device))
    return peak_since(device)
