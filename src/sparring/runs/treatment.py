"""Treating a run: back to its last healthy checkpoint, on with the remedy, and back again where that does not help.

`findings.jsonl` says what was decided, in lines with an `event` of `treated`, `kept` or `undone`; what follows from
the last of them (recipe, checkpoints) is brought about from it, again after a kill at any moment.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Mapping
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

from sparring.base import forms
from sparring.base.checking import Damaged, checked
from sparring.base.errors import RequestError
from sparring.base.files import append_line, fresh, removed, write_file
from sparring.base.rundir import RunDir
from sparring.base.state import read_state, write_state
from sparring.doctor import Attending, Finding
from sparring.doctor.findings import symptom_named
from sparring.doctor.remedies import calm, overrides_of, remedies
from sparring.gan.loop import Step
from sparring.gan.match import Match
from sparring.pages.naming import titled
from sparring.recipe import Recipe, override, to_yaml, validated
from sparring.recipe.recorded import FREE_TO_CHANGE, read_recipe_of
from sparring.runs.loading import load_state

CONFIDENT = 0.65
"""Confidence from which on a finding is treated."""
MOST = 3
"""Treatments of a run, at most."""
BETTER = 0.95
"""A treatment is kept where the held-out score is at most so much of what it was (for scores where less is better)."""
EVENTS = {"treated": forms.Treated, "kept": forms.Decided, "undone": forms.Undone}
UNSURE = "to train on takes it, for a treatment may be half done; sample, evaluate, report and diagnose do without"


class Measure(NamedTuple):
    """A held-out score, by which a treatment is judged."""

    name: str
    value: float
    better: str
    extractor: str = ""
    """Of whose features it is, where it is of any."""

    @property
    def title(self) -> str:
        """Its name as a person is to read it."""
        return titled(self.name, self.extractor)

    def improves(self, on: Measure) -> bool:
        """Whether it is better than another by enough to matter. Scores of different names cannot be compared."""
        if self.name != on.name:
            return False
        return self.value < BETTER * on.value if self.better == "lower" else self.value > on.value / BETTER


class Treat(Exception):
    """A finding is to be treated, by overrides of the recipe."""

    def __init__(self, finding: Finding, overrides: list[str], before: Measure, ill_since: int) -> None:
        super().__init__(finding.symptom, overrides)
        self.finding = finding
        self.overrides = overrides
        self.before = before
        """How the untreated run scores."""
        self.ill_since = ill_since
        """The run goes back to the last checkpoint from before this step, or to its first."""


class Undo(Exception):
    """A treatment did not help."""


def events_of(run: RunDir) -> list[dict[str, Any]]:
    """What was decided about treatments so far. Raises Damaged where that cannot be told."""
    found = [line for line in run.finding_lines() if line.get("event") in EVENTS]
    for line in found:
        try:
            checked(line, EVENTS[line["event"]])
        except ValueError as error:
            raise Damaged(run.findings, f"of a line that says {line['event']}: {error}", UNSURE) from None
    return found


def active(run: RunDir) -> list[str]:
    """The overrides of all treatments that stand."""
    standing: list[list[str]] = []
    for line in events_of(run):
        if line["event"] == "treated":
            standing.append(line["overrides"])
        elif line["event"] == "undone" and standing:
            standing.pop()
    return [word for overrides in standing for word in overrides]


def chosen(
    findings: list[Finding], recipe: Recipe, events: list[dict[str, Any]], samples: int
) -> tuple[Finding, list[str]] | None:
    """The finding that is to be treated, and the overrides, if any: the surest illness with something left to try.
    While a treatment is on trial, none. No batch becomes larger than the `samples` that are trained on."""
    if (events and events[-1]["event"] == "treated") or sum(line["event"] == "treated" for line in events) >= MOST:
        return None
    tried = [line["overrides"] for line, after in pairwise(events) if _settled(line, after)]
    for finding in findings:
        if finding.kind != "illness" or finding.confidence < CONFIDENT or symptom_named(finding.symptom).by_clock:
            continue
        if finding.symptom == "past_its_best":  # what is to be done is to take the best
            continue
        for words in (overrides_of(remedies(finding, recipe)), calm(recipe)):
            overrides = _in_midst(words, samples)
            if overrides and overrides not in tried and _changes(recipe, overrides):
                return finding, overrides
    return None


def _settled(line: dict[str, Any], after: dict[str, Any]) -> bool:
    """Whether an event is a treatment that need not be tried again: it was kept, or undone from the first checkpoint.
    From further on the networks may have been beyond help."""
    return line["event"] == "treated" and (after["event"] == "kept" or bool(line.get("anew", True)))


def _in_midst(overrides: list[str], samples: int) -> list[str]:
    """Those that a run can change on its way: what is taken off a network changes what its optimiser keeps."""
    found = [word for word in overrides if not (".surgery." in word and word.endswith("=null"))]
    return [f"batch={min(int(word[6:]), samples)}" if word.startswith("batch=") else word for word in found]


def _changes(recipe: Recipe, overrides: list[str]) -> bool:
    """Whether the recipe would be another one, and a valid one."""
    try:
        return treated_recipe(recipe, overrides) != recipe
    except RequestError:
        return False


def treated_recipe(recipe: Recipe, overrides: list[str]) -> Recipe:
    """The recipe with a treatment's overrides. Raises RequestError where that is none."""
    return validated(override(recipe.model_dump(mode="json"), overrides))


class Treating:
    """An observer that decides: after the doctor's it sees what is open, and where a treatment is on trial it judges it
    at the step at which it was begun."""

    def __init__(
        self,
        run: RunDir,
        recipe: Recipe,
        doctor: Attending,
        measure: Callable[[Match], Measure | None],
        say: Callable[[str], None],
    ) -> None:
        self.run, self.recipe, self.say = run, recipe, say
        self.doctor = doctor
        self.measure = measure
        self.events = events_of(run)

    def observe(self, match: Match, step: Step) -> None:
        match.notes.setdefault("well", 0)  # so that the first checkpoint is kept
        last = self.events[-1] if self.events else None
        if last is not None and last["event"] == "treated":
            if match.step >= last["at_step"]:
                self._judge(match, last)
            return
        if self.doctor.judged_at != match.step:
            return
        if not any(finding.kind == "illness" for finding in self.doctor.found):
            match.notes["well"] = match.step
        pressing = self._pressing(match)
        found = chosen(pressing, self.recipe, self.events, len(match.data.train))
        before = None if found is None else self.measure(match)
        if found is not None and before is not None:
            raise Treat(*found, before, self._ill_since(pressing))

    def _ill_since(self, findings: list[Finding]) -> int:
        """When the first of all illnesses began: what shows late may have been brought about long before. Where a
        treatment from there was undone, the next one begins the run anew."""
        if any(line["event"] == "undone" for line in self.events):
            return 0
        return min(finding.since_step for finding in findings if finding.kind == "illness")

    def _pressing(self, match: Match) -> list[Finding]:
        """What has been found long enough to be open; at the end, all that was found."""
        ended = match.step >= match.steps
        return [finding for finding in self.doctor.found if ended or finding.symptom in self.doctor.open(match)]

    def _judge(self, match: Match, line: Mapping[str, Any]) -> None:
        """Keeps a treatment that helped; raises Undo for one that did not."""
        before, now = Measure(*line["measure"]), self.measure(match)
        if now is None or not now.improves(before):
            told = "no score" if now is None else f"{now.title} {now.value:.4g}"
            self.say(f"step {match.step:,}: {line['symptom']} is not better treated ({told}, was {before.value:.4g})")
            raise Undo
        self.say(f"step {match.step:,}: the treatment helped: {now.title} {now.value:.4g}, was {before.value:.4g}")
        kept = {"event": "kept", "symptom": line["symptom"], "at_step": match.step, "measure": list(now)}
        append_line(self.run.findings, kept)
        self.events.append(kept)


def begin(run: RunDir, match: Match, order: Treat) -> dict[str, Any]:
    """Decides on a treatment, and brings it about; gives the line that says so."""
    kept = run.untreated_next  # takes the place of what the treatment before left once the line is written
    removed(kept)
    kept.mkdir()
    write_state(kept, match.state())
    write_file(RunDir(kept).recipe, run.read_recipe())
    best = match.notes.get("best_step")
    if best is not None and run.checkpoint(best).exists():
        shutil.copytree(run.checkpoint(best), kept / run.checkpoint(best).name)
    saved = run.saved_steps()
    back = max((step for step in saved if step < order.ill_since), default=saved[0])
    line = {
        "event": "treated",
        "symptom": order.finding.symptom,
        "since_step": order.finding.since_step,
        "at_step": match.step,
        "back_to_step": back,
        "anew": back == saved[0],
        "attempt": 1 + max([match.attempt, *(line["attempt"] for line in run.finding_lines() if "attempt" in line)]),
        "untreated_attempt": match.attempt,
        "overrides": order.overrides,
        "measure": list(order.before),
    }
    append_line(run.findings, line)
    settle(run)
    return line


def undo(run: RunDir, match: Match) -> dict[str, Any]:
    """Decides that the last treatment was none, and brings back what was before it; gives the line that says so."""
    last = events_of(run)[-1]
    line = {key: last[key] for key in ("symptom", "at_step", "back_to_step")}
    line |= {"event": "undone", "attempt": last["untreated_attempt"]}
    line |= {"treated_attempt": last["attempt"], "last_attempt": match.attempt}
    append_line(run.findings, line)
    settle(run)
    return line


def settle(run: RunDir) -> None:
    """Brings about what the last decision says, as far as it is not yet: the recipe, and which checkpoints there are.
    Does nothing where none is on trial or undone."""
    events = events_of(run)
    last = events[-1] if events else {}
    if last.get("event") == "treated":
        if run.untreated_next.exists():
            removed(run.untreated)
            os.replace(run.untreated_next, run.untreated)
        _written(run, treated_recipe(_untreated_recipe(run), last["overrides"]))
        _discard(run, last["back_to_step"], lambda attempt: attempt < last["attempt"])
    elif last.get("event") == "undone" and run.untreated.exists():
        _written(run, _untreated_recipe(run))
        treated = range(last["treated_attempt"], last["last_attempt"] + 1)
        _discard(run, last["back_to_step"], lambda attempt: attempt in treated)
        for best in run.untreated.glob("step-*"):
            if not (run.checkpoints / best.name).exists():
                _moved(best, run.checkpoints / best.name)
        saved = run.saved_steps()
        if not saved or saved[-1] < last["at_step"]:
            run.save(last["at_step"], read_state(run.untreated))


def _moved(source: Path, target: Path) -> None:
    """A copy of a folder that appears whole."""
    with fresh(target, folder=True) as part:
        shutil.copytree(source, part, dirs_exist_ok=True)
        os.replace(part, target)


def _untreated_recipe(run: RunDir) -> Recipe:
    """The recipe from before the treatment, with what the user was free to change since."""
    before, present = read_recipe_of(RunDir(run.untreated)), read_recipe_of(run)
    return before.model_copy(update={name: getattr(present, name) for name in FREE_TO_CHANGE})


def _written(run: RunDir, recipe: Recipe) -> None:
    text = to_yaml(recipe)
    if run.read_recipe() != text:
        write_file(run.recipe, text)


def _discard(run: RunDir, after: int, is_stale: Callable[[int], bool]) -> None:
    """Removes the checkpoints after a step that are of an attempt that no longer counts."""
    for step in run.saved_steps():
        if step > after and is_stale(int(load_state(run, step)["attempt"])):
            shutil.rmtree(run.checkpoint(step))


def on_trial(run: RunDir) -> bool:
    """Whether a treatment was begun and not judged yet."""
    events = events_of(run)
    return bool(events) and events[-1]["event"] == "treated"


def leave(run: RunDir, step: int) -> None:
    """Lets a treatment stand that nobody will judge."""
    last = events_of(run)[-1]
    append_line(run.findings, {"event": "kept", "symptom": last["symptom"], "at_step": step, "measure": None})
