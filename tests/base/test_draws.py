"""Draws are functions of key and place, and of the right distribution."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy import stats

from sparring.base.draws import Key, bits, integers, mix, normal, permutation, uniform

ROWS = torch.arange(2000)


def reference_splitmix(word: int) -> int:
    """The finaliser in plain integers, written from the published constants."""
    mask = (1 << 64) - 1
    word = ((word ^ (word >> 30)) * 0xBF58476D1CE4E5B9) & mask
    word = ((word ^ (word >> 27)) * 0x94D049BB133111EB) & mask
    return word ^ (word >> 31)


@pytest.mark.parametrize("word", [0, 1, 12345678901234567, (1 << 63) + 5, (1 << 64) - 1])
def test_hash_is_splitmix_in_wrapping_integers(word: int) -> None:
    signed = word - (1 << 64) if word >> 63 else word
    found = int(mix(torch.tensor([signed])))
    assert found % (1 << 64) == reference_splitmix(word)


def test_a_row_depends_on_its_number_alone() -> None:
    key = Key(3, "latents", 7)
    whole = normal(key, ROWS[:10], (5, 3))
    assert torch.equal(whole[4:8], normal(key, ROWS[4:8], (5, 3)))
    assert torch.equal(whole[[9, 0]], normal(key, torch.tensor([9, 0]), (5, 3)))


def test_keys_of_different_paths_differ_and_equal_paths_agree() -> None:
    paths = [(0,), (1,), (0, 0), ("0",), ("a", "b"), ("b", "a"), ("ab",), (0, "a", 1), (0, "a", 2), (-1,)]
    words = [Key(*path).word for path in paths]
    assert len(set(words)) == len(words)
    assert Key(5, "x").at("y", 2).word == Key(5, "x", "y", 2).word


def test_a_key_may_be_a_tensor() -> None:
    key = Key(1, "masks")
    assert torch.equal(bits(key, ROWS[:3], 4), bits(torch.tensor([key.signed]), ROWS[:3], 4))


def test_uniform_and_normal_pass_kolmogorov_smirnov() -> None:
    flat = uniform(Key(1), ROWS, (50,)).flatten().numpy()
    assert flat.min() >= 0
    assert flat.max() < 1
    assert stats.kstest(flat, "uniform").pvalue > 1e-3
    drawn = normal(Key(2), ROWS, (51,))
    assert drawn.shape == (2000, 51)
    assert stats.kstest(drawn.flatten().numpy(), "norm").pvalue > 1e-3


def test_neighbouring_rows_steps_and_values_are_not_correlated() -> None:
    here, next_step = (normal(Key(9, "latents", step), ROWS, (64,)) for step in (0, 1))
    for first, second in ((here[1:], here[:-1]), (here, next_step), (here[:, 1:], here[:, :-1])):
        correlation = np.corrcoef(first.flatten().numpy(), second.flatten().numpy())[0, 1]
        assert abs(correlation) < 5 / np.sqrt(first.numel())


def test_every_bit_of_a_word_is_fair() -> None:
    words = bits(Key(4), ROWS, 64).flatten()
    ones = torch.stack([((words >> place) & 1).double().mean() for place in range(64)])
    assert float((ones - 0.5).abs().max()) < 5 * 0.5 / len(words) ** 0.5


def test_integers_are_even_and_in_range() -> None:
    counts = torch.bincount(integers(Key(5), ROWS, 7, (50,)).flatten(), minlength=7)
    assert len(counts) == 7
    assert stats.chisquare(counts.numpy()).pvalue > 1e-3


def test_permutation_holds_each_number_once() -> None:
    order = permutation(Key(6), 100)
    assert sorted(order.tolist()) == list(range(100))
    assert not torch.equal(order, permutation(Key(7), 100))
    assert torch.equal(order, permutation(Key(6), 100))
