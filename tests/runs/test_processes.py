"""Whole trainings in two processes: what they leave is what one leaves, and they end together, whatever comes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

import sparring
from sparring.base.errors import RequestError, TrainingError
from sparring.base.files import read_lines
from sparring.base.rundir import RunDir
from sparring.engine import ranks
from sparring.engine.launcher import free_port
from sparring.runs import processes
from tests.engine.rank_cases import InfiniteInTheSecond, Own
from tests.engine.test_ranks import at_most
from tests.runs.test_training import EVERYTHING, assert_same_state, final_state, flat, recipe_file

ENVIRONMENT = os.environ | {"OMP_NUM_THREADS": "1"}
PATIENCE_S = 60
LONG = EVERYTHING | {"steps": 48, "save_every": 6, "log_every": 11, "score": {"metrics": []}}


def command(*words: object) -> list[str]:
    return [sys.executable, "-m", "sparring", "train", *map(str, words)]


def begun(*words: object, env: dict[str, str] = ENVIRONMENT) -> subprocess.Popen[str]:
    return subprocess.Popen(command(*words), stderr=subprocess.PIPE, text=True, env=env)


def until(ready: Callable[[], bool], process: subprocess.Popen[str] | None = None) -> None:
    end = time.monotonic() + PATIENCE_S
    while not ready():
        assert process is None or process.poll() is None, process.communicate()[1]
        assert time.monotonic() < end
        time.sleep(0.005)


def children(process: int) -> list[int]:
    """The processes that train, by rank."""
    found = [int(word) for word in Path(f"/proc/{process}/task/{process}/children").read_text().split()]
    return [one for one in found if b"spawn_main" in Path(f"/proc/{one}/cmdline").read_bytes()]


def gone(process: int) -> bool:
    try:
        return Path(f"/proc/{process}/stat").read_text().split(") ")[1][0] == "Z"
    except FileNotFoundError:
        return True


@pytest.fixture(scope="module")
def through(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run in two processes that nobody disturbed."""
    folder = tmp_path_factory.mktemp("through")
    with at_most(PATIENCE_S):
        return sparring.train(recipe_file(folder, **LONG), out=folder / "run", devices=2, quiet=True).path


def test_two_processes_leave_what_one_leaves(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    recipe = recipe_file(tmp_path, log_every=1, **{k: EVERYTHING[k] for k in ("game", "generator", "ema")})
    with at_most(PATIENCE_S):
        two = sparring.train(recipe, out=tmp_path / "two", devices=2)
    said = capfd.readouterr().err
    assert said.count("step 12 of 12") == said.count("scores of ") == said.count("report: ") == 1
    one = sparring.train(recipe, out=tmp_path / "one", quiet=True)
    names = [sorted(str(p.relative_to(r.path)) for r in (run,) for p in r.path.rglob("*")) for run in (one, two)]
    assert names[0] == names[1]
    assert two.environment["plan"]["devices"] == 2
    for first, second in zip(one.log, two.log, strict=True):
        assert first.keys() == second.keys()
        for name in first:
            if not name.startswith(("seconds", "images_per_s", "memory")):
                assert second[name] == pytest.approx(first[name], rel=1e-4, abs=1e-4), name
    assert one.scores.keys() == two.scores.keys()
    for name, score in one.scores.items():
        assert two.scores[name]["value"] == pytest.approx(score["value"], rel=1e-3), name
    wanted, found = (flat(final_state(run.path)["average"]) for run in (one, two))
    for name, tensor in wanted.items():
        torch.testing.assert_close(found[name], tensor, rtol=1e-3, atol=1e-4)


@pytest.mark.skipif(not Path("/proc/self/task").is_dir(), reason="looks processes up in /proc")
def test_stopped_and_killed_it_goes_on_to_the_same_bits(
    tmp_path: Path, through: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    run = RunDir(tmp_path / "run")

    def at(step: int) -> Callable[[], bool]:
        return lambda: bool(run.saved_steps()) and run.saved_steps()[-1] >= step

    def when(step: int, act: Callable[[], None]) -> None:
        threading.Thread(target=lambda: (until(at(step)), act()), daemon=True).start()

    # Ctrl-C, to the process that watches alone: all end after the same step, with a checkpoint
    when(6, lambda: os.kill(os.getpid(), signal.SIGINT))
    with at_most(PATIENCE_S):
        halted = sparring.train(recipe_file(tmp_path, **LONG), out=run.path, devices=2)
    said = capfd.readouterr().err
    assert said.count("stopping after this step") == 1
    assert f"stopped at step {halted.step} of 48; the same command goes on" in said
    assert 6 <= halted.step < 48

    # SIGKILL to one that is not the first; how many there are is remembered
    trained_by: list[int] = []

    def kill_the_second() -> None:
        trained_by.extend(children(os.getpid()))
        os.kill(trained_by[1], signal.SIGKILL)

    when(halted.step + 6, kill_the_second)
    with at_most(PATIENCE_S), pytest.raises(TrainingError, match="^process 1 of the training was ended by SIGKILL"):
        sparring.train(out=run.path)
    assert len(trained_by) == 2
    assert all(gone(one) for one in trained_by)
    assert "Traceback" not in capfd.readouterr().err
    killed = run.saved_steps()[-1]

    # SIGKILL to the process that watches: those that train do not live on
    process = begun("--out", run.path)
    until(at(killed + 6), process)
    trained_by = children(process.pid)
    process.kill()
    process.communicate(timeout=PATIENCE_S)
    until(lambda: all(gone(one) for one in trained_by))
    assert run.saved_steps()[-1] < 48

    # The rest by another launcher, as on several machines: the first trains aloud, the other in silence
    said = launched_elsewhere("--out", run.path)
    assert "step 48 of 48" in said[0]
    assert said[1] == ""
    assert_same_state(final_state(through), final_state(run.path))
    assert [line["step"] for line in run.read_log()] == [line["step"] for line in RunDir(through).read_log()]


def launched_elsewhere(*words: object) -> list[str]:
    """The command in two processes with the variables that torchrun sets; what each said."""
    place = {
        "WORLD_SIZE": 2,
        "LOCAL_WORLD_SIZE": 1,
        "LOCAL_RANK": 0,
        "MASTER_ADDR": "127.0.0.1",
        "MASTER_PORT": free_port(),
    }
    both = [
        begun(
            *words,
            env=ENVIRONMENT | {name: str(it) for name, it in (place | {"RANK": rank, "GROUP_RANK": rank}).items()},
        )
        for rank in range(2)
    ]
    said = [process.communicate(timeout=PATIENCE_S)[1] for process in both]
    assert [process.returncode for process in both] == [0, 0], said
    return said


def test_a_fall_in_one_process_is_a_fall_of_all(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """Own networks travel, and a time as budget is measured by all."""
    recipe = recipe_file(tmp_path, save_every=4, score={"metrics": []})
    own = {"generator": InfiniteInTheSecond(at=15), "discriminator": Own()}
    with at_most(PATIENCE_S):
        run = sparring.train(recipe, out=tmp_path / "run", for_="2s-cpu", devices=2, **own)
    assert run.recipe.budget == "2s-cpu"
    assert run.step == run.recipe.steps > 12
    (finding,) = read_lines(run.dir.findings)
    assert (finding["symptom"], finding["attempt"], finding["back_to_step"]) == ("diverged", 1, 4)
    assert capfd.readouterr().err.count("going back to step 4, attempt 1") == 1
    assert isinstance(run.generator, InfiniteInTheSecond)
    longer = sparring.train(out=run.path, for_=f"{run.step + 4}steps", devices=1, **own)
    assert longer.step == run.step + 4
    assert "devices: 2 when the run began, now 1: equal but for rounding" in capfd.readouterr().err


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ({"devices": 0}, "devices: 0 is no number of processes; take 1 or more"),
        ({"devices": -2}, "devices: -2 is no number"),
        ({"devices": 3}, "batch: 16 has no 3 equal parts, one a device; try batch=15"),
        ({"devices": 32}, "batch: 16 has no 32 equal parts, one a device; try batch=32"),
        ({"devices": 2, "generator": nn.Sequential(nn.Linear(8, 64), nn.Tanh(), nn.Unflatten(1, (1, 8, 8)))}, None),
        ({"devices": 2, "device": "tpu"}, "device: 'tpu' is none of"),
    ],
)
def test_what_cannot_be_is_said_in_a_line(tmp_path: Path, words: dict[str, Any], told: str | None) -> None:
    if told is None:
        words["generator"].added = lambda: None  # lambdas do not travel
        told = "devices: what was given from Python cannot go to other processes"
    with pytest.raises(RequestError, match=told) as caught:
        sparring.train(recipe_file(tmp_path), out=tmp_path / "run", quiet=True, **words)
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "run").exists()


def test_more_devices_than_there_are(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    with pytest.raises(RequestError, match="devices: 4, and this machine has 2 of kind cuda; take devices=2"):
        processes._check_devices(4, "auto")
    processes._check_devices(2, "cuda")
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: True)
    with pytest.raises(RequestError, match="devices: 2, and this machine has 1 of kind mps"):
        processes._check_devices(2, "mps")


def test_another_number_than_the_launchers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, number in {"RANK": 0, "WORLD_SIZE": 4, "LOCAL_RANK": 0, "LOCAL_WORLD_SIZE": 2}.items():
        monkeypatch.setenv(name, str(number))
    assert ranks.launched() == (0, 4, 0, 2)
    with pytest.raises(RequestError, match="devices: 2, and the launcher started 4 processes; leave devices out"):
        sparring.train(recipe_file(tmp_path), out=tmp_path / "run", devices=2, quiet=True)
    monkeypatch.setenv("WORLD_SIZE", "four")
    with pytest.raises(RequestError, match="WORLD_SIZE: 'four' in the environment"):
        ranks.launched()
