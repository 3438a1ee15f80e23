"""The random layer that dropout puts into a network, and how its draws are set."""

from __future__ import annotations

import math
from collections.abc import Collection, Hashable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.modules.dropout import _DropoutNd

from sparring.base.draws import Key, mix, normal_from, places
from sparring.base.errors import RequestError
from sparring.gan.schedules import Now, Schedule, value
from sparring.gan.surgery.places import Added

KEPT_WORDS = 2**20
"""Places of draws that a layer keeps at most, 8 MB."""
SMALL, TOGETHER = 2**16, 2**19
"""Values of a mask that is made together with others, and bytes drawn for all of them, at most: of larger ones, calling
the operations takes next to nothing of the time."""


class Drop(Added):
    """The random layer that `Dropout` puts behind others. Input and output: [batch, units, ...].

    Its rate lives in a tensor, so that a schedule or a controller moves it without rebuilding anything; its masks are
    functions of the key it was last rewound to, of the sample's number and of how often it was called since.
    Without a key (outside of a run) they come from PyTorch's global generator.
    """

    rate: Tensor
    kept: Tensor
    """Of 65,536 values, how many are kept."""
    scale: Tensor
    """What is kept is multiplied by it: the rate as drawn, so that the mean is kept."""
    state: Tensor

    def __init__(
        self, schedule: Schedule | tuple[float, ...], kind: str, *, block: int = 3, always: bool = False, site: str = ""
    ) -> None:
        super().__init__()
        self.schedule = schedule
        self.kind = kind
        self.block = block
        self.always = always
        self.site = Key(site).word
        rate = torch.tensor(schedule if isinstance(schedule, tuple) else 0.0)
        kept = ((1 - rate) * 65536).round()
        self.register_buffer("rate", rate, persistent=False)
        self.register_buffer("kept", kept.to(torch.int64), persistent=False)
        self.register_buffer("scale", 65536 / kept, persistent=False)
        self.register_buffer("state", torch.zeros(1, dtype=torch.int64), persistent=False)
        self.rows: Tensor | None = None
        self._by_unit = isinstance(schedule, tuple)
        self.idle = not self._by_unit
        self.coarse = False
        """Whether 8 bits tell the rate exactly."""
        self.recorded = False
        """Whether what Python decides must suit all rates."""
        self._rate = 0.0
        self.passes = 1
        """How many passes over the rows are joined in one: reals, then fakes. Each part draws what it would have drawn
        in a pass of its own."""
        self.masks: Masks | None = None
        """What makes its masks together with those of other layers. Nothing reads `state` then, but without a key."""
        self.stand = Stand()
        """Where its draws stand then."""
        self._last: tuple[Tensor, tuple[int, int], Tensor] | None = None

    def set_rate(self, now: Now) -> None:
        """Moves the rate to what its schedule says now."""
        if not isinstance(self.schedule, tuple):
            self.put(value(self.schedule, now))

    def put(self, rate: float) -> None:
        """Sets one rate for all units."""
        rate = min(rate, 1 - 2.0**-16)
        if rate == self._rate:
            return
        kept = round((1 - rate) * 65536)
        for number, tensor in ((rate, self.rate), (kept, self.kept), (65536 / kept, self.scale)):
            tensor.fill_(number)
        self._rate, self.idle, self.coarse = rate, rate <= 0, kept % 256 == 0 and not self.recorded
        self.stand.made.clear()

    def follow(self, live: Drop) -> None:
        """Takes over, beside the buffers of the layer that this is a copy of, what Python knows of them."""
        self._rate, self.idle, self.coarse = live._rate, live.idle, live.coarse

    def rewind(self, key: Key, rows: Tensor) -> None:
        """Sets the draws to those of `key` for samples numbered `rows`, int64 [batch]."""
        self.rows = rows
        if self.masks is not None:
            self.stand.begin(key.at(self.site))
            return
        word = key.at(self.site).signed
        # A new tensor, for a recorded move goes on to read the old one
        self.state = word.reshape(1) if isinstance(word, Tensor) else torch.full_like(self.state, word)

    def forward(self, x: Tensor) -> Tensor:
        if self.idle or not (self.training or self.always):
            return x
        if self._by_unit and len(self.rate) != x.shape[1]:
            raise RequestError(f"dropout.rate: a list of {len(self.rate)} rates for a layer of {x.shape[1]} units")
        return x * self._factors(x)

    def _factors(self, x: Tensor) -> Tensor:
        """What the values are multiplied by, of a shape that broadcasts to x's."""
        if self.kind == "gaussian":
            return self._gaussian(x)
        if self.kind == "channel":
            return _by_unit_and_row(self._mask([x.shape[1]], x), x)
        if self.kind == "block" and x.ndim > 2:
            return self._blocks(x)
        return _channels_second(self._mask([*x.shape[2:], x.shape[1]], x))

    def _words(self, x: Tensor, count: int) -> Tensor:
        """Random bits for each of x's rows: `count` words, int64 [batch, count]."""
        rows, each = self.rows, len(x) // self.passes
        if rows is None:
            self.state.copy_(torch.randint(-(2**62), 2**62, (1,)))
            rows = torch.arange(len(x), device=x.device)
        elif each < len(rows):  # several samples are seen as one
            rows = rows[:: len(rows) // each][:each]
        elif len(rows) != each:  # a layer that takes samples apart, into rows of their own
            rows = torch.arange(each, device=x.device) + rows[0] * (each // len(rows))
        if self.masks is not None and self.rows is not None:
            return mix(self.place(rows, self.passes, count) + self.stand.key.signed_after(self.stand.go(self.passes)))
        drawn = mix(self.place(rows, self.passes, count) + self.state)
        self.state = self.state + self.passes  # a new tensor: a compiled backward pass draws again from the old one
        return drawn

    def place(self, rows: Tensor, passes: int, count: int) -> Tensor:
        """Where draws stand, to which a key is added: mostly where the last ones stood."""
        if torch.compiler.is_compiling():
            return places(rows, passes, count)
        if self._last is None or self._last[0] is not rows or self._last[1] != (passes, count):
            found = places(rows, passes, count)
            if found.numel() > KEPT_WORDS:
                return found
            self._last = (rows, (passes, count), found)
        return self._last[2]

    def _mask(self, shape: Sequence[int], x: Tensor) -> Tensor:
        """0 with probability `rate`, else 1 / (1 - rate): [batch, *shape] of x's type."""
        small = not self._by_unit and math.prod(shape) * len(x) <= SMALL
        if small and self.masks is not None and self.rows is not None and len(x) == self.passes * len(self.rows):
            return self.masks.mask(Call(self, self.stand.drawn, self.passes, tuple(shape), x.dtype))
        return self._mask_and_word(shape, x)[0]

    def _mask_and_word(self, shape: Sequence[int], x: Tensor) -> tuple[Tensor, Tensor]:
        """The mask, and beside it a random word a row, of which the lowest 8 bits are spent."""
        words = self._words(x, words_for(shape))
        return self.mask_of(words, shape, x.dtype), words[:, -1]

    def mask_of(self, words: Tensor, shape: Sequence[int], dtype: torch.dtype) -> Tensor:
        """The mask [batch, *shape] that random words make, int64 [batch, `words_for(shape)`].

        A value costs 8 random bits. So that it is kept with just the probability 1 - rate, and not with the nearest of
        256, a sample's threshold is, by one draw, the whole number below or above 256 * (1 - rate). Values of a sample
        share it, so that they are correlated by f * (1 - f) / 65,536 / (rate * (1 - rate)), where f is what 256 * rate
        has behind the point: nothing at multiples of 1/256, under 1e-4 from 0.04 to 0.96, 0.003 at 0.001 and 0.999.
        The mask is made in integers as wide as its type and read as numbers: all bits of the scale, or none. That is
        several times faster than comparing.
        """
        width = dtype.itemsize
        kind = {2: torch.int16, 4: torch.int32, 8: torch.int64}[width]
        drawn = words.view(torch.uint8)[:, : math.prod(shape)].to(kind).reshape(len(words), *shape)
        if self.coarse:
            threshold = self.kept >> 8
        else:
            dither = (words[:, -1] & 255).reshape(-1, *[1] * len(shape))
            threshold = (self.kept + dither).bitwise_right_shift_(8).to(kind)  # kept / 256 on average
        mask = drawn.sub_(threshold).bitwise_right_shift_(8 * width - 1)  # the sign in all bits
        return mask.bitwise_and_(self.scale.to(dtype).view(kind)).view(dtype)

    def draws_like(self, other: Drop) -> bool:
        """Whether the same words make the same masks, for the same rows."""
        alike = self.rows is other.rows and self._rate == other._rate and self.coarse == other.coarse
        return alike and not self.idle and (self.training or self.always)

    def _blocks(self, x: Tensor) -> Tensor:
        """Blocks tile each map from an offset drawn for each sample, so each position is dropped with just the rate."""
        edge, sizes = self.block, list(x.shape[2:])
        tiles = [-(-size // edge) + 1 for size in sizes]
        keep, word = self._mask_and_word([*tiles, x.shape[1]], x)
        offset = torch.stack([(word >> 8 + 24 * axis & 0xFFFFFF) % edge for axis in range(len(sizes))], 1)
        for axis, size in enumerate(sizes):
            place = (torch.arange(size, device=x.device) + offset[:, axis, None]) // edge
            shape = [len(x)] + [1] * (keep.ndim - 1)
            shape[axis + 1] = size
            wide = list(keep.shape)
            wide[axis + 1] = size
            keep = keep.gather(axis + 1, place.reshape(shape).expand(wide))
        return _channels_second(keep)

    def _gaussian(self, x: Tensor) -> Tensor:
        """Factors of mean 1 and variance rate / (1 - rate), as a mask's (Srivastava et al. 2014, section 10)."""
        shape = [*x.shape[2:], x.shape[1]]
        count = math.prod(shape)
        noise = normal_from(self._words(x, (count + 1) // 2))[:, :count].reshape(len(x), *shape)
        spread = _by_unit((self.rate / (1 - self.rate)).sqrt(), x)
        return (1 + _channels_second(noise) * spread).to(x.dtype)

    def extra_repr(self) -> str:
        rate = f"{float(self.rate):g}" if self.rate.ndim == 0 else "by unit"
        return f"rate={rate}, kind={self.kind}" + (", always" if self.always else "")


class Stand:
    """Where a layer's draws stand within a turn."""

    def __init__(self) -> None:
        self.key = Key()
        self.drawn = 0
        """Passes that were drawn for."""
        self.made: dict[Call, Tensor] = {}
        """Masks of calls to come."""
        self.noted = False
        """Whether calls are those of a turn, of which the next can learn."""

    def begin(self, key: Key) -> None:
        """Goes to the beginning of what is drawn by a key."""
        self.key, self.drawn, self.noted = key, 0, False
        self.made.clear()

    def go(self, passes: int) -> int:
        """Goes on by some passes; gives how many there were before."""
        self.drawn += passes
        return self.drawn - passes


class Call(NamedTuple):
    """One call of a layer that draws a mask."""

    layer: Drop
    drawn: int
    """Passes that it drew for before, since it was rewound."""
    passes: int
    shape: tuple[int, ...]
    """Of a sample's mask."""
    dtype: torch.dtype

    @property
    def kind(self) -> tuple[int, tuple[int, ...], torch.dtype]:
        """What calls have in common whose masks are made together."""
        return self.passes, self.shape, self.dtype


_Calls = dict[Hashable, dict[Call, None]]
"""Calls in their order, by their kinds."""


class Masks:
    """Makes the masks of several calls at once.

    A dozen operations make a small mask, and calling them takes longer than they do. So when a mask is asked for, those
    that other layers will ask for by the same rate are made with it: as far as is known from the last turn of its kind.
    A mask is a function of its call alone: where the guess was wrong, the same mask is made when it is asked for.
    """

    def __init__(self) -> None:
        self._turns: dict[Hashable, _Calls] = {}
        self._expected: _Calls = {}
        self._calls: _Calls = {}

    def __deepcopy__(self, memo: object) -> Masks:
        """One for copied layers, which knows nothing of these."""
        return Masks()

    def begin(self, kind: Hashable, layers: Iterable[Drop]) -> None:
        """A turn like others of that kind begins, for which these layers have been rewound."""
        self._expected, self._calls = self._turns.get(kind, {}), {}
        self._turns[kind] = self._calls
        for layer in layers:
            layer.stand.noted = True

    def mask(self, call: Call) -> Tensor:
        """The mask of a layer's next call."""
        stand = call.layer.stand
        if stand.noted:
            self._calls.setdefault(call.kind, {})[call] = None
        mask = stand.made.pop(call, None)
        if mask is None:
            mask = self._make(call)
        stand.go(call.passes)
        return mask

    def _make(self, call: Call) -> Tensor:
        """The mask of this call; keeps those of others with their layers."""
        layer = call.layer
        assert layer.rows is not None
        place = layer.place(layer.rows, call.passes, words_for(call.shape))
        expected = [one for one in self._expected.get(call.kind, ()) if one != call and self._goes_with(one, call)]
        calls = [call, *expected][: max(1, TOGETHER // max(1, 8 * place.numel()))]
        words = torch.cat([place + one.layer.stand.key.signed_after(one.drawn) for one in calls])
        masks = layer.mask_of(mix(words), call.shape, call.dtype).tensor_split(len(calls))
        for one, mask in zip(calls[1:], masks[1:], strict=True):
            one.layer.stand.made[one] = mask
        return masks[0]

    @staticmethod
    def _goes_with(other: Call, call: Call) -> bool:
        return other.drawn >= other.layer.stand.drawn and other.layer.draws_like(call.layer)


def words_for(shape: Sequence[int]) -> int:
    """Words of 64 bits for a mask of that shape: a byte a value, and one word more."""
    return -(-math.prod(shape) // 8) + 1


def random_layers(net: nn.Module) -> list[Drop]:
    """The dropout layers that surgery put into a network."""
    return [module for module in net.modules() if isinstance(module, Drop)]


def rewind(layers: Iterable[Drop], key: Key, rows: Tensor) -> None:
    """Sets the draws of random layers to those of `key` for samples numbered `rows`, int64 [batch]."""
    for layer in layers:
        layer.rewind(key, rows)


@contextmanager
def joined_passes(layers: Collection[Drop], count: int) -> Iterator[None]:
    """Inside, a call of a network is `count` passes over the same samples, one after the other in the batch."""
    for layer in layers:
        layer.passes = count
    try:
        yield
    finally:
        for layer in layers:
            layer.passes = 1


@contextmanager
def without_masks(net: nn.Module) -> Iterator[None]:
    """Inside, no layer of the network drops: neither those that surgery put in, whose next draws stay the same, nor
    PyTorch's own. What a network of the user's drops by a function is out of reach."""
    drops = [(layer, layer.idle) for layer in random_layers(net)]
    own = [layer for layer in net.modules() if isinstance(layer, _DropoutNd) and layer.training]
    for layer, _ in drops:
        layer.idle = True
    for module in own:
        module.training = False
    try:
        yield
    finally:
        for layer, idle in drops:
            layer.idle = idle
        for module in own:
            module.training = True


def kept_places(layers: Iterable[Drop]) -> list[Tensor]:
    """What layers draw from again where the next draws stand where the last did."""
    return [layer._last[2] for layer in layers if layer._last is not None]


def _channels_second(x: Tensor) -> Tensor:
    """[batch, ..., units] seen as [batch, units, ...]: draws are laid out as channels-last activations are."""
    return x if x.ndim == 2 else x.movedim(-1, 1)


def _by_unit(factor: Tensor, x: Tensor) -> Tensor:
    """A number, or one a unit, of a shape that broadcasts to x's."""
    return factor if factor.ndim == 0 else factor.reshape(1, -1, *[1] * (x.ndim - 2))


def _by_unit_and_row(mask: Tensor, x: Tensor) -> Tensor:
    return mask.reshape(*mask.shape, *[1] * (x.ndim - 2))
