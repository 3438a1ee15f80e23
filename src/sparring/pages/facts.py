"""What a page says in words: the run's state, its key facts, findings, and how to go on."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sparring.pages.page import RunPage
from sparring.pages.readings import Course
from sparring.pages.recipes import in_brief
from sparring.pages.wording import duration, flat, interval, is_number, megabytes, number, plain, times, words

GOOD, FAIR, BAD = "good", "fair", "bad"
UNKNOWN = "–"


@dataclass(frozen=True)
class FindingRow:
    """A finding's row."""

    symptom: str
    since: str
    confidence: str
    evidence: list[tuple[str, str]]
    remedy: list[str]
    done: str


def state(page: RunPage) -> list[tuple[str, str]]:
    """Where the run stands, as badges: a kind (good, fair, bad) and words."""
    if page.finished and page.step < page.steps:
        badges = [(GOOD, f"ended at step {page.step:,} of {page.steps:,}: no better score for long")]
    elif page.finished:
        badges = [(GOOD, f"finished, {page.step:,} steps")]
    elif page.gave_up:
        badges = [(BAD, f"gave up after diverging; intact at step {page.step:,} of {page.steps:,}")]
    else:
        badges = [(FAIR, f"stopped at step {page.step:,} of {page.steps:,}")]
    if page.falls:
        badges.append((BAD, f"diverged {times(len(page.falls))}"))
    return badges + verdict(page)


def verdict(page: RunPage) -> list[tuple[str, str]]:
    """The doctor's, as a badge."""
    if page.verdict == "sick":
        return [(BAD, f"sick: {', '.join(page.illnesses)}")]
    if page.verdict == "too-early":
        return [(FAIR, page.verdict_words or "too early to tell")]
    spoken_against = page.verdict_words not in ("", page.verdict)
    return [(FAIR if spoken_against else GOOD, page.verdict_words or page.verdict)] if page.verdict else []


def key_facts(page: RunPage, histories: list[Course]) -> list[tuple[str, str]]:
    """What a reader looks for first; what is not known is left out."""
    device = _device(page.environment)
    facts = [("Data", page.data_name), ("Recipe", page.recipe_name)]
    facts += [(f"Score {h.newest.title}", _scored(h)) for h in histories[:1]]
    facts += [("Training time", duration(page.seconds)), ("Device", device)]
    if page.images_per_s is not None:
        facts.append(("Speed", f"{number(page.images_per_s)} {page.speed_unit}"))
    if page.memory_mb is not None:
        facts.append(("Memory", megabytes(page.memory_mb)))
    facts += in_brief(page.recipe_yaml)
    return [(name, value) for name, value in facts if value]


def _scored(history: Course) -> str:
    newest = history.newest
    span = interval(newest.interval)
    return f"{number(newest.value)} ({span})" if span else number(newest.value)


def _device(environment: Mapping[str, Any]) -> str:
    """cpu, fp32; or the name of the GPU."""
    plan = environment.get("plan")
    plan = plan if isinstance(plan, dict) else {}
    gpu = environment.get("gpu")
    name = gpu if isinstance(gpu, str) and plan.get("device") != "cpu" else plan.get("device")
    return ", ".join(str(part) for part in (name, plan.get("precision")) if part)


@dataclass(frozen=True)
class Trial:
    """A way to compute that was tried when the run began."""

    change: str
    """What it changed of the best way before it."""
    step: str
    against: str
    """How long a step took, and one of the way before."""
    outcome: str


def trials(environment: Mapping[str, Any]) -> list[Trial]:
    """What was tried before the plan was taken."""
    tuning = environment.get("tuning")
    tried = tuning.get("trials") if isinstance(tuning, dict) else None
    return [_trial(one) for one in tried if isinstance(one, dict)] if isinstance(tried, list) else []


def _trial(one: Mapping[str, Any]) -> Trial:
    step, against = (one.get(name) for name in ("step_s", "against_s"))
    failed = one.get("failed")
    outcome = f"failed: {failed}" if failed else "taken" if one.get("taken") else "left"
    return Trial(str(one.get("change", UNKNOWN)), _milliseconds(step), _milliseconds(against), outcome)


def _milliseconds(seconds: object) -> str:
    return f"{number(1000 * seconds)} ms" if is_number(seconds) else UNKNOWN


def environment_rows(environment: Mapping[str, Any]) -> tuple[list[tuple[str, str]], list[tuple[str, str]], list[str]]:
    """Versions and machine; the plan and the data's marks; what was found in the data."""
    tuning = environment.get("tuning")
    if isinstance(tuning, dict):  # its trials have a table of their own
        environment = {**environment, "tuning": {key: value for key, value in tuning.items() if key != "trials"}}
    data = environment.get("data")
    data = dict(data) if isinstance(data, dict) else {}
    found = data.pop("found", [])
    lines = [str(line) for line in found] if isinstance(found, list) else [str(found)]
    groups = {"plan": environment.get("plan"), "data": data}
    planned = [(path, plain(value)) for path, value in flat({k: v for k, v in groups.items() if v}).items() if path]
    rest = {name: value for name, value in environment.items() if name not in ("plan", "data")}
    return [(path, plain(value)) for path, value in flat(rest).items() if path], planned, lines


def finding_rows(page: RunPage) -> list[FindingRow]:
    """What was put down while training: falls, and what controllers told."""
    return [_finding(one) for one in page.findings if "event" not in one]


def _finding(one: Mapping[str, Any]) -> FindingRow:
    since, confidence, evidence, remedy = (one.get(k) for k in ("since_step", "confidence", "evidence", "remedy"))
    back, attempt = one.get("back_to_step"), one.get("attempt")
    tried = f", attempt {attempt}" if is_number(attempt) else ""
    return FindingRow(
        symptom=words(one.get("symptom", UNKNOWN)),
        since=f"{since:,.0f}" if is_number(since) else UNKNOWN,
        confidence=f"{confidence:.0%}" if is_number(confidence) else UNKNOWN,
        evidence=[(path, plain(value)) for path, value in flat(evidence).items() if path]
        if isinstance(evidence, dict)
        else [("", plain(evidence))] * bool(evidence),
        remedy=[str(part) for part in remedy] if isinstance(remedy, list) else [str(remedy)] if remedy else [],
        done=f"went back to step {back:,.0f}{tried}" if is_number(back) else "",
    )


def commands(page: RunPage) -> list[tuple[str, str]]:
    """What to type to use the run, or to go on with it: a purpose and a command."""
    run = shlex.quote(page.title)
    use = page.command.replace("{run}", run)
    best = []
    if page.best_step is not None and page.best_step != page.step:
        best = [(f"{page.again} the best checkpoint, step {page.best_step:,}", f"{use} --step best")]
    more = page.whole if page.whole > page.steps else max(page.steps, 1) * 2
    longer = ("Train longer", f"sparring train --out {run} --for {more}steps")
    resume = ("Go on training", f"sparring train --out {run}")
    return [
        (page.purpose, use),
        *best,
        longer if page.finished else resume,
        ("Score it again", f"sparring evaluate {run}"),
        ("Write this page again", f"sparring report {run}"),
    ]


def run_facts(page: RunPage) -> dict[str, str]:
    """One run's column of a comparison."""
    return {
        "State": "; ".join(told for _, told in state(page)),
        "Data": page.data_name or UNKNOWN,
        "Recipe": page.recipe_name or UNKNOWN,
        "Training time": duration(page.seconds),
        "Speed": UNKNOWN if page.images_per_s is None else f"{number(page.images_per_s)} {page.speed_unit}",
        "Memory": UNKNOWN if page.memory_mb is None else megabytes(page.memory_mb),
        "Device": _device(page.environment) or UNKNOWN,
        "Findings": str(len(page.findings)) if page.findings else "none",
        "Diagnosis": "; ".join(told for _, told in verdict(page)) or UNKNOWN,
    }
