"""From a history to findings: all rules, the surest first."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from sparring.doctor.findings import CERTAIN, SURE, Finding, symptom_named
from sparring.doctor.history import History
from sparring.doctor.rules import RULES
from sparring.doctor.rules.signs import early, far, progress
from sparring.kinds.kind import Sign

HEALTHY, SICK, TOO_EARLY = "healthy", "sick", "too-early"

READINGS = 3
"""Readings in a row that make a sign of one kind of data a finding."""

Rule = Callable[[History], Finding | None]


def judge(history: History, rules: Sequence[Rule] = RULES) -> list[Finding]:
    """What there is to say at the end of a history: illnesses first, of these what is plain, by falling confidence."""
    found = [finding for rule in rules if (finding := rule(history)) is not None and finding.confidence >= SURE]
    found += [finding for sign in history.facts.signs if (finding := shown(sign, history)) is not None]
    return ordered([in_time(finding, history) for finding in found])


def ordered(found: Sequence[Finding]) -> list[Finding]:
    return sorted(found, key=lambda finding: (finding.kind != "illness", not finding.plain, -finding.confidence))


def in_time(finding: Finding, history: History) -> Finding:
    """The finding; a notice as long as the run has only begun and it needs more than that to be an illness."""
    waits = finding.kind == "illness" and not symptom_named(finding.symptom).at_once
    return replace(finding, harmless=True, plain=False) if waits and early(history) else finding


def shown(sign: Sign, history: History) -> Finding | None:
    """An illness of one kind of data, where its number was on the wrong side of the limit in the last readings."""
    values = history.values(sign.number, READINGS)
    if len(values) < READINGS or not all(sign.ill(value) for value in values):
        return None
    since = history.since(sign.number, sign.ill)
    evidence: dict[str, float | str] = {sign.number: float(values[-1]), "limit": sign.limit}
    return Finding(sign.symptom, since or history.step, CERTAIN, evidence, curves=(sign.number,), remedy=sign.remedy)


def verdict(findings: Sequence[Finding], history: History) -> str:
    """`sick` where one of the findings is an illness; else `too-early` where little of the run or its recipe is done,
    or it is not over and the samples are still far from the data; else `healthy`."""
    if any(finding.kind == "illness" for finding in findings):
        return SICK
    return TOO_EARLY if early(history) or still_far(history) else HEALTHY


def still_far(history: History) -> bool:
    """Whether the samples are far from the data, which at the end of a run would be an illness."""
    return far(history) >= SURE and progress(history) < 1 and not history.facts.spent
