"""The doctor while a run trains: what it says and writes, also of a run that was stopped and gone on with."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

import sparring
from sparring.base.files import read_lines
from sparring.doctor import Finding, History, events_of
from tests.conftest import small_fields
from tests.plain import Poison
from tests.runs.test_training import StopAfter, assert_same_state, final_state

STEPS = 600


@pytest.fixture
def recipe(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A recipe whose runs are judged sick from the reading at step 150 to that at step 350."""

    def judge(history: History) -> list[Finding]:
        sick = 150 <= history.step <= 350
        return [Finding("oscillation", 120, 0.7, {"turned": -0.9})] if sick else [Finding("converged", 5, 0.9)]

    monkeypatch.setattr("sparring.doctor.attend.judge", judge)
    monkeypatch.setattr("sparring.doctor.diagnosis.remedies", lambda finding, recipe: ())
    monkeypatch.setattr("sparring.runs.session.remedies", lambda finding, recipe: (f"batch={2 * recipe.batch}",))
    path = tmp_path / "small.yaml"
    path.write_text(yaml.safe_dump(small_fields(steps=STEPS, save_every=50, score={"metrics": []})))
    return str(path)


OPENED = (
    "step 250: oscillation since step 120 (confidence 70%): the generator moves in circles instead of coming nearer "
    "(turned -0.9); try batch=32"
)
CLOSED = "step 500: no more oscillation"


def events(run: Path) -> list[tuple[str, str, int]]:
    found = events_of(read_lines(run / "findings.jsonl"))
    return [(one["symptom"], one["event"], one["at_step"]) for one in found]


WHOLE = [("oscillation", "opened", 250), ("oscillation", "closed", 500)]


def test_a_line_when_a_finding_opens_or_closes(recipe: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    run = sparring.train(recipe, out=tmp_path / "run")
    told = [line for line in capfd.readouterr().err.splitlines() if "oscillation" in line]
    assert told == [OPENED, CLOSED]
    lines = read_lines(run.dir.findings)
    assert [line["event"] for line in lines] == ["opened", "closed"]
    assert lines[0] == {
        "symptom": "oscillation", "kind": "illness", "since_step": 120, "confidence": 0.7, "curves": [],
        "evidence": {"turned": -0.9}, "remedy": ["batch=32"], "event": "opened", "at_step": 250,
    }  # fmt: skip


@pytest.mark.parametrize("stop", [225, 275, 460])
def test_stopped_and_gone_on_with_it_tells_the_same(recipe: str, tmp_path: Path, stop: int) -> None:
    through = sparring.train(recipe, out=tmp_path / "through", quiet=True)
    assert events(through.path) == WHOLE
    with StopAfter(stop):
        sparring.train(recipe, out=tmp_path / "run", quiet=True)
    run = sparring.train(out=tmp_path / "run", quiet=True)
    assert events(run.path) == WHOLE
    assert len(read_lines(run.dir.findings)) == 2
    assert_same_state(final_state(through.path), final_state(run.path))


def test_steps_walked_again_are_told_once(recipe: str, tmp_path: Path) -> None:
    """Back to a checkpoint before the finding opened, as after SIGKILL."""
    run = sparring.train(recipe, "keep=20", out=tmp_path / "run", quiet=True)
    run.dir.discard_after(200)
    run.dir.report.unlink()
    again = sparring.train(out=run.path, quiet=True)
    assert (again.step, len(read_lines(run.dir.findings))) == (STEPS, 4)
    assert events(run.path) == WHOLE


def test_falls_and_events_stand_in_one_file(recipe: str, tmp_path: Path) -> None:
    run = sparring.train(recipe, out=tmp_path / "run", generator=Poison(at=420), quiet=True)
    (fall,) = (line for line in read_lines(run.dir.findings) if "event" not in line)
    assert (fall["symptom"], fall["attempt"], fall["back_to_step"]) == ("diverged", 1, fall["back_to_step"])
    assert events(run.path) == WHOLE
    with StopAfter(620):
        sparring.train(out=run.path, for_="700steps", generator=Poison(at=10**6), quiet=True)
    assert final_state(run.path)["attempt"] == 1, "a resumed run finds its attempt among the events"


def test_the_end_of_a_training_says_the_diagnosis(
    recipe: str, tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sparring.doctor.diagnosis.judge", lambda history: [])
    sparring.train(recipe, "steps=60", "recipe_steps=60", out=tmp_path / "run")
    assert [line for line in capfd.readouterr().err.splitlines() if "diagnosis" in line] == ["diagnosis: healthy"]
    assert '<span class="badge good">healthy</span>' in (tmp_path / "run" / "report.html").read_text()
    sick = Finding("oscillation", 120, 0.7)
    monkeypatch.setattr("sparring.doctor.diagnosis.judge", lambda history: [sick])
    sparring.train(out=tmp_path / "run", for_="70steps")
    assert "diagnosis: sick: oscillation\noscillation since step 120 (confidence 70%)\nmore: " in capfd.readouterr().err
    assert '<span class="badge bad">sick: oscillation</span>' in (tmp_path / "run" / "report.html").read_text()
    sparring.train(recipe, "steps=60", "doctor=off", out=tmp_path / "off")
    assert "diagnosis" not in capfd.readouterr().err
    assert sparring.diagnose(tmp_path / "off")["verdict"] == "sick"


def test_scores_are_judged_as_they_come(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Those of earlier steps alone, also where a later walk finds those of later ones."""
    seen: list[tuple[int, tuple[int, ...]]] = []

    def judge(history: History) -> list[Finding]:
        seen.append((history.step, history.scores[0].steps if history.scores else ()))
        return []

    monkeypatch.setattr("sparring.doctor.attend.judge", judge)
    path = tmp_path / "small.yaml"
    score = {"every": 50, "metrics": ["fid"], "extractor": "pixels", "count": 20}
    path.write_text(yaml.safe_dump(small_fields(steps=200, save_every=50, keep=9, score=score)))
    run = sparring.train(str(path), out=tmp_path / "run", quiet=True)
    whole = [(50, ()), (100, (50,)), (150, (50, 100)), (200, (50, 100, 150))]
    assert seen == whole
    seen.clear()
    run.dir.discard_after(50)
    sparring.train(out=run.path, quiet=True)
    assert seen == whole[1:]
