from __future__ import annotations

import pytest
import scipy.stats
import torch
from torch import Tensor

from sparring.base.draws import Key
from sparring.kinds.scores import metric
from sparring.metrics import Features, Score, Views
from sparring.metrics.memorisation import _chances
from tests.metrics.made import normal, views

WIDTH = 8


def measured(seed: int, *, copied: int = 0, train: int = 300, heldout: int = 60, scale: float = 1.0) -> Score:
    """Fakes of the real distribution (or wider), some of them copies of training samples, all but."""
    seen = normal(train, WIDTH, 3 * seed)
    fake = normal(150, WIDTH, 3 * seed + 1, scale=scale)
    fake[:copied] = seen[torch.arange(copied) % train] + normal(copied, WIDTH, seed, scale=1e-4)
    return metric("memorisation")(views(normal(heldout, WIDTH, 3 * seed + 2), fake, seen, seed))


@pytest.mark.parametrize("scale", [1.0, 3.0])
def test_p_is_uniform_and_the_value_1_without_memorisation(scale: float) -> None:
    """However poor the fakes: three times too wide, say."""
    scores = [measured(seed, scale=scale) for seed in range(60)]
    p = [score.protocol["p_value"] for score in scores]
    assert scipy.stats.kstest(p, "uniform").pvalue > 0.01
    assert abs(sum(score.value for score in scores) / 60 - 1) < 0.015
    assert sum(score.interval[0] <= 1 <= score.interval[1] for score in scores) >= 55


def test_copies_are_found_and_counted() -> None:
    all_copied = measured(0, copied=150)
    assert all_copied.protocol["p_value"] < 1e-3
    assert all_copied.value < 0.01
    assert all_copied.protocol["copies"] == all_copied.protocol["near_copies"] == 150
    assert all_copied.protocol["nearest_is_train"] == 1.0
    some = measured(1, copied=40)
    assert some.protocol["p_value"] < 0.01
    assert some.protocol["copies"] == 40
    assert all_copied.value < some.value < 1
    assert measured(1).protocol["copies"] == 0


def test_copies_of_heldout_samples_are_no_memorisation() -> None:
    train, heldout = normal(300, WIDTH, 1), normal(60, WIDTH, 2)
    score = metric("memorisation")(views(heldout, heldout.clone(), train))
    assert score.protocol["p_value"] == 1.0
    assert score.value > 1


def test_samples_in_both_sets_share_their_fakes() -> None:
    """Where training and held-out samples are the same, nothing can be told."""
    both = normal(50, WIDTH, 1)
    score = metric("memorisation")(views(both, both.clone(), both.clone()))
    assert score.value == pytest.approx(1.0)
    assert score.protocol["nearest_is_train"] == 0.5
    assert score.protocol["p_value"] == 1.0


def repeated(seed: int, times: int, by: str) -> Score:
    """Nothing memorised; each real sample comes several times (of 0: a few to many), copies on one side or on either."""
    source = torch.Generator().manual_seed(seed)
    often = torch.full((100,), times) if times else torch.randint(1, 15, (100,), generator=source)
    distinct = normal(100, 4, 2 * seed)
    if by == "content":
        heldout, train = (distinct[some].repeat_interleave(often[some], 0) for some in (slice(20), slice(20, None)))
    else:
        mixed = distinct.repeat_interleave(often, 0)[torch.randperm(int(often.sum()), generator=source)]
        heldout, train = mixed[: len(mixed) // 5], mixed[len(mixed) // 5 :]
    return metric("memorisation")(views(heldout, normal(50, 4, 2 * seed + 1), train, seed))


@pytest.mark.parametrize(("times", "by"), [(3, "content"), (0, "content"), (12, "number")])
def test_p_is_uniform_where_samples_come_several_times(times: int, by: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is relabelled is what the split told apart: contents, or samples."""
    monkeypatch.setattr("sparring.metrics.memorisation.PERMUTATIONS", 499)
    scores = [repeated(seed, times, by) for seed in range(40)]
    p = [score.protocol["p_value"] for score in scores]
    assert scipy.stats.kstest(p, "uniform").pvalue > 0.01
    assert abs(sum(score.value for score in scores) / 40 - 1) < 0.04
    assert ("relabelled" in scores[0].protocol) == (by == "content")


def test_contents_tell_copies_apart_whose_features_differ_by_rounding() -> None:
    plain = repeated(1, 3, "content")
    source = torch.arange(80).repeat_interleave(3)
    train, heldout = normal(100, 4, 2)[20:], normal(100, 4, 2)[:20].repeat_interleave(3, 0)
    jitter = train.repeat_interleave(3, 0) * (1 + 1e-9 * normal(240, 4, 9))
    seen = Features(jitter, contents=source)
    told = Features(heldout, contents=100 + torch.arange(20).repeat_interleave(3))
    found = metric("memorisation")(Views(heldout=told, fake=Features(normal(50, 4, 3)), train=seen, key=Key(1)))
    assert found.value == pytest.approx(plain.value, rel=1e-6)
    assert found.protocol["p_value"] == plain.protocol["p_value"]


def test_nothing_apart_from_anything_tells_nothing() -> None:
    one = torch.ones(10, 3)
    score = metric("memorisation")(views(one, one.clone(), one.clone()))
    assert score.value == 1.0
    assert score.protocol["p_value"] == 1.0


def nearest_of_random_subsets(distances: Tensor, size: int) -> float:
    generator = torch.Generator().manual_seed(0)
    found = [distances[torch.randperm(len(distances), generator=generator)[:size]].min() for _ in range(4000)]
    return float(torch.stack(found).mean())


@pytest.mark.parametrize("size", [1, 5, 28, 30])
def test_the_expected_distance_to_a_random_subset(size: int) -> None:
    distances = normal(30, 1, 4)[:, 0].abs().sort().values
    expected = float(distances @ _chances(size, 30, 30))
    assert expected == pytest.approx(nearest_of_random_subsets(distances, size), rel=0.05, abs=1e-6)


def test_few_samples_of_either_kind_are_enough() -> None:
    for train, heldout in ((2, 40), (40, 2), (2, 2)):
        score = measured(3, train=train, heldout=heldout)
        assert 0 < score.protocol["p_value"] <= 1
        assert score.interval[0] <= score.value <= score.interval[1]
