"""Random numbers as pure functions of where in a run they are drawn.

Every draw is a hash of a key and a place. The key names the run (seed and attempt) and what is drawn (stream, step,
move, ...); the place is the global number of the sample and the position within it. So nothing about randomness has to
be stored to resume, several processes draw what one would, and the arms of a study share the streams they should.

The hash is the finaliser of SplitMix64 (Steele, Lea, Flood 2014, https://doi.org/10.1145/2714064.2660195) in Stafford's
variant 13, in wrapping 64-bit integers: the same bits on every device.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence

import torch
from torch import Tensor

_GAMMA = 0x9E3779B97F4A7C15
_FIRST = 0xBF58476D1CE4E5B9
_SECOND = 0x94D049BB133111EB
_WORD = (1 << 64) - 1


class Key:
    """Where a draw stands: 64 bits that a path of names and numbers was folded into.

    `Key(seed, attempt).at("latents", step, move)` names one draw; equal paths give equal draws.
    """

    __slots__ = ("word",)

    def __init__(self, *path: str | int) -> None:
        self.word = 0
        for step in path:
            self.word = _mix((self.word + _GAMMA) & _WORD ^ _word(step))

    def at(self, *path: str | int) -> Key:
        """The key further down the path."""
        key = Key()
        key.word = self.word
        for step in path:
            key.word = _mix((key.word + _GAMMA) & _WORD ^ _word(step))
        return key

    @property
    def signed(self) -> int:
        """The 64 bits as a signed integer, as PyTorch's int64 holds them."""
        return _signed(self.word)

    def signed_after(self, calls: int) -> int:
        """That of a key by so many higher, as `places` has them for one call after the other."""
        return _signed((self.word + calls) & _WORD)

    @property
    def seed(self) -> int:
        """The key as a seed (63 bits) for a generator of PyTorch or NumPy."""
        return self.word >> 1

    def __repr__(self) -> str:
        return f"Key({self.word:#018x})"


def bits(key: Tensor | Key, rows: Tensor, count: int) -> Tensor:
    """Random bits: `count` 64-bit words a row, int64 [rows, count].

    `rows` (int64 [rows]) are global sample numbers; `key` may be a tensor, so that a compiled or captured step can have
    it changed in place.
    """
    word = key.signed if isinstance(key, Key) else key
    start = mix(word + (rows + 1) * _signed(_GAMMA))
    place = torch.arange(1, count + 1, device=rows.device) * _signed(_GAMMA)
    return mix(start[:, None] + place)


def places(rows: Tensor, calls: int, count: int) -> Tensor:
    """What `mix(key + places)` turns into random bits: `count` words a row, for `rows` as often as `calls`, each call
    with a key by 1 higher; int64 [calls * rows, count]. One sum and one hash a word, where `bits` hashes rows first:
    for what is drawn often, from the same places."""
    place = ((rows[:, None] << 32) + torch.arange(count, device=rows.device)) * _signed(_GAMMA)
    return torch.cat([place + call for call in range(calls)])


def uniform(key: Key, rows: Tensor, shape: Sequence[int] = ()) -> Tensor:
    """Uniform draws in [0, 1), float32 [rows, *shape], in steps of 2^-24."""
    count = math.prod(shape)
    words = bits(key, rows, count)
    return (_shift(words, 40).to(torch.float32) * 2.0**-24).reshape(len(rows), *shape)


def normal(key: Key, rows: Tensor, shape: Sequence[int] = ()) -> Tensor:
    """Standard normal draws, float32 [rows, *shape] (Box and Muller 1958, https://doi.org/10.1214/aoms/1177706645)."""
    count = math.prod(shape)
    return normal_from(bits(key, rows, (count + 1) // 2))[:, :count].reshape(len(rows), *shape)


def normal_from(words: Tensor, dtype: torch.dtype = torch.float32) -> Tensor:
    """Two standard normal values from each 64-bit word: [rows, 2 * words]. Their last bits are of this kind of CPU; who
    must have the same bits everywhere takes float64 and rounds to float32."""
    radius = (_shift(words, 40).to(dtype) + 0.5).mul_(2.0**-24).log_().mul_(-2.0).sqrt_()
    angle = ((words >> 8) & 0xFFFFFF).to(dtype).mul_(2.0 * math.pi * 2.0**-24)
    return torch.cat((radius * angle.cos(), radius * angle.sin()), dim=1)


def gumbel(key: Tensor | Key, rows: Tensor, count: int) -> Tensor:
    """Standard Gumbel draws, float32 [rows, count]: added to logits, the highest is a draw by their softmax."""
    words = bits(key, rows, (count + 1) // 2)
    halves = torch.cat((_shift(words, 41), (words >> 8) & 0x7FFFFF), 1)[:, :count]  # 23 bits: a half more is exact
    return ((halves.to(torch.float32) + 0.5) * 2.0**-23).log_().neg_().log_().neg_()


def integers(key: Key, rows: Tensor, below: int, shape: Sequence[int] = ()) -> Tensor:
    """Integers in [0, below), int64 [rows, *shape], for `below` up to 2^31; the bias is under below / 2^53."""
    count = math.prod(shape)
    fraction = _shift(bits(key, rows, count), 11)  # of 53 bits; its product with `below`, in two parts that fit 64
    high, low = fraction >> 21, fraction & (2**21 - 1)
    return ((high * below + (low * below >> 21)) >> 32).reshape(len(rows), *shape)


def permutation(key: Key, count: int) -> Tensor:
    """A random order of `count` things, int64 [count]."""
    generator = torch.Generator()
    generator.manual_seed(key.seed)
    return torch.randperm(count, generator=generator)


def mix(words: Tensor) -> Tensor:
    """The hash itself, on int64 of any shape; every output bit depends on every input bit."""
    words = _shift(words, 30).bitwise_xor_(words).mul_(_signed(_FIRST))
    words = _shift(words, 27).bitwise_xor_(words).mul_(_signed(_SECOND))
    return _shift(words, 31).bitwise_xor_(words)


def _shift(words: Tensor, places: int) -> Tensor:
    """Shift right, filling with zeros (PyTorch's shift of signed integers repeats the sign)."""
    return (words >> places).bitwise_and_((1 << (64 - places)) - 1)


def _mix(word: int) -> int:
    word = (word ^ word >> 30) * _FIRST & _WORD
    word = (word ^ word >> 27) * _SECOND & _WORD
    return word ^ word >> 31


def _word(step: str | int) -> int:
    if isinstance(step, int):
        return step & _WORD
    return int.from_bytes(hashlib.blake2b(step.encode(), digest_size=8).digest(), "little")


def _signed(word: int) -> int:
    return word - (1 << 64) if word >> 63 else word
