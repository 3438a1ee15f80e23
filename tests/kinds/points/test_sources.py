"""Toy sets of points."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from sparring.base.draws import Key, bits
from sparring.kinds.points.sources import Grid, Ring, grid, ring


def noise(name: str, count: int) -> list[tuple[float, float]]:
    """Pairs of normal values, in Python's own arithmetic."""
    found = []
    for word in bits(Key("toy", name), torch.arange(count), 1)[:, 0].tolist():
        radius = math.sqrt(-2 * math.log((((word % 2**64) >> 40) + 0.5) / 2**24))
        angle = 2 * math.pi * ((word >> 8) % 2**24) / 2**24
        found.append((radius * math.cos(angle), radius * math.sin(angle)))
    return found


@pytest.mark.parametrize("name", ["ring", "grid"])
def test_points_are_the_same_bits_on_every_machine(name: str) -> None:
    """float32 logarithms, roots and sines differ from CPU to CPU; these are rounded once, at the end."""
    samples, labels, modes = ring(3000, 7, 1.5, 0.3) if name == "ring" else grid(3000, 3, 2.5, 0.3)
    turns = [2 * math.pi * mode / 7 for mode in range(7)]
    centres = [(1.5 * math.cos(turn), 1.5 * math.sin(turn)) for turn in turns]
    if name == "grid":
        centres = [(2.5 * (down - 1), 2.5 * (right - 1)) for down in range(3) for right in range(3)]
    wanted = np.array(centres)[labels.numpy()] + 0.3 * np.array(noise(name, 3000))
    assert np.array_equal(samples.numpy(), wanted.astype(np.float32))
    assert np.array_equal(modes.centres.numpy(), np.array(centres).astype(np.float32))


def test_the_fingerprint_of_a_toy_set_is_known() -> None:
    assert [Ring().load().fingerprint[:12], Grid().load().fingerprint[:12]] == ["7ccaf811bf9d", "9f641521d4e0"]
