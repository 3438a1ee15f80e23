"""Scores while training: the best checkpoint is kept, and a run that gets no better ends."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

import sparring
from sparring.base.errors import RequestError
from sparring.base.files import read_lines
from sparring.runs import scoring as scorer
from tests.conftest import small_fields, small_recipe
from tests.runs.test_training import StopAfter, assert_same_state, final_state

VALUES = {10: 5.0, 20: 3.0, 30: 4.0, 40: 3.5, 50: 6.0, 60: 2.0, 70: 2.5, 80: 2.5, 90: 2.5, 100: 2.5}
"""What runs here score, by step: the best of the first half at 20, no better one for three times, then at 60."""


@pytest.fixture(autouse=True)
def by_step(monkeypatch: pytest.MonkeyPatch) -> None:
    real = scorer.scored

    def told(*arguments: Any) -> dict[str, Any]:
        scores = real(*arguments)
        scores["fid"]["value"] = VALUES.get(arguments[5], 9.0)
        return scores

    monkeypatch.setattr(scorer, "scored", told)


@pytest.fixture
def recipe(tmp_path: Path) -> str:
    path = tmp_path / "small.yaml"
    score = {"every": 10, "patience": 3, "metrics": ["fid"], "extractor": "pixels", "count": 20}
    path.write_text(yaml.safe_dump(small_fields(steps=100, save_every=7, keep=2, score=score)))
    return str(path)


def scored_steps(run: Path) -> list[int]:
    return [line["step"] for line in read_lines(run / "scores.jsonl")]


def test_patience_ends_a_run_that_gets_no_better(
    recipe: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    run = sparring.train(recipe, out=tmp_path / "run")
    told = capfd.readouterr().err
    assert (
        "step 50: 3 scores without a better fid (pixels): ending here; the best checkpoint, of step 20, is kept" in told
    )
    assert f"scores of {run.path} at step 50" in told
    assert (run.step, run.finished, run.best_step) == (50, True, 20)
    assert scored_steps(run.path) == [10, 20, 30, 40, 50]
    assert run.dir.report.exists()
    assert run.dir.saved_steps() == [20, 49, 50], "the last two and the best"
    assert "diagnosis" in told


def test_a_run_that_ended_is_finished_until_it_is_given_more(
    recipe: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    run = sparring.train(recipe, out=tmp_path / "run", quiet=True)
    before = {p: p.stat().st_mtime_ns for p in run.path.rglob("*") if p.is_file() and p.name != ".lock"}
    for again in ({}, {"for_": "100steps"}):
        capfd.readouterr()
        sparring.train(out=run.path, **again)
        (line,) = capfd.readouterr().err.splitlines()
        assert "ended at step 50 of 100, 3 scores after its best at step 20; for more, say a longer --for" in line
    sparring.train(recipe, out=run.path, quiet=True)
    assert {p: p.stat().st_mtime_ns for p in before} == before
    longer = sparring.train(out=run.path, for_="110steps", quiet=True)
    assert (longer.step, longer.finished, longer.best_step) == (90, True, 60), "it was patient anew from step 50 on"
    assert longer.dir.saved_steps() == [60, 84, 90]


@pytest.mark.parametrize("words", [["score.patience=4"], ["score.patience=null"]])
def test_more_patience_goes_on(recipe: str, tmp_path: Path, words: Sequence[str]) -> None:
    sparring.train(recipe, out=tmp_path / "run", quiet=True)
    run = sparring.train(*words, out=tmp_path / "run", quiet=True)
    assert (run.step, run.best_step, run.finished) == (100, 60, True)


@pytest.mark.parametrize("stop", [15, 33, 49])
def test_stopped_and_gone_on_with_it_ends_at_the_same_step(recipe: str, tmp_path: Path, stop: int) -> None:
    through = sparring.train(recipe, out=tmp_path / "through", quiet=True)
    with StopAfter(stop):
        sparring.train(recipe, out=tmp_path / "run", quiet=True)
    run = sparring.train(out=tmp_path / "run", quiet=True)
    assert (run.step, run.best_step) == (50, 20)
    assert_same_state(final_state(through.path), final_state(run.path))
    for step in (20, 49):
        assert_same_state(through.dir.load(step), run.dir.load(step))


def test_killed_between_its_last_checkpoint_and_its_report_it_only_reports(recipe: str, tmp_path: Path) -> None:
    run = sparring.train(recipe, out=tmp_path / "run", quiet=True)
    run.dir.report.unlink()
    again = sparring.train(out=run.path, quiet=True)
    assert (again.step, again.finished) == (50, True)
    assert run.dir.report.exists()


def test_killed_before_its_last_checkpoint_it_ends_again(recipe: str, tmp_path: Path) -> None:
    run = sparring.train(recipe, out=tmp_path / "run", quiet=True)
    whole = final_state(run.path)
    run.dir.discard_after(49)
    run.dir.report.unlink()
    again = sparring.train(out=run.path, quiet=True)
    assert again.step == 50
    assert_same_state(whole, final_state(again.path))


def test_all_processes_end_together(recipe: str, tmp_path: Path) -> None:
    still = ["generator.optimiser.adam.lr=1e-30", "score.patience=2", "ema=null"]
    command = [sys.executable, "-m", "sparring", "train", recipe, *still, "--out", "run", "--devices", "2"]
    ended = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=120)
    assert ended.returncode == 0, ended.stderr
    assert "step 30: 2 scores without a better fid" in ended.stderr
    assert sparring.load(tmp_path / "run").step == 30


def test_the_last_score_counts_too(recipe: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is taken once, and kept in mind when the run is made longer."""
    monkeypatch.setitem(VALUES, 25, 1.0)
    run = sparring.train(recipe, "steps=25", out=tmp_path / "run", quiet=True)
    assert scored_steps(run.path) == [10, 20, 25]
    assert (run.best_step, run.finished) == (25, True)
    longer = sparring.train(out=run.path, for_="60steps", quiet=True)
    assert (longer.step, longer.best_step) == (50, 25), "30, 40 and 50 are no better"
    assert 25 in longer.dir.saved_steps()


def test_any_command_takes_the_best_checkpoint(recipe: str, tmp_path: Path) -> None:
    run = sparring.train(recipe, out=tmp_path / "run", quiet=True)
    best, newest = sparring.sample(run.path, 5, step="best"), sparring.sample(run.path, 5)
    assert not np.array_equal(best, newest)
    assert np.array_equal(best, sparring.load(run.path, step=20).sample(5))
    assert np.array_equal(best, sparring.sample(run, 5, step="20"))
    assert np.array_equal(best, run.at("best").sample(5))
    found = sparring.evaluate(run.path, metrics="fid", extractor="pixels", step="best")
    assert found["step"] == 20
    assert scored_steps(run.path)[-1] == 20
    assert sparring.load(run.path).scores["fid"]["value"] == 6.0, "of the newest"
    assert sparring.load(run.path, step="best").scores["fid"]["value"] == found["scores"]["fid"]["value"]
    for step, told in (("first", "'first' is no step; write a number, or best"), ("33", "there are 20, 49, 50")):
        with pytest.raises(RequestError, match=told):
            sparring.sample(run.path, 5, step=step)


def test_without_scores_there_is_no_best(recipe: str, tmp_path: Path) -> None:
    run = sparring.train(recipe, "score.every=null", "score.patience=null", "steps=5", out=tmp_path / "run", quiet=True)
    assert run.best_step is None
    with pytest.raises(RequestError, match=r"step: best, and .* was not scored while it trained; say score.every"):
        sparring.load(run.path, step="best")


@pytest.mark.parametrize(
    ("score", "told"),
    [
        ({"patience": 3}, "score.patience: 3, and nothing is scored while training; say score.every"),
        ({"patience": 3, "every": 5, "metrics": []}, "score.patience: 3, and score.metrics is empty"),
        ({"patience": 0, "every": 5}, "score.patience"),
    ],
)
def test_patience_needs_scores(score: dict[str, Any], told: str) -> None:
    with pytest.raises(RequestError, match=told) as caught:
        small_recipe(score=score)
    assert "\n" not in str(caught.value)
