"""The contract of every metric, and what `score` adds and refuses."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from typing import Any

import pytest
import torch

from sparring.base.draws import Key
from sparring.base.errors import RequestError
from sparring.kinds.scores import groups, metric, metrics, obtainable, score
from sparring.metrics import Features, Metric, Modes, Score, Views
from sparring.metrics.features import Pixels
from tests.kinds.tables.metrics.made import people, shuffled, table_views
from tests.kinds.translation.metrics.made import blocks, noisy, pair_views
from tests.kinds.translation.metrics.test_perceptual import made_net
from tests.metrics.made import linear_networks, ring, smooth_images

SIDE = 12
GROUPS, METRICS = groups(), metrics()
OF_PAIRS = (*GROUPS["pairs"], "agreement", "pixel_accuracy", "lpips")
OF_TABLES = (*GROUPS["table"], *GROUPS["privacy"])
DRAWING = ("ms_ssim", "two_sample")
"""Whose values depend on what they draw: pairs, folds."""


def image_features(count: int, seed: int, spread: float = 1.0) -> Features:
    """Blurry images, their pixels as features, and what a soft classifier of ten classes might say of them."""
    samples = smooth_images(count, seed, side=SIDE, spread=spread)
    values = samples.flatten(1)
    weights = torch.randn(values.shape[1], 10, generator=torch.Generator().manual_seed(7))
    return Features(values, ((values - 0.5) @ weights).softmax(1), samples)


def image_views(fake: Features, seed: int = 0) -> Views:
    return Views(heldout=image_features(120, 1), fake=fake, train=image_features(200, 2), key=Key(seed))


def ring_views(seed: int, kept: int | None = None, sigma: float = 0.05) -> Views:
    points, _ = ring(150, seed, kept=kept, sigma=sigma)
    real, modes = ring(120, 1)
    train, _ = ring(200, 2)
    held, fake, seen = (Features(part, None, part) for part in (real, points, train))
    return Views(heldout=held, fake=fake, train=seen, modes=modes, key=Key(0))


def first(features: Features, count: int) -> Features:
    """The features of the first few samples."""

    def cut(part: torch.Tensor | None) -> torch.Tensor | None:
        return None if part is None else part[:count]

    return Features(features.values[:count], cut(features.probabilities), cut(features.samples))


def pair_for(wanted: Metric) -> tuple[Views, Views]:
    """Fakes as good as real ones, and fakes that this metric is there to tell from them."""
    if wanted.name in ("modes", "high_quality"):
        return ring_views(5), ring_views(5, kept=4) if wanted.name == "modes" else ring_views(5, sigma=0.3)
    if wanted.name in OF_PAIRS:
        truth = blocks(40, 1, side=36)
        return pair_views(noisy(truth, 0.02), truth), pair_views(noisy(truth, 0.2).flip(3), truth)
    if wanted.name in OF_TABLES:
        return tables_for(wanted)
    good = image_features(100, 3)
    if wanted.name in GROUPS["robustness"]:
        return robust_views(good, even=True), robust_views(good, even=False)
    if wanted.name == "memorisation":
        bad = first(image_features(200, 2), 100)
    elif wanted.name in ("precision", "density", "fid", "patch_kid"):
        noise = torch.rand(100, 1, SIDE, SIDE, generator=torch.Generator().manual_seed(4))
        bad = Features(noise.flatten(1), good.probabilities, noise)
    elif wanted.name in ("recall", "coverage"):
        bad = Features.joined([first(good, 4)] * 25)
    elif wanted.name == "kid":
        bad = Features(good.values * 0.5)
    else:
        bad = image_features(100, 3, spread=0.1)
    return image_views(good), image_views(bad)


def tables_for(wanted: Metric) -> tuple[Views, Views]:
    """Rows of the same source; copies of training rows, or values of columns that have nothing to do with each other, or
    with those of real rows."""
    real, seen, good = people(300, 1), people(300, 2), people(300, 3)
    bad = seen if wanted.name in GROUPS["privacy"] else shuffled(good)
    if wanted.name == "column_shapes":
        bad = good * [1.5, 1, 1, 0, 1]
    return table_views(real, good, seen), table_views(real, bad, seen)


def robust_views(fake: Features, *, even: bool) -> Views:
    """Networks that change alike in all directions and everywhere, or in one direction and more and more."""
    weight = torch.eye(6, 3) if even else torch.outer(torch.ones(6), torch.tensor([1.0, 0.01, 0.01]))
    networks = linear_networks(weight, torch.ones(6), bend=0.0 if even else 0.4, count=60)
    made = networks.generate(networks.latents, torch.arange(60))
    if even:  # logits fall alike whichever way samples go
        networks = replace(
            networks,
            judge=lambda samples, rows: -(samples - made[rows]).norm(dim=1),
            judge_reals=lambda samples, rows: -(samples - networks.reals[rows]).abs().sum(1),
        )
    real, seen = Features(made if even else made + 100), Features(fake.values[:, :6])
    return Views(heldout=real, fake=seen, key=Key(0), networks=networks)


@pytest.fixture(params=METRICS, ids=lambda each: each.name)
def each(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Metric:
    monkeypatch.setattr("sparring.kinds.translation.metrics.perceptual.load_lpips", made_net)
    found: Metric = request.param
    return found


def test_names_are_told_apart() -> None:
    assert [known.name for known in METRICS] == list(dict.fromkeys(known.name for known in METRICS))
    assert {known.name for known in METRICS} == {
        "fid", "kid", "is", "precision", "recall", "density", "coverage", "memorisation", "diversity", "ms_ssim",
        "modes", "high_quality", "patch_kid", *OF_PAIRS, *GROUPS["robustness"], *OF_TABLES,
    }  # fmt: skip


def test_its_direction_holds(each: Metric) -> None:
    good, bad = (each(views) for views in pair_for(each))
    assert good.better == each.better
    better = good.value < bad.value if each.better == "lower" else good.value > bad.value
    assert better, (good, bad)
    apart = good.interval[1] < bad.interval[0] if each.better == "lower" else good.interval[0] > bad.interval[1]
    assert apart, (good, bad)


def test_value_and_interval_keep_to_the_bounds(each: Metric) -> None:
    for views in pair_for(each):
        found = each(views)
        low, high = found.interval
        assert each.bounds[0] <= low <= found.value <= high <= each.bounds[1]
        assert all(math.isfinite(number) for number in (low, high, found.value))
        rows = {"membership": 600} | dict.fromkeys(GROUPS["robustness"], 60)
        assert found.n == rows.get(each.name, len(views.fake))


def test_equal_views_give_equal_scores(each: Metric) -> None:
    torch.manual_seed(0)
    first = each(pair_for(each)[0])
    state = torch.get_rng_state()
    second = each(pair_for(each)[0])
    assert first == second
    assert torch.equal(torch.get_rng_state(), state), "drew from the global generator"


def test_its_key_decides_its_draws(each: Metric) -> None:
    views = pair_for(each)[0]
    other = replace(views, key=Key(99))
    first, second = each(views), each(other)
    assert first.protocol.keys() == second.protocol.keys()
    if each.name in GROUPS["robustness"]:  # which draw the perturbations
        assert first.value == pytest.approx(second.value, rel=0.3)
    elif each.name not in DRAWING:
        assert first.value == second.value
    if "replicates" in first.protocol:
        assert each.name in ("modes", "path_length", "attack_fgsm") or first.interval != second.interval


def test_it_leaves_its_views_alone(each: Metric) -> None:
    views = pair_for(each)[0]
    before = [views.heldout.values.clone(), views.fake.values.clone()]
    each(views)
    assert torch.equal(views.heldout.values, before[0])
    assert torch.equal(views.fake.values, before[1])


def test_its_protocol_says_how(each: Metric) -> None:
    views = pair_for(each)[0]
    protocol = each(views).protocol
    assert protocol["metric"] == each.name
    if each.name not in GROUPS["robustness"]:
        assert (protocol["real"], protocol["fake"]) == (len(views.heldout), len(views.fake))
    assert isinstance(protocol["interval"], str)
    if "bootstrap" in protocol["interval"]:
        assert protocol["replicates"] >= 100
    if each.name in ("precision", "recall", "density", "coverage"):
        assert protocol["k"] == 5
        assert protocol["inside"] == "distance <= radius"


def test_its_scores_survive_json(each: Metric) -> None:
    found = each(pair_for(each)[1])
    text = json.dumps(found.to_json(), allow_nan=False)
    assert Score.from_json(json.loads(text)) == found
    assert list(json.loads(text))[:5] == ["value", "interval", "n", "better", "protocol"]


def test_it_takes_few_samples_or_says_why_not(each: Metric) -> None:
    for count in (1, 2, 3, 4, 6):
        views = pair_for(each)[0]
        few = first(views.fake, count)
        small = replace(views, fake=few, truth=None if views.truth is None else views.truth[:count])
        reason = each.missing(small)
        if reason is None:
            found = each(small)
            assert found.interval[0] <= found.value <= found.interval[1]
        else:
            assert "needs at least" in reason


def pixels_views(**changes: Any) -> tuple[Views, Pixels]:
    pixels = Pixels(SIDE * SIDE)
    real, fake = pixels(smooth_images(30, 1, side=SIDE)), pixels(smooth_images(20, 2, side=SIDE))
    parts: dict[str, Any] = {"heldout": real, "fake": fake, "key": Key(0)}
    return Views(**(parts | changes)), pixels


def test_score_adds_the_extractor_and_what_it_is_given() -> None:
    views, pixels = pixels_views()
    scores = score(["kid", "fid"], views, pixels, {"split": "test", "seed": 3})
    assert list(scores) == ["kid", "fid"]
    for name, found in scores.items():
        added = {
            "metric": name,
            "extractor": "pixels",
            "hash": pixels.hash,
            "resize": "none",
            "split": "test",
            "seed": 3,
        }
        assert added.items() <= found.protocol.items()
    assert scores["fid"].note is not None
    assert scores["fid"].to_json()["note"] == scores["fid"].note


def test_unknown_metrics_are_refused_with_the_nearest() -> None:
    views, pixels = pixels_views()
    with pytest.raises(RequestError, match="unknown metric 'precison'; did you mean 'precision'") as refused:
        score(["fid", "precison"], views, pixels)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("is", "class probabilities"),
        ("memorisation", "training samples"),
        ("modes", "whose modes are known"),
        ("high_quality", "known centres"),
    ],
)
def test_metrics_that_cannot_be_had_say_why(name: str, why: str) -> None:
    views, pixels = pixels_views()
    assert name not in obtainable(views)
    with pytest.raises(RequestError, match=f"'{name}' needs .*{why}.*; to be had: fid, kid, ") as refused:
        score([name], views, pixels)
    assert "\n" not in str(refused.value)


def test_images_are_needed_for_their_similarity() -> None:
    ms_ssim = metric("ms_ssim")
    points = torch.rand(20, 2)
    tiny = torch.rand(20, 1, 4, 9)
    reasons = [
        ms_ssim.missing(Views(heldout=side, fake=side, key=Key(0)))
        for side in (Features(points), Features(points, None, points), Features(tiny.flatten(1), None, tiny))
    ]
    assert [reason is not None and reason.split(",")[0] for reason in reasons] == [
        "needs the samples beside their features",
        "needs images",
        "needs images of at least 6 pixels a side",
    ]


def test_features_that_are_no_numbers_have_no_score() -> None:
    broken = torch.rand(20, 1, SIDE, SIDE)
    broken[3, 0, 0, 0] = torch.nan
    views, pixels = pixels_views(fake=Pixels(SIDE * SIDE)(broken))
    with pytest.raises(RequestError, match="1 of 20 fakes are not finite"):
        score(["fid"], views, pixels)


def test_features_of_several_batches_join() -> None:
    whole = image_features(10, 1)
    assert whole.probabilities is not None
    parts = [Features(whole.values[:4], whole.probabilities[:4]), Features(whole.values[4:], whole.probabilities[4:])]
    joined = Features.joined(parts)
    assert torch.equal(joined.values, whole.values)
    assert torch.equal(joined.probabilities if joined.probabilities is not None else whole.values, whole.probabilities)
    assert joined.samples is None
    with pytest.raises(ValueError, match="rows"):
        Features(torch.zeros(3, 2), torch.zeros(2, 2))
    with pytest.raises(ValueError, match="width"):
        Features(torch.zeros(3))


def test_modes_of_the_ring_are_seen_in_the_points() -> None:
    views = ring_views(5)
    assert isinstance(views.modes, Modes)
    assert {"modes", "high_quality", "memorisation", "fid"} <= set(obtainable(views))
    assert {"is", "ms_ssim"}.isdisjoint(obtainable(views))
