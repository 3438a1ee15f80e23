"""Whole trainings in two processes: what they leave is what one leaves, and they end together, whatever comes."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

import sparring
from sparring import processes, ranks
from sparring.errors import RequestError, TrainingError
from sparring.rundir import RunDir, read_lines
from tests.rank_cases import InfiniteInTheSecond, Own
from tests.test_ranks import at_most
from tests.test_training import EVERYTHING, assert_same_state, final_state, flat, recipe_file

ENVIRONMENT = os.environ | {"OMP_NUM_THREADS": "1"}
PATIENCE_S = 60
LONG = EVERYTHING | {"steps": 120, "save_every": 10, "log_every": 11, "score": {"metrics": []}}


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
def test_stopped_and_killed_it_goes_on_to_the_same_bits(tmp_path: Path, through: Path) -> None:
    run = RunDir(tmp_path / "run")

    def at(step: int) -> Callable[[], bool]:
        return lambda: bool(run.saved_steps()) and run.saved_steps()[-1] >= step

    # Ctrl-C, to the process that watches alone: all end after the same step, with a checkpoint
    process = begun(recipe_file(tmp_path, **LONG), "--out", run.path, "--devices", 2)
    until(at(10), process)
    process.send_signal(signal.SIGINT)
    said = process.communicate(timeout=PATIENCE_S)[1]
    assert process.returncode == 0, said
    assert said.count("stopping after this step") == 1
    assert "the same command goes on" in said
    stopped = run.saved_steps()[-1]
    assert 10 <= stopped < 120

    # SIGKILL to one that is not the first; how many there are is remembered
    process = begun("--out", run.path)
    until(at(stopped + 10), process)
    trained_by = children(process.pid)
    assert len(trained_by) == 2
    os.kill(trained_by[1], signal.SIGKILL)
    said = process.communicate(timeout=PATIENCE_S)[1]
    assert process.returncode == 3, said
    assert said.splitlines()[-1].startswith("sparring: process 1 of the training was ended by SIGKILL")
    assert "Traceback" not in said
    assert all(gone(one) for one in trained_by)
    killed = run.saved_steps()[-1]

    # SIGKILL to the process that watches: those that train do not live on
    process = begun("--out", run.path)
    until(at(killed + 10), process)
    trained_by = children(process.pid)
    process.kill()
    process.communicate(timeout=PATIENCE_S)
    until(lambda: all(gone(one) for one in trained_by))
    assert run.saved_steps()[-1] < 120

    with at_most(PATIENCE_S):
        sparring.train(out=run.path, quiet=True)
    assert_same_state(final_state(through), final_state(run.path))
    assert [line["step"] for line in run.read_log()] == [line["step"] for line in RunDir(through).read_log()]


def test_processes_of_another_launcher_join(tmp_path: Path, through: Path) -> None:
    """With the variables that torchrun sets, as on several machines: the first trains aloud, the other in silence."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = str(probe.getsockname()[1])
    place = {
        "WORLD_SIZE": "2",
        "LOCAL_WORLD_SIZE": "1",
        "LOCAL_RANK": "0",
        "MASTER_ADDR": "127.0.0.1",
        "MASTER_PORT": port,
    }
    recipe = recipe_file(tmp_path, **LONG)
    both = [
        begun(recipe, "--out", tmp_path / "run", env=ENVIRONMENT | place | {"RANK": rank, "GROUP_RANK": rank})
        for rank in ("0", "1")
    ]
    said = [process.communicate(timeout=PATIENCE_S)[1] for process in both]
    assert [process.returncode for process in both] == [0, 0], said
    assert "step 120 of 120" in said[0]
    assert said[1] == ""
    assert_same_state(final_state(through), final_state(tmp_path / "run"))


def test_a_fall_in_one_process_is_a_fall_of_all(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """And a time as budget is measured by all, and own networks travel."""
    recipe = recipe_file(tmp_path, save_every=4, steps=16, score={"metrics": []})
    with at_most(PATIENCE_S):
        run = sparring.train(
            recipe, out=tmp_path / "run", devices=2, generator=InfiniteInTheSecond(at=15), discriminator=Own()
        )
    assert run.step == 16
    (finding,) = read_lines(run.dir.findings)
    assert (finding["symptom"], finding["attempt"], finding["back_to_step"]) == ("diverged", 1, 4)
    assert capfd.readouterr().err.count("going back to step 4, attempt 1") == 1
    assert isinstance(run.generator, InfiniteInTheSecond)
    with at_most(PATIENCE_S):
        longer = sparring.train(
            out=run.path, for_="1s", devices=1, generator=InfiniteInTheSecond(at=0), discriminator=Own()
        )
    assert longer.step >= 16
    assert "devices: 2 when the run began, now 1" in capfd.readouterr().err


def test_a_time_as_budget_is_measured_by_all(tmp_path: Path) -> None:
    recipe = recipe_file(tmp_path, score={"metrics": []})
    with at_most(PATIENCE_S):
        run = sparring.train(recipe, out=tmp_path / "run", for_="1s", devices=2, quiet=True)
    assert run.recipe.budget == "1s"
    assert run.step == run.recipe.steps > 12


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


def test_a_script_without_a_guard_is_told_so(tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text(
        f"import sparring\nsparring.train({recipe_file(tmp_path)!r}, out={str(tmp_path / 'run')!r}, devices=2)\n"
    )
    ended = subprocess.run(
        [sys.executable, script], capture_output=True, text=True, timeout=PATIENCE_S, env=ENVIRONMENT
    )
    assert ended.returncode == 1
    assert "its own calls belong under if __name__ == '__main__':" in ended.stderr.splitlines()[-1]


def test_an_error_of_any_process_comes_out(tmp_path: Path) -> None:
    """Of the first: its own words. Of another: that it failed, with its traceback."""
    recipe = recipe_file(
        tmp_path, discriminator={"net": {"dense": {"widths": [16]}}, "optimiser": {"sgd": {"lr": 1e30}}}
    )
    with at_most(PATIENCE_S), pytest.raises(TrainingError, match="diverged at step .* 4 times from step 0 on"):
        sparring.train(recipe, out=tmp_path / "run", devices=2, quiet=True)
    assert len(read_lines(tmp_path / "run" / "findings.jsonl")) == 4
    record = json.loads((tmp_path / "run" / "environment.json").read_text())
    assert record["plan"]["threads"] == 1
