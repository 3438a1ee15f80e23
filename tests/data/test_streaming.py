"""Data larger than memory: the same batches, weights and scores as from memory, in memory that does not grow."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

import sparring
from sparring.base.draws import Key
from sparring.base.files import read_lines
from sparring.base.rundir import RunDir
from sparring.data import Batches, DataSet, Rows
from sparring.data.rows import Ahead
from sparring.data.samplefile import SampleFile
from sparring.kinds.images.sources import Images
from sparring.runs import session
from sparring.runs.timing import asked_now
from tests.conftest import small_recipe

CPU = torch.device("cpu")
QUIET = session.Talk(quiet=True)
Load = Callable[..., DataSet]


@pytest.fixture
def images(tmp_path: Path) -> Path:
    """300 images of 3 x 8 x 8 with three labels."""
    source = np.random.default_rng(0)
    path = tmp_path / "images.npz"
    np.savez(path, images=source.integers(0, 256, (300, 8, 8, 3), dtype=np.uint8), labels=np.arange(300) % 3)
    return path


@pytest.fixture
def load(images: Path, monkeypatch: pytest.MonkeyPatch) -> Load:
    """Loads them into memory, or from a file."""

    def loaded(*, mapped: bool, **options: Any) -> DataSet:
        monkeypatch.setenv("SPARRING_DATA_MEMORY", "0" if mapped else "1GB")
        monkeypatch.setenv("SPARRING_CACHE", str(images.parent / ("mapped" if mapped else "none")))
        data = Images(path=str(images), **options).load()
        assert (data.file is not None) == mapped
        return data

    return loaded


@pytest.fixture(params=["in a thread", "by the system"])
def ahead_by(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both ways of reading ahead, whatever the size of a batch."""
    monkeypatch.setattr("sparring.data.rows.SMALL", -1 if request.param == "in a thread" else 2**40)


@pytest.fixture
def in_a_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sparring.data.rows.SMALL", -1)


@pytest.mark.usefixtures("ahead_by")
def test_batches_from_a_file_are_those_from_memory(load: Load) -> None:
    def batches(mapped: bool) -> Batches:
        data = load(mapped=mapped, mirror=True)
        return Batches(Rows(data, data.train, CPU), 16, Key(1))

    plain, streamed = batches(False), batches(True)
    assert streamed.rows.streams
    assert not plain.rows.streams
    for _ in range(40):  # beyond an epoch
        mine, other = next(streamed), next(plain)
        assert torch.equal(mine.samples, other.samples)
        assert torch.equal(mine.labels, other.labels)
        for rows in (slice(0, 5), slice(5, 16)):
            assert torch.equal(mine.part(rows).samples, other.part(rows).samples)
            assert torch.equal(mine.part(rows).part(slice(1, 3)).samples, other.part(rows).part(slice(1, 3)).samples)
    assert torch.equal(streamed.rows.encoded(torch.tensor([7, 0])), plain.rows.encoded(torch.tensor([7, 0])))


@pytest.mark.usefixtures("in_a_thread")
def test_a_batch_nobody_looks_at_is_not_read_and_one_in_parts_is_read_once(load: Load) -> None:
    data = load(mapped=True)
    rows, read = Rows(data, data.train, CPU), []
    before = rows.gathered
    rows.gathered = lambda index: (read.append(len(index)), before(index))[1]  # type: ignore[method-assign]
    batches = Batches(rows, 16, Key(1))
    batch = next(batches)
    assert read == []
    for first in range(0, 16, 4):
        assert batch.part(slice(first, first + 4)).samples.shape == (4, 3, 8, 8)
    assert batch.labels is not None
    batches._ahead._pool.shutdown()  # type: ignore[union-attr]
    assert read == [16, 16]  # this one, and the next


def after(gaps: Sequence[int], repeats: int) -> list[int]:
    """Positions that follow each other by these gaps, again and again."""
    return np.cumsum([0, *list(gaps) * repeats]).tolist()


@pytest.mark.usefixtures("in_a_thread")
@pytest.mark.parametrize(
    ("gaps", "misses"),
    [([1], 1), ([2], 2), ([1, 1, 1, 1, 2], 12), ([1, 3], 12)],
    ids=["every batch", "each second", "five moves and one that skips", "two gaps"],
)
def test_the_next_batch_is_foretold_once_the_pattern_was_seen(load: Load, gaps: list[int], misses: int) -> None:
    data = load(mapped=True)
    rows = Rows(data, data.train, CPU)
    ahead = Ahead(rows, lambda position: torch.tensor([position % 200, 3]))
    positions = after(gaps, 20)
    for position in positions:
        expected = data.samples[data.train[torch.tensor([position % 200, 3])]]
        assert torch.equal(ahead.take(position), expected)
    assert ahead.hits >= len(positions) - misses


def test_rows_of_small_batches_are_announced_to_the_system(load: Load, monkeypatch: pytest.MonkeyPatch) -> None:
    data = load(mapped=True)
    announced: list[list[int]] = []
    before = SampleFile.announce
    monkeypatch.setattr(
        SampleFile, "announce", lambda file, numbers: (announced.append(numbers.tolist()), before(file, numbers))[1]
    )
    ahead = Ahead(Rows(data, data.train, CPU), lambda position: torch.tensor([position, 3]))
    for position in (4, 6, 8):
        assert torch.equal(ahead.take(position), data.samples[data.train[torch.tensor([position, 3])]])
    assert announced == [data.train[torch.tensor([position, 3])].tolist() for position in (5, 8, 10)]
    assert ahead.hits == 0


@pytest.mark.usefixtures("ahead_by")
def test_going_back_is_no_trouble(load: Load) -> None:
    data = load(mapped=True)
    ahead = Ahead(Rows(data, data.train, CPU), lambda position: torch.tensor([position]))
    for position in (5, 6, 2, 2, 3):
        assert torch.equal(ahead.take(position), data.samples[data.train[position]][None])


def test_rows_in_memory_are_not_copied_for_a_cpu(load: Load) -> None:
    data = load(mapped=False)
    whole = Rows(data, torch.arange(len(data.samples)), CPU)
    assert whole.stored(torch.tensor([1])).data_ptr() != data.samples.data_ptr()
    part = Rows(data, data.train, CPU)
    held = {name: value.data_ptr() for name, value in vars(part).items() if isinstance(value, Tensor)}
    assert set(held) <= {"labels", "_numbers"}
    assert whole._resident is not None
    assert whole._resident.data_ptr() == data.samples.data_ptr()


EVERYTHING: dict[str, Any] = {
    "game": {"from_noise": {"labels": "projection", "latent": {"normal": {"size": 8}}}},
    "discriminator": {
        "net": {"dcgan": {"widths": [8], "kernel": 3}},
        "surgery": {"dropout": {"rate": {"adaptive": {"adjust": 3000}}}},
        "terms": {"r1": {"weight": 0.1, "every": 3}},
        "moves": 2,
    },
    "microbatch": 5,
    "score": {"extractor": "classifier"},
}
"""A run that reads in parts, several times a step, and at probes; the features are learned from the data too."""


@pytest.mark.usefixtures("ahead_by")
@pytest.mark.parametrize("objective", ["non_saturating", "relativistic"])
def test_weights_and_scores_are_those_of_the_run_in_memory(images: Path, load: Load, objective: str) -> None:
    recipe = small_recipe(data={"images": {"path": str(images), "mirror": True}}, objective=objective, **EVERYTHING)
    states, scores = [], []
    for mapped in (False, True):
        load(mapped=mapped)  # and the run will, too
        run = session.begin(RunDir(images.parent / f"run{mapped}"), recipe, None, "cpu", None, {}, QUIET)
        states.append(run.dir.load(12))
        scores.append(read_lines(run.dir.scores)[0]["scores"])
    assert states[0]["data"] == states[1]["data"]
    for net in ("generator", "discriminator"):
        assert states[0]["nets"][net].keys() == states[1]["nets"][net].keys()
        for name, tensor in states[0]["nets"][net].items():
            assert torch.equal(tensor, states[1]["nets"][net][name]), name
    assert scores[0] == scores[1]


def test_a_run_from_memory_goes_on_from_a_file(images: Path, load: Load) -> None:
    recipe = small_recipe(data={"images": {"path": str(images)}}, score={"metrics": []})
    weights = []
    for mapped in (False, True):
        out = images.parent / f"run{mapped}"
        load(mapped=False)
        session.begin(RunDir(out), recipe, asked_now("6steps"), "cpu", None, {}, QUIET)
        load(mapped=mapped)
        weights.append(sparring.train(out=out, for_="12steps", quiet=True).dir.load(12)["nets"]["generator"])
    assert all(torch.equal(tensor, weights[1][name]) for name, tensor in weights[0].items())


@pytest.mark.usefixtures("ahead_by")
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU")
@pytest.mark.parametrize("mapped", [False, True])
def test_a_gpu_gets_the_same_batches_resident_and_moved(
    load: Load, monkeypatch: pytest.MonkeyPatch, mapped: bool
) -> None:
    data, device = load(mapped=mapped), torch.device("cuda")
    resident = Batches(Rows(data, data.train, device), 16, Key(1))
    monkeypatch.setenv("SPARRING_DEVICE_MEMORY", "0")
    moved = Batches(Rows(data, data.train, device), 16, Key(1))
    assert (resident.rows.streams, moved.rows.streams) == (False, True)
    plain = Batches(Rows(data, data.train, CPU), 16, Key(1))
    for _ in range(40):
        batches = [next(each).samples for each in (resident, moved, plain)]
        assert torch.equal(batches[0], batches[1])
        assert torch.equal(batches[0].cpu(), batches[2])


GROWTH = """
import json, re, sys
from pathlib import Path
from sparring.engine import Engine, choose_plan
from sparring.kinds.images.sources import Images
from sparring.recipe.build import build
from tests.conftest import small_recipe

def trained(path):
    data = Images(path=path).load()
    recipe = small_recipe(data={"images": {"path": path}}, batch=64)
    match = build(recipe, data, Engine(choose_plan("cpu", "fp32", images=True)))
    steps = match.play()
    for _ in range(30):
        match.take(next(steps))
    return data.file is not None, int(re.search(r"VmHWM:\\s+(\\d+) kB", Path("/proc/self/status").read_text())[1]) * 1024

small, large = trained(sys.argv[1]), trained(sys.argv[2])
print(json.dumps([small[0], large[0], large[1] - small[1]]))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc; what getrusage tells begins with the parent's peak")
def test_peak_memory_does_not_grow_with_the_data(tmp_path: Path) -> None:
    """From 10 MB of samples, decoded, hashed, split and trained on, to 160 MB."""
    source, sizes = np.random.default_rng(0), {"small": 10_000, "large": 160_000}
    for name, count in sizes.items():
        np.savez(tmp_path / f"{name}.npz", images=source.integers(0, 256, (count, 32, 32), dtype=np.uint8))
    grown = {}
    for budget in ("0", "10GB"):
        ended = subprocess.run(
            [sys.executable, "-c", GROWTH, *(str(tmp_path / f"{name}.npz") for name in sizes)],
            capture_output=True, text=True, timeout=300, cwd=Path(__file__).parents[2],
            env=dict(os.environ, SPARRING_DATA_MEMORY=budget, SPARRING_CACHE=str(tmp_path / "cache")),
        )  # fmt: skip
        assert ended.returncode == 0, ended.stderr
        small, large, grown[budget] = json.loads(ended.stdout)
        assert small == large == (budget == "0")
    more = (sizes["large"] - sizes["small"]) * 32 * 32
    assert grown["0"] < 0.15 * more
    assert grown["10GB"] > 0.7 * more  # so that the test can see samples in memory
