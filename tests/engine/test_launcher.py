"""What comes of processes that end in different ways."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from sparring.base.errors import RequestError, SparringError, TrainingError
from sparring.engine.launcher import End, _judged
from sparring.engine.ranks import Lost

DONE, LOST = End("done", "result"), End("explained", Lost("another is gone"))
REQUEST, TRAINING = End("explained", RequestError("batch: no")), End("explained", TrainingError("diverged"))
KILLED, STATUS = End("killed", -9), End("killed", 1)


@pytest.mark.parametrize(
    ("ends", "error", "told"),
    [
        ({1: LOST, 0: REQUEST}, RequestError, "batch: no"),
        ({0: LOST, 1: TRAINING}, TrainingError, "diverged"),
        ({1: TRAINING, 0: REQUEST}, RequestError, "batch: no"),  # the first process's comes first
        (
            {0: LOST, 1: KILLED},
            TrainingError,
            "process 1 of the training was ended by SIGKILL; .* the same command goes on",
        ),
        ({1: STATUS}, TrainingError, "process 1 of the training ended with status 1"),
        ({0: LOST, 1: End("bug", "Traceback: it")}, RuntimeError, "process 1 of the training failed:\nTraceback: it"),
        ({1: End("unborn", 1), 0: LOST}, RequestError, "belong under if __name__ == '__main__':"),
        ({0: LOST, 1: LOST}, TrainingError, "another is gone"),
    ],
)
def test_the_end_that_explains_the_others_is_told(ends: dict[int, End], error: type[Exception], told: str) -> None:
    with pytest.raises(error, match=told) as caught:
        _judged(ends, stopped=False)
    assert not isinstance(caught.value, SparringError) or "\n" not in str(caught.value)


def test_the_first_process_decides_how_well_it_went() -> None:
    assert _judged({0: DONE, 1: DONE}, stopped=True) == "result"
    assert _judged({0: DONE, 1: LOST}, stopped=False) == "result"
    with pytest.raises(KeyboardInterrupt):
        _judged({0: KILLED, 1: KILLED}, stopped=True)
    with pytest.raises(RequestError):
        _judged({0: REQUEST, 1: KILLED}, stopped=True)


def test_a_script_without_a_guard_is_told_so(tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text("from sparring.engine.launcher import run_processes\nrun_processes(2, print)\n")
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    ended = subprocess.run([sys.executable, script], capture_output=True, text=True, timeout=60, env=environment)
    assert ended.returncode == 1
    assert "its own calls belong under if __name__ == '__main__':" in ended.stderr.splitlines()[-1]
