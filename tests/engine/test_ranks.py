"""Several processes are one: gradients, weights and averages are those of one process on the joined batch."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

import pytest
import torch
from torch import Tensor

from sparring.engine.launcher import run_processes
from tests.engine.rank_cases import CASES, play_cases, played

PROCESSES = 2
GRADIENTS = 1e-9
"""How far a gradient may be apart, relative to its largest value; all is computed in float64."""
ALL_ELSE = 1e-6
"""The same of weights, which Adam also moves by gradients that are zero but for rounding, and of logits, logged in
float32."""


@contextmanager
def at_most(seconds: int) -> Iterator[None]:
    """Ends what hangs."""

    def late(number: int, frame: FrameType | None) -> None:
        raise TimeoutError(f"after {seconds} s")

    before = signal.signal(signal.SIGALRM, late)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


@pytest.fixture(scope="module")
def by_rank(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, dict[str, Tensor]]]:
    """What came of each case in each of two processes."""
    folder = tmp_path_factory.mktemp("ranks")
    with at_most(100):
        assert run_processes(PROCESSES, play_cases, folder) == PROCESSES
    return [torch.load(folder / f"{rank}.pt", weights_only=True) for rank in range(PROCESSES)]


@pytest.mark.parametrize("name", CASES)
def test_gradients_are_those_of_the_joined_batch(name: str, by_rank: list[dict[str, dict[str, Tensor]]]) -> None:
    alone = played(name)
    together = by_rank[0][name]
    assert together.keys() == alone.keys()
    assert any("/gradient/" in label for label in alone)
    for label, wanted in alone.items():
        tolerance = GRADIENTS if "/gradient/" in label else ALL_ELSE
        scale = max(float(wanted.abs().max()), 0.01)
        apart = float((together[label] - wanted).abs().max())
        assert apart <= tolerance * scale, label


@pytest.mark.parametrize("name", CASES)
def test_all_processes_hold_the_same_bits(name: str, by_rank: list[dict[str, dict[str, Tensor]]]) -> None:
    first, second = (one[name] for one in by_rank)
    assert first.keys() == second.keys()
    assert [label for label, tensor in first.items() if not torch.equal(tensor, second[label])] == []
