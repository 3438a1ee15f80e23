"""Pairs of images: layouts, splits, and what is wrong with them."""

from __future__ import annotations

import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from sparring.base.draws import Key
from sparring.base.errors import RequestError
from sparring.data import Batches, DataSet, Rows
from sparring.kinds.images.sources import Images
from sparring.kinds.translation.sources.pairs import Pairs
from sparring.kinds.translation.sources.sides import Sides
from tests.conftest import write_images


def inverse(folder: Path, to: Path, ending: str = ".png") -> Path:
    """For each image its negative, of the same name."""
    to.mkdir(parents=True)
    for file in sorted(folder.iterdir()):
        Image.fromarray(255 - np.asarray(Image.open(file))).save(to / (file.stem + ending))
    return to


def two_folders(root: Path, count: int = 40, names: tuple[str, str] = ("a", "b"), **options: Any) -> Path:
    inverse(write_images(root / names[0], count, **options), root / names[1])
    return root


def halves(folder: Path, count: int = 30, size: tuple[int, int] = (8, 16), seed: int = 0) -> Path:
    return write_images(folder, count, size, seed=seed)


def load(path: Path, **options: Any) -> DataSet:
    return Pairs(path=str(path), **options).load()


def sides(data: DataSet) -> tuple[DataSet, DataSet]:
    assert data.inputs is not None
    return data.inputs, data


def told(data: DataSet) -> str:
    return "\n".join(data.found.lines())


@pytest.mark.parametrize("names", [("a", "b"), ("A", "B"), ("maps", "photos")])
def test_two_folders_are_pairs_by_name(tmp_path: Path, names: tuple[str, str]) -> None:
    data = load(two_folders(tmp_path, names=names))
    inputs, samples = sides(data)
    assert data.paired
    assert torch.equal(inputs.samples, 255 - samples.samples)
    first = np.asarray(Image.open(tmp_path / names[0] / "000.png")).transpose(2, 0, 1)
    assert np.array_equal(inputs.samples[0].numpy(), first)
    assert torch.equal(inputs.train, samples.train)
    assert torch.equal(inputs.heldout, samples.heldout)
    assert (len(data.train), len(data.heldout)) == (30, 10)
    assert f"{names[1]}/ is made from {names[0]}/ (data.pairs.direction=b2a turns it)" in told(data)
    assert "40 pairs of images" in told(data)


def test_the_other_direction_swaps_the_sides(tmp_path: Path) -> None:
    there, back = load(two_folders(tmp_path)), load(tmp_path, direction="b2a")
    assert torch.equal(there.samples, back.inputs.samples)
    assert torch.equal(there.inputs.samples, back.samples)
    assert there.fingerprint != back.fingerprint


def test_batches_hold_what_belongs_together(tmp_path: Path) -> None:
    data = load(two_folders(tmp_path), mirror=True)
    batch = next(Batches(Rows(data, data.train, torch.device("cpu")), 16, Key(1)))
    assert torch.allclose(batch.samples, -batch.inputs, atol=1e-6)


def test_pairs_taken_apart_are_not(tmp_path: Path) -> None:
    data = load(two_folders(tmp_path), apart=True)
    assert not data.paired
    batch = next(Batches(Rows(data, data.train, torch.device("cpu")), 16, Key(1)))
    assert not torch.allclose(batch.samples, -batch.inputs, atol=1e-3)


def test_endings_may_differ(tmp_path: Path) -> None:
    write_images(tmp_path / "a", 30)
    inverse(tmp_path / "a", tmp_path / "b", ".bmp")
    data = load(tmp_path)
    assert torch.equal(data.inputs.samples, 255 - data.samples)


@pytest.mark.parametrize("outer", ["part", "side"])
@pytest.mark.parametrize("held", ["val", "test"])
def test_folders_that_name_parts_are_the_split(tmp_path: Path, outer: str, held: str) -> None:
    for part, count, seed in (("train", 12, 0), (held, 5, 1)):
        a, b = (tmp_path / part / side if outer == "part" else tmp_path / side / part for side in "ab")
        inverse(write_images(a, count, seed=seed), b)
    data = load(tmp_path)
    assert (len(data.train), len(data.heldout)) == (12, 5)
    assert data.split == "the official test part"
    seen = {tuple(data.samples[number].flatten().tolist()) for number in data.heldout}
    there = tmp_path / held / "b" if outer == "part" else tmp_path / "b" / held
    assert seen == {tuple(np.asarray(Image.open(f)).transpose(2, 0, 1).flatten().tolist()) for f in there.iterdir()}
    assert torch.equal(data.inputs.samples, 255 - data.samples)
    assert "held out: 5" in told(data)


def test_two_images_side_by_side(tmp_path: Path) -> None:
    data = load(halves(tmp_path / "p"))
    inputs, samples = sides(data)
    whole = np.asarray(Image.open(tmp_path / "p" / "003.png")).transpose(2, 0, 1)
    assert np.array_equal(inputs.samples[3].numpy(), whole[:, :, :8])
    assert np.array_equal(samples.samples[3].numpy(), whole[:, :, 8:])
    assert "two images side by side; right is made from left" in told(data)
    back = load(tmp_path / "p", direction="b2a")
    assert torch.equal(back.samples, inputs.samples)
    assert torch.equal(back.inputs.samples, samples.samples)


def test_a_zip_of_halves_in_parts(tmp_path: Path) -> None:
    halves(tmp_path / "set" / "train", 12)
    halves(tmp_path / "set" / "val", 4, seed=1)
    with zipfile.ZipFile(tmp_path / "set.zip", "w") as archive:
        for file in sorted((tmp_path / "set").rglob("*.png")):
            archive.write(file, file.relative_to(tmp_path))
    packed, folder = load(tmp_path / "set.zip"), load(tmp_path / "set")
    assert (len(packed.train), len(packed.heldout)) == (12, 4)
    assert packed.fingerprint == folder.fingerprint


def test_squares_are_no_halves_unless_one_says_so(tmp_path: Path) -> None:
    write_images(tmp_path / "p", 30, (8, 8))
    with pytest.raises(RequestError, match="images in one folder only.*side by side, at least 1.5 times as wide"):
        load(tmp_path / "p")
    assert load(tmp_path / "p", layout="halves").shape == (3, 8, 4)


def test_a_grey_input_and_a_colour_sample(tmp_path: Path) -> None:
    write_images(tmp_path / "a", 30, mode="L")
    write_images(tmp_path / "b", 30, mode="RGB")
    data = load(tmp_path)
    assert (data.inputs.shape, data.shape) == ((1, 12, 12), (3, 12, 12))
    assert load(tmp_path, channels=3).inputs.shape == (3, 12, 12)
    assert load(tmp_path, channels=3, input_channels=1).inputs.shape == (1, 12, 12)


def test_sixteen_bits_on_one_side(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    write_images(tmp_path / "b", 30, mode="L")
    source = np.random.default_rng(0)
    for number in range(30):
        Image.fromarray(source.integers(0, 4000, (12, 12)).astype(np.uint16)).save(tmp_path / "a" / f"{number:03d}.png")
    data = load(tmp_path)
    assert (data.inputs.codec.depth, data.codec.depth) == ("uint16", "uint8")


@pytest.mark.parametrize("fit", ["crop", "resize", "pad"])
def test_both_sides_are_fitted_alike(tmp_path: Path, fit: str) -> None:
    write_images(tmp_path / "a", 20, (20, 30))
    write_images(tmp_path / "a", 20, (16, 10), name="tall{:03d}.png", seed=1)
    inverse(tmp_path / "a", tmp_path / "b")
    data = load(tmp_path, fit=fit)
    assert data.shape == data.inputs.shape == (3, 16, 16)
    apart = (data.inputs.samples.int() - (255 - data.samples.int())).abs()
    assert apart.max() <= 2  # by rounding


def test_copies_of_a_pair_are_on_one_side_of_the_split(tmp_path: Path) -> None:
    """A pair is a copy only if both its images are."""
    for number in range(60):
        for side, value in (("a", number % 20), ("b", number % 20 if number < 40 else number)):
            (tmp_path / side).mkdir(exist_ok=True)
            Image.fromarray(np.full((8, 8), value, np.uint8)).save(tmp_path / side / f"{number:02d}.png")
    data = load(tmp_path)
    assert data.found.duplicates == 20
    pairs = [(int(a[0, 0, 0]), int(b[0, 0, 0])) for a, b in zip(data.inputs.samples, data.samples, strict=True)]
    assert not {pairs[i] for i in data.train} & {pairs[i] for i in data.heldout}


def test_from_the_cache_as_from_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    two_folders(tmp_path / "set")
    plain = load(tmp_path / "set")
    monkeypatch.setenv("SPARRING_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("SPARRING_DATA_MEMORY", "0")
    made = load(tmp_path / "set")
    monkeypatch.setattr("sparring.data.pictures.reading.head_of", None)  # nothing is decoded again
    again = load(tmp_path / "set")
    for data in (made, again):
        assert data.file is not None
        assert data.inputs.file is not None
        assert data.fingerprint == plain.fingerprint
        assert torch.equal(data.stored(data.train), plain.stored(plain.train))
        assert torch.equal(data.inputs.stored(data.train), plain.inputs.stored(plain.train))


def test_the_same_files_in_another_source_are_not_taken_for_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = str(two_folders(tmp_path / "set"))
    monkeypatch.setenv("SPARRING_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("SPARRING_DATA_MEMORY", "0")
    pairs, sides, images = Pairs(path=path).load(), Sides(path=path).load(), Images(path=path).load()
    assert pairs.inputs is not None
    assert sides.inputs is not None
    assert [len(data.samples) for data in (pairs, pairs.inputs, sides, sides.inputs, images)] == [40, 40, 40, 40, 80]
    assert torch.equal(sides.samples, pairs.samples)
    assert sides.file is not None
    assert images.file is not None
    assert images.file.path == sides.file.path  # all files of both, decoded once


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:150])


@pytest.mark.parametrize("mapped", [False, True])
def test_without_strict_bad_pairs_are_left_out(tmp_path: Path, mapped: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SPARRING_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("SPARRING_DATA_MEMORY", "0" if mapped else "1GB")
    root = two_folders(tmp_path / "set")
    cut(root / "a" / "003.png")
    cut(root / "b" / "007.png")
    (root / "b" / "009.png").write_text("no image")
    (root / "a" / "011.png").unlink()
    write_images(root / "b", 1, (10, 12), name="013.png")
    data = load(root, strict=False)
    assert len(data.samples) == 35
    assert torch.equal(data.inputs.samples, 255 - data.samples)
    assert "unreadable, left out: 5" in told(data)
    for name in ("a/003.png: ", "b/007.png: ", "b/009.png: not an image", "b/011.png: none of that name in a/"):
        assert name in told(data)
    assert "a/013.png: 12 x 12 pixels, and its partner b/013.png has 10 x 12" in told(data)
    assert load(root, strict=False).fingerprint == data.fingerprint


def names_differ(root: Path) -> None:
    (root / "b" / "005.png").rename(root / "b" / "x05.png")


def sizes_differ(root: Path) -> None:
    write_images(root / "b", 1, (10, 12), name="004.png")


def an_empty_side(root: Path) -> None:
    for file in (root / "b").iterdir():
        file.unlink()


def one_folder(root: Path) -> None:
    (root / "b").rename(root / "a" / "b")


def three_folders(root: Path) -> None:
    write_images(root / "masks", 3)


def a_stray_image(root: Path) -> None:
    write_images(root, 1, name="stray.png")


def a_corrupt_file(root: Path) -> None:
    cut(root / "b" / "006.png")


def one_name_twice(root: Path) -> None:
    write_images(root / "a", 1, name="000.bmp")


def nothing_matches(root: Path) -> None:
    for file in (root / "b").iterdir():
        file.rename(root / "b" / f"x{file.name}")


def only_held_out(root: Path) -> None:
    for side in "ab":
        (root / side).rename(root / f"old{side}")
        (root / side).mkdir()
        (root / f"old{side}").rename(root / side / "test")


BAD: list[tuple[Callable[[Path], None], list[str]]] = [
    (names_differ, ["39 of 41 names are in both a/ and b/", "a/005.png: none of that name in b/", "strict=false"]),
    (sizes_differ, ["a/004.png: 12 x 12 pixels, and its partner b/004.png has 10 x 12"]),
    (an_empty_side, ["images in one folder only; b/ holds none; data.pairs takes two folders"]),
    (three_folders, ["3 folders of images (a/, b/, masks/)"]),
    (a_stray_image, ["stray.png lies beside a/, b/"]),
    (a_corrupt_file, ["b/006.png: ", "data.pairs.strict=false"]),
    (one_name_twice, ["a/000.bmp and a/000.png are two images of one name"]),
    (nothing_matches, ["0 of 80 names are in both", "data.sides takes images that are not paired"]),
    (only_held_out, ["all 40 images are in val/ or test/"]),
]


@pytest.mark.parametrize(("spoil", "words"), BAD, ids=[spoil.__name__ for spoil, _ in BAD])
def test_bad_pairs_are_told_in_a_line(tmp_path: Path, spoil: Callable[[Path], None], words: list[str]) -> None:
    spoil(two_folders(tmp_path))
    with pytest.raises(RequestError) as refused:
        load(tmp_path)
    for word in [str(tmp_path), *words]:
        assert word in str(refused.value)
    assert "\n" not in str(refused.value)


def test_halves_of_odd_width(tmp_path: Path) -> None:
    halves(tmp_path / "p")
    write_images(tmp_path / "p", 1, (8, 17), name="odd.png")
    with pytest.raises(RequestError, match=r"odd.png: 17 pixels wide, which is odd"):
        load(tmp_path / "p")
    assert len(load(tmp_path / "p", strict=False).samples) == 30


def test_one_folder_within_a_folder(tmp_path: Path) -> None:
    one_folder(two_folders(tmp_path))
    with pytest.raises(RequestError, match="lies beside b/"):
        load(tmp_path)


def test_a_file_is_no_folder(tmp_path: Path) -> None:
    write_images(tmp_path, 1, name="x.png")
    with pytest.raises(RequestError, match=r"x.png: a file; data.pairs.path takes a folder or a .zip"):
        load(tmp_path / "x.png")
    with pytest.raises(RequestError, match="y.png: no such file.*did you mean 'x.png'"):
        load(tmp_path / "y.png")


def test_real_maps(shared: Path) -> None:
    data = load(shared / "image-to-image" / "maps.zip", size=32)
    assert (len(data.train), len(data.heldout)) == (200, 50)
    photo, map_ = (side.samples.float().mean() for side in sides(data))
    assert photo < 120 < 200 < map_  # photos from the air are dark, maps are bright
