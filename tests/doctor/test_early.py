"""Verdicts of runs that have only begun, and beside scores that speak against a run."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import sparring
from sparring import kinds
from sparring.base.files import append_line
from sparring.base.rundir import RunDir
from sparring.doctor import Facts, History, closing_lines, diagnose, facts_of, judge, page, verdict
from sparring.doctor.cases import replayed
from sparring.doctor.told import told_by_scores
from sparring.pages.console import Talk
from sparring.recipe import Recipe, to_yaml
from sparring.recipe.recorded import read_recipe_of
from sparring.recipe.request import fields_of
from tests.conftest import small_recipe
from tests.doctor.made import POOR, history
from tests.doctor.test_rules import ILL, KNOWN

AT_ONCE = {"explosion"}
CASES = [(symptom, *case) for symptom, cases in ILL.items() for case in cases]


def so_far(part: float, facts: Facts = KNOWN, **ill: Any) -> History:
    """Twenty readings of 1,000 steps, which are this part of the run."""
    return history(replace(facts, steps=round(1000 / part)), **ill)


# Rules --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("symptom", "ill", "facts"), CASES)
def test_what_has_only_begun_is_not_called_sick(symptom: str, ill: dict[str, Any], facts: Facts) -> None:
    begun = so_far(0.19, facts, **(POOR | ill))
    found = judge(begun)
    assert verdict(found, begun) == ("sick" if symptom in AT_ONCE else "too-early")
    assert {one.symptom for one in found if one.kind == "illness"} <= AT_ONCE
    opened = {event.finding.symptom for _, event in replayed(begun, judge)}
    assert opened <= AT_ONCE, "nor is it told while it trains"
    whole = so_far(1, facts, **(POOR | ill))
    assert verdict(judge(whole), whole) == "sick"


def test_a_fall_and_a_broken_setup_are_illnesses_at_any_time() -> None:
    fallen = so_far(0.01)
    fallen.falls = ({"symptom": "diverged", "since_step": 990},)
    pale = history(replace(KNOWN, steps=10**6), {"data_least": 0.5})
    for begun in (fallen, pale):
        assert verdict(judge(begun), begun) == "sick"


def test_far_samples_are_sick_or_too_early_and_never_healthy() -> None:
    """A run that is not over, whose samples still come nearer: nothing is wrong, and they are no good either."""
    for part in (0.05, 0.25, 0.5, 0.7, 1.0):
        nearing = so_far(part, **POOR)
        for step, distance in zip(range(50, 1001, 50), (2.0 * 0.9**n for n in range(20)), strict=True):
            nearing.add({"step": step} | POOR | {"distance": distance})
        assert verdict(judge(nearing), nearing) == ("sick" if part == 1 else "too-early"), part
        well = so_far(part)
        assert verdict(judge(well), well) == ("too-early" if part < 0.2 else "healthy"), part


def test_patience_that_is_over_is_the_end_of_a_run() -> None:
    facts = replace(KNOWN, spent=True)
    assert verdict(judge(so_far(0.5, facts, **POOR)), so_far(0.5, facts, **POOR)) == "sick"
    assert verdict(judge(so_far(0.1, facts, **POOR)), so_far(0.1, facts, **POOR)) == "too-early"


# How long a recipe is ------------------------------------------------------------------------------------------------


def asked(*words: str, recipe: str = "ring") -> dict[str, Any]:
    return fields_of(recipe, words, None, None, "cpu", Talk(quiet=True))


def test_a_recipe_made_shorter_or_longer_remembers_its_own_length(tmp_path: Path) -> None:
    assert "recipe_steps" not in asked()
    assert asked("steps=70")["recipe_steps"] == 6000
    assert asked("steps=70", "recipe_steps=500")["recipe_steps"] == 500
    assert Recipe.model_validate(asked("steps=70")).whole == 6000
    assert Recipe.model_validate(asked("steps=9000")).whole == 9000
    own = tmp_path / "own.yaml"
    own.write_text(to_yaml(Recipe.model_validate(asked("steps=70"))))
    assert asked(recipe=str(own))["recipe_steps"] == 6000
    own.write_text(to_yaml(small_recipe(steps=300)))
    assert asked("steps=30", recipe=str(own))["recipe_steps"] == 300


def test_a_run_records_it_and_keeps_it_when_it_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sparring.runs.reporting.write_report", lambda *_: None)
    own = tmp_path / "own.yaml"
    own.write_text(to_yaml(small_recipe(steps=300, score={"metrics": []}, doctor="off")))
    run = sparring.train(str(own), for_="3steps", out=tmp_path / "run", quiet=True)
    assert (run.recipe.steps, run.recipe.recipe_steps) == (3, 300)
    found = sparring.diagnose(run)
    assert found["verdict"] == "too-early"
    assert found["reason"] == "1 % of the recipe (3 of 300 steps); illnesses are judged from 20 % on"
    assert found["rest"].startswith(f"sparring train --out {run.path} --for 300steps")
    for again in (str(own), None):
        longer = sparring.train(again, for_="6steps", out=run.path, quiet=True)
        assert (longer.recipe.steps, longer.recipe.recipe_steps) == (6, 300)


def test_a_run_of_an_older_version_has_the_length_that_it_has() -> None:
    recipe = small_recipe(steps=300)
    assert recipe.recipe_steps is None
    assert facts_of(recipe).steps == 300
    assert facts_of(recipe.model_copy(update={"steps": 20})).steps == 20


# Told ----------------------------------------------------------------------------------------------------------------


def a_run(tmp_path: Path, recipe: Recipe, step: int, **numbers: float) -> RunDir:
    (tmp_path / "run").mkdir()
    run = RunDir(tmp_path / "run")
    run.recipe.write_text(to_yaml(recipe))
    for at in range(50, step + 1, 50):
        append_line(run.probes, {"step": at, "attempt": 0, "seconds": at / 10} | numbers)
    append_line(run.log, {"step": step, "attempt": 0})
    return run


def test_a_short_run_is_told_what_remains(tmp_path: Path) -> None:
    run = a_run(tmp_path, small_recipe(steps=300, recipe_steps=20_000), 300, **POOR, copies=0.6)
    found = diagnose(run, read_recipe_of(run))
    first, rest, so_far, *_ = closing_lines(found)
    assert (
        first
        == "diagnosis: too early to tell: 1.5 % of the recipe (300 of 20,000 steps); illnesses are judged from 20 % on"
    )
    assert rest == f"to train the rest: sparring train --out {run.path} --for 20000steps (about 32 min 50 s here)"
    assert so_far.startswith("so far: memorisation: samples are copies of training data (copies 0.6")
    assert "so far: memorisation" in page(found)
    told = found.to_json()
    assert (told["step"], told["steps"]) == (300, 20_000)
    assert [(one["kind"], one["remedy"]) for one in told["findings"]] == [("notice", [])]


def test_an_unfinished_run_goes_on_by_its_own_command(tmp_path: Path) -> None:
    run = a_run(tmp_path, small_recipe(steps=20_000), 300, distance=0.1)
    found = diagnose(run, read_recipe_of(run))
    assert found.too_early.startswith("1.5 % of the run (300 of 20,000 steps)")
    assert found.rest.startswith(f"sparring train --out {run.path} (about")


# Scores against a verdict ----------------------------------------------------------------------------------------------


def score(value: float, low: float, high: float, **protocol: Any) -> dict[str, Any]:
    return {"value": value, "interval": [low, high], "n": 200, "better": "higher", "protocol": protocol}


POINTS = kinds.of(small_recipe().game, small_recipe().data)


def against(**scores: dict[str, Any]) -> dict[str, str]:
    return {one.symptom: one.kind for one in told_by_scores(scores, POINTS, 100)}


def test_memorisation_beyond_chance_is_told_and_much_of_it_is_an_illness() -> None:
    assert against(memorisation=score(0.95, 0.9, 1.0, p_value=0.004)) == {"memorisation": "notice"}
    assert against(memorisation=score(0.5, 0.4, 0.6, p_value=0.004)) == {"memorisation": "illness"}
    assert against(memorisation=score(0.5, 0.4, 0.6, p_value=0.04)) == {}
    assert against(memorisation=score(0.5, 0.4, 0.6)) == {}


def test_scores_far_below_those_of_training_data_are_told() -> None:
    assert against(coverage=score(0.3, 0.25, 0.35, training_data=0.95)) == {"poor_scores": "notice"}
    assert against(recall=score(0.05, 0.02, 0.09, training_data=0.9)) == {"poor_scores": "illness"}
    assert (
        against(precision=score(0.6, 0.5, 0.7, training_data=0.95), diversity=score(0.9, 0.8, 1, training_data=1.0))
        == {}
    )
    assert against(coverage=score(0.05, 0.0, 0.6, training_data=0.95)) == {}, "too few samples to tell"
    assert against(modes=score(1, 1, 1, modes=8), own=score(0, 0, 0, training_data=1.0)) == {}


def test_no_verdict_stands_beside_a_score_that_belies_it(tmp_path: Path) -> None:
    run = a_run(tmp_path, small_recipe(steps=300, doctor="off"), 300)
    for scores, told in (
        ({"memorisation": score(0.9, 0.8, 0.95, p_value=0.001)}, "healthy, but look at memorisation"),
        ({"coverage": score(0.02, 0.0, 0.04, training_data=0.96)}, "sick: poor scores"),
        ({"coverage": score(0.9, 0.8, 0.95, training_data=0.96)}, "healthy"),
    ):
        run.scores.unlink(missing_ok=True)
        append_line(run.scores, {"step": 300, "attempt": 0, "scores": scores})
        found = diagnose(run, read_recipe_of(run))
        assert closing_lines(found)[0] == f"diagnosis: {told}"
        assert found.verdict == told[: len(found.verdict)]


def test_a_tables_words_on_privacy_and_quality_are_the_doctors() -> None:
    tables = next(kind for kind in kinds.kinds() if kind.name == "tables")
    leaks = score(0.7, 0.65, 0.75, metric="membership") | {"better": "lower"}
    trace = score(0.53, 0.51, 0.55, metric="membership") | {"better": "lower"}
    apart = score(0.97, 0.96, 0.98, metric="two_sample") | {"better": "lower"}
    for scores, kind in (({"membership": leaks}, "illness"), ({"membership": trace}, "notice")):
        (found,) = told_by_scores(scores, tables, 100)
        assert (found.symptom, found.kind) == ("memorisation", kind)
        assert "an attacker tells" in str(found.evidence["told"])
    (found,) = told_by_scores({"two_sample": apart}, tables, 100)
    assert (found.symptom, found.kind, found.against) == ("poor_scores", "notice", True)
    assert told_by_scores({"copies": {"value": 0.5, "protocol": {}}}, tables, 100) == [], "of another version"


def test_what_is_told_of_scores_names_the_features(tmp_path: Path) -> None:
    run = a_run(tmp_path, small_recipe(steps=300), 300)
    for at, value in enumerate((49.0, 30.0, 20.0, 10.0, 9.0, 40.0, 60.0, 80.0), 1):
        one = score(value, value, value, extractor="selfsup") | {"better": "lower"}
        append_line(run.scores, {"step": 37 * at, "scores": {"fid": one}})
    (finding,) = (one for one in diagnose(run, read_recipe_of(run)).findings if one.symptom == "past_its_best")
    assert (finding.evidence["metric"], finding.curves) == ("fid", ("fid",)), "names in files stay as they are"
    told = page(diagnose(run, read_recipe_of(run)))
    assert "metric fid (selfsup), best 9" in told
    assert "fid (selfsup)  " in told, "beside its curve"
