"""From a history to findings: all rules, the surest first."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from sparring.doctor.findings import CERTAIN, SURE, Finding
from sparring.doctor.history import History
from sparring.doctor.rules import RULES
from sparring.kinds.kind import Sign

READINGS = 3
"""Readings in a row that make a sign of one kind of data a finding."""

Rule = Callable[[History], Finding | None]


def judge(history: History, rules: Sequence[Rule] = RULES) -> list[Finding]:
    """What there is to say at the end of a history: illnesses first, of these what is plain, by falling confidence."""
    found = [finding for rule in rules if (finding := rule(history)) is not None and finding.confidence >= SURE]
    found += [finding for sign in history.facts.signs if (finding := shown(sign, history)) is not None]
    return sorted(found, key=lambda finding: (finding.kind != "illness", not finding.plain, -finding.confidence))


def shown(sign: Sign, history: History) -> Finding | None:
    """An illness of one kind of data, where its number was on the wrong side of the limit in the last readings."""
    values = history.values(sign.number, READINGS)
    if len(values) < READINGS or not all(sign.ill(value) for value in values):
        return None
    since = history.since(sign.number, sign.ill)
    evidence: dict[str, float | str] = {sign.number: float(values[-1]), "limit": sign.limit}
    return Finding(sign.symptom, since or history.step, CERTAIN, evidence, curves=(sign.number,), remedy=sign.remedy)


def verdict(findings: Sequence[Finding]) -> str:
    """`sick` where one of the findings is an illness."""
    return "sick" if any(finding.kind == "illness" for finding in findings) else "healthy"
