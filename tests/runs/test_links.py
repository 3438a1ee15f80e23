"""A run directory that came from somebody else: nothing is written, removed or read through its links."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

import sparring
from sparring.base.checking import Damaged
from sparring.base.files import append_line, fresh, whole, write_file
from sparring.base.rundir import RunDir
from tests.house import make

OWN = ("recipe.yaml", "environment.json", "log.jsonl", "scores.jsonl", "findings.jsonl", "probes.jsonl", "report.html")
OWN += ("explore.html", "checkpoints", "samples", "untreated", "untreated-next", ".lock", "tensorboard")
INNER = ("samples/step-0000120.png", "checkpoints/step-0000120", "checkpoints/step-0000120/state.json")
INNER += ("checkpoints/step-0000120/state.safetensors", "untreated/recipe.yaml", "samples/step-0000200.png")
VERBS: dict[str, Callable[[], object]] = {
    "report": lambda: sparring.report("run"),
    "evaluate": lambda: sparring.evaluate("run", metrics="coverage", extractor="pixels", device="cpu"),
    "diagnose": lambda: sparring.diagnose("run"),
    "compare": lambda: sparring.compare("run", "run", out="page.html"),
    "sample": lambda: sparring.sample("run", 2, "made.npz", device="cpu"),
    "explore": lambda: sparring.explore("run", device="cpu"),
    "train": lambda: sparring.train(out="run", for_="121steps", device="cpu", quiet=True),
}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder, with a run, and beside it what is nobody's business."""
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    make.unpack("ring")
    return tmp_path


def precious(folder: Path, at: Path) -> Path:
    """A file or folder elsewhere that looks like what belongs at a place of the run, of which a link takes the place."""
    elsewhere = folder / "elsewhere"
    if at.is_dir():
        shutil.copytree(at, elsewhere)
        shutil.rmtree(at)
    elif at.exists():
        shutil.copyfile(at, elsewhere)
        at.unlink()
    elif at.suffix or at.name == ".lock":
        elsewhere.write_text("precious")
    else:
        elsewhere.mkdir()
    if elsewhere.is_dir():
        (elsewhere / ".part-tax").write_text("precious")
    at.parent.mkdir(exist_ok=True)
    at.symlink_to(elsewhere)
    return elsewhere


def content(path: Path) -> object:
    return {str(p): p.read_bytes() for p in path.rglob("*") if p.is_file()} if path.is_dir() else path.read_bytes()


@pytest.mark.parametrize("name", [*OWN, *INNER])
def test_no_verb_follows_a_link_out_of_a_run(folder: Path, name: str) -> None:
    elsewhere = precious(folder, Path("run") / name)
    before = content(elsewhere)
    for verb in VERBS.values():
        with pytest.raises(sparring.RequestError, match=rf"{name}: a symbolic link"):
            verb()
    assert content(elsewhere) == before


def test_a_link_that_leads_nowhere_makes_no_file(folder: Path) -> None:
    Path("run/findings.jsonl").symlink_to(folder / "new")
    with pytest.raises(sparring.RequestError, match="findings.jsonl: a symbolic link"):
        sparring.train(out="run", for_="121steps", device="cpu", quiet=True)
    assert not os.path.lexists(folder / "new")


def test_links_under_names_of_unfinished_files_are_let_alone(folder: Path) -> None:
    """Whoever made them could guess the names of ours, which are drawn now; what is left half written is tidied away,
    but not what a link leads to."""
    goal = folder / "goal"
    goal.mkdir()
    (goal / "keep").write_text("precious")
    for name in ("report.html", "scores.jsonl", "recipe.yaml", "0000121", "probe"):
        for place in ("run", "run/checkpoints", "run/samples"):
            (Path(place) / f".part-{name}").symlink_to(goal / "keep" if "." in name else goal)
    sparring.report("run")
    sparring.evaluate("run", metrics="coverage", extractor="pixels", device="cpu")
    assert content(goal) == {str(goal / "keep"): b"precious"}
    assert not list(Path("run").rglob(".part-*"))


def test_samples_leave_links_and_folders_of_others_alone(folder: Path) -> None:
    goal = folder / "goal"
    goal.mkdir()
    (goal / "keep").write_text("precious")
    Path(".part-rows.csv").symlink_to(goal / "keep")
    sparring.sample("run", 3, "rows.csv", device="cpu")
    shutil.rmtree("run")
    make.unpack("digits")
    Path(".part-made").symlink_to(goal)
    Path(".part-other").mkdir()
    Path(".part-other/mine.txt").write_text("mine")
    assert sparring.sample("run", 3, "made", device="cpu") == sparring.sample("run", 3, "other", device="cpu") == 3
    assert sorted(p.name for p in Path("other").iterdir()) == ["00000.png", "00001.png", "00002.png"]
    assert Path(".part-other/mine.txt").read_text() == "mine"
    assert content(goal) == {str(goal / "keep"): b"precious"}


def test_a_run_may_lie_behind_a_link_that_a_person_follows(folder: Path) -> None:
    shutil.move("run", folder / "disk")
    Path("run").symlink_to(folder / "disk")
    assert sparring.report("run").exists()


def test_names_of_unfinished_files_are_new_and_go(tmp_path: Path) -> None:
    target = tmp_path / ("x" * 240 + ".csv.gz")
    with whole(target) as part, pytest.raises(FileExistsError):
        os.close(os.open(part, os.O_CREAT | os.O_EXCL))
    assert [p.name for p in tmp_path.iterdir()] == [target.name]
    names: set[str] = set()
    for _ in range(3):
        with pytest.raises(KeyboardInterrupt):
            _interrupted(tmp_path / "made", names)
    assert len(names) == 3
    assert [p.name for p in tmp_path.iterdir()] == [target.name]
    write_file(tmp_path / "plain", "x")
    umask = os.umask(0o022)
    os.umask(umask)
    assert (tmp_path / "plain").stat().st_mode & 0o777 == 0o666 & ~umask


def _interrupted(target: Path, names: set[str]) -> None:
    with fresh(target, folder=True) as part:
        (part / "half").write_text("")
        names.add(part.name)
        raise KeyboardInterrupt


def test_what_could_block_is_not_opened(tmp_path: Path) -> None:
    run = RunDir(tmp_path)
    os.mkfifo(run.log)
    os.mkfifo(run.environment)
    assert run.log_lines() == []
    assert "a pipe or a device in place of a file" in run.damage[run.log]
    with pytest.raises(Damaged, match=r"environment.json: damaged \(a pipe or a device"):
        run.read_environment()
    with pytest.raises(Damaged, match="a pipe or a device"):
        append_line(run.log, {"step": 1})
    run.scores.mkdir()
    with pytest.raises(Damaged, match="a folder in place of a file"):
        append_line(run.scores, json.loads("{}"))
