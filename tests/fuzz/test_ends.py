"""How commands end from outside: Ctrl-C at any time, a reader that goes away, a full disk. In processes of their own."""

from __future__ import annotations

import errno
import os
import random
import signal
import subprocess
import sys
import time
import zipfile
from collections.abc import Sequence
from pathlib import Path

import pytest

from sparring import api, cli
from sparring.base import files
from sparring.base.errors import RequestError
from sparring.kinds.tables.augment import synthesis
from sparring.runs import session
from tests.fuzz.world import FIXTURES

ALL = os.environ.get("SPARRING_FUZZ") == "all"
TINY = (
    "steps=200000",
    "batch=8",
    "score.metrics=[]",
    "doctor=off",
    "plan=plain",
    "save_every=50",
    "sample_every=200000",
)


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    with zipfile.ZipFile(FIXTURES / "digits.zip") as packed:
        packed.extractall(tmp_path / "old")
    return tmp_path


def begun(*words: str, options: Sequence[str] = ()) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, *options, "-m", "sparring", *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # which a shell's background jobs ignore
    )


def ended(process: subprocess.Popen[str]) -> tuple[int, str]:
    """Its status and what else it said on standard error, of which lines on imports are none."""
    _, err = process.communicate(timeout=120)
    return process.returncode, "\n".join(line for line in err.splitlines() if not line.startswith("import time:"))


def left(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if ".part-" in path.name)


@pytest.mark.parametrize(
    ("module", "words"), [("", ("recipes",)), ("sparring.cli", ("recipes",)), ("torch.autograd", ("show", "ring"))]
)
def test_ctrl_c_while_modules_are_imported(module: str, words: tuple[str, ...], place: Path) -> None:
    with begun(*words, options=("-X", "importtime")) as process:
        assert process.stderr is not None
        for line in process.stderr:
            if line.rstrip().endswith(" sparring.base.system"):
                process.stderr.readline()  # the first import behind our first line that can do anything
                break
        while module and not process.stderr.readline().rstrip().endswith(f" {module}"):
            pass
        process.send_signal(signal.SIGINT)
        assert ended(process) == (130, "")


def test_ctrl_c_leaves_nothing_half_written(place: Path) -> None:
    with begun("sample", str(place / "old" / "run"), "--count", "20000", "--to", str(place / "made")) as process:
        while not left(place) and process.poll() is None:
            time.sleep(0.002)
        assert left(place)
        process.send_signal(signal.SIGINT)
        assert ended(process) == (130, "")
    assert left(place) == []
    assert not (place / "made").exists()


def test_a_stopped_training_is_not_done_and_goes_on(place: Path) -> None:
    with begun("train", "ring", "--out", "run", *TINY) as process:
        while not list(place.glob("run/checkpoints/step-*5*")) and process.poll() is None:
            time.sleep(0.01)
        process.send_signal(signal.SIGINT)
        status, err = ended(process)
    assert status == 130
    assert "the same command goes on" in err.splitlines()[-1]
    assert left(place) == []


@pytest.mark.skipif(not ALL, reason="for make fuzz")
@pytest.mark.parametrize("seed", range(60))
def test_ctrl_c_at_any_time(seed: int, place: Path) -> None:
    run, source = str(place / "old" / "run"), random.Random(seed)
    verbs = (("recipes",), ("show", "digits"), ("sample", run, "--count", "3000", "--to", "made"), ("diagnose", run), ("report", run),
             ("train", "ring", *TINY), ("evaluate", run, "--metrics", "fid", "--extractor", "pixels"))  # fmt: skip
    verb = source.choice(verbs)
    with begun(*verb, options=("-X", "importtime")) as process:
        assert process.stderr is not None
        for line in process.stderr:
            if line.rstrip().endswith("sparring.base.system"):
                break
        time.sleep(source.uniform(0, 0.5 if verb == ("recipes",) else 8))
        process.send_signal(signal.SIGINT)
        status, err = ended(process)
    assert status in (130, 0), (verb, err)
    assert "Traceback" not in err, verb
    assert left(place) == [], verb


def shell(line: str) -> subprocess.CompletedProcess[str]:
    command = line.replace("sparring", f"{sys.executable} -m sparring")
    return subprocess.run(["bash", "-c", command], capture_output=True, text=True, timeout=120)


@pytest.mark.parametrize(
    ("line", "status", "told"),
    [
        ("sparring recipes | head -1; exit ${PIPESTATUS[0]}", 0, ""),
        ("sparring recipes digits | true; exit ${PIPESTATUS[0]}", 0, ""),
        ("sparring --help > /dev/full", 2, "sparring: standard output cannot be written (No space left on device)\n"),
        ("sparring recipes > /dev/full", 2, "sparring: standard output cannot be written (No space left on device)\n"),
        ("sparring recipes >&-", 0, ""),
        ("sparring nosuch 2> /dev/full", 2, ""),
        ("sparring nosuch 2>&-", 2, ""),
        ("sparring nosuch 2>&1 | true; exit ${PIPESTATUS[0]}", 2, ""),
    ],
)
def test_output_that_goes_nowhere(line: str, status: int, told: str, place: Path) -> None:
    found = shell(line)
    assert (found.returncode, found.stderr) == (status, told)


def test_a_training_outlives_its_reader(place: Path) -> None:
    words = " ".join(word for word in TINY if "steps" not in word)
    assert shell(f"sparring train ring --out run steps=30 {words} 2>&1 | true; exit ${{PIPESTATUS[0]}}").returncode == 0
    assert (place / "run" / "report.html").exists()


@pytest.mark.parametrize("at", ["environment.json", "log.jsonl", "step-0000030"])
def test_a_disk_that_is_full_from_the_start(
    at: str, place: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """One line and status 2; with room, the same command goes on."""
    real = files.write_file, files.append_line
    full = [True]

    def refuse(path: Path) -> None:
        if full[0] and at in str(path):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))

    def write_file(path: Path, content: str | bytes) -> None:
        refuse(path)
        real[0](path, content)

    def append_line(path: Path, line: dict[str, object]) -> None:
        refuse(path)
        real[1](path, line)

    for module in list(sys.modules.values()):
        if getattr(module, "__name__", "").startswith("sparring"):
            for name, new in (("write_file", write_file), ("append_line", append_line)):
                if getattr(module, name, None) is real[name == "append_line"]:
                    monkeypatch.setattr(module, name, new)
    assert session.write_file is write_file
    words = ["sparring", "train", "ring", "--out", "run", "steps=30", *TINY[1:-2]]
    monkeypatch.setattr(sys, "argv", words)
    with pytest.raises(SystemExit) as end:
        cli.main()
    err = capfd.readouterr().err
    assert end.value.code == 2
    assert "No space left on device" in err.splitlines()[-1]
    assert err.splitlines()[-1].startswith("sparring: ")
    full[0] = False
    with pytest.raises(SystemExit) as end:
        cli.main()
    assert end.value.code == 0, capfd.readouterr().err
    assert (place / "run" / "report.html").exists()


def test_a_disk_that_is_full_while_rows_are_made(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(path: Path, *more: object, **others: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))

    monkeypatch.setattr(synthesis, "write_table", full)
    rows = "".join(f"{20 + k % 40},{'FM'[k % 2]},{('low', 'high')[k % 3 == 0]}\n" for k in range(120))
    (place / "people.csv").write_text("age,sex,income\n" + rows)
    with pytest.raises(RequestError, match=r"rows\.csv: cannot be written \(No space left .* the same command goes on"):
        api.augment(
            data=place / "people.csv", target="income", out=place / "gans", models=["linear"], for_="5steps", quiet=True
        )
