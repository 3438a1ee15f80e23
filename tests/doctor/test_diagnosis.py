"""Diagnoses of whatever a run's directory holds, and how they are told."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest

from sparring.base.files import append_line
from sparring.base.rundir import RunDir
from sparring.doctor import Finding, closing_lines, diagnose, page
from sparring.doctor.cases import Event
from sparring.doctor.view import event_line, spark
from sparring.recipe import Recipe
from tests.conftest import small_recipe

RECIPE = small_recipe(steps=2000)
COLLAPSE = [90.0, 70.0, 55.0, 49.0, 51.0, 50.0, 80.0, 100.0, 120.0, 130.0, 137.0, 137.5]


@pytest.fixture
def run(tmp_path: Path) -> RunDir:
    (tmp_path / "run").mkdir()
    return RunDir(tmp_path / "run")


@pytest.fixture(autouse=True)
def as_the_rule_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sparring.doctor.diagnosis.remedies", lambda finding, recipe: finding.remedy)


def scored(value: float, **more: Any) -> dict[str, Any]:
    return {"fid": {"value": value, "better": "lower", "n": 100, "protocol": {"extractor": "pixels"}} | more}


def collapsed(run: RunDir, values: list[float] = COLLAPSE) -> None:
    for number, value in enumerate(values, 1):
        append_line(run.scores, {"step": 100 * number, "scores": scored(value)})


def fall(step: int, **more: Any) -> dict[str, Any]:
    return {
        "symptom": "diverged",
        "since_step": step,
        "confidence": 1.0,
        "evidence": {},
        "remedy": ["precision=fp32"],
    } | more


def symptoms(run: RunDir, recipe: Recipe = RECIPE) -> list[str]:
    return [finding.symptom for finding in diagnose(run, recipe).findings]


def test_a_run_of_which_nothing_is_known(run: RunDir) -> None:
    found = diagnose(run, RECIPE)
    reason = "0 % of the run (0 of 2,000 steps); illnesses are judged from 20 % on"
    rest = f"sparring train --out {run.path}"
    written = {"run": str(run.path), "verdict": "too-early", "findings": [], "step": 0, "steps": 2000}
    assert found.to_json() == written | {"reason": reason, "rest": rest}
    assert (found.step, found.steps, found.finished) == (0, 2000, False)
    assert found.remarks == ("no readings of the probes: only scores and what fell were looked at",)
    assert "(doctor=off)" in diagnose(run, small_recipe(doctor="off")).remarks[0]


def test_scores_alone_tell_of_a_late_collapse(run: RunDir) -> None:
    append_line(run.log, {"step": 1200})
    collapsed(run)
    found = diagnose(run, RECIPE)
    assert found.verdict == "sick"
    (finding,) = found.to_json()["findings"]
    assert {"symptom", "since_step", "confidence", "evidence", "remedy"} <= set(finding)
    assert (finding["symptom"], finding["evidence"]["best_step"]) == ("past_its_best", 400.0)
    assert found.curve("fid") == [(100.0 * n, value) for n, value in enumerate(COLLAPSE, 1)]
    assert json.loads(json.dumps(found.to_json(), allow_nan=False)) == found.to_json()


def test_a_crash_cuts_files_anywhere(run: RunDir) -> None:
    append_line(run.log, {"step": 1200})
    collapsed(run)
    for number in range(1, 13):
        append_line(run.probes, {"step": 100 * number, "attempt": 0, "d_loss": 1.0})
    whole = {file: file.read_bytes() for file in (run.scores, run.probes, run.log)}
    for file, content in whole.items():
        for place in range(0, len(content), max(len(content) // 40, 1)):
            file.write_bytes(content[:place])
            diagnose(run, RECIPE)
        file.write_bytes(content)
    assert symptoms(run) == ["past_its_best"]


def test_lines_of_another_form_are_left_out(run: RunDir) -> None:
    collapsed(run)
    append_line(run.log, {"step": 1200})
    for line in ({"scores": 3}, {"step": "x", "scores": {}}, {"step": 5, "scores": {"fid": 3, "kid": {"protocol": 1}}}):
        append_line(run.scores, line)
    append_line(run.probes, {"step": 100, "attempt": "x", "d_loss": None})
    append_line(run.findings, {"symptom": "diverged", "since_step": "x"})
    append_line(run.findings, {"symptom": 7, "attempt": 1, "back_to_step": 3})
    assert symptoms(run) == ["past_its_best"]


def test_what_fell_is_told_and_what_was_given_up_is_not(run: RunDir) -> None:
    append_line(run.log, {"step": 1200, "attempt": 0})
    collapsed(run)
    append_line(run.findings, fall(1250, attempt=1, back_to_step=400))
    found = diagnose(run, RECIPE)
    assert (found.step, symptoms(run)) == (0, ["diverged"]), "it stands at a checkpoint again, before all scores"
    append_line(run.log, {"step": 1600, "attempt": 1})
    assert (diagnose(run, RECIPE).step, symptoms(run)) == (1600, ["past_its_best", "diverged"])
    append_line(run.log, {"step": 1700, "attempt": 1})
    assert symptoms(run) == ["past_its_best"], "the fall was long ago"
    append_line(run.findings, fall(700))
    finding = diagnose(run, RECIPE).findings[0]
    assert (finding.symptom, finding.since_step, finding.confidence) == ("diverged", 700, 1.0)


def test_events_of_the_training_are_no_falls(run: RunDir) -> None:
    append_line(run.findings, fall(700) | {"event": "opened", "at_step": 800})
    assert symptoms(run) == []


def test_a_notice_that_was_put_down_while_training_is_told(run: RunDir) -> None:
    line = {"symptom": "controller_saturated", "since_step": 16, "confidence": 1.0, "evidence": {"signal": 0.9}}
    append_line(run.findings, line | {"remedy": ["discriminator.terms.r1.weight=1"]})
    append_line(run.log, {"step": 500})
    found = diagnose(run, RECIPE)
    assert (found.verdict, symptoms(run)) == ("healthy", ["controller_saturated"])
    assert "try       discriminator.terms.r1.weight=1" in page(found)


def test_whether_it_is_finished(run: RunDir) -> None:
    append_line(run.log, {"step": 1999})
    assert not diagnose(run, RECIPE).finished
    append_line(run.log, {"ended_at_step": 1999, "finished": False})
    assert not diagnose(run, RECIPE).finished
    append_line(run.log, {"ended_at_step": 1999, "finished": True})  # by its scores' patience
    assert diagnose(run, RECIPE).finished
    append_line(run.log, {"step": 2000})
    assert diagnose(run, RECIPE).finished


def test_it_writes_nothing_and_takes_no_lock(run: RunDir) -> None:
    collapsed(run)
    before = {path: path.stat().st_mtime_ns for path in run.path.rglob("*")}
    with run.owned():
        diagnose(run, RECIPE)
    (run.path / ".lock").unlink()
    assert {path: path.stat().st_mtime_ns for path in run.path.rglob("*")} == before


FINDING = Finding(
    "mode_collapse",
    900,
    0.834,
    {"spread": 0.1234567, "covered": 0.05, "motion": 12345.0, "metric": "x"},
    ("spread", "nothing"),
    ("discriminator.optimiser.adam.betas=[0.0, 0.9]", "a " + "very " * 40 + "long word of advice"),
)


def test_lines_told_while_training() -> None:
    assert event_line(1250, Event(FINDING.with_remedy(("batch=32", "ema=null")), "opened")) == (
        "step 1,250: mode collapse since step 900 (confidence 83%): the samples are much alike "
        "(spread 0.123, covered 0.05, motion 12,345); try batch=32 ema=null"
    )
    assert event_line(1600, Event(FINDING, "closed")) == "step 1,600: no more mode collapse"


def test_a_page_fits_80_columns_but_for_what_is_to_be_pasted(run: RunDir, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sparring.doctor.diagnosis.judge", lambda history: [FINDING, FINDING])
    for step in range(50, 5050, 50):
        append_line(run.probes, {"step": step, "spread": math.exp(-step / 1000)})
    found = diagnose(run, RECIPE)
    lines = page(found).splitlines()
    assert lines[0] == "sick: mode collapse, mode collapse"
    assert "finished at step 5,000 of 2,000" in " ".join(lines)
    assert "mode collapse, since step 900 (confidence 83%)" in lines
    assert "  evidence  spread 0.123, covered 0.05, motion 12,345, metric x" in lines
    (curve, _) = (line for line in lines if line.startswith("  spread"))
    assert curve.startswith("  spread    █")
    assert curve.endswith("▁  0.951 to 0.00674")
    assert "  try       'discriminator.optimiser.adam.betas=[0.0, 0.9]'" in lines, "as a shell takes it"
    assert max(map(len, lines)) <= 80
    assert closing_lines(found)[0] == "diagnosis: sick: mode collapse, mode collapse"
    assert closing_lines(found)[1].startswith("mode collapse since step 900 (confidence 83%); try")
    assert "sparring diagnose" in closing_lines(found)[-1]


def test_a_healthy_run_is_one_line(run: RunDir) -> None:
    append_line(run.probes, {"step": 2000})
    found = diagnose(run, RECIPE)
    assert closing_lines(found) == ["diagnosis: healthy"]
    assert page(found).splitlines()[0] == "healthy"


@pytest.mark.parametrize(
    ("values", "blocks"),
    [
        ([], ""),
        ([1.0], "▁"),
        ([2.0, 2.0], "▁▁"),
        ([0, 1, 2, 3, 4, 5, 6, 7], "▁▂▃▄▅▆▇█"),
        ([math.nan, 1.0, math.inf, 3.0], "▁█"),
    ],
)
def test_sparklines(values: list[float], blocks: str) -> None:
    assert spark(values) == blocks
    assert len(spark([*values, *range(1000)])) == 32
