"""A stand-in for a CUDA graph where there is no GPU."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves, tree_map

HOST = ("_local_scalar_dense", "nonzero", "lift_fresh", "masked_select", "_unique", "equal", "is_nonzero")
"""Operations that wait for the device or bring new data from the host: a CUDA graph refuses them."""


class Tape:
    """Keeps the operations of what runs inside `recording`, with the tensors they had, and does them again on the same
    memory; what Python decided stays as it was. As with a CUDA graph, nothing that is recorded is done yet, what is
    made is not kept alive by it, and operations that wait for the device are refused."""

    def __init__(self) -> None:
        self._calls: list[tuple[Any, Any, Any, Any]] = []
        self._made: set[int] = set()
        self._before: list[tuple[Tensor, Tensor]] = []
        self.replays = 0

    def rehearsing(self) -> AbstractContextManager[Any]:
        return nullcontext()

    @contextmanager
    def recording(self) -> Iterator[None]:
        with _Listening(self):
            yield
        with torch.no_grad():
            for tensor, before in reversed(self._before):
                tensor.copy_(before)
        self._before = []

    def take(self, operation: Any, args: Any, options: Any) -> Any:
        name = operation._schema.name.split("::")[1]
        if name in HOST or (name == "index" and _by_truth(args)):
            raise AssertionError(f"{name} cannot be recorded")
        for tensor in _written(operation, args, options):
            self._before.append((tensor, tensor.clone()))
        result = operation(*args, **options)
        self._made |= {_storage(x) for x in tree_leaves(result) if isinstance(x, Tensor)}
        kept = tree_map(self._held, (args, options))
        self._calls.append((operation, *kept, result))
        return result

    def replay(self) -> None:
        self.replays += 1
        with torch.no_grad():
            for operation, args, options, result in self._calls:
                found = operation(*tree_map(_there, args), **tree_map(_there, options))
                for old, new in zip(tree_leaves(result), tree_leaves(found), strict=True):
                    if isinstance(old, Tensor) and old.data_ptr() != new.data_ptr():
                        old.copy_(new)

    def _held(self, x: Any) -> Any:
        """Tensors that were made in the recording; others only as long as somebody else holds them."""
        return weakref.ref(x) if isinstance(x, Tensor) and _storage(x) not in self._made else x


def _there(x: Any) -> Any:
    if not isinstance(x, weakref.ref):
        return x
    tensor = x()
    assert tensor is not None, "a recorded move reads memory that was given back"
    return tensor


def _storage(tensor: Tensor) -> int:
    return int(tensor.untyped_storage()._cdata)


def _by_truth(args: Any) -> bool:
    return any(isinstance(x, Tensor) and x.dtype == torch.bool for x in tree_leaves(args[1]))


def _written(operation: Any, args: Any, options: Any) -> list[Tensor]:
    """The tensors that an operation changes."""
    found = []
    for place, argument in enumerate(operation._schema.arguments):
        if argument.alias_info is not None and argument.alias_info.is_write:
            value = args[place] if place < len(args) else options.get(argument.name)
            found += [x for x in tree_leaves(value) if isinstance(x, Tensor)]
    if "batch_norm" in operation._schema.name and "backward" not in operation._schema.name:
        found += [
            x for x in args[3:5] if isinstance(x, Tensor)
        ]  # running statistics, which its schema does not tell of
    return found


class _Listening(TorchDispatchMode):
    def __init__(self, tape: Tape) -> None:
        super().__init__()
        self._tape = tape

    def __torch_dispatch__(
        self, func: Callable[..., Any], types: Any, args: Any = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        return self._tape.take(func, args, kwargs or {})
