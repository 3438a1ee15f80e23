"""Decoded samples beyond the memory budget lie in a file of the cache, whole or not at all."""

from __future__ import annotations

import errno
import json
import os
import re
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch import Tensor

from sparring.base.errors import RequestError
from sparring.data import DataSet, Found, ValueCodec, store
from sparring.data.dataset import assemble, contents_of, split_by_content
from sparring.data.samplefile import SampleFile, blocks_of
from sparring.engine.budget import amount, device_budget, machine_budget
from sparring.kinds.images.sources import Images, Mnist
from tests.conftest import write_images
from tests.kinds.images.test_sources import mnist_folder


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache of its own, and no room for samples in memory."""
    monkeypatch.setenv("SPARRING_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("SPARRING_DATA_MEMORY", "0")
    return tmp_path / "cache" / "samples"


def in_memory(monkeypatch: pytest.MonkeyPatch, options: Images) -> DataSet:
    with monkeypatch.context() as patch:
        patch.setenv("SPARRING_DATA_MEMORY", "1GB")
        patch.setenv("SPARRING_CACHE", "/proc/none")
        return options.load()


def arrays(folder: Path) -> dict[str, tuple[Path, dict[str, object]]]:
    source = np.random.default_rng(0)
    np.savez(
        folder / "bytes.npz", images=source.integers(0, 256, (60, 9, 7, 3), dtype=np.uint8), labels=np.arange(60) % 3
    )
    np.savez_compressed(folder / "deep.npz", images=source.integers(0, 4000, (60, 9, 7), dtype=np.uint16))
    np.savez_compressed(folder / "floats.npz", x=source.random((60, 3, 9, 8)))
    np.savez(folder / "fortran.npz", images=np.asfortranarray(source.integers(0, 256, (60, 9, 7, 3), dtype=np.uint8)))
    records = source.integers(0, 10, (60, 3073)).astype(np.uint8)
    (folder / "some.bin").write_bytes(records.tobytes())
    for number, name in enumerate(("cat", "dog")):
        write_images(folder / "photos" / name, 15, (10 + number, 12), seed=number)
    (folder / "photos" / "cat" / "bad.png").write_bytes(b"no image")
    with zipfile.ZipFile(folder / "photos.zip", "w") as archive:
        for file in sorted((folder / "photos").rglob("*.png")):
            archive.write(file, file.relative_to(folder))
    return {
        "bytes": (folder / "bytes.npz", {}),
        "bytes, fitted": (folder / "bytes.npz", {"size": 6}),
        "deep": (folder / "deep.npz", {}),
        "floats": (folder / "floats.npz", {"range": "unit"}),
        "fortran": (folder / "fortran.npz", {}),
        "idx": (mnist_folder(folder / "idx"), {}),
        "cifar": (folder / "some.bin", {}),
        "folder": (folder / "photos", {"strict": False}),
        "folder, padded": (folder / "photos", {"strict": False, "fit": "pad", "size": 8}),
        "zip": (folder / "photos.zip", {"strict": False}),
    }


KINDS = ["bytes", "bytes, fitted", "deep", "floats", "fortran", "idx", "cifar", "folder", "folder, padded", "zip"]


@pytest.mark.parametrize("kind", KINDS)
def test_every_source_gives_the_same_data_from_a_file(
    tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    path, fields = arrays(tmp_path)[kind]
    options = Images(path=str(path), **fields)  # type: ignore[arg-type]
    monkeypatch.setattr("sparring.data.samplefile.BLOCK_BYTES", 1000)  # several blocks
    made, again, plain = options.load(), options.load(), in_memory(monkeypatch, options)
    assert len([entry for entry in cache.iterdir() if entry.is_dir()]) == 1
    for data in (made, again):
        assert data.file is not None
        assert data.fingerprint == plain.fingerprint
        assert torch.equal(data.samples, plain.samples)
        assert torch.equal(data.train, plain.train)
        assert torch.equal(data.heldout, plain.heldout)
        assert (data.labels is None) == (plain.labels is None)
        assert data.labels is None or torch.equal(data.labels, plain.labels)
        assert [line for line in data.found.lines() if not line.startswith("memory-mapped")] == plain.found.lines()
        assert any(line.startswith("memory-mapped: ") for line in data.found.lines())
    assert plain.file is None


def test_the_second_time_nothing_is_decoded(pictures: Path, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = Images(path=str(pictures)).load()

    def fail(*arguments: object) -> None:
        raise AssertionError("decoded")

    monkeypatch.setattr("sparring.data.pictures.reading.head_of", fail)
    assert Images(path=str(pictures)).load().fingerprint == first.fingerprint
    with pytest.raises(AssertionError, match="decoded"):
        Images(path=str(pictures), size=8).load()  # other options, other samples


def test_with_more_memory_they_are_read_into_it_without_being_decoded(
    pictures: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mapped = Images(path=str(pictures)).load()
    monkeypatch.setenv("SPARRING_DATA_MEMORY", str(40 * 3 * 12 * 12))  # just enough
    monkeypatch.setattr("sparring.data.pictures.reading.head_of", None)
    plain = Images(path=str(pictures)).load()
    assert plain.file is None
    assert plain.fingerprint == mapped.fingerprint
    monkeypatch.setenv("SPARRING_DATA_MEMORY", str(40 * 3 * 12 * 12 - 1))
    assert Images(path=str(pictures)).load().file is not None


def test_a_changed_source_is_decoded_anew(pictures: Path) -> None:
    first = Images(path=str(pictures)).load()
    write_images(pictures, 1, seed=9)  # 000.png, of another content
    os.utime(pictures / "000.png", ns=(1, 1))
    changed = Images(path=str(pictures)).load()
    assert not torch.equal(changed.samples[0], first.samples[0])
    assert torch.equal(changed.samples[1:], first.samples[1:])


@pytest.mark.parametrize("damage", ["cut short", "no about", "about is no JSON", "about of another kind"])
def test_what_is_not_whole_is_made_anew(pictures: Path, cache: Path, damage: str) -> None:
    whole = Images(path=str(pictures)).load()
    (folder,) = (entry for entry in cache.iterdir() if entry.is_dir())
    if damage == "cut short":
        os.truncate(folder / store.SAMPLES, 100)
    elif damage == "no about":
        (folder / store.ABOUT).unlink()
    else:
        (folder / store.ABOUT).write_text("{" if damage == "about is no JSON" else json.dumps({"count": 40}))
    assert store.find(folder.name) is None
    assert Images(path=str(pictures)).load().fingerprint == whole.fingerprint
    assert store.find(folder.name) is not None


def test_a_process_killed_while_it_decodes_leaves_nothing_that_is_taken(pictures: Path, cache: Path) -> None:
    program = f"""
import os, signal
from sparring.data.pictures import reading
from sparring.kinds.images.sources import Images
before, calls = reading.fitted, []
def fitted(*arguments):
    calls.append(1)
    if len(calls) == 20:
        os.kill(os.getpid(), signal.SIGKILL)
    return before(*arguments)
reading.fitted = fitted
Images(path={str(pictures)!r}).load()
"""
    assert subprocess.run([sys.executable, "-c", program], timeout=120).returncode == -9
    (part,) = (entry for entry in cache.iterdir() if entry.is_dir())
    assert part.name.startswith(".part-")
    assert Images(path=str(pictures)).load().file is not None
    (folder,) = (entry for entry in cache.iterdir() if entry.is_dir())
    assert folder.name == part.name.removeprefix(".part-")


def test_a_full_disk_is_said_before_anything_is_decoded(
    pictures: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shutil.disk_usage", lambda path: SimpleNamespace(free=10))
    with pytest.raises(
        RequestError, match=r"SPARRING_CACHE: 0 MB of decoded samples cannot be written .*0 MB are free"
    ):
        Images(path=str(pictures)).load()
    assert not [entry for entry in cache.iterdir() if entry.is_dir()]


def test_a_disk_that_fills_up_is_one_line_and_leaves_nothing(tmp_path: Path, cache: Path) -> None:
    """The limit on a file's size stands for the disk's end."""
    write_images(tmp_path / "large", 40, (64, 64))
    program = f"""
import resource
from sparring.base.errors import RequestError
from sparring.kinds.images.sources import Images
resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, 200_000))
try:
    Images(path={str(tmp_path / "large")!r}).load()
except RequestError as error:
    print(error)
"""
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=120)
    assert re.fullmatch(
        rf"SPARRING_CACHE: 0 MB of decoded samples cannot be written below {re.escape(str(cache))} "
        rf"\({re.escape(os.strerror(errno.EFBIG))}\); make room, .*SPARRING_DATA_MEMORY.*\n",
        ended.stdout,
    ), (ended.stdout, ended.stderr)
    assert not [entry for entry in cache.iterdir() if entry.is_dir()]


def test_a_cache_that_cannot_be_written_is_one_line(pictures: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SPARRING_CACHE", "/proc/none")
    with pytest.raises(RequestError, match="SPARRING_CACHE: .* cannot be written below /proc/none/samples"):
        Images(path=str(pictures)).load()


def test_errors_in_the_source_are_the_sources_own(tmp_path: Path, cache: Path) -> None:
    values = np.random.default_rng(0).random((40, 8, 8))
    values[30, 2, 2] = np.nan
    np.savez(tmp_path / "nan.npz", images=values)
    with pytest.raises(RequestError, match="1 of 2560 values are not finite"):
        Images(path=str(tmp_path / "nan.npz")).load()
    assert not [entry for entry in cache.iterdir() if entry.is_dir()]


def test_processes_that_decode_at_once_do_it_once(pictures: Path, cache: Path) -> None:
    program = (
        f"from sparring.kinds.images.sources import Images; print(Images(path={str(pictures)!r}).load().fingerprint)"
    )
    runs = [subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True) for _ in range(2)]
    told = {run.communicate(timeout=120)[0] for run in runs}
    assert told == {Images(path=str(pictures)).load().fingerprint + "\n"}
    assert len([entry for entry in cache.iterdir() if entry.is_dir()]) == 1


def test_named_sets_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mnist_folder(tmp_path / "mnist")
    monkeypatch.setenv("SPARRING_DATA", str(tmp_path))
    monkeypatch.setattr("sparring.kinds.images.named._check", lambda path, sha256: None)
    assert Mnist().load().file is not None


def sample_file(path: Path, samples: Tensor) -> SampleFile:
    path.write_bytes(samples.numpy().tobytes())
    return SampleFile(path, len(samples), tuple(samples.shape[1:]), samples.dtype)


@pytest.mark.parametrize("dtype", [torch.uint8, torch.int32, torch.float32])
def test_a_sample_file_is_the_tensor(tmp_path: Path, dtype: torch.dtype, monkeypatch: pytest.MonkeyPatch) -> None:
    samples = (torch.rand(50, 2, 3) * 200).to(dtype)
    file = sample_file(tmp_path / "x", samples)
    assert torch.equal(file.tensor, samples)
    for numbers in ([], [49], [3, 3, 0, 49, 7, 3]):
        index = torch.tensor(numbers, dtype=torch.int64)
        assert torch.equal(file.rows(index), samples[index])
    monkeypatch.setattr("sparring.data.samplefile.BLOCK_BYTES", samples[:7].nbytes)
    blocks = list(file.blocks())
    assert [len(block) for block in blocks] == [7] * 7 + [1]
    assert torch.equal(torch.cat(blocks), samples)
    assert torch.equal(torch.cat(list(blocks_of(samples))), samples)
    with pytest.raises(IndexError):
        file.rows(torch.tensor([50]))


def test_writing_into_the_tensor_does_not_reach_the_file(tmp_path: Path) -> None:
    samples = torch.arange(12, dtype=torch.uint8).view(6, 2)
    file = sample_file(tmp_path / "x", samples)
    file.tensor[0] = 99
    assert torch.equal(file.rows(torch.tensor([0])), samples[:1])


def test_a_file_cut_short_while_in_use_is_said(tmp_path: Path) -> None:
    file = sample_file(tmp_path / "x", torch.zeros(2000, 8, dtype=torch.uint8))
    os.truncate(tmp_path / "x", 1000)
    with pytest.raises(RequestError, match="x: was cut short while in use"):
        file.rows(torch.tensor([1999]))


def test_the_split_is_that_of_sorted_hashes() -> None:
    """Against the same written with sets: the contents of lowest hash, copies with their originals."""
    source = torch.Generator().manual_seed(0)
    samples = torch.randint(0, 12, (300, 2), generator=source, dtype=torch.uint8)  # 144 contents, many copies

    def blocks() -> Iterator[Tensor]:
        yield from torch.split(samples, 37)

    contents = contents_of(blocks(), len(samples))
    hashes = [bytes(one).ljust(16, b"\0") for one in contents.hashes.tolist()]
    assert contents.duplicates == 300 - len(set(hashes))
    for fraction in (0.0, 0.1, 0.25):
        wanted = min(max(round(fraction * 300), 20), 75) if fraction else 0
        taken: set[bytes] = set()
        for one in sorted(set(hashes)):
            if sum(hashes.count(other) for other in taken) < wanted:
                taken.add(one)
        train, held = split_by_content(contents, fraction)
        assert held.tolist() == [n for n, one in enumerate(hashes) if one in taken]
        assert sorted([*train.tolist(), *held.tolist()]) == list(range(300))


@pytest.mark.parametrize(
    ("count", "fraction", "held", "told"),
    [
        (3, 0.1, 0, "a quarter of the samples, which are fewer than 80, by number"),
        (23, 0.2, 5, "a quarter of the samples, which are fewer than 80, by number"),
        (79, 0.1, 19, "a quarter of the samples, which are fewer than 80, by number"),
        (80, 0.1, 20, "0.1 of the samples, at least 20, at most a quarter, by number"),
        (150, 0.01, 20, "0.01 of the samples, at least 20, at most a quarter, by number"),
        (1000, 0.1, 100, "0.1 of the samples, at least 20, at most a quarter, by number"),
        (23, 0, 0, "none of the samples, by number"),
        (500, 0, 0, "none of the samples, by number"),
    ],
)
def test_what_is_held_out_is_what_the_sentence_says(count: int, fraction: float, held: int, told: str) -> None:
    samples = torch.arange(float(count))[:, None]
    found = Found("numbers")
    codec = ValueCodec("points", (1,), "float32", 0.0, float(count))
    data = assemble("numbers", samples, None, codec, found, by_number=True, fraction=fraction)
    assert (len(data.heldout), data.split) == (held, told)
    assert found.notes[-1] == f"held out for scores: {held} ({told}); training: {count - held:,}"


def test_amounts_of_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    assert [amount(text) for text in ("0", "15", "2KB", "1.5 MB", "8gb")] == [0, 15, 2000, 1_500_000, 8_000_000_000]
    assert [amount(text) for text in ("", "much", "-3", "5 apples", "1e9")] == [None] * 5
    monkeypatch.setenv("SPARRING_DEVICE_MEMORY", "3MB")
    assert device_budget(torch.device("cpu")) == 3_000_000
    monkeypatch.setenv("SPARRING_DATA_MEMORY", "much")
    with pytest.raises(RequestError, match="SPARRING_DATA_MEMORY: 'much' is no amount of memory; write it as 500MB"):
        machine_budget()
    monkeypatch.delenv("SPARRING_DATA_MEMORY")
    assert machine_budget() > 1_000_000
