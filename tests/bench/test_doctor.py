"""The doctor's benchmark: its parts are apart, its causes do something, its judge counts right."""

from __future__ import annotations

import json
import math
import sys
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

sys.path.insert(0, str(Path(__file__).parents[2] / "bench" / "doctor"))

import beginnings
import causes
import judging
import parts
import playing
import reading
import saboteurs
import settings
import treating

from sparring.base.rundir import RunDir
from sparring.engine import choose_plan
from sparring.gan.match import Match
from sparring.kinds import zoo
from sparring.pages.console import Talk
from sparring.recipe import to_yaml, validated
from sparring.recipe.build import fitted
from sparring.runs import job, reporting, session

NEEDS_FILES = ("fashion",)
"""Settings whose data are no part of a package."""
SHORT = {
    "steps": 10,
    "sample_every": 10,
    "save_every": 5,
    "score": {"metrics": ["fid", "coverage"], "every": 5, "count": 40},
}


def at_hand(setting: str) -> bool:
    return not setting.startswith(NEEDS_FILES)


def match_of(fields: settings.Fields, seed: int = 0, sabotage: saboteurs.Sabotage | None = None) -> Match:
    """A match as a session builds it."""
    recipe = validated({**fields, **SHORT, "seed": seed})
    data = recipe.data.load()
    recipe = fitted(recipe, data, {})
    made = job.Job(RunDir("nowhere"), recipe, data, choose_plan("cpu", "fp32", images=False), {}, Talk(quiet=True))
    with saboteurs.sabotaged(sabotage):
        return session.built(made)


def played(match: Match, steps: int) -> Match:
    for step in match.play():
        match.take(step)
        if match.step == steps:
            break
    return match


def weights(net: nn.Module) -> Tensor:
    return nn.utils.parameters_to_vector(net.parameters()).detach().clone()


# Parts --------------------------------------------------------------------------------------------------------------


def test_the_parts_share_no_seed_and_no_severity() -> None:
    seeds = [{case.seed for case in parts.cases_of(part)} for part in parts.PARTS]
    assert len(set().union(*seeds)) == sum(map(len, seeds))
    for cause in causes.CAUSES:
        names = [one.name for part in parts.PARTS for one in parts.severities(cause, part)]
        assert len(set(names)) == len(names) >= 3


def test_a_quarter_of_the_unseen_settings_are_new() -> None:
    *known, unseen = (set(parts.settings_of(part)) for part in parts.PARTS)
    assert unseen - set().union(*known) == set(parts.NEW["unseen"])
    assert len(parts.NEW["unseen"]) >= len(unseen) / 4
    for setting in parts.NEW["unseen"]:
        assert any(case.setting == setting for case in parts.induced_cases("unseen"))


def test_there_are_as_many_runs_as_promised() -> None:
    assert len(parts.healthy_cases("tuning")) >= 36
    assert len(parts.healthy_cases("unseen")) >= 60
    assert len(parts.induced_cases("tuning")) >= 55
    assert len(parts.induced_cases("unseen")) >= 55
    for part in parts.PARTS:
        cases = parts.cases_of(part)
        assert len({(case.setting, case.name) for case in cases}) == len(cases)
        assert len({case.seed for case in cases if case.cause}) == len(parts.induced_cases(part))
        assert {case.cause for case in cases} == {"", *(cause.name for cause in causes.CAUSES)}


@pytest.mark.parametrize("part", parts.PARTS)
def test_every_recipe_is_valid(part: str) -> None:
    for case in parts.cases_of(part):
        fields = playing.fields_of(case)
        recipe = validated({**fields, "seed": case.seed})
        assert recipe.steps % 5 == 0, "scores come every fifth of the run"
        if case.cause and parts.cause_of(case)[1].change is not None:
            assert fields != parts.settings_of(part)[case.setting].fields


def test_a_change_leaves_the_settings_fields_alone() -> None:
    fields = settings.settings()["digits-ns"].fields
    before = json.dumps(fields)
    for cause in causes.CAUSES:
        if cause.applies(fields):
            for severity in (*cause.tuning, *cause.second, *cause.unseen):
                causes.changed(fields, severity)
    assert json.dumps(fields) == before


# Saboteurs ----------------------------------------------------------------------------------------------------------

SABOTAGED = [
    (cause.name, severity)
    for cause in causes.CAUSES
    for severity in (*cause.tuning, *cause.unseen)
    if severity.sabotage is not None
]


@pytest.mark.parametrize(("cause", "severity"), SABOTAGED, ids=[f"{cause}-{one.name}" for cause, one in SABOTAGED])
@pytest.mark.parametrize("setting", ["ring-ns", "digits-ns"])
def test_a_saboteur_changes_the_match_and_the_same_way_again(
    setting: str, cause: str, severity: causes.Severity
) -> None:
    fields = settings.settings()[setting].fields
    known = next(one for one in causes.CAUSES if one.name == cause)
    if not known.applies(fields):
        assert setting == "ring-ns"  # only images have a range of their own
        return
    ends = [
        [weights(net) for net in played(match_of(fields, sabotage=sabotage), 10).nets().values()]
        for sabotage in (None, severity.sabotage, severity.sabotage)
    ]
    assert any(not torch.equal(healthy, sick) for healthy, sick in zip(ends[0], ends[1], strict=True))
    assert all(torch.equal(one, other) for one, other in zip(ends[1], ends[2], strict=True))


def test_sabotage_begins_when_it_is_said_to() -> None:
    fields = settings.settings()["digits-ns"].fields
    for sabotage in (saboteurs.flip_labels(0.5, 0.5), saboteurs.freeze_layers(slice(None), 0.5)):
        healthy, sick = match_of(fields), match_of(fields, sabotage=sabotage)
        assert torch.equal(weights(played(healthy, 5).generator), weights(played(sick, 5).generator))
        ends = [weights(net) for match in (healthy, sick) for net in played(match, 10).nets().values()]
        assert not (torch.equal(ends[0], ends[2]) and torch.equal(ends[1], ends[3]))


def test_frozen_layers_stay_as_they_were() -> None:
    match = match_of(settings.settings()["digits-ns"].fields, sabotage=saboteurs.freeze_layers(slice(0, 1)))
    before = {name: tensor.clone() for name, tensor in match.generator.state_dict().items()}
    after = played(match, 5).generator.state_dict()
    moved = {name.rsplit(".", 1)[0] for name in before if not torch.equal(before[name], after[name])}
    assert moved == {name.rsplit(".", 1)[0] for name in before} - {"hidden.0"}


def test_samples_are_shown_in_another_range_and_scored_in_the_right_one() -> None:
    fields = settings.settings()["digits-ns"].fields
    healthy, sick = match_of(fields), match_of(fields, sabotage=saboteurs.shown_scaled(0.5, 0.25))
    right, wrong = next(healthy.batches).samples, next(sick.batches).samples
    assert torch.allclose(wrong, right * 0.5 + 0.25, atol=1e-6)
    assert sick.data.codec == healthy.data.codec
    sick.redraw(0)  # as a resume, or a roll-back, does
    assert torch.equal(next(sick.batches).samples, wrong)


def test_flipped_labels_leave_the_generators_side_alone() -> None:
    match = match_of(settings.settings()["digits-ns"].fields)
    inner = match.players["discriminator"].objective
    flipped = saboteurs.Flipped(inner, 1.0, lambda: True)
    real, fake = torch.randn(8), torch.randn(8)
    assert torch.equal(flipped.discriminator(real, fake), inner.discriminator(fake, real))
    assert torch.equal(flipped.generator(None, fake), inner.generator(None, fake))
    assert flipped.zero_is_undecided == inner.zero_is_undecided


def test_a_run_is_played_once_and_leaves_its_scores(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    known = {name: one._replace(fields={**one.fields, **SHORT}) for name, one in settings.settings().items()}
    monkeypatch.setattr(parts, "settings", lambda: known)
    cases = [case for case in parts.cases_of("tuning") if case.setting == "ring-ns"]
    healthy = next(case for case in cases if not case.cause)
    flipped = next(case for case in cases if case.cause and parts.cause_of(case)[1].sabotage)
    before = session.built, reporting.write_report
    for case in (healthy, flipped):
        outcome = playing.play(case, tmp_path)
        assert [line["step"] for line in outcome["scores"]] == [5, 10]
        assert playing.outcome_of(case, tmp_path) == json.loads(json.dumps(outcome))
    assert (session.built, reporting.write_report) == before
    assert not (playing.place(healthy, tmp_path) / "report.html").exists()
    told = reading.table_of_ratios(cases, tmp_path)
    assert flipped.severity in told
    assert treating.same_bits(playing.place(healthy, tmp_path), playing.place(healthy, tmp_path))
    assert not treating.same_bits(playing.place(healthy, tmp_path), playing.place(flipped, tmp_path))
    assert reading.first_alarm(playing.place(healthy, tmp_path)) is None


# Judging ------------------------------------------------------------------------------------------------------------


def run(ratio: float, verdict: str, *findings: str, cause: str = "", alarm: int | None = None) -> judging.Played:
    case = parts.Case("tuning", "digits-ns", 1, cause, "1" if cause else "")
    return judging.Played(case, ratio, ratio, verdict, findings, frozenset({"explosion"}), 10, alarm, 100)


def test_wilson() -> None:
    assert judging.wilson(9, 10) == pytest.approx((0.5958, 0.9821), abs=1e-4)
    assert judging.wilson(0, 10)[0] == 0
    assert judging.wilson(10, 10)[1] == pytest.approx(1)
    assert all(math.isnan(end) for end in judging.wilson(0, 0))


def test_the_right_finding_is_among_the_first_two() -> None:
    assert run(2, "sick", "oscillation", "explosion").named
    assert not run(2, "sick", "oscillation", "mode_collapse", "explosion").named
    assert run(2, "sick", "diverged").named, "what is no longer finite has exploded"
    assert not run(2, "healthy").named


def test_a_run_is_sick_by_its_score_alone() -> None:
    assert run(1.51, "healthy").sick
    assert run(math.inf, "healthy").sick
    assert not run(1.5, "sick", "explosion", cause="tiny-data").sick


def test_the_summary_counts() -> None:
    found = judging.summary(
        [
            run(3, "sick", "explosion", cause="a", alarm=30),
            run(3, "sick", "oscillation", cause="a", alarm=50),
            run(math.inf, "healthy", cause="b"),
            run(1.2, "sick", "explosion", cause="b", alarm=20),
            run(1.0, "healthy"),
            run(1.1, "sick", "explosion"),
            run(0.9, "healthy"),
        ]
    )
    for name, part, whole in (
        ("recall", 2, 3),
        ("precision", 2, 4),
        ("false alarms, healthy settings", 1, 3),
        ("alarms, induced and healthy", 1, 1),
        ("named among the first two", 1, 3),
    ):
        assert (found[name]["part"], found[name]["whole"]) == (part, whole), name
    assert found["confusion"] == {"sick": {"sick": 2, "healthy": 1}, "healthy": {"sick": 2, "healthy": 2}}
    assert found["alarm after onset"]["median steps"] == 30
    assert found["alarm after onset"]["median share of the run"] == pytest.approx(0.3)
    assert len(found["wrong"]) == 4
    assert found["by cause"]["a"] == {
        "runs": 2,
        "sick": 2,
        "found": 2,
        "named": 1,
        "alarms on those that stayed healthy": 0,
        "first findings": {"explosion": 1, "oscillation": 1},
    }
    assert "2 of    3" in reading.told(found)


def test_badness_is_of_the_last_step() -> None:
    line = {
        "step": 10,
        "scores": {"fid": {"value": 3.0, "interval": [2, 4]}, "coverage": {"value": 0.6, "interval": [0.5, 0.7]}},
    }
    assert judging.badness([line], "fid", 10) == 3
    assert judging.badness([line], "missed", 10) == pytest.approx(1 / 0.6)
    assert judging.badness([line], "fid", 20) == math.inf
    assert judging.badness([], "fid", 20) == math.inf
    assert judging.worst_of(line, "fid") == 4
    assert judging.worst_of(line, "missed") == pytest.approx(2)
    assert judging.inverse(0.0) == math.inf


def test_the_first_alarm_is_played_over_from_what_was_measured(tmp_path: Path) -> None:
    fields = settings.settings()["digits-ns"].fields
    (tmp_path / "recipe.yaml").write_text(to_yaml(validated(fields)))
    lines: list[dict[str, float]] = [{"data_most": 20.0, "data_least": 0.0}]  # far beyond what networks are made for
    lines += [{"step": step} for step in range(50, 301, 50)]
    (tmp_path / "probes.jsonl").write_text("\n".join(json.dumps(line) for line in lines))
    assert reading.first_alarm(tmp_path) == 150, "the third reading that shows it"
    fall = {"symptom": "diverged", "since_step": 120, "confidence": 1.0, "evidence": {}}
    (tmp_path / "findings.jsonl").write_text(json.dumps(fall))
    assert reading.first_alarm(tmp_path) == 120, "a fall, which the trainer writes down itself"
    (tmp_path / "findings.jsonl").unlink()
    (tmp_path / "probes.jsonl").write_text("\n".join(json.dumps(line) for line in lines[1:]))
    assert reading.first_alarm(tmp_path) is None


def test_runs_are_judged_on_their_way(tmp_path: Path) -> None:
    fields = {**settings.settings()["digits-ns"].fields, "steps": 1000}
    (tmp_path / "recipe.yaml").write_text(to_yaml(validated(fields)))
    far = {"distance": 0.9, "covered": 0.3, "precise": 0.4, "apart_heldout": 0.96, "apart_train": 0.96}
    lines = [{"step": step} | (far if step > 300 else {}) for step in range(50, 1001, 50)]
    (tmp_path / "probes.jsonl").write_text("\n".join(json.dumps(line) for line in lines))
    told = beginnings.on_the_way(tmp_path)
    assert told == {0.05: "too-early", 0.1: "too-early", 0.2: "healthy", 0.4: "too-early", 0.7: "sick", 1.0: "sick"}
    (tmp_path / "probes.jsonl").write_text(
        json.dumps({"data_most": 20.0, "data_least": 0.0}) + "\n" + json.dumps(lines[0])
    )
    assert beginnings.on_the_way(tmp_path)[0.05] == "sick", "a range that networks are not made for"


def test_short_runs_are_played_and_judged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    known = {name: one._replace(fields={**one.fields, **SHORT}) for name, one in settings.settings().items()}
    monkeypatch.setattr(parts, "settings", lambda: known)
    monkeypatch.setattr(beginnings, "SHORT", (0.1,))
    cases = [case for case in parts.cases_of("tuning") if case.setting == "ring-ns" and not case.cause]
    found = beginnings.shortened(cases, tmp_path, 1)
    assert found == {0.1: {"healthy": {"too-early": 1}, "broken": {}}}
    line = beginnings.told({"on the way": {"ends well": {0.02: {"too-early": 3}}}, "short": found}).splitlines()[-1]
    assert line.split() == ["short", "healthy", "10%", "0", "1", "0"]


def test_medians_are_of_healthy_runs_alone() -> None:
    healthy = parts.Case("tuning", "ring-ns", 0)
    found = [(healthy, 1.0), (healthy._replace(seed=1), 3.0), (healthy._replace(cause="tiny-data"), 100.0)]
    assert judging.healthy_medians(found) == {"ring-ns": 2.0}


def test_recipes_can_be_written_and_read(tmp_path: Path) -> None:
    path = tmp_path / "one.yaml"
    fields = settings.settings()["digits-minimax"].fields
    path.write_text(json.dumps(fields))
    assert validated(zoo.read_recipe(str(path)) | {"name": "own"}) == validated(fields)
