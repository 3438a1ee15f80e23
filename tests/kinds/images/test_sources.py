"""Reading people's data: every format, and what is said of it."""

from __future__ import annotations

import gzip
import struct
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from sparring.base.errors import RequestError
from sparring.data import DataSet
from sparring.kinds.images import digits as toys
from sparring.kinds.images.sources import Cifar10, Digits, FashionMnist, Images, Mnist, peek
from sparring.kinds.images.stacked import StackedDigits
from sparring.kinds.points.sources import Grid, Ring
from sparring.recipe.request import options_of
from tests.conftest import write_images


def write_idx(path: Path, array: np.ndarray) -> Path:
    head = b"\0\0\x08" + bytes([array.ndim]) + struct.pack(f">{array.ndim}I", *array.shape)
    with gzip.open(path, "wb") if path.suffix == ".gz" else path.open("wb") as file:
        file.write(head + array.astype(np.uint8).tobytes())
    return path


def mnist_folder(folder: Path, train: int = 40, test: int = 12) -> Path:
    folder.mkdir()
    source = np.random.default_rng(0)
    for name, count in (("train", train), ("t10k", test)):
        write_idx(folder / f"{name}-images-idx3-ubyte.gz", source.integers(0, 256, (count, 8, 6)))
        write_idx(folder / f"{name}-labels-idx1-ubyte.gz", np.arange(count) % 4)
    return folder


def load(path: Path, **options: object) -> DataSet:
    return Images(path=str(path), **options).load()  # type: ignore[arg-type]


def test_a_flat_folder(pictures: Path) -> None:
    data = load(pictures)
    assert data.samples.shape == (40, 3, 12, 12)
    assert data.samples.dtype == torch.uint8
    assert data.labels is None
    assert (len(data.train), len(data.heldout)) == (30, 10)
    first = np.asarray(Image.open(pictures / "000.png")).transpose(2, 0, 1)
    assert np.array_equal(data.samples[0].numpy(), first)
    told = "\n".join(data.found.lines())
    for part in ("40 samples", "12 x 12 (40)", "RGB (40)", "duplicates: none", "labels: none"):
        assert part in told


def test_class_folders_become_labels_below_any_common_folder(tmp_path: Path) -> None:
    for number, name in enumerate(("cat", "dog", "eel")):
        write_images(tmp_path / "set" / "all" / name / "more", 6 + number, seed=number)
    data = load(tmp_path / "set")
    assert data.label_names == ("cat", "dog", "eel")
    assert torch.bincount(data.labels).tolist() == [6, 7, 8]
    assert "labels: 3 (cat 6, dog 7, eel 8)" in "\n".join(data.found.lines())
    assert load(tmp_path / "set", labels=False).labels is None


def test_a_folder_for_each_image_is_no_class(tmp_path: Path) -> None:
    for number in range(30):
        write_images(tmp_path / f"person{number}", 1, seed=number)
    assert load(tmp_path).labels is None


def test_a_zip_is_read_like_the_folder_it_was_made_of(tmp_path: Path) -> None:
    for number, name in enumerate(("a", "b")):
        write_images(tmp_path / "set" / name, 12, seed=number)
    with zipfile.ZipFile(tmp_path / "set.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        for file in sorted((tmp_path / "set").rglob("*.png")):
            archive.write(file, file.relative_to(tmp_path))
        archive.writestr("__MACOSX/._junk.png", b"junk")
        archive.writestr("set/readme.txt", b"text")
    folder, packed = load(tmp_path / "set"), load(tmp_path / "set.zip")
    assert torch.equal(folder.samples, packed.samples)
    assert torch.equal(folder.labels, packed.labels)
    assert folder.fingerprint == packed.fingerprint
    assert "other files, left alone: 1" in packed.found.notes


@pytest.mark.parametrize("fit", ["crop", "resize", "pad"])
def test_mixed_sizes_by_rule(tmp_path: Path, fit: str) -> None:
    write_images(tmp_path / "p", 10, (20, 30))
    write_images(tmp_path / "p", 10, (16, 10), name="tall{:03d}.png", seed=1)
    assert load(tmp_path / "p", fit=fit).shape == (3, 16, 16)  # the median shorter side, 15, to a multiple of 4
    assert load(tmp_path / "p", fit=fit, largest=8).shape == (3, 8, 8)
    assert load(tmp_path / "p", fit=fit, size=(12, 20)).shape == (3, 12, 20)
    assert load(tmp_path / "p", fit=fit, size=24).shape == (3, 24, 24)


def test_what_fitting_does_to_a_picture(tmp_path: Path) -> None:
    """Left half black, right half white, twice as wide as high."""
    wide = np.zeros((8, 16), np.uint8)
    wide[:, 8:] = 255
    for number in range(24):
        marked = wide.copy()
        marked[0, 7] = number * 5
        Image.fromarray(marked).save(tmp_path / f"{number:02d}.png")
    crop = load(tmp_path, size=8, fit="crop").samples[0, 0]
    assert (float(crop[4, 1]), float(crop[4, 6])) == (0, 255)
    squeezed = load(tmp_path, size=8, fit="resize").samples[0, 0]
    assert (float(squeezed[4, 1]), float(squeezed[4, 6])) == (0, 255)
    padded = load(tmp_path, size=8, fit="pad").samples[0, 0]
    assert abs(float(padded[0, 4]) - 127) < 6  # bars of the mean grey
    assert float(padded[4, 1]) < 10


def test_one_size_is_kept_and_non_square_images_stay_so(tmp_path: Path) -> None:
    write_images(tmp_path / "p", 24, (18, 26))
    assert load(tmp_path / "p").shape == (3, 18, 26)
    assert load(tmp_path / "p", largest=13).shape == (3, 8, 12)


@pytest.mark.parametrize(("mode", "channels"), [("L", 1), ("LA", 2), ("RGB", 3), ("RGBA", 4)])
def test_one_to_four_channels(tmp_path: Path, mode: str, channels: int) -> None:
    assert load(write_images(tmp_path / "p", 24, mode=mode)).shape == (channels, 12, 12)


def test_sixteen_bits_keep_their_range_both_ways(tmp_path: Path) -> None:
    source = np.random.default_rng(0)
    kept = []
    for number in range(30):
        array = source.integers(300, 4000, (9, 7)).astype(np.uint16)
        array[0, 0], array[0, 1] = 300, 3999
        kept.append(array)
        Image.fromarray(array).save(tmp_path / f"{number:02d}.png")
    data = load(tmp_path)
    assert (data.codec.depth, data.codec.low, data.codec.high) == ("uint16", 300, 3999)
    assert np.array_equal(data.samples[:, 0].numpy(), np.stack(kept))
    seen = data.codec.encode(data.samples)
    assert (float(seen.min()), float(seen.max())) == (-1, 1)
    assert torch.equal(data.codec.decode(seen), data.samples)


def test_rotated_photos_are_turned_upright(tmp_path: Path) -> None:
    source = np.random.default_rng(0)
    for number in range(24):
        image = Image.fromarray(source.integers(0, 256, (8, 16, 3), dtype=np.uint8))
        exif = image.getexif()
        exif[0x0112] = 6
        image.save(tmp_path / f"{number:02d}.png", exif=exif)
    assert load(tmp_path).shape == (3, 16, 8)


def test_npz_in_every_layout(tmp_path: Path) -> None:
    source = np.random.default_rng(0)
    images = source.integers(0, 256, (30, 8, 10, 5), dtype=np.uint8)
    np.savez(tmp_path / "five.npz", images=images, labels=np.array(["x", "y", "z"] * 10))
    data = load(tmp_path / "five.npz")
    assert data.shape == (5, 8, 10)
    assert data.label_names == ("x", "y", "z")
    assert np.array_equal(data.samples[3].numpy(), images[3].transpose(2, 0, 1))
    np.savez(tmp_path / "grey.npz", images[..., 0])
    assert load(tmp_path / "grey.npz").shape == (1, 8, 10)
    np.savez(tmp_path / "first.npz", other=images[..., :3].transpose(0, 3, 1, 2))
    data = load(tmp_path / "first.npz")
    assert data.shape == (3, 8, 10)
    assert any("[n, channels, height, width]" in note for note in data.found.notes)
    np.savez(tmp_path / "float.npz", source.normal(0, 9, (30, 8, 8)))
    data = load(tmp_path / "float.npz")
    assert data.codec.depth == "float32"
    torch.testing.assert_close(data.codec.decode(data.codec.encode(data.samples)), data.samples, atol=1e-4, rtol=0)
    np.savez(tmp_path / "deep.npz", images=source.integers(0, 65536, (30, 8, 8, 3)).astype(np.uint16))
    assert load(tmp_path / "deep.npz").codec.depth == "uint16"
    assert load(tmp_path / "deep.npz", size=4).shape == (3, 4, 4)


def test_idx_with_labels_and_the_test_part_held_out(tmp_path: Path) -> None:
    folder = mnist_folder(tmp_path / "set")
    for path in (folder, folder / "train-images-idx3-ubyte.gz"):
        data = load(path)
        assert data.samples.shape == (52, 1, 8, 6)
        assert data.heldout.tolist() == list(range(40, 52))
        assert data.split == "the official test part"
        assert torch.bincount(data.labels).tolist() == [13] * 4
    (folder / "t10k-images-idx3-ubyte.gz").unlink()
    assert len(load(folder).heldout) == 10


def test_cifar_batches(tmp_path: Path) -> None:
    source = np.random.default_rng(0)
    for name, count in (("data_batch_1", 30), ("data_batch_2", 20), ("test_batch", 10)):
        records = source.integers(0, 256, (count, 3073), dtype=np.uint8)
        records[:, 0] %= 10
        records.tofile(tmp_path / f"{name}.bin")
    data = load(tmp_path)
    assert (len(data.train), len(data.heldout), data.shape) == (50, 10, (3, 32, 32))
    assert data.label_names[3] == "cat"
    alone = load(tmp_path / "data_batch_1.bin")
    assert (len(alone.train), len(alone.heldout)) == (30, 10)
    record = np.fromfile(tmp_path / "data_batch_1.bin", np.uint8)[:3073]
    assert np.array_equal(alone.samples[0].numpy().ravel(), record[1:])
    assert int(alone.labels[0]) == record[0]


def test_held_out_by_content_keeps_copies_together(tmp_path: Path) -> None:
    folder = write_images(tmp_path / "p", 100)
    for number in range(30):
        (folder / f"copy{number:03d}.png").write_bytes((folder / f"{number:03d}.png").read_bytes())
    data = load(folder)
    assert data.found.duplicates == 30
    train = {data.samples[n].numpy().tobytes() for n in data.train}
    held = {data.samples[n].numpy().tobytes() for n in data.heldout}
    assert train.isdisjoint(held)
    assert len(data.train) + len(data.heldout) == 130
    assert 20 <= len(data.heldout) <= 22


def test_the_split_goes_by_content_not_by_name_or_order(tmp_path: Path) -> None:
    folder = write_images(tmp_path / "p", 60)
    before = {bytes(load(folder).samples[n].numpy()) for n in load(folder).heldout}
    for number, file in enumerate(sorted(folder.iterdir())):
        file.rename(folder / f"z{(number * 37) % 60:03d}.png")
    after = load(folder)
    assert {bytes(after.samples[n].numpy()) for n in after.heldout} == before


@pytest.mark.parametrize(("count", "fraction", "held"), [(1000, 0.1, 100), (100, 0.1, 20), (40, 0.1, 10), (60, 0.0, 0)])
def test_how_many_are_held_out(tmp_path: Path, count: int, fraction: float, held: int) -> None:
    images = np.random.default_rng(0).integers(0, 256, (count, 4, 4), dtype=np.uint8)
    np.savez(tmp_path / "x.npz", images)
    assert len(load(tmp_path / "x.npz", held_out=fraction).heldout) == held


def test_limit_leaves_the_held_out_part_alone() -> None:
    whole, few = Digits().load(), Digits(limit=100).load()
    assert len(few.train) == 100
    assert torch.equal(few.heldout, whole.heldout)
    assert few.fingerprint != whole.fingerprint


def test_unreadable_files_are_left_out_by_name_when_asked(pictures: Path) -> None:
    (pictures / "cut.png").write_bytes((pictures / "000.png").read_bytes()[:150])
    (pictures / "note.png").write_text("not an image")
    Image.new("RGB", (12, 12), "red").save(pictures / "jpeg.png", "JPEG")
    data = load(pictures, strict=False)
    assert len(data.samples) == 41  # the JPEG under a wrong name is read as what it is
    told = "\n".join(data.found.lines())
    assert "unreadable, left out: 2" in told
    assert "note.png: not an image" in told
    assert "cut.png" in told


def test_digits_are_the_whole_of_scikit_learns() -> None:
    data = Digits().load()
    assert data.samples.shape == (1797, 1, 8, 8)
    assert (int(data.samples.min()), int(data.samples.max())) == (0, 255)
    assert (len(data.train), len(data.heldout), data.classes) == (1617, 180, 10)
    assert data.fingerprint == "24fb467adc399c5e45f495aac1e1bb531b9f66b33c1efb9b967e935a4739c5f7"  # runs resume by it


def test_digits_read_from_the_file_are_those_of_scikit_learns_reader(monkeypatch: pytest.MonkeyPatch) -> None:
    images, labels = toys.sklearn_digits()
    monkeypatch.setattr(toys, "find_spec", lambda name: None)
    others, other_labels = toys.sklearn_digits()
    assert torch.equal(images, others)
    assert torch.equal(labels, other_labels)


@pytest.mark.parametrize(("options", "modes"), [(Ring(count=4000), 8), (Grid(count=4000), 25)])
def test_toy_points_lie_at_their_modes(options: Ring | Grid, modes: int) -> None:
    data = options.load()
    assert data.modes is not None
    assert data.modes.centres.shape == (modes, 2)
    offset = data.samples - data.modes.centres[data.labels]
    assert float(offset.std()) == pytest.approx(data.modes.sigma, rel=0.05)
    assert float(data.codec.encode(data.samples).abs().max()) == pytest.approx(1.0)
    torch.testing.assert_close(data.codec.decode(data.codec.encode(data.samples)), data.samples, atol=1e-5, rtol=0)


def test_stacked_digits_hold_out_whole_digits() -> None:
    data = StackedDigits(count=3000).load()
    assert data.shape == (3, 8, 8)
    assert data.classes == 1000
    singles = Digits().load()
    images = [singles.samples[n, 0].numpy().tobytes() for n in range(len(singles.samples))]
    label = dict(zip(images, singles.labels.tolist(), strict=True))
    of = {
        part: {c.numpy().tobytes() for n in getattr(data, part) for c in data.samples[n]}
        for part in ("train", "heldout")
    }
    assert of["train"].isdisjoint(of["heldout"])
    for number in (0, 1500, 2999):
        code = [label[channel.numpy().tobytes()] for channel in data.samples[number]]
        assert int(data.labels[number]) == code[0] * 100 + code[1] * 10 + code[2]


def test_named_sets_are_read_from_the_folder_that_a_variable_names(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from sparring.base.cache import digest
    from sparring.kinds.images import named

    folder = mnist_folder(tmp_path / "fashion-mnist", 60, 20)
    sums = {file: digest(folder / file, unpacked=True) for file in named._FASHION}
    monkeypatch.setenv("SPARRING_DATA", str(tmp_path))
    with pytest.raises(RequestError, match="SHA-256 of its content"):
        FashionMnist().load()
    monkeypatch.setattr(named, "_FASHION", sums)
    data = FashionMnist().load()
    assert data.shape == (1, 8, 6)
    monkeypatch.setenv("SPARRING_DATA", str(tmp_path / "nowhere"))
    with pytest.raises(RequestError, match="no such folder"):
        Mnist().load()


def test_named_sets_are_downloaded_once_into_the_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from sparring.base.cache import digest
    from sparring.kinds.images import named

    folder = mnist_folder(tmp_path / "server")
    monkeypatch.setenv("SPARRING_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(named, "_MNIST_URL", folder.as_uri() + "/")
    monkeypatch.setattr(named, "_MNIST", {f: digest(folder / f, unpacked=True) for f in named._MNIST})
    first = Mnist().load()
    for file in folder.iterdir():
        file.unlink()
    assert Mnist().load().fingerprint == first.fingerprint  # the second time, from the cache
    broken = tmp_path / "cache" / "mnist" / "t10k-labels-idx1-ubyte.gz"
    broken.write_bytes(gzip.compress(b"other"))
    with pytest.raises(RequestError, match="SHA-256"):
        Mnist().load()
    assert not broken.exists()
    with pytest.raises(RequestError, match="cannot fetch .*put the file at"):
        Mnist().load()


def test_cifar_is_unpacked_from_its_archive(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import tarfile

    from sparring.base.cache import digest
    from sparring.kinds.images import named

    inside = tmp_path / "cifar-10-batches-bin"
    inside.mkdir()
    for name in ("data_batch_1", "test_batch"):
        records = np.random.default_rng(0).integers(0, 10, (20, 3073), dtype=np.uint8)
        records.tofile(inside / f"{name}.bin")
    with tarfile.open(tmp_path / "packed.tar.gz", "w:gz") as archive:
        archive.add(inside, inside.name)
    monkeypatch.setenv("SPARRING_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(named, "_CIFAR_URL", (tmp_path / "packed.tar.gz").as_uri())
    monkeypatch.setattr(named, "_CIFAR_SHA256", digest(tmp_path / "packed.tar.gz"))
    assert len(Cifar10().load().heldout) == 20


def test_looking_at_a_path_before_choosing_a_recipe(tmp_path: Path, pictures: Path) -> None:
    assert peek(pictures) == (40, 12)
    assert peek(mnist_folder(tmp_path / "set")) == (52, 8)


def test_data_from_the_command_line_keeps_the_recipes_other_options(pictures: Path) -> None:
    base = {"images": {"path": "x", "size": 8, "mirror": True}}
    assert options_of(str(pictures), base) == {"images": {"path": str(pictures), "size": 8, "mirror": True}}
    assert options_of("fashion_mnist", base) == {"fashion_mnist": {"mirror": True}}
    assert options_of("ring", base) == {"ring": {}}
    rows = {"table": {"limit": 100, "held_out": 0.2}}
    assert options_of("mnist", rows) == {"mnist": {"limit": 100, "held_out": 0.2}}


def test_real_files_are_read(shared: Path) -> None:
    faces = load(shared / "faces" / "lfw-aligned-112-subset.zip", largest=64)
    assert faces.samples.shape == (2500, 3, 64, 64)
    assert faces.labels is None
    medical = load(shared / "medical" / "brain-tumor-mri.zip", size=32, channels=1, strict=False)
    assert medical.samples.shape == (253, 1, 32, 32)
    assert medical.found.duplicates >= 25
    assert medical.label_names == ("no", "yes")
    assert load(shared / "cifar10").samples.shape == (4000, 3, 32, 32)


def test_the_pinned_sums_are_those_of_the_real_files(shared: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SPARRING_DATA", str(shared))
    assert len(Mnist().load().samples) == len(FashionMnist().load().samples) == 70_000
    assert len(Cifar10().load().samples) == 4000


def test_limit_takes_from_all_classes(tmp_path: Path) -> None:
    for number, name in enumerate(("cat", "dog")):
        write_images(tmp_path / "set" / name, 40, seed=number)
    data = load(tmp_path / "set", limit=20)
    shown = torch.bincount(data.labels[data.train])
    assert shown.sum() == 20
    assert shown.min() >= 5


@pytest.mark.parametrize("fit", ["crop", "resize", "pad"])
def test_arrays_are_fitted_as_files_are(tmp_path: Path, fit: str) -> None:
    """Wide images with a bright middle: cropping keeps the middle, padding the whole with a margin."""
    images = np.zeros((30, 16, 32), np.uint8)
    images[:, :, 8:24] = 200
    images[:, 0, 16] = np.arange(30)
    np.savez(tmp_path / "x.npz", images=images)
    samples = load(tmp_path / "x.npz", size=16, fit=fit).samples.float()
    assert samples.shape == (30, 1, 16, 16)
    mean = samples[:, :, 6:10].mean((0, 1, 2))
    if fit == "crop":
        assert (mean > 190).all()
    elif fit == "resize":
        assert (mean[5:11] > 190).all()
        assert (mean[:3] < 10).all()
    else:
        assert (samples[:, :, 0] - samples[:, :, 1]).abs().max() == 0  # the margin has one colour


def test_a_zip_that_names_its_own_root_is_read(tmp_path: Path, pictures: Path) -> None:
    with zipfile.ZipFile(tmp_path / "x.zip", "w") as archive:
        archive.writestr("./", b"")
        for file in sorted(pictures.iterdir()):
            archive.write(file, f"./{file.name}")
    assert len(load(tmp_path / "x.zip").samples) == 40


def test_sixteen_bits_are_grey(tmp_path: Path) -> None:
    (tmp_path / "deep").mkdir()
    for number in range(4):
        Image.fromarray(np.full((8, 8), 300 * number, np.uint16)).save(tmp_path / "deep" / f"{number}.png")
    with pytest.raises(RequestError, match="16 bits are read as grey"):
        load(tmp_path / "deep", channels=3)
