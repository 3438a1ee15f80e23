"""The contract of every extractor, and what the trained ones learn."""

from __future__ import annotations

import json

import pytest
import torch
from sklearn.datasets import load_digits
from torch import Tensor, nn

from sparring.base.errors import RequestError
from sparring.metrics import Extractor, extract, frechet_distance
from sparring.metrics.features import Pixels, parameters_hash
from sparring.metrics.pictures.classifier import train_classifier
from sparring.metrics.pictures.inception import Inception
from sparring.metrics.pictures.inception_net import InceptionV3
from sparring.metrics.pictures.selfsup import nt_xent, train_selfsup, turned
from sparring.metrics.pictures.small_net import SmallNet, TrainedExtractor, working_size
from tests.metrics.made import smooth_images, trained_small

SHAPE = (1, 8, 8)


@pytest.fixture(scope="module")
def digits() -> tuple[Tensor, Tensor]:
    data = load_digits()
    return torch.tensor(data.images, dtype=torch.float32)[:, None] / 16, torch.tensor(data.target)


@pytest.fixture(scope="module")
def classifier(digits: tuple[Tensor, Tensor]) -> TrainedExtractor:
    images, labels = digits
    return train_classifier(lambda index: images[index], labels[:1617], 1617, SHAPE)


@pytest.fixture(scope="module")
def selfsup(digits: tuple[Tensor, Tensor]) -> TrainedExtractor:
    images, _ = digits
    return train_selfsup(lambda index: images[index], 1617, SHAPE)


@pytest.fixture(scope="module", params=["pixels", "inception", "classifier", "selfsup"])
def extractor(request: pytest.FixtureRequest) -> Extractor:
    if request.param == "pixels":
        return Pixels(64)
    if request.param == "inception":
        torch.manual_seed(0)
        return Inception(InceptionV3(), batch=3)
    trained: TrainedExtractor = request.getfixturevalue(request.param)
    return trained


def test_features_have_their_shape_and_no_gradient(extractor: Extractor) -> None:
    samples = smooth_images(5, 1, side=8).requires_grad_()
    found = extractor(samples)
    assert found.values.shape == (5, extractor.width)
    assert found.values.dtype == torch.float32
    assert not found.values.requires_grad
    assert found.samples is not None
    assert torch.equal(found.samples, samples)
    if found.probabilities is not None:
        assert torch.allclose(found.probabilities.sum(1), torch.ones(5), atol=1e-5)


def test_equal_samples_have_equal_features(extractor: Extractor) -> None:
    samples = smooth_images(4, 1, side=8)
    state = torch.get_rng_state()
    first, second = extractor(samples), extractor(samples)
    assert torch.equal(first.values, second.values)
    assert torch.equal(torch.get_rng_state(), state)


def test_batches_change_nothing(extractor: Extractor) -> None:
    samples = smooth_images(4, 1, side=8)
    whole = extractor(samples)
    parts = extract(extractor, torch.split(samples, 3))
    single = extract(extractor, torch.split(samples, 1), keep_samples=False)
    assert torch.allclose(parts.values, whole.values, atol=1e-4, rtol=1e-4)
    assert torch.allclose(single.values, whole.values, atol=1e-4, rtol=1e-4)
    assert parts.samples is not None
    assert single.samples is None


def test_it_is_in_eval_mode_always_and_float32(extractor: Extractor) -> None:
    samples = smooth_images(4, 1, side=8)
    before = extractor(samples).values
    net = getattr(extractor, "net", None)
    if isinstance(net, nn.Module):
        net.train()
        assert torch.equal(extractor(samples).values, before), "statistics of the batch were used"
        assert not net.training
        assert not any(parameter.requires_grad for parameter in net.parameters())
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert torch.equal(extractor(samples).values, before)


def test_it_says_what_it_is(extractor: Extractor) -> None:
    assert len(extractor.hash) == 12
    assert int(extractor.hash, 16) >= 0
    assert extractor.resize
    json.dumps(dict(extractor.details), allow_nan=False)


def test_its_hash_follows_the_weights(extractor: Extractor) -> None:
    net = getattr(extractor, "net", None)
    if not isinstance(net, nn.Module):
        pytest.skip("has no weights")
    assert parameters_hash(net) == extractor.hash
    for values in (next(net.parameters()), next(net.buffers())):
        with torch.no_grad():
            kept = values.clone()
            values.view(-1)[0] += 1e-3
            changed = parameters_hash(net)
            values.copy_(kept)
        assert changed != extractor.hash
    assert parameters_hash(net) == extractor.hash


def test_other_shapes_are_refused(extractor: Extractor) -> None:
    if extractor.name == "inception":
        pytest.skip("takes images of any size")
    with pytest.raises((RequestError, ValueError), match="samples"):
        extractor(torch.rand(2, 1, 9, 9))


def test_the_classifier_tells_the_digits(classifier: TrainedExtractor, digits: tuple[Tensor, Tensor]) -> None:
    images, labels = digits
    found = classifier(images[1617:]).probabilities
    assert found is not None
    assert float((found.argmax(1) == labels[1617:]).float().mean()) > 0.9
    assert classifier.details["accuracy"] > 0.95
    assert classifier.details["accuracy_on"] == 161
    assert classifier.details["trained_on"] == 1617 - 161
    assert classifier.width == 64


def test_unlabelled_features_know_the_digits(selfsup: TrainedExtractor, digits: tuple[Tensor, Tensor]) -> None:
    """The nearest neighbour by features has the same label, though training saw none."""
    images, labels = digits
    known, asked = selfsup(images[:1617]).values, selfsup(images[1617:]).values
    nearest = torch.cdist(asked, known).argmin(1)
    assert float((labels[:1617][nearest] == labels[1617:]).float().mean()) > 0.85
    assert selfsup(images[:2]).probabilities is None


@pytest.mark.parametrize("kind", ["classifier", "selfsup"])
def test_features_tell_spoilt_images(kind: str, digits: tuple[Tensor, Tensor], request: pytest.FixtureRequest) -> None:
    images, _ = digits
    trained: TrainedExtractor = request.getfixturevalue(kind)
    order = torch.randperm(len(images), generator=torch.Generator().manual_seed(0))
    real, other = images[order[:800]], images[order[800:1600]]
    noise = torch.randn(other.shape, generator=torch.Generator().manual_seed(1))
    spoilt = [(other + 0.3 * noise).clamp(0, 1), nn.functional.avg_pool2d(other, 3, 1, 1), other.flip(2)]
    base = trained(real).values
    near = frechet_distance(base, trained(other).values)
    for images in spoilt:
        assert frechet_distance(base, trained(images).values) > 3 * near


@pytest.mark.parametrize("kind", ["classifier", "selfsup"])
def test_training_repeats_itself(kind: str) -> None:
    torch.manual_seed(1)
    state = torch.get_rng_state()
    first = trained_small(kind)
    assert torch.equal(torch.get_rng_state(), state)
    torch.manual_seed(2)
    with torch.no_grad(), torch.autocast("cpu", dtype=torch.bfloat16):
        second = trained_small(kind)
    assert first.hash == second.hash
    assert first.hash != trained_small(kind, seed=1).hash


def test_what_cannot_be_learned_from_is_refused() -> None:
    images = smooth_images(4, 1, side=8)
    for labels in (torch.zeros(4, dtype=torch.int64), torch.tensor([0, 1, 2]), torch.tensor([-1, 0, 1, 2])):
        with pytest.raises(RequestError, match="classifier needs a label"):
            train_classifier(lambda index: images[index], labels, 4, SHAPE)
    with pytest.raises(RequestError, match="takes images"):
        train_selfsup(lambda index: torch.rand(len(index), 2), 10, (2,))
    with pytest.raises(RequestError, match="at least 2"):
        train_selfsup(lambda index: images[index], 1, SHAPE)


@pytest.mark.parametrize("shape", [(3, 12, 20), (1, 150, 75), (2, 5, 5), (3, 4, 4)])
def test_images_of_any_size_have_features(shape: tuple[int, int, int]) -> None:
    net = SmallNet(shape, {"turn": 4})
    extractor = TrainedExtractor("selfsup", net, {})
    assert extractor(torch.rand(3, *shape)).values.shape == (3, extractor.width)
    assert extractor.width == (64 if min(shape[1:]) < 16 else 128)
    assert max(working_size(shape)) <= 64
    assert extractor.resize == ("area average to 64 x 32" if shape[1] == 150 else "none")


def test_training_takes_images_that_are_not_square() -> None:
    images = torch.rand(12, 3, 10, 16)
    trained = train_selfsup(lambda index: images[index], 12, (3, 10, 16))
    assert trained.details["task"].startswith("mirroring")
    assert torch.isfinite(trained(images).values).all()


def test_turns_are_what_they_say() -> None:
    square, long = torch.rand(4, 1, 3, 3), torch.rand(4, 1, 2, 3)
    turns = torch.arange(4)
    found = turned(square, turns, square=True)
    assert all(torch.equal(found[turn], square[turn].rot90(turn, (1, 2))) for turn in range(4))
    mirrored = [long[0], long[1].flip(2), long[2].flip(1), long[3].flip((1, 2))]
    assert torch.equal(turned(long, turns, square=False), torch.stack(mirrored))


def test_nt_xent_agrees_with_its_definition() -> None:
    rows = torch.randn(8, 5, generator=torch.Generator().manual_seed(0))
    total = torch.zeros(())
    for i in range(8):
        similarity = torch.nn.functional.cosine_similarity(rows[i : i + 1], rows) / 0.2
        others = torch.cat((similarity[:i], similarity[i + 1 :]))
        total = total - similarity[(i + 4) % 8] + others.exp().sum().log()
    assert float(nt_xent(rows)) == pytest.approx(float(total / 8), rel=1e-5)
