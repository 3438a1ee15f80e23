"""Trained extractors in the cache."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from sparring.base.errors import RequestError
from sparring.metrics.pictures.kept import trained_extractor
from sparring.metrics.pictures.small_net import TrainedExtractor
from tests.metrics.made import smooth_images, trained_small


def never() -> TrainedExtractor:
    raise AssertionError("it was in the cache")


@pytest.fixture(scope="module")
def trained() -> TrainedExtractor:
    return trained_small("classifier")


FINGERPRINT = "0123456789abcdef"


def test_a_trained_network_is_kept(trained: TrainedExtractor, tmp_path: Path) -> None:
    first = trained_extractor("classifier", FINGERPRINT, lambda: trained, cache=tmp_path)
    assert (first.trained, first.stored) == (True, True)
    folders = list((tmp_path / "extractors").iterdir())
    assert [folder.name for folder in folders] == ["classifier-0123456789ab-1"]
    again = trained_extractor("classifier", FINGERPRINT, never, cache=tmp_path)
    assert (again.trained, again.stored) == (False, True)
    assert (again.extractor.hash, again.extractor.details) == (trained.hash, trained.details)
    samples = smooth_images(5, 2, side=8)
    assert torch.equal(again.extractor(samples).values, trained(samples).values)


def truncate(folder: Path) -> None:
    path = folder / "net.safetensors"
    path.write_bytes(path.read_bytes()[:-40])


def alter(folder: Path) -> None:
    path = folder / "net.safetensors"
    content = bytearray(path.read_bytes())
    content[-10] ^= 1
    path.write_bytes(bytes(content))


def empty(folder: Path) -> None:
    shutil.rmtree(folder)
    folder.mkdir()


def garble(folder: Path) -> None:
    (folder / "extractor.json").write_text("[]")


@pytest.mark.parametrize("spoil", [truncate, alter, empty, garble])
def test_a_spoilt_one_is_trained_again(
    spoil: Callable[[Path], None], trained: TrainedExtractor, tmp_path: Path
) -> None:
    trained_extractor("classifier", FINGERPRINT, lambda: trained, cache=tmp_path)
    spoil(tmp_path / "extractors" / "classifier-0123456789ab-1")
    kept = trained_extractor("classifier", FINGERPRINT, lambda: trained, cache=tmp_path)
    assert (kept.trained, kept.stored) == (True, True)
    assert not trained_extractor("classifier", FINGERPRINT, never, cache=tmp_path).trained
    assert len(list((tmp_path / "extractors").iterdir())) == 1


def test_of_two_writers_the_first_stays(trained: TrainedExtractor, tmp_path: Path) -> None:
    """The second finds the folder when it has trained its own, which is the same."""

    def build() -> TrainedExtractor:
        trained_extractor("classifier", FINGERPRINT, lambda: trained, cache=tmp_path)
        return trained

    kept = trained_extractor("classifier", FINGERPRINT, build, cache=tmp_path)
    assert (kept.trained, kept.stored) == (True, True)
    assert [path.name for path in (tmp_path / "extractors").iterdir()] == ["classifier-0123456789ab-1"]


def test_a_cache_that_cannot_be_written_is_done_without(trained: TrainedExtractor, tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("no folder")
    kept = trained_extractor("classifier", FINGERPRINT, lambda: trained, cache=blocked / "cache")
    assert (kept.trained, kept.stored) == (True, False)
    assert kept.extractor is trained


def test_other_kinds_are_not_kept(trained: TrainedExtractor) -> None:
    with pytest.raises(RequestError, match="did you mean 'classifier'"):
        trained_extractor("classifer", FINGERPRINT, lambda: trained)
