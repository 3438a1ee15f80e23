"""Files that are whole or not there."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

from sparring.base.errors import RequestError
from sparring.base.files import PART, append_line, put_file, read_lines, write_file
from sparring.base.rundir import RunDir
from sparring.base.state import read_state, write_state
from tests.states import same

STATE = {
    "step": 7,
    "nets": {"g": {"w": torch.randn(3, 4), "n": torch.tensor(5)}},
    "optimisers": {
        "g": {"state": {0: {"step": torch.tensor(3.0)}}, "param_groups": [{"betas": (0.0, 0.9), "lr": 1e-3}]}
    },
    "none": None,
    "empty": {},
}


@pytest.fixture
def run(tmp_path: Path) -> RunDir:
    run = RunDir(tmp_path / "run")
    run.create()
    run.recipe.write_text("name: x")
    return run


def test_a_state_comes_back_as_it_was(tmp_path: Path) -> None:
    write_state(tmp_path, STATE)
    assert same(STATE, read_state(tmp_path))


def test_memory_formats_and_shared_tensors_are_kept_by_value(tmp_path: Path) -> None:
    maps = torch.randn(2, 3, 4, 5).to(memory_format=torch.channels_last)
    write_state(tmp_path, {"a": maps, "b": maps, "c": maps[:, :1]})
    found = read_state(tmp_path)
    assert torch.equal(found["a"], maps)
    assert torch.equal(found["b"], maps)
    assert torch.equal(found["c"], maps[:, :1])


def test_saving_loading_and_pruning(run: RunDir) -> None:
    for step in (0, 10, 20, 30, 40):
        run.save(step, STATE | {"step": step})
    assert run.saved_steps() == [0, 10, 20, 30, 40]
    run.prune(2, (10, None))
    assert run.saved_steps() == [10, 30, 40]
    assert run.load(30)["step"] == 30
    run.discard_after(10)
    assert run.saved_steps() == [10]


def test_a_half_written_checkpoint_is_never_chosen_and_is_tidied_away(run: RunDir) -> None:
    run.save(10, STATE)
    half = run.checkpoints / f"{PART}0000020"
    half.mkdir()
    (half / "state.safetensors").write_bytes(b"half")
    assert run.saved_steps() == [10]
    with run.owned():
        assert not half.exists()


@pytest.mark.parametrize("file", ["state.safetensors", "state.json"])
@pytest.mark.parametrize("damage", ["cut", "changed", "gone"])
def test_a_damaged_checkpoint_is_refused_by_name(run: RunDir, file: str, damage: str) -> None:
    run.save(10, STATE)
    run.save(20, STATE)
    path = run.checkpoint(20) / file
    content = path.read_bytes()
    if damage == "gone":
        path.unlink()
    else:
        path.write_bytes(content[:-9] if damage == "cut" else content[:-1] + bytes([content[-1] ^ 1]))
    with pytest.raises(RequestError, match=r"step-0000020: damaged .*remove it to go on from step 10"):
        run.load(20)
    assert same(run.load(10), STATE)


def test_files_are_replaced_whole(tmp_path: Path) -> None:
    write_file(tmp_path / "a.txt", "first")
    with pytest.raises(TypeError):
        write_file(tmp_path / "a.txt", 5)  # type: ignore[arg-type]
    assert (tmp_path / "a.txt").read_text() == "first"
    assert [p.name for p in tmp_path.iterdir()] == ["a.txt"]


def test_files_go_where_a_person_wants_them(tmp_path: Path) -> None:
    put_file(tmp_path / "new" / "a.txt", "first", endings=(".abc", ".txt"))
    assert (tmp_path / "new" / "a.txt").read_text() == "first"
    with pytest.raises(RequestError, match=r"to: .*a\.png ends in none of \.abc, \.txt"):
        put_file(tmp_path / "a.png", "first", endings=(".abc", ".txt"))
    with pytest.raises(RequestError, match=r"out: .*b\.txt cannot be written \(File exists\)"):
        put_file(tmp_path / "new" / "a.txt" / "b.txt", "second", "out")


def test_lines_survive_a_process_that_died_while_writing(tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    append_line(path, {"step": 1})
    with path.open("ab") as file:
        file.write(b'{"step": 2, "loss"')
    append_line(path, {"step": 3})
    assert read_lines(path) == [{"step": 1}, {"step": 3}]
    with pytest.raises(ValueError, match="JSON|not allowed|compliant"):
        append_line(path, {"loss": float("nan")})
    assert read_lines(tmp_path / "none.jsonl") == []


def test_a_step_that_was_walked_twice_is_read_once_as_walked_last(run: RunDir) -> None:
    for step, attempt in ((10, 0), (20, 0), (30, 0), (20, 1), (30, 1)):
        append_line(run.log, {"step": step, "attempt": attempt})
    append_line(run.log, {"ended_at_step": 30})
    assert [(line["step"], line["attempt"]) for line in run.read_log()] == [(10, 0), (20, 1), (30, 1)]


def test_one_process_owns_a_run(run: RunDir) -> None:
    with run.owned(), pytest.raises(RequestError, match="in use by another process"), RunDir(run.path).owned():
        pass
    with RunDir(run.path).owned():
        pass


def test_what_stands_in_the_way_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(RequestError, match="is a file"):
        RunDir(tmp_path / "file").create()
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "thesis.tex").write_text("x")
    with pytest.raises(RequestError, match="holds other files"):
        RunDir(tmp_path / "full").create()
    with pytest.raises(RequestError, match="cannot be written"):
        RunDir("/proc/sparring/run").create()
    with pytest.raises(RequestError, match="no such run; there is no run here"):
        RunDir(tmp_path / "fulll").must_exist()
    with pytest.raises(RequestError, match="not a run directory"):
        RunDir(tmp_path / "full").must_exist()


def test_runs_alone_are_named_where_one_is_not_found(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("x")
    (tmp_path / "photos").mkdir()
    for name in ("roses-0", *(f"runs/faces-{number}" for number in range(7))):
        (tmp_path / name).mkdir(parents=True)
        (tmp_path / name / "recipe.yaml").write_text("x")

    def told(name: str) -> str:
        with pytest.raises(RequestError) as error:
            RunDir(tmp_path / name).must_exist()
        return str(error.value).partition("no such run; ")[2]

    assert told("rose-0") == "did you mean 'roses-0'?"
    assert told("faces-1") == "did you mean 'runs/faces-1'?"
    assert told("runs/face-3") == "did you mean 'faces-3'?"
    assert told("photo.png") == ("known: roses-0, runs/faces-0, runs/faces-1, runs/faces-2, runs/faces-3 and 3 more")
    assert told("nowhere/at-all") == "there is no run here"


def test_nothing_in_a_checkpoint_is_executed(run: RunDir) -> None:
    """Only safetensors and JSON are there; a pickle in their place is damage, not code."""
    import pickle

    run.save(10, STATE)
    files = sorted(p.name for p in run.checkpoint(10).iterdir())
    assert files == ["state.json", "state.safetensors"]
    (run.checkpoint(10) / "state.safetensors").write_bytes(pickle.dumps({"w": torch.ones(1)}))
    with pytest.raises(RequestError, match="damaged"):
        run.load(10)
    head = json.loads((run.checkpoint(10) / "state.json").read_text())
    assert set(head) == {"sha256", "state"}
