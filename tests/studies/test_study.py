"""Whole studies: what they leave, that they go on where they stopped, and what they do when things go wrong."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml

import sparring
from sparring import api, metrics
from sparring.base.draws import Key
from sparring.base.errors import RequestError
from sparring.base.files import held, read_lines
from sparring.base.rundir import RunDir
from sparring.engine import Engine, choose_plan
from sparring.gan.match import Match
from sparring.kinds import zoo
from sparring.recipe import override, validated
from sparring.recipe.build import build
from sparring.runs import controllers
from sparring.runs.trainer import Trainer
from sparring.studies import storage
from sparring.studies.answers.records import RunRecord
from sparring.studies.judge import Standard
from tests.conftest import small_fields
from tests.runs.test_training import assert_same_state, final_state
from tests.studies.test_design import R1, RATE, small_design

VARY = f"{RATE}=0,0.5"


def recipe_file(folder: Path, **changes: Any) -> str:
    path = folder / "small.yaml"
    path.write_text(yaml.safe_dump(small_fields(**changes)))
    return str(path)


def study(folder: Path, *vary: str, **options: Any) -> dict[str, Any]:
    """A study of tiny networks, in this process."""
    options = {"seeds": 2, "for_": "960img", "out": folder / "study", "jobs": 1, "quiet": True} | options
    return api.study(recipe_file(folder), vary=vary or (VARY,), **options)


def records_of(folder: Path) -> list[RunRecord]:
    return [RunRecord.from_json(line) for line in read_lines(folder / "records.jsonl")]


def scores_of(folder: Path) -> dict[tuple[str, int], Any]:
    return {(one.arm, one.seed): (one.selection, one.score, one.curve) for one in records_of(folder)}


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A study that was never disturbed."""
    folder = tmp_path_factory.mktemp("whole")
    study(folder)
    return folder / "study"


@pytest.fixture
def steps_played(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Where each training began, and where it ended."""
    walked: list[int] = []
    train = Trainer.train

    def counted(self: Trainer, until: int | None = None) -> bool:
        self._take_up()
        before = self.match.step
        reached = train(self, until)
        walked.append(self.match.step - before)
        return reached

    monkeypatch.setattr(Trainer, "train", counted)
    return walked


def test_a_study_ends_with_answers_and_a_recipe_to_train(whole: Path) -> None:
    found = json.loads((whole / "results.json").read_text())
    assert found["finished"]
    assert (found["metric"], found["better"], found["images"], found["seeds"]) == ("fid", "lower", 960, 2)
    assert [arm["name"] for arm in found["arms"]] == ["rate=0", "rate=0.5"]
    assert all(arm["failed"] == 0 and len(arm["runs"]) == 2 for arm in found["arms"])
    (comparison,) = found["comparisons"]
    assert (comparison["arm"], comparison["against"]) == ("rate=0.5", "rate=0")
    assert (whole / "report.html").read_text().lstrip().lower().startswith("<!doctype html>")
    recommended = sparring.show(str(whole / "recommended.yaml"))
    assert f"rate: {found['recommended']['arm'].removeprefix('rate=')}" in recommended
    assert "steps: 60" in recommended
    assert not list(whole.rglob(".part-*"))


def test_every_run_is_a_run_directory_with_its_last_and_its_best_checkpoint(whole: Path) -> None:
    for record in records_of(whole):
        run = RunDir(whole / record.directory)
        marks = [point.images // 16 for point in record.curve]
        assert marks == [10, 20, 30, 40, 50, 60]
        best = min(record.curve, key=lambda point: point.selection)
        assert set(run.saved_steps()) == {best.images // 16, 60}
        assert (record.selection, record.score) == (best.selection, best.report)
        assert record.step_ms > 0
        assert record.peak_mb > 10
        assert 0 < record.seconds < 60
        loaded = sparring.load(run.path)
        assert loaded.finished
        assert loaded.sample(3).shape == (3, 8, 8)
    api.report(whole / "runs" / "rate=0-0")
    api.compare(whole / "runs" / "rate=0-0", whole / "runs" / "rate=0.5-0", out=whole / "both.html")


def test_reported_scores_are_of_the_checkpoint_that_selection_chose(whole: Path) -> None:
    record = next(one for one in records_of(whole) if one.arm == "rate=0.5")
    recipe = sparring.load(whole / record.directory).recipe
    yardstick = Standard(recipe, None, torch.device("cpu"))
    data = recipe.data.load()
    match = build(recipe, data, Engine(choose_plan("cpu", "fp32", images=True)))
    best = min(record.curve, key=lambda point: point.selection)
    match.restore(RunDir(whole / record.directory).load(best.images // recipe.batch))
    assert yardstick.score(match, "selection").value == record.selection
    assert yardstick.score(match, "report").value == record.score


def test_other_scores_are_told_beside_the_one_that_judges(whole: Path, tmp_path: Path) -> None:
    fields = {"extractor": "pixels", "metrics": ["fid", "robustness", "memorisation"]}
    path = tmp_path / "small.yaml"
    path.write_text(yaml.safe_dump(small_fields(score=fields)))
    found = api.study(str(path), vary=(VARY,), seeds=2, for_="960img", out=tmp_path / "study", jobs=1, quiet=True)
    assert found["beside"] == list(metrics.GROUPS["robustness"])  # a study keeps no training samples for memorisation
    assert scores_of(tmp_path / "study") == scores_of(whole), "they change nothing"
    for arm in found["arms"]:
        assert list(arm["scores"]) == ["fid", *metrics.GROUPS["robustness"]]
        told = arm["scores"]["attack_pgd"]
        assert told["n"] == 2
        runs = [one for one in records_of(tmp_path / "study") if one.arm == arm["name"]]
        assert told["mean"] == pytest.approx(sum(one.beside["attack_pgd"] for one in runs) / 2)
        for record in runs:
            best = min(record.curve, key=lambda point: point.selection)
            lines = read_lines(tmp_path / "study" / record.directory / "scores.jsonl")
            (line,) = [line for line in lines if line["step"] == best.images // 16]
            assert line["scores"]["path_length"]["value"] == record.beside["path_length"]
    assert "latent_change" in (tmp_path / "study" / "report.html").read_text()
    judged = study(tmp_path, metric="latent_change", out=tmp_path / "judged")
    assert (judged["metric"], judged["better"], "beside" in judged) == ("latent_change", "lower", False)


def test_halves_of_the_held_out_samples_share_none_and_one_judge_serves_all_sizes_of_data() -> None:
    whole, few = (
        Standard(small_design("data.digits.limit=100,1000").recipe(arm, seed), None, torch.device("cpu"))
        for seed, arm in enumerate(small_design("data.digits.limit=100,1000").arms)
    )
    for name in ("selection", "report"):
        assert torch.equal(whole.halves[name].values, few.halves[name].values)  # type: ignore[index]
    rows = [{bytes(row.numpy()) for row in whole.halves[name].values} for name in ("selection", "report")]  # type: ignore[index]
    assert not rows[0] & rows[1]
    assert len(whole.halves["selection"]) + len(whole.halves["report"]) == len(whole.data.heldout) == 180
    assert whole.extractor.hash == few.extractor.hash


def test_arms_of_one_seed_begin_alike_and_see_the_same() -> None:
    design = small_design(VARY, "generator.surgery.dropout.rate=0,0.3")
    turns: dict[str, list[Any]] = {}
    for arm in design.arms:
        for seed in (0, 1):
            recipe = design.recipe(arm, seed)
            data = recipe.data.load()
            match = build(recipe, data, Engine(choose_plan("cpu", "fp32", images=True)))
            weights = [value.clone() for net in match.nets().values() for value in net.state_dict().values()]
            first = next(match.play()).turn
            assert first is not None
            latents = match.game.latent.draw(first.key.at("latents"), first.batch.rows)
            turns[f"{arm.name} {seed}"] = [*weights, first.batch.samples, latents, data.heldout]
    names = [arm.name for arm in design.arms]
    for seed in (0, 1):
        for name in names[1:]:
            for mine, theirs in zip(turns[f"{name} {seed}"], turns[f"{names[0]} {seed}"], strict=True):
                assert torch.equal(mine, theirs)
    *others, heldout = (turns[f"{names[0]} 0"], turns[f"{names[0]} 1"])[0], turns[f"{names[0]} 0"][-1]
    assert torch.equal(heldout, turns[f"{names[0]} 1"][-1])
    assert not torch.equal(others[0][-2], turns[f"{names[0]} 1"][-2])
    assert not torch.equal(others[0][-3], turns[f"{names[0]} 1"][-3])


def test_a_rate_of_zero_is_the_arm_without_dropout(whole: Path, tmp_path: Path) -> None:
    plain = sparring.train(
        recipe_file(tmp_path), "steps=60", "score.metrics=[]", out=tmp_path / "plain", seed=1, quiet=True
    )
    one, other = final_state(plain.path), final_state(whole / "runs" / "rate=0-1")
    for name in ("nets", "average", "optimisers"):
        assert_same_state({name: one[name]}, {name: other[name]})
    dropped = final_state(whole / "runs" / "rate=0.5-1")
    assert not torch.equal(dropped["nets"]["generator"]["last.weight"], one["nets"]["generator"]["last.weight"])


def test_a_stopped_study_goes_on_and_plays_no_finished_run_again(
    whole: Path, tmp_path: Path, steps_played: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    from sparring.runs.controllers import Controllers

    observe = Controllers.observe

    def interrupted(self: Controllers, match: Any, step: Any) -> None:
        if match.seed == 0 and step.number == 33 and len(steps_played) == 1:
            os.kill(os.getpid(), signal.SIGINT)
        observe(self, match, step)

    monkeypatch.setattr(Controllers, "observe", interrupted)
    found = study(tmp_path)
    assert (found["finished"], found["done"], found["of"]) == (False, 1, 4)
    assert steps_played == [60, 34]
    assert not (tmp_path / "study" / "results.json").exists()
    monkeypatch.undo()
    assert study(tmp_path)["finished"]
    assert scores_of(tmp_path / "study") == scores_of(whole)
    for name in ("rate=0-0", "rate=0.5-0"):
        mine, theirs = (final_state(one / "runs" / name) for one in (tmp_path / "study", whole))
        assert_same_state({"nets": mine["nets"]}, {"nets": theirs["nets"]})


def test_a_finished_study_is_not_played_again_and_more_seeds_go_on(tmp_path: Path, steps_played: list[int]) -> None:
    study(tmp_path)
    assert steps_played == [60] * 4
    study(tmp_path)
    assert len(steps_played) == 4
    assert study(tmp_path, seeds=3)["seeds"] == 3
    assert steps_played == [60] * 6
    (tmp_path / "study" / "queue.db").unlink()  # the queue is lost; the runs are not
    assert len(study(tmp_path, seeds=3)["arms"][0]["runs"]) == 3
    assert steps_played == [60] * 6 + [0] * 6
    with pytest.raises(RequestError, match="holds a study with seeds=3, not 2"):
        study(tmp_path)


def test_arms_are_compared_with_the_recipes_own_and_a_study_keeps_the_one_it_began_with(tmp_path: Path) -> None:
    short = {"for_": "192img", "points": 2}
    found = study(tmp_path, "batch=32,16", **short)
    assert found["baseline"] == "batch=16"
    assert "batch=16" in (tmp_path / "study" / "report.html").read_text()
    kept = json.loads((tmp_path / "study" / "study.json").read_text())
    for part in ("asked", "design"):  # as an earlier version would have written it
        kept[part]["arms"] = dict(reversed(kept[part]["arms"].items()))
    (tmp_path / "study" / "study.json").write_text(json.dumps(kept))
    assert study(tmp_path, "batch=32,16", **short)["baseline"] == "batch=32"


def test_screening_stops_arms_and_confirms_on_fresh_seeds(tmp_path: Path) -> None:
    found = study(tmp_path, f"{RATE}=0,0.1,0.5,0.7,0.9", for_="480img")
    there = records_of(tmp_path / "study")
    final = {one.arm for one in there if one.stage == "final"}
    assert "rate=0" in final
    assert 2 <= len(final) <= 3
    assert {one.arm for one in there if one.state == "stopped"} == {
        f"rate={r}" for r in (0, 0.1, 0.5, 0.7, 0.9)
    } - final
    stopped = next(one for one in there if one.state == "stopped")
    assert RunDir(tmp_path / "study" / stopped.directory).saved_steps()[-1] in (10, 20)
    assert {arm["name"] for arm in found["arms"]} == final
    # stopped for a while and gone on with is the same as never stopped
    entire = next(one for one in there if one.stage == "screen" and one.state == "finished")
    changes = ["steps=30", "score.metrics=[]", *entire.overrides]
    run = sparring.train(recipe_file(tmp_path), *changes, out=tmp_path / "run", seed=entire.seed, quiet=True)
    mine, theirs = final_state(run.path), final_state(tmp_path / "study" / entire.directory)
    assert_same_state({"nets": mine["nets"]}, {"nets": theirs["nets"]})


def test_an_arm_that_diverges_counts_as_failed(tmp_path: Path) -> None:
    found = study(tmp_path, "discriminator.optimiser.adam.lr=1e-3,1e38")
    good, bad = found["arms"]
    assert (good["failed"], bad["failed"]) == (0, 2)
    assert found["recommended"]["arm"] == "lr=0.001"
    fallen = [one for one in records_of(tmp_path / "study") if one.state == "failed"]
    assert len(fallen) == 2
    assert all("diverged" in one.why and one.score is None for one in fallen)


COMMAND = [sys.executable, "-m", "sparring", "study"]


def words(folder: Path, *more: str) -> list[str]:
    """The study of `whole`, but longer, as a command."""
    recipe = recipe_file(folder)
    return [*COMMAND, recipe, "--vary", VARY, "--seeds", "2", "--for", "8kimg", "--out", str(folder / "study"), *more]


@pytest.fixture(scope="module")
def longer(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("longer")
    study(folder, for_="8kimg")
    return folder / "study"


def steps_of(folder: Path) -> dict[str, int]:
    """How far each run's log is."""
    return {
        path.parent.name: max((line.get("step", 0) for line in read_lines(path)), default=0)
        for path in (folder / "study" / "runs").glob("*/log.jsonl")
    }


def waited(process: subprocess.Popen[str], folder: Path, least: int) -> None:
    """Until a run is so many steps far."""
    deadline = time.monotonic() + 60
    while max(steps_of(folder).values(), default=0) < least:
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.02)


def children(process: int) -> list[int]:
    """The processes that one started, but for helpers of multiprocessing."""
    found = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            parent = int(path.read_text().rpartition(")")[2].split()[1])
            command = (path.parent / "cmdline").read_text()
        except OSError:
            continue
        if parent == process and "spawn_main" in command:
            found.append(int(path.parent.name))
    return found


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="looks for processes in /proc")
def test_a_worker_that_is_killed_is_replaced_and_its_run_goes_on(longer: Path, tmp_path: Path) -> None:
    process = subprocess.Popen(words(tmp_path, "--jobs", "2"), stderr=subprocess.PIPE, text=True)
    waited(process, tmp_path, 100)
    os.kill(children(process.pid)[0], signal.SIGKILL)
    _, err = process.communicate(timeout=120)
    assert process.returncode == 0, err
    assert "its process was ended by SIGKILL; going on from its last checkpoint" in err
    assert {one[0] for one in scores_of(tmp_path / "study").values()} == {one[0] for one in scores_of(longer).values()}
    assert scores_of(tmp_path / "study") == scores_of(longer)


def test_a_study_that_is_killed_or_stopped_goes_on(longer: Path, tmp_path: Path) -> None:
    process = subprocess.Popen(words(tmp_path, "--jobs", "1"), stderr=subprocess.PIPE, text=True)
    waited(process, tmp_path, 100)
    os.kill(process.pid, signal.SIGKILL)
    process.communicate()
    far = steps_of(tmp_path)
    process = subprocess.Popen(words(tmp_path), stderr=subprocess.PIPE, text=True)
    waited(process, tmp_path, max(far.values()) + 100)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130, err
    assert "the same command goes on" in err.splitlines()[-1]
    saved = {path.parent.parent.name for path in (tmp_path / "study").rglob("step-*/state.json")}
    assert saved
    assert study(tmp_path, for_="8kimg")["finished"]
    assert scores_of(tmp_path / "study") == scores_of(longer)


def test_a_directory_in_use_is_said_in_one_line(whole: Path) -> None:
    with held(whole), pytest.raises(RequestError, match="study is in use by another process"):
        study(whole.parent)


@pytest.mark.parametrize(
    ("vary", "options", "told"),
    [
        (f"{RATE}=0,0.5,0.25", {}, "holds a study without the arm 'rate=0.25'"),
        (f"{R1}=0,0.3", {}, "the arm 'r"),
        (VARY, {"for_": "2kimg"}, 'holds a study with for="960img", not "2kimg"'),
        (VARY, {"metric": "kid"}, 'holds a study with metric="fid", not "kid"'),
        (VARY, {"points": 3}, "holds a study with points=6, not 3"),
        (VARY, {"screen": True}, "holds a study with screen_seeds=0, not 2"),
    ],
)
def test_another_study_in_the_directory_is_said_in_one_line(
    whole: Path, vary: str, options: dict[str, Any], told: str
) -> None:
    before = (whole / "study.json").read_text()
    with pytest.raises(RequestError) as error:
        study(whole.parent, vary, **options)
    assert told in str(error.value)
    assert "\n" not in str(error.value)
    assert (whole / "study.json").read_text() == before


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"for_": "20img"}, "for: 20 images are 1 step of 16"),
        ({"metric": "fidd"}, "unknown metric 'fidd'; did you mean 'fid'?"),
        ({"metric": "is"}, "metric: 'is' "),
        ({"jobs": 0}, "jobs: 0 is no number of processes"),
        (
            {"storage": "sqlite:////no/such/folder/study.db"},
            "storage: sqlite:////no/such/folder/study.db cannot be used",
        ),
        ({"storage": "nonsense"}, "storage: nonsense cannot be used"),
        ({"storage": "mongodb://me:secret@host/x"}, "storage: mongodb://me@host/x cannot be used"),
        ({"storage": "sqlite:///x.db", "for_": "2s"}, "for: 2s would be another length on each machine"),
        ({"device": "gpu"}, "device: 'gpu' is none of"),
    ],
)
def test_what_is_wrong_is_said_in_one_line(tmp_path: Path, options: dict[str, Any], told: str) -> None:
    with pytest.raises(RequestError) as error:
        study(tmp_path, **options)
    assert told in str(error.value)
    assert "\n" not in str(error.value)
    assert "secret" not in str(error.value)


def test_an_arm_that_does_not_fit_the_data_is_said_before_anything_is_written(tmp_path: Path) -> None:
    with pytest.raises(RequestError, match="arm 'batch=4096': batch: 4096 is more than the 1617 training samples"):
        study(tmp_path, "batch=16,4096", for_="40kimg")
    assert not (tmp_path / "study").exists()


def test_too_few_held_out_samples_are_said(tmp_path: Path) -> None:
    with pytest.raises(RequestError, match="0 samples are held out, and a study needs 20"):
        api.study(
            recipe_file(tmp_path, data={"digits": {"held_out": 0}}), vary=[VARY], out=tmp_path / "s", for_="1kimg"
        )


def test_a_directory_of_other_things_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "study").mkdir()
    (tmp_path / "study" / "letter.txt").write_text("dear")
    with pytest.raises(RequestError, match="holds other files and no study"):
        study(tmp_path)


def test_a_storage_that_is_locked_or_goes_away_loses_nothing(
    whole: Path, tmp_path: Path, steps_played: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    study(tmp_path)
    monkeypatch.setattr(storage, "LOCKED_S", 0.1)
    place = tmp_path / "study" / "queue.db"
    other = sqlite3.connect(place)
    other.execute("BEGIN EXCLUSIVE")
    with pytest.raises(RequestError, match="storage: .*queue.db is locked by another program; runs are kept"):
        study(tmp_path, seeds=3)
    other.close()
    finish = storage.Queue.finish

    def gone(self: storage.Queue, *arguments: Any) -> None:
        place.unlink()
        finish(self, *arguments)

    monkeypatch.setattr(storage.Queue, "finish", gone)
    with pytest.raises(RequestError, match="storage: .*queue.db is gone; runs are kept"):
        study(tmp_path, seeds=3)
    monkeypatch.setattr(storage.Queue, "finish", finish)
    played = sum(steps_played)
    assert study(tmp_path, seeds=3)["finished"]
    assert sum(steps_played) - played == 60  # all but the last were there
    mine = scores_of(tmp_path / "study")
    assert {key: mine[key] for key in scores_of(whole)} == scores_of(whole)


def test_machines_share_a_study_by_its_storage(tmp_path: Path, steps_played: list[int]) -> None:
    shared = f"sqlite:///{tmp_path / 'shared.db'}"
    study(tmp_path, storage=shared)
    there = len(steps_played)
    found = study(tmp_path, storage=shared, out=tmp_path / "elsewhere")
    assert found["finished"]
    assert len(steps_played) == there == 4
    assert scores_of(tmp_path / "elsewhere") == scores_of(tmp_path / "study")


def test_a_time_becomes_images_once(tmp_path: Path) -> None:
    first = study(tmp_path, for_="0.4s")
    assert first["images"] >= 32
    assert study(tmp_path, for_="0.4s")["images"] == first["images"]


def test_arms_of_equal_time_keep_the_lengths_that_were_measured(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    fields = {
        "recipe": recipe_file(tmp_path),
        "vary": {"generator.net": [{"dense": {"widths": [8]}}, {"dense": {"widths": [1024, 1024]}}]},
        "for": "0.3s-cpu",
        "equal": "time",
        "seeds": 2,
        "points": 2,
    }
    (tmp_path / "nets.yaml").write_text(yaml.safe_dump(fields))

    def play() -> Any:
        return sparring.study(str(tmp_path / "nets.yaml"), out=tmp_path / "nets", device="cpu", jobs=1)

    first = play()
    assert first["finished"]
    kept = json.loads((tmp_path / "nets" / "study.json").read_text())
    small, large = kept["design"]["lengths"]
    assert small > 2 * large
    assert "0.3s-cpu are images of each arm: " in capfd.readouterr().err
    assert {record.curve[-1].images for record in records_of(tmp_path / "nets")} == {small, large}
    assert play()["arms"] == first["arms"]
    assert json.loads((tmp_path / "nets" / "study.json").read_text()) == kept


def test_cells_are_studies_of_their_own(tmp_path: Path) -> None:
    (tmp_path / "sizes.yaml").write_text(
        yaml.safe_dump(
            {
                "recipe": recipe_file(tmp_path),
                "cells": {"data.limit": [100, 400]},
                "vary": {RATE: [0, 0.5]},
                "seeds": 2,
                "for": "96img",
            }
        )
    )
    found = api.study(str(tmp_path / "sizes.yaml"), out=tmp_path / "out", jobs=1, quiet=True)
    assert set(found["cells"]) == {"limit=100", "limit=400"}
    for name, limit in (("limit=100", 100), ("limit=400", 400)):
        results = json.loads((tmp_path / "out" / name / "results.json").read_text())
        assert results["arms"] == found["cells"][name]["arms"]
        run = sparring.load(tmp_path / "out" / name / "runs" / "rate=0-0")
        assert run.recipe.data.limit == limit
    hashes = {cell["hash"] for cell in found["cells"].values()}
    assert len(hashes) == 1


def test_vary_takes_plain_values_in_python(tmp_path: Path) -> None:
    found = api.study(
        recipe_file(tmp_path), vary={RATE: [0, 0.25]}, seeds=2, for_="96img", out=tmp_path / "s", jobs=1, quiet=True
    )
    assert [arm["name"] for arm in found["arms"]] == ["rate=0", "rate=0.25"]
    with pytest.raises(RequestError, match="seed=3: seed is the study's own; say --seeds"):
        api.study(recipe_file(tmp_path), "seed=3", vary={RATE: [0, 0.25]}, out=tmp_path / "t")
    told = r"vary: .*batch.* (is not taken; give \{key: values\}|is no list of values; give two or more)"
    for values in (16, "hinge", {"a": 1}):
        with pytest.raises(RequestError, match=told):
            api.study(recipe_file(tmp_path), vary={"batch": values}, out=tmp_path / "t")


def test_precision_is_each_arms_own(tmp_path: Path) -> None:
    found = study(tmp_path, "precision=fp32,bf16", for_="96img")
    plans = {run: json.loads((tmp_path / "study" / run / "environment.json").read_text())["plan"]
             for arm in found["arms"] for run in arm["runs"]}  # fmt: skip
    assert {run.split("/")[1]: plan["precision"] for run, plan in plans.items()} == {
        "precision=fp32-0": "fp32", "precision=fp32-1": "fp32", "precision=bf16-0": "bf16", "precision=bf16-1": "bf16"
    }  # fmt: skip
    assert found["arms"][0]["scores"] != found["arms"][1]["scores"]


def test_controllers_never_see_what_answers_are_drawn_from(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[torch.Tensor] = []
    inner = controllers.overfitting

    def overfitting(match: Match, key: Key) -> dict[str, float]:
        read.append(match.heldout.stored(torch.arange(len(match.heldout))))
        return inner(match, key)

    monkeypatch.setattr(controllers, "overfitting", overfitting)
    study(tmp_path, f"{RATE}=0,{{adaptive: {{}}}}")
    judge = Standard(small_design(VARY).recipe(small_design(VARY).arms[0], 0), None, torch.device("cpu"))
    assert read
    assert all(torch.equal(rows, judge.data.samples[judge.numbers["selection"]]) for rows in read)


def test_cells_of_a_file_with_dots_in_its_name_lie_in_one_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    fields = {"recipe": recipe_file(tmp_path), "vary": {RATE: [0, 0.5]}, "seeds": 2, "for": "96img"}
    (tmp_path / "my.v2.yaml").write_text(yaml.safe_dump(fields | {"cells": {"batch": [16, 32]}}))
    api.study("my.v2.yaml", jobs=1, quiet=True)
    assert sorted(place.name for place in (tmp_path / "studies" / "my.v2").iterdir()) == ["batch=16", "batch=32"]
    for own in ({"cells": {"seed": [1, 2]}}, {"base": ["keep=9"]}, {"base": ["steps=99"]}):
        (tmp_path / "own.yaml").write_text(yaml.safe_dump(fields | own))
        with pytest.raises(RequestError, match="is the study's own"):
            api.study("own.yaml", quiet=True)


def test_modes_are_counted_among_as_many_fakes_as_may_be() -> None:
    wanted = validated(override(zoo.read_recipe("ring"), ["score.count=3000"]))
    assert Standard(wanted, "modes", torch.device("cpu")).count("report") == 3000
