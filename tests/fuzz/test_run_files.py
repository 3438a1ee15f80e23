"""Files of a run or a study that were damaged, or changed by somebody else: every verb answers, in one line where it
refuses, and goes on where it can do without the file. `make fuzz` puts all verbs to all cases, `make test` some."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import sqlite3
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import torch
from safetensors.torch import load_file, save_file

from sparring import api, cli
from sparring.base.rundir import RunDir
from tests.house import make
from tests.studies.test_study import study

ALL = os.environ.get("SPARRING_FUZZ") == "all"
STEP = "checkpoints/step-0000120"
STATE, TENSORS = f"{STEP}/state.json", f"{STEP}/state.safetensors"
VERBS = {
    "diagnose": ["diagnose", "run", "--json"],
    "sample": ["sample", "run", "--count", "2", "--device", "cpu", "--to", "out/made.npz"],
    "evaluate": ["evaluate", "run", "--metrics", "coverage", "--extractor", "pixels", "--device", "cpu"],
    "report": ["report", "run"],
    "compare": ["compare", "run", "other", "--out", "out/page.html"],
    "train": ["train", "score.metrics=[]", "--out", "run", "--for", "121steps", "--device", "cpu"],
}
QUICK = ("diagnose", "sample")
FILES = {  # and the verbs that do without
    "recipe.yaml": (),
    "environment.json": ("diagnose", "sample", "evaluate", "report", "compare"),
    "log.jsonl": tuple(VERBS),
    "scores.jsonl": tuple(VERBS),
    "probes.jsonl": tuple(VERBS),
    "findings.jsonl": ("diagnose", "sample", "evaluate", "report", "compare"),
    STATE: ("diagnose",),
    TENSORS: ("diagnose",),
    "samples/step-0000120.png": tuple(VERBS),
}
FOUND: list[dict[str, Any]] = [
    {"symptom": "diverged", "since_step": 3, "confidence": 1.0, "evidence": {"g": "nan"}, "remedy": [], "attempt": 1}
    | {"back_to_step": 0},
    {"symptom": "controller_saturated", "since_step": 4, "confidence": 1.0, "evidence": {"most": 1.0}, "remedy": ["a"]},
    {"symptom": "mode_collapse", "since_step": 2, "confidence": 0.9, "evidence": {"spread": 0.1}, "curves": ["spread"]}
    | {"event": "opened", "at_step": 50, "remedy": ["batch=32"]},
]
TREATED = {"event": "treated", "symptom": "explosion", "since_step": 1, "at_step": 200, "back_to_step": 120}
TREATED |= {"anew": True, "attempt": 1, "untreated_attempt": 0, "overrides": [], "measure": ["fid", 1.0, "lower"]}


class Case(NamedTuple):
    """A file, and what is done to it."""

    file: str
    what: str
    do: Callable[[Path], object]


def written(content: bytes) -> Callable[[Path], object]:
    return lambda path: path.write_bytes(content)


def as_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


def as_pipe(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


DAMAGES: dict[str, Callable[[Path], object]] = {
    "gone": Path.unlink,
    "empty": written(b""),
    "cut": lambda path: path.write_bytes(path.read_bytes()[: len(path.read_bytes()) // 2]),
    "not UTF-8": lambda path: path.write_bytes(b"\xff\xfe" + path.read_bytes()),
    "zeros": written(bytes(400)),
    "a folder": as_folder,
    "a pipe": as_pipe,
    "nested": written(b"[" * 100_000),
    "nested by names": written(b'{"a":' * 5000 + b"1" + b"}" * 5000),
    "a number": written(b"7"),
    "a long number": written(b'{"step": ' + b"9" * 5000 + b"}"),
    "a list": written(b"[1, 2]\n[]\n"),
    "another mapping": written(b'{"a": 1}\n'),
}
DEEP: list[Any] = []
for _ in range(150):
    DEEP = [DEEP]
VALUES = {"none": None, "word": "x", "negative": -1, "huge": 10**30, "endless": 10**400, "list": [1], "nested": DEEP}
VALUES |= {"true": True, "mapping": {"a": 1}, "half": 0.5, "nan": float("nan")}
GONE = object()


def put(tree: Any, path: tuple[Any, ...], value: Any) -> None:
    for name in path[:-1]:
        tree = tree[name]
    if value is GONE:
        del tree[path[-1]]
    else:
        tree[path[-1]] = value


def in_json(path: tuple[Any, ...], value: Any) -> Callable[[Path], object]:
    def do(file: Path) -> None:
        tree = json.loads(file.read_text())
        put(tree, path, value)
        file.write_text(json.dumps(tree))

    return do


def in_line(name: str, value: Any, number: int = -1) -> Callable[[Path], object]:
    """The value in a line of a file of lines."""

    def do(file: Path) -> None:
        lines = [json.loads(line) for line in file.read_text().splitlines()]
        put(lines[number], tuple(name.split("/")), value)
        file.write_text("".join(json.dumps(line) + "\n" for line in lines))

    return do


def in_state(path: str, value: Any) -> Callable[[Path], object]:
    """The value in a state of plain values and tensors, whose digest is right again after."""

    def do(file: Path) -> None:
        run = RunDir(file.parents[2])
        state = run.load(120)
        put(state, tuple(int(one) if one.isdecimal() else one for one in path.split("/")), value)
        shutil.rmtree(run.checkpoint(120))
        run.save(120, state)

    return do


def in_tensors(change: Callable[[dict[str, torch.Tensor]], object]) -> Callable[[Path], object]:
    def do(file: Path) -> None:
        tensors = dict(load_file(file))
        change(tensors)
        save_file(tensors, file)
        head = json.loads(file.with_name("state.json").read_text())
        head["sha256"] = hashlib.sha256(file.read_bytes()).hexdigest()
        file.with_name("state.json").write_text(json.dumps(head))

    return do


def line_of(line: Mapping[str, Any]) -> Callable[[Path], object]:
    return lambda file: file.write_text(file.read_text() + json.dumps(line) + "\n")


def shapes(name: str, tensor: Callable[[torch.Tensor], torch.Tensor]) -> Callable[[Path], object]:
    return in_tensors(lambda found: found.update({name: tensor(found[name])}))


def cases() -> Iterator[Case]:
    for file in FILES:
        yield from (Case(file, what, do) for what, do in DAMAGES.items())
    for word, value in {**VALUES, "gone": GONE}.items():
        for path in ("plan", "plan/threads", "plan/device", "plan/precision", "data", "data/fingerprint", "torch"):
            yield Case("environment.json", f"{path} {word}", in_json(tuple(path.split("/")), value))
        for name in ("step", "discriminator_loss", "seconds", "images_per_s", "attempt"):
            yield Case("log.jsonl", f"{name} {word}", in_line(name, value, 3))
        for name in ("ended_at_step", "finished", "memory_mb"):
            yield Case("log.jsonl", f"{name} {word}", in_line(name, value))
        for name in ("step", "attempt", "spread", "d_loss"):
            yield Case("probes.jsonl", f"{name} {word}", in_line(name, value))
        for name in ("step", "scores", "scores/modes", "scores/modes/value", "scores/modes/protocol"):
            yield Case("scores.jsonl", f"{name} {word}", in_line(name, value))
        for name in ("interval", "n", "better", "note"):
            yield Case("scores.jsonl", f"{name} {word}", in_line(f"scores/modes/{name}", value))
        for number, line in enumerate(FOUND):
            yield from (Case("findings.jsonl", f"{number} {key} {word}", in_line(key, value, number)) for key in line)
        for name in TREATED:
            line = {key: one for key, one in (TREATED | {name: value}).items() if one is not GONE}
            yield Case("findings.jsonl", f"treated {name} {word}", line_of(line))
        for path in ("step", "attempt", "seconds", "position", "nets", "nets/generator", "average", "optimisers"):
            yield Case(STATE, f"{path} {word}", in_state(path, value))
        for path in ("optimisers/generator/param_groups", "optimisers/generator/state", "controllers", "notes", "data"):
            yield Case(STATE, f"{path} {word}", in_state(path, value))
        for path in ("codec", "codec/kind", "codec/shape", "codec/depth", "codec/low", "label_names", "label_counts"):
            yield Case(STATE, f"data {path} {word}", in_state(f"data/{path}", value))
        for path in ("doctor", "doctor/losses", "doctor/probes", "doctor/cases", "best_step", "saturated"):
            if value is not GONE:
                yield Case(STATE, f"notes {path} {word}", in_state(f"notes/{path}", value))
        yield Case(STATE, f"head {word}", in_json(("state",), value))
        yield Case(STATE, f"digest {word}", in_json(("sha256",), value))
    changes: dict[str, Callable[[torch.Tensor], torch.Tensor]] = {
        "too many": lambda one: torch.zeros(*one.shape, 3),
        "flat": lambda one: torch.zeros(()),
        "of whole numbers": lambda one: one.long(),
        "complex": lambda one: one.to(torch.complex64),
        "not finite": lambda one: torch.full_like(one, torch.nan),
    }
    for what, change in changes.items():
        for name in ("/nets/generator/last.weight", "/average/last.bias", "/nets/discriminator/last.bias"):
            yield Case(TENSORS, f"{name} {what}", shapes(name, change))
        for name in ("/optimisers/generator/state/0/exp_avg", "/optimisers/discriminator/state/1/step"):
            yield Case(TENSORS, f"{name} {what}", shapes(name, change))
        for name in ("losses/d_loss", "probes/drawn", "probes/way/generator/0"):
            yield Case(TENSORS, f"{name} {what}", shapes(f"/notes/doctor/{name}", change))
    yield Case(TENSORS, "no tensor", in_tensors(lambda found: found.pop("/nets/generator/last.weight")))
    yield Case(TENSORS, "one more", in_tensors(lambda found: found.update(more=torch.zeros(3))))
    lacking = "optimisers/generator/state/0/exp_avg"
    yield Case(STATE, "no moment", in_state(lacking, GONE))
    yield Case(STATE, "a moment in place of a tensor", in_state(lacking, [1.0]))
    yield Case(STATE, "an unknown tensor", in_state("nets/generator/more", torch.zeros(2)))


CASES = list(cases())
SOME = [one for place, one in enumerate(CASES) if ALL or place < len(FILES) * len(DAMAGES) or place % 25 == 0]
Run = Callable[..., tuple[int, str]]


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small run of points, twice, with findings."""
    folder = tmp_path_factory.mktemp("kept")
    before = Path.cwd()
    os.chdir(folder)
    make.unpack("ring")
    os.chdir(before)
    (folder / "run" / "findings.jsonl").write_text("".join(json.dumps(line) + "\n" for line in FOUND))
    shutil.copytree(folder / "run", folder / "other")
    return folder


@pytest.fixture
def command(kept: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Run:
    """The command line in a folder with the run: exit status and standard error. What raises is a traceback."""
    shutil.copytree(kept, tmp_path, dirs_exist_ok=True)
    (tmp_path / "out").mkdir()
    monkeypatch.chdir(tmp_path)

    def run(*words: str) -> tuple[int, str]:
        monkeypatch.setattr(sys, "argv", ["sparring", *words])
        capfd.readouterr()
        with pytest.raises(SystemExit) as ended:
            cli.main()
        return int(ended.value.code or 0), capfd.readouterr().err

    return run


def outside(folder: Path) -> dict[str, bytes]:
    """All files but the run's and those asked for."""
    found = (path for path in folder.rglob("*") if path.is_file())
    return {str(p): p.read_bytes() for p in found if p.relative_to(folder).parts[0] not in ("run", "out")}


def answered(status: int, err: str, case: Case) -> None:
    assert "Traceback" not in err
    if status == 3:  # numbers that are none: it fell, and said so
        assert "not finite" in case.what
        return
    assert status in (0, 2), err
    if status == 2:
        last = err.strip().splitlines()[-1]
        assert last.startswith("sparring: run")
        assert len(last) < 600, last


@pytest.mark.parametrize("case", SOME, ids=[f"{case.file}: {case.what}" for case in SOME])
def test_every_verb_answers(command: Run, tmp_path: Path, case: Case, request: pytest.FixtureRequest) -> None:
    case.do(tmp_path / "run" / case.file)
    before = outside(tmp_path)
    slow = [verb for verb in VERBS if verb not in QUICK]
    number = SOME.index(case)
    some = VERBS if ALL else (*QUICK, *([slow[number // 40 % 4]] if number % 40 == 0 else []))
    for verb in some:
        answered(*command(*VERBS[verb]), case)
    assert outside(tmp_path) == before


@pytest.mark.parametrize("file", FILES)
@pytest.mark.parametrize("what", ["not UTF-8", "a folder"])
def test_what_can_do_without_a_file_does(command: Run, file: str, what: str, tmp_path: Path) -> None:
    """And what cannot says which file it is; so does what leaves lines out, but for the verb that reads none of it."""
    DAMAGES[what](tmp_path / "run" / file)
    for verb in (
        "diagnose",
        "sample",
        *(["report", "train"] if what == "a folder" and (ALL or file[0] == "e") else []),
    ):
        if verb == "train" and file.endswith(".jsonl"):
            continue  # into a folder nothing can be written
        status, err = command(*VERBS[verb])
        assert status == (0 if verb in FILES[file] else 2), (verb, err)
        read = verb != "sample" and file != STATE and file != TENSORS and not (verb == "diagnose" and "." not in file)
        read &= not (verb == "diagnose" and file in ("environment.json", "samples/step-0000120.png"))
        read &= not (verb == "train" and file.startswith("samples"))
        if status == 2 or read:
            assert Path(file).name in err
            assert "damaged" in err


@pytest.mark.parametrize(
    ("case", "verb", "told"),
    [
        (Case("environment.json", "", in_json(("plan", "threads"), "two")), "train",
         r"environment.json: damaged (plan.threads: input should be a valid integer, not 'two'); to train on takes it"),
        (Case(STATE, "", in_state("seconds", -1.0)), "sample", r"step-0000120: damaged (seconds: input should be greater"),
        (Case(STATE, "", in_state("data/codec/depth", "int4")), "sample", "step-0000120: damaged (data.codec: depth:"),
        (Case(TENSORS, "", shapes("/optimisers/generator/state/0/exp_avg", lambda one: one[:1])), "train",
         "optimisers.generator: exp_avg of weight 0 is of shape"),
        (Case("findings.jsonl", "", line_of(TREATED | {"overrides": "batch=3"})), "diagnose",
         "findings.jsonl: damaged (line 4: overrides: input should be a valid list, not 'batch=3'); left out"),
        (Case("scores.jsonl", "", line_of({"step": 1.5, "scores": {}})), "report", "scores.jsonl: damaged (line 2: step:"),
        (Case("log.jsonl", "", lambda f: f.write_text("x\ny\nz\n" + f.read_text())), "report",
         "log.jsonl: damaged (line 1: expected value at line 1 column 1, and 2 more such lines); left out"),
    ],
)  # fmt: skip
def test_it_is_said_what_is_wrong(command: Run, tmp_path: Path, case: Case, verb: str, told: str) -> None:
    case.do(tmp_path / "run" / case.file)
    assert told in command(*VERBS[verb])[1]


def test_a_line_that_a_killed_process_left_is_no_damage(command: Run, tmp_path: Path) -> None:
    for name in ("log", "probes", "scores", "findings"):
        with (tmp_path / "run" / f"{name}.jsonl").open("a") as file:
            file.write('{"step": 12, "lo')
    status, said = command(*VERBS["diagnose"])
    assert (status, "damaged" in said) == (0, False)


@pytest.fixture(scope="module")
def studied(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("studied")
    study(folder, for_="64img", seeds=2)
    return folder


STUDIES = {
    **{f"study.json: {what}": ("study.json", do) for what, do in DAMAGES.items() if what != "gone"},
    **{
        f"study.json: {path} {word}": ("study.json", in_json(tuple(path.split("/")), value))
        for path in ("asked", "design/seeds", "design/images", "design/points", "plan/device", "jobs", "protocol")
        for word, value in {**VALUES, "gone": GONE}.items()
    },
    **{f"queue.db: {what}": ("queue.db", do) for what, do in DAMAGES.items()},
    **{f"records.jsonl: {what}": ("records.jsonl", do) for what, do in DAMAGES.items() if what not in ("a folder", "a pipe")},
}  # fmt: skip


def in_queue(key: str, value: str) -> Callable[[Path], object]:
    def do(file: Path) -> None:
        with sqlite3.connect(file) as database:
            database.execute("update trial_user_attributes set value_json = ? where key = ?", (value, key))
        database.close()

    return do


for key in ("task", "record"):
    for word in ("null", "7", '"x"', "[1, 2]", "[" * 3000, "{", '["a", "b", "c", "d"]', '"{}"', f'"{"[" * 3000}"'):
        STUDIES[f"queue.db: {key} {word[:20]}"] = ("queue.db", in_queue(key, word))
PICKED = [one for place, one in enumerate(STUDIES) if ALL or place % 12 == 0 or ("queue.db" in one and place % 3 == 0)]


@pytest.mark.parametrize("what", PICKED)
def test_a_study_answers(studied: Path, tmp_path: Path, what: str) -> None:
    file, do = STUDIES[what]
    shutil.copytree(studied, tmp_path, dirs_exist_ok=True)
    do(tmp_path / "study" / file)
    told = ""
    try:
        study(tmp_path, for_="64img", seeds=2)
    except api.RequestError as error:
        told = str(error)
    assert "\n" not in told
    assert not told or file in told or "holds a study" in told or "was scored with" in told
