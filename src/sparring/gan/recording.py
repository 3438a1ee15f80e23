"""Moves recorded once and replayed, each as one CUDA graph.

Small networks take a GPU less time than it takes to launch their operations one by one; a graph launches all of a move
at once. It does the same operations on the same memory each time, so all that differs between moves stands in tensors
that are filled before a replay: the batch's rows, what draws go by, learning and dropout rates. What Python decides is
as it was when the move was recorded. Moves that differ in that (a lazy penalty acts in one and not in another) are
recorded each for itself.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from typing import Any, Protocol

import torch
from torch import Tensor

from sparring.base.draws import Key
from sparring.data.batches import Held
from sparring.gan.game import Losses, Side, Turn
from sparring.gan.players import Backward, Player, moved
from sparring.gan.surgery import kept_places

REHEARSALS = 3
"""Moves of a kind that are made as usual before one is recorded: optimisers and libraries set themselves up in them."""
MOST_KEYS = 4096
"""Draws of one move with keys of their own, at most."""


class Recorder(Protocol):
    """Keeps the operations of one move."""

    def rehearsing(self) -> AbstractContextManager[Any]:
        """Inside, moves are made as usual, where they will be recorded."""

    def recording(self) -> AbstractContextManager[Any]:
        """Inside, operations are kept and not done."""

    def replay(self) -> None:
        """Does them all, on the memory they were recorded with."""


class CudaGraph:
    """A CUDA graph with memory of its own, recorded on a stream that is not the usual one."""

    def __init__(self, stream: torch.cuda.Stream) -> None:
        self._graph = torch.cuda.CUDAGraph()
        self._stream = stream

    @contextmanager
    def rehearsing(self) -> Any:
        self._stream.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(self._stream):
            yield
        torch.cuda.current_stream().wait_stream(self._stream)

    @contextmanager
    def recording(self) -> Any:
        usual = torch.cuda.current_stream()
        try:  # other threads may pin memory for batches to come meanwhile
            with torch.cuda.graph(self._graph, stream=self._stream, capture_error_mode="thread_local"):
                yield
        finally:
            torch.cuda.set_stream(usual)  # which PyTorch leaves out where a recording fails

    def replay(self) -> None:
        self._graph.replay()


class Slots:
    """The words of all keys that a move draws by, in one tensor. Which they are shows when it is rehearsed."""

    def __init__(self, device: torch.device) -> None:
        self.words = torch.zeros(MOST_KEYS, dtype=torch.int64, device=device)
        self.closed = False
        """Whether a move is being recorded."""
        self._roots: Mapping[str, Key] = {}
        self._places: dict[tuple[str, tuple[str | int, ...]], int] = {}

    def root(self, name: str) -> Slot:
        """A key to draw by; which it stands for is said by `fill`."""
        return Slot(self, name, ())

    def fill(self, roots: Mapping[str, Key]) -> None:
        """Sets all words to those of other roots."""
        self._roots = roots
        words = [roots[name].at(*path).signed for name, path in self._places]
        if words:
            told = torch.tensor(words, dtype=torch.int64)
            if self.words.is_cuda:  # from pinned memory, without waiting for what is under way
                told = told.pin_memory()
            self.words[: len(words)].copy_(told, non_blocking=True)

    def word(self, name: str, path: tuple[str | int, ...]) -> Tensor:
        """A word, int64 [], in its place."""
        place = self._places.get((name, path))
        if place is None:
            if self.closed:  # its word would be recorded, and the same in each replay
                raise RuntimeError(f"a draw by {Slot(self, name, path)} was not rehearsed")
            place = self._places[name, path] = len(self._places)
            self.words[place] = self._roots[name].at(*path).signed
        return self.words[place]


class Slot(Key):
    """A key whose word is read from a tensor."""

    __slots__ = ("_name", "_path", "_slots")

    def __init__(self, slots: Slots, name: str, path: tuple[str | int, ...]) -> None:
        self._slots, self._name, self._path = slots, name, path

    def at(self, *path: str | int) -> Slot:
        return Slot(self._slots, self._name, self._path + path)

    @property
    def signed(self) -> Tensor:  # type: ignore[override]
        return self._slots.word(self._name, self._path)

    @property
    def seed(self) -> int:
        raise TypeError("a recorded move has no seeds: they are read by Python")

    def __repr__(self) -> str:
        return f"Slot({'/'.join(map(str, (self._name, *self._path)))})"


class _Turn(Turn):
    """Without seeds for PyTorch's own generators: none of our networks draws from them."""

    def seed(self) -> None:
        pass


class _Recording:
    """All moves of one kind."""

    def __init__(self, players: Sequence[Player], turn: Turn, recorder: Recorder) -> None:
        self._players = players
        self._recorder = recorder
        self._rehearsed = 0
        self._held, self._slots = Held(turn.batch), Slots(turn.batch.rows.device)
        self._record: dict[Side, Losses] | None = None
        self._gradients: list[tuple[Tensor, Tensor | None]] = []
        self._read: list[Tensor] = []

    def moved(self, turn: Turn, backward: Backward) -> dict[Side, Losses]:
        """Makes a move: as usual, the first few times, and then by replay."""
        self._held.fill(turn.batch)
        self._slots.fill({"turn": turn.key} | turn.batch.keys)
        if self._rehearsed < REHEARSALS:
            self._rehearsed += 1
            with self._recorder.rehearsing():
                return moved(self._players, self._on_held(turn), backward)
        if self._record is None:
            self._record = self._recorded(turn, backward)
        self._recorder.replay()
        for weight, gradient in self._gradients:  # another kind of move may have put its own there
            weight.grad = gradient
        return {side: {name: loss.clone() for name, loss in losses.items()} for side, losses in self._record.items()}

    def _recorded(self, turn: Turn, backward: Backward) -> dict[Side, Losses]:
        own = self._on_held(turn)
        self._slots.closed = True
        with self._recorder.recording():
            record = moved(self._players, own, backward)
        self._slots.closed = False
        weights = [weight for player in self._players for weight in player.net.parameters()]
        self._gradients = [(weight, weight.grad) for weight in weights]
        # what the recording reads must not be given to others, as long as it is replayed
        self._read = [place for layers in turn.duel.random.values() for place in kept_places(layers)]
        return record

    def _on_held(self, turn: Turn) -> Turn:
        """The turn on the memory that is filled anew for each move."""
        batch = self._held.batch({name: self._slots.root(name) for name in turn.batch.keys})
        key = self._slots.root("turn")
        return _Turn(turn.duel, batch, turn.now, turn.mover, key, turn.watched, shared=turn.shared)


class Graphs:
    """Makes the moves of a match by recordings."""

    def __init__(self, recorder: Callable[[], Recorder] | None = None) -> None:
        self._recorder = recorder or partial(CudaGraph, torch.cuda.Stream())  # type: ignore[no-untyped-call]
        self._kinds: dict[Hashable, _Recording] = {}

    def forget(self) -> None:
        """Records anew: weights or what optimisers keep of them lie elsewhere than before."""
        self._kinds.clear()

    def moved(self, players: Sequence[Player], turn: Turn, backward: Backward) -> dict[Side, Losses]:
        """Moves the players at once; gives what each recorded."""
        kind = (
            tuple((player.side, *player.active(turn.now)) for player in players),
            turn.watched,
            turn.shared,
            tuple(layer.idle for layers in turn.duel.random.values() for layer in layers),
        )
        if kind not in self._kinds:
            self._kinds[kind] = _Recording(players, turn, self._recorder())
        return self._kinds[kind].moved(turn, backward)
