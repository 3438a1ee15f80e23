"""The processes of one training: which of them this one is, and what they tell each other.

Alone, which is the usual case, everything here gives back what it was given. The engine joins a process to the others
(`sparring.engine.joined`). What a step needs goes over PyTorch's own process group, all else over a second one that
waits as long as it takes, since the first process scores and saves by itself while the others wait for it.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple, TypeVar

import torch
import torch.distributed as dist
from torch import Tensor

from sparring.base.errors import RequestError, TrainingError
from sparring.base.numbers import whole

T = TypeVar("T")


class Place(NamedTuple):
    """Where a process stands among those of its training, as the launcher says in the environment."""

    rank: int = 0
    """Its number among all."""
    size: int = 1
    """How many there are."""
    local_rank: int = 0
    """Its number on its machine, which is its device's too."""
    local_size: int = 1
    """How many there are on its machine."""


class Lost(TrainingError):
    """Another process is gone, or the way to it."""


_joined: Place | None = None
_patient: Any = None
"""The process group whose calls wait for days."""


def launched() -> Place:
    """What torchrun's variables say; alone where there are none. Raises RequestError where some are no numbers, or do
    not go together."""
    names = ("RANK", "WORLD_SIZE", "LOCAL_RANK", "LOCAL_WORLD_SIZE")
    for name in names:  # the engine's libraries read each of them, the others there or not
        number = os.environ.get(name, "0")
        if whole(number) is None or int(number) < 0:
            raise RequestError(f"{name}: '{number}' in the environment is no number; start with torchrun")
    if "RANK" not in os.environ or "WORLD_SIZE" not in os.environ:
        return Place()
    told = [os.environ.get(name, default) for name, default in zip(names, ("0", "1", "0", ""), strict=True)]
    told[3] = told[3] or told[1]  # one machine, where the launcher does not say
    place = Place(*map(int, told))
    if not place.rank < place.size:
        raise RequestError(f"RANK: {place.rank} of WORLD_SIZE {place.size} in the environment: ranks count from 0")
    if not place.local_rank < place.local_size <= place.size or place.size % place.local_size:
        raise RequestError(
            f"LOCAL_RANK: {place.local_rank} of LOCAL_WORLD_SIZE {place.local_size}, and WORLD_SIZE {place.size}, do "
            "not go together; start with torchrun"
        )
    return place


def check_meeting() -> None:
    """Raises RequestError where the environment does not say at which address the processes meet."""
    address, port = os.environ.get("MASTER_ADDR", ""), whole(os.environ.get("MASTER_PORT", ""))
    if not address.strip():
        raise RequestError("MASTER_ADDR: not in the environment, beside RANK and WORLD_SIZE; start with torchrun")
    if port is None or not 0 < port < 2**16:
        told = os.environ.get("MASTER_PORT", "")
        raise RequestError(f"MASTER_PORT: '{told}' in the environment is no port, 1 to 65535; start with torchrun")


def join(where: Place, patient: Any) -> None:
    """From here on the process is one of several; `patient` is a process group for what may take long."""
    global _joined, _patient
    _joined, _patient = where, patient


def leave() -> None:
    """From here on the process is alone."""
    global _joined, _patient
    _joined = _patient = None


@contextmanager
def alone() -> Iterator[None]:
    """Inside, the process does by itself what it would do with the others."""
    global _joined
    before, _joined = _joined, None
    try:
        yield
    finally:
        _joined = before


def place() -> Place:
    """Where this process stands among those that train together."""
    return _joined or Place()


def count() -> int:
    """How many processes train together."""
    return 1 if _joined is None else _joined.size


def rank() -> int:
    """This process's number among them, from 0."""
    return 0 if _joined is None else _joined.rank


def is_first() -> bool:
    """Whether this is the process that writes, shows and scores."""
    return rank() == 0


def part(size: int) -> slice:
    """This process's rows of a joined batch, which divides evenly."""
    each = size // count()
    return slice(rank() * each, (rank() + 1) * each)


def total(x: Tensor) -> Tensor:
    """The sum of `x` over all processes, of the same shape; differentiable, and so is its gradient."""
    return x if count() == 1 else _Total.apply(x)  # type: ignore[no-untyped-call]


def mean(x: Tensor) -> Tensor:
    """The mean of `x` over all processes, of the same shape; differentiable, and so is its gradient."""
    return x if count() == 1 else total(x) / count()


def std(x: Tensor) -> Tensor:
    """The standard deviation of all values of the joined batch, a scalar."""
    if count() == 1:
        return x.std()
    centre = mean(x.mean())
    return (total((x - centre).square().sum()) / (x.numel() * count() - 1)).sqrt()


def add_up(tensors: list[Tensor]) -> None:
    """Puts into each tensor its sum over all processes, in one message."""
    if count() == 1 or not tensors:
        return
    bucket = torch.cat([tensor.reshape(-1) for tensor in tensors])
    with _heard():
        dist.all_reduce(bucket)
    parts = torch.split(bucket, [tensor.numel() for tensor in tensors])
    torch._foreach_copy_(tensors, [part.view_as(tensor) for part, tensor in zip(parts, tensors, strict=True)])


def any_of(*flags: bool) -> tuple[bool, ...]:
    """Which of the flags is up in any process: the same answer in all. Waits as long as it takes."""
    if count() == 1:
        return flags
    shared = torch.tensor(flags, dtype=torch.int32)
    with _heard():
        dist.all_reduce(shared, dist.ReduceOp.MAX, group=_patient)
    return tuple(bool(flag) for flag in shared)


def from_first(make: Callable[[], T]) -> T:
    """What `make` gives in the first process, in all of them. Waits as long as it takes."""
    if count() == 1:
        return make()
    told: list[Any] = [make() if is_first() else None]
    with _heard():
        dist.broadcast_object_list(told, src=0, group=_patient)
    return told[0]  # type: ignore[no-any-return]


@contextmanager
def _heard() -> Iterator[None]:
    """Turns a failed exchange into one line."""
    try:
        yield
    except RuntimeError as error:
        reason = str(error).split("] ", 1)[-1].split(". ")[0].strip()  # without where in PyTorch's sources it was
        raise Lost(
            f"process {rank()} of {count()}: another process of this training is gone ({reason}); "
            "the run is kept as of its last checkpoint, and the same command goes on"
        ) from None


class _Total(torch.autograd.Function):
    """The sum over processes. Each process's loss is a summand of the whole loss, so the gradient by what a process put
    in is the sum of the gradients by what all got out."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        out = x.detach().clone(memory_format=torch.contiguous_format)
        with _heard():
            dist.all_reduce(out)
        return out

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Tensor:
        return _Total.apply(gradients[0])  # type: ignore[no-untyped-call,no-any-return]
