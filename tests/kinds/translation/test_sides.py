"""Two kinds of images that are not paired."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from sparring.base.draws import Key
from sparring.base.errors import RequestError
from sparring.data import Batches, DataSet, Rows
from sparring.kinds.translation.sources.layouts import likely
from sparring.kinds.translation.sources.sides import Sides
from tests.conftest import write_images


def load(path: Path, **options: Any) -> DataSet:
    return Sides(path=str(path), **options).load()


def zebras(root: Path, names: tuple[str, str] = ("a", "b"), sizes: tuple[int, int] = (60, 40)) -> Path:
    for name, count, seed in zip(names, sizes, (0, 1), strict=True):
        write_images(root / name, count, seed=seed, name=f"{seed}-{{:03d}}.png")
    return root


def test_two_folders_of_different_numbers(tmp_path: Path) -> None:
    data = load(zebras(tmp_path, ("horse", "zebra")))
    assert not data.paired
    assert (len(data.inputs.samples), len(data.samples)) == (60, 40)
    assert (len(data.inputs.heldout), len(data.heldout)) == (15, 10)
    assert data.found.lines()[0].endswith("images like those in zebra, made from those in horse")
    back = load(tmp_path, direction="b2a")
    assert torch.equal(back.samples, data.inputs.samples)
    assert torch.equal(back.inputs.samples, data.samples)
    assert back.fingerprint != data.fingerprint


def test_batches_of_both_are_of_the_training_parts(tmp_path: Path) -> None:
    data = load(zebras(tmp_path))
    batches = Batches(Rows(data, data.train, torch.device("cpu")), 16, Key(0))
    train = {
        tuple(image.flatten().tolist()) for image in data.inputs.codec.encode(data.inputs.stored(data.inputs.train))
    }
    seen = {tuple(image.flatten().tolist()) for _ in range(20) for image in next(batches).inputs}
    assert seen <= train
    assert len(seen) > 40


@pytest.mark.parametrize("layout", ["{part}{side}", "{part}/{side}", "{side}/{part}"])
def test_official_parts(tmp_path: Path, layout: str) -> None:
    for number, (part, side, count) in enumerate(
        [("train", "A", 9), ("train", "B", 7), ("test", "A", 3), ("test", "B", 2)]
    ):
        write_images(tmp_path / layout.format(part=part, side=side), count, seed=number)
    data = load(tmp_path)
    assert (len(data.inputs.train), len(data.inputs.heldout)) == (9, 3)
    assert (len(data.train), len(data.heldout)) == (7, 2)


def test_two_places(tmp_path: Path) -> None:
    zebras(tmp_path / "test")  # whose name says nothing of parts
    apart = load(tmp_path / "test" / "a", other=str(tmp_path / "test" / "b"))
    assert apart.fingerprint == load(tmp_path / "test").fingerprint
    assert str(tmp_path / "test" / "b") in apart.found.lines()[0]


def test_both_come_at_one_size_and_number_of_channels(tmp_path: Path) -> None:
    write_images(tmp_path / "a", 30, (20, 30))
    write_images(tmp_path / "b", 30, (16, 10), mode="L")
    with pytest.raises(RequestError, match=r"data.sides.channels: the images are mixed, .*; say channels=3"):
        load(tmp_path)
    data = load(tmp_path, channels=3)
    assert data.shape == data.inputs.shape == (3, 16, 16)


def test_from_the_cache_as_from_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    zebras(tmp_path / "set")
    plain = load(tmp_path / "set")
    monkeypatch.setenv("SPARRING_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("SPARRING_DATA_MEMORY", "0")
    monkeypatch.setattr("sparring.data.samplefile.BLOCK_BYTES", 2000)
    mapped = load(tmp_path / "set")
    assert mapped.fingerprint == plain.fingerprint
    for data, other in ((mapped, plain), (mapped.inputs, plain.inputs)):
        assert data.file is not None
        assert torch.equal(data.samples, other.samples)
        assert torch.equal(data.stored(data.heldout), other.stored(other.heldout))


def test_without_strict_bad_files_are_left_out_of_their_side(tmp_path: Path) -> None:
    zebras(tmp_path)
    (tmp_path / "a" / "0-007.png").write_text("no image")
    (tmp_path / "b" / "1-003.png").write_text("no image")
    with pytest.raises(RequestError, match=r"a/0-007.png: not an image \(and 1 more such files\).*data.sides.strict"):
        load(tmp_path)
    data = load(tmp_path, strict=False)
    assert (len(data.inputs.samples), len(data.samples)) == (59, 39)
    (tmp_path / "b" / "1-003.png").unlink()
    (tmp_path / "a" / "0-007.png").unlink()
    assert load(tmp_path).fingerprint == data.fingerprint


def test_a_side_with_no_readable_image(tmp_path: Path) -> None:
    write_images(tmp_path / "a", 30)
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "x.png").write_text("no image")
    with pytest.raises(RequestError, match="no image of b can be read, of 1"):
        load(tmp_path, strict=False)


@pytest.mark.parametrize(
    ("names", "words"),
    [(("a",), "images in one folder only"), (("a", "b", "c"), r"3 folders of images \(a/, b/, c/\)")],
)
def test_not_two_folders(tmp_path: Path, names: tuple[str, ...], words: str) -> None:
    for name in names:
        write_images(tmp_path / name, 5)
    with pytest.raises(RequestError, match=words):
        load(tmp_path)


def test_an_empty_side_and_a_file(tmp_path: Path) -> None:
    zebras(tmp_path)
    (tmp_path / "none").mkdir()
    with pytest.raises(RequestError, match="none: empty; wanted .png"):
        load(tmp_path / "a", other=str(tmp_path / "none"))
    with pytest.raises(RequestError, match=r"0-000.png: a file; data.sides.other takes a folder"):
        load(tmp_path / "b", other=str(tmp_path / "a" / "0-000.png"))


def test_what_folders_look_like(tmp_path: Path) -> None:
    assert likely(write_images(tmp_path / "flat", 5)) is None
    assert likely(zebras(tmp_path / "classes", ("cat", "dog"))) is None
    assert likely(zebras(tmp_path / "unlike")) == "sides"
    for name in ("a", "b"):
        write_images(tmp_path / "alike" / name, 5)
        write_images(tmp_path / "cycle" / f"train{name.upper()}", 5)
        write_images(tmp_path / "parts" / "train" / name, 5)
    assert likely(tmp_path / "alike") == "pairs"
    assert likely(tmp_path / "cycle") == "sides"
    assert likely(tmp_path / "parts") == "pairs"
