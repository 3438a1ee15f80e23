"""What is imported when: PyTorch takes a second, Fabric another, and each is left alone until it is needed."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

HEAVY = (
    "torch",
    "lightning_fabric",
    "torchmetrics",
    "sklearn",
    "scipy",
    "matplotlib",
    "pandas",
    "jinja2",
    "optuna",
    "gradio",
)


def imported(program: str, *words: str, cwd: Path | None = None) -> set[str]:
    """Which heavy packages a program has imported when it ends, or calls `told()`."""
    head = f"""
import json, sys
def told():
    print("IMPORTED", json.dumps([name for name in {HEAVY} if name in sys.modules]))
sys.argv = ["sparring", *{list(words)}]
"""
    ended = subprocess.run([sys.executable, "-c", head + program], capture_output=True, text=True, cwd=cwd, timeout=120)
    lines = [line for line in ended.stdout.splitlines() if line.startswith("IMPORTED")]
    assert lines, ended.stderr
    return set(json.loads(lines[0].removeprefix("IMPORTED")))


COMMAND = """
from sparring.cli import main
try:
    main()
except SystemExit as end:
    assert end.code == {status}
told()
"""


def test_importing_sparring_imports_nothing_heavy() -> None:
    assert imported("import sparring; assert 'train' in dir(sparring); told()") == set()
    assert "torch" in imported("import sparring; sparring.train; told()")  # so that the probe can see it


@pytest.mark.parametrize(
    "words", [["--help"], ["train", "--help"], ["study", "--help"], ["recipes"], ["recipes", "image/small"]]
)
def test_verbs_that_only_tell_something_import_nothing_heavy(words: list[str]) -> None:
    assert imported(COMMAND.format(status=0), *words) == set()


def test_a_word_that_is_no_verb_is_refused_without_pytorch() -> None:
    assert imported(COMMAND.format(status=2), "trian") == set()


def test_using_a_run_does_without_the_training_engine() -> None:
    assert imported("import sparring.api; told()") == {"torch"}


def test_training_imports_nothing_else_up_to_its_first_step(tmp_path: Path) -> None:
    program = """
from sparring.runs import trainer
before = trainer.check_losses
def first(step):
    told()
    return before(step)
trainer.check_losses = first
"""
    words = ["train", "digits", "steps=1", "score.metrics=[]", "--out", "run"]
    found = imported(program + COMMAND.format(status=0), *words, cwd=tmp_path)
    assert found == {"torch", "lightning_fabric"}


def test_hiding_torchmetrics_from_fabric_leaves_it_importable() -> None:
    pytest.importorskip("torchmetrics")
    program = """
from sparring.engine import Engine, choose_plan
Engine(choose_plan("cpu", "fp32", images=True))
assert "torchmetrics" not in sys.modules
import torchmetrics
told()
"""
    assert "torchmetrics" in imported(program)
