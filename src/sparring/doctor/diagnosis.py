"""From a run directory to a diagnosis: of a finished run, one that trains, or one that crashed. Reads the files of
numbers alone: no data, no networks; and writes nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sparring.base.rundir import RunDir
from sparring.doctor.facts import facts_of
from sparring.doctor.findings import SYMPTOMS, Finding
from sparring.doctor.history import History, Scored, history_of, is_number, scored_of
from sparring.doctor.judge import judge, verdict
from sparring.doctor.remedies import remedies
from sparring.doctor.walk import Line, standing, walked
from sparring.recipe import Recipe

SINCE = "since_step"


@dataclass(frozen=True)
class Diagnosis:
    """What the doctor says of a run."""

    run: str
    step: int
    """The last one that the files tell of."""
    steps: int
    """Of the whole run."""
    finished: bool
    findings: tuple[Finding, ...]
    """Illnesses first, each with its remedy."""
    history: History
    """What they were found in."""
    remarks: tuple[str, ...] = ()
    """What could not be looked at, in sentences."""

    @property
    def verdict(self) -> str:
        """`healthy` or `sick`."""
        return verdict(self.findings)

    @property
    def illnesses(self) -> list[Finding]:
        return [finding for finding in self.findings if finding.kind == "illness"]

    @property
    def notices(self) -> list[Finding]:
        return [finding for finding in self.findings if finding.kind == "notice"]

    def curve(self, name: str) -> list[tuple[float, float]]:
        """Steps and values of one of a finding's curves: a series of the history, or a score."""
        steps, values = self.history.series(name)
        if len(steps):
            return list(zip(steps.tolist(), values.tolist(), strict=True))
        scored = next((one for one in self.history.scores if one.metric == name), None)
        return [] if scored is None else list(zip(map(float, scored.steps), scored.values, strict=True))

    def to_json(self) -> dict[str, Any]:
        """As `sparring diagnose --json` prints it."""
        found = [finding.to_json() for finding in self.findings]
        return {"run": self.run, "verdict": self.verdict, "findings": found}


def diagnose(run: RunDir, recipe: Recipe) -> Diagnosis:
    """What the run's files tell, as far as they go."""
    told = run.finding_lines()
    falls = [line for line in standing(told) if "event" not in line and line.get("symptom") == "diverged"]
    history = history_of(walked(run.probe_lines(), told), falls=[fall for fall in falls if _steps([fall], SINCE)])
    log = walked(run.log_lines(), told)
    step = max([history.step, *_steps(log, "step")[-1:], *run.saved_steps()[-1:]])
    if step > history.step:
        history.add({"step": step})  # rules ask how long ago something was
    ends = _steps([line for line in log if line.get("finished")], "ended_at_step")
    finished = step >= recipe.steps or ends[-1:] == [step]
    history.facts = facts_of(recipe, finished=finished)
    history.scores = scores_of(run, step)
    remarks = (*_remarks(history, recipe), *run.damage.values())
    found = judge(history)
    found += [one for one in _recorded(told, step) if one.symptom not in {finding.symptom for finding in found}]
    treated = tuple(finding.with_remedy(remedies(finding, recipe)) for finding in found)
    return Diagnosis(str(run.path), step, recipe.steps, finished, treated, history, remarks)


def scores_of(run: RunDir, until: int) -> tuple[Scored, ...]:
    """The scores of a run up to a step; lines of another form were left out."""
    return scored_of(walked(run.score_lines(), run.finding_lines()), until)


def _steps(lines: Sequence[Line], name: str) -> list[int]:
    return [int(line[name]) for line in lines if is_number(line.get(name))]


def _recorded(told: Sequence[Line], step: int) -> list[Finding]:
    """Notices that others than rules have put down while training."""
    found: dict[str, Finding] = {}
    for line in standing(told):
        symptom = SYMPTOMS.get(str(line.get("symptom")))
        if symptom is None or symptom.kind != "notice" or not _steps([line], SINCE) or not _steps([line], "confidence"):
            continue
        if line[SINCE] <= step:
            found[str(line["symptom"])] = Finding.from_json(line)
    return list(found.values())


def _remarks(history: History, recipe: Recipe) -> tuple[str, ...]:
    """What could not be looked at."""
    if history.steps:
        return ()
    why = " (doctor=off)" if recipe.doctor == "off" else ""
    return (f"no readings of the probes{why}: only scores and what fell were looked at",)
