"""From a run directory to a diagnosis: of a finished run, one that trains, or one that crashed. Reads the files of
numbers alone: no data, no networks; and writes nothing."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sparring import kinds
from sparring.base.rundir import RunDir
from sparring.doctor.facts import facts_of
from sparring.doctor.findings import SYMPTOMS, Finding
from sparring.doctor.history import History, Scored, history_of, is_number, scored_of
from sparring.doctor.judge import TOO_EARLY, in_time, judge, ordered, verdict
from sparring.doctor.remedies import remedies
from sparring.doctor.rules.signs import JUDGED, early, progress
from sparring.doctor.told import told_by_scores
from sparring.doctor.walk import Line, standing, walked
from sparring.pages.wording import duration
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
    command: str = ""
    """What goes on with the run."""

    @property
    def verdict(self) -> str:
        """`healthy`, `sick` or `too-early`."""
        return verdict(self.findings, self.history)

    @property
    def whole(self) -> int | None:
        """Steps after which it can be told what became of the run: its own, or its recipe's where these are more. None
        where that is not known."""
        return self.history.facts.steps

    @property
    def too_early(self) -> str:
        """Why it is too early to tell, in words; nothing where it is not."""
        if self.verdict != TOO_EARLY:
            return ""
        of = "the run" if self.whole == self.steps else "the recipe"
        if self.whole is None:
            done = f"{self.step:,} steps, and how many there are to be is not known"
        else:
            done = f"{_percent(progress(self.history))} of {of} ({self.step:,} of {self.whole:,} steps)"
        if early(self.history):
            return f"{done}; illnesses are judged from {_percent(JUDGED)} on"
        return f"{done}, and the samples are still far from the data"

    @property
    def rest(self) -> str:
        """The command that trains what remains, and how long that takes by what steps took so far; nothing where that
        is not known."""
        if self.whole is None or not self.command:
            return ""
        steps, seconds = self.history.series("seconds")
        left = (self.whole - self.step) * float(seconds[-1] / steps[-1]) if len(steps) and seconds[-1] > 0 else 0.0
        more = "" if self.whole == self.steps else f" --for {self.whole}steps"
        return f"{self.command}{more}" + (f" (about {duration(left)} here)" if left else "")

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
        written = {"run": self.run, "verdict": self.verdict, "findings": found, "step": self.step, "steps": self.whole}
        return written | ({"reason": self.too_early, "rest": self.rest} if self.verdict == TOO_EARLY else {})


def diagnose(run: RunDir, recipe: Recipe) -> Diagnosis:
    """What the run's files tell, as far as they go."""
    told = run.finding_lines()
    falls = [line for line in standing(told) if "event" not in line and line.get("symptom") == "diverged"]
    history = history_of(walked(run.probe_lines(), told), falls=[fall for fall in falls if _steps([fall], SINCE)])
    remarks = _remarks(history, recipe)
    log = walked(run.log_lines(), told)
    step = max([history.step, *_steps(log, "step")[-1:], *run.saved_steps()[-1:]])
    if step > history.step:
        history.add({"step": step})  # rules ask how long ago something was
    ends = _steps([line for line in log if line.get("finished")], "ended_at_step")
    ended = step < recipe.steps and ends[-1:] == [step]
    finished = step >= recipe.steps or ended
    history.facts = facts_of(recipe, finished=finished, spent=ended and recipe.score.patience is not None)
    lines = _scored_lines(run)
    history.scores = scored_of(lines, step)
    scored = told_by_scores(_newest(lines, step), kinds.of(recipe.game, recipe.data), step)
    found = ordered(_beside(judge(history), [in_time(finding, history) for finding in scored]))
    found = _beside(found, _recorded(told, step))
    begun = verdict(found, history) == TOO_EARLY
    treated = tuple(
        finding.with_remedy(() if begun and finding.waits else remedies(finding, recipe))  # what it takes is more steps
        for finding in found
        if not (begun and finding.symptom == "converged")
    )
    command = f"sparring train --out {shlex.quote(str(run.path))}"
    return Diagnosis(
        str(run.path), step, recipe.steps, finished, treated, history, (*remarks, *run.damage.values()), command
    )


def scores_of(run: RunDir, until: int) -> tuple[Scored, ...]:
    """The scores of a run up to a step; lines of another form were left out."""
    return scored_of(_scored_lines(run), until)


def _scored_lines(run: RunDir) -> list[Line]:
    return walked(run.score_lines(), run.finding_lines())


def _newest(lines: Sequence[Line], step: int) -> Line:
    """What was scored at a step, by name."""
    return {name: score for line in lines if line.get("step") == step for name, score in line["scores"].items()}


def _beside(found: Sequence[Finding], more: Sequence[Finding]) -> list[Finding]:
    """Findings and more of them; of the same symptom an illness counts, and else the first."""
    known = {finding.symptom for finding in found}
    graver = {one.symptom for one in more if one.kind == "illness"} - {
        one.symptom for one in found if one.kind == "illness"
    }
    kept = [finding for finding in found if finding.symptom not in graver]
    return [*kept, *(one for one in more if one.symptom in graver or one.symptom not in known)]


def _percent(share: float) -> str:
    """1.5 %, 20 %; never 100 % of what is not done."""
    return f"{min(100 * share, 99.9):.2g} %" if share < 0.1 else f"{min(100 * share, 99.0):.0f} %"


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
