"""Saved states, compared."""

from __future__ import annotations

import torch


def same(one: object, other: object) -> bool:
    """Whether two trees of tensors and plain values are equal to the bit, their types and the order of keys too."""
    if isinstance(one, torch.Tensor):
        return isinstance(other, torch.Tensor) and one.dtype == other.dtype and torch.equal(one, other)
    if isinstance(one, dict):
        return isinstance(other, dict) and list(one) == list(other) and all(same(one[k], other[k]) for k in one)
    if isinstance(one, (list, tuple)):
        return type(one) is type(other) and len(one) == len(other) and all(map(same, one, other))
    return one == other
