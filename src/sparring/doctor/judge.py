"""From a history to findings: all rules, the surest first."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from sparring.doctor.findings import SURE, Finding
from sparring.doctor.history import History
from sparring.doctor.rules import RULES

Rule = Callable[[History], Finding | None]


def judge(history: History, rules: Sequence[Rule] = RULES) -> list[Finding]:
    """What there is to say at the end of a history: illnesses first, of these what is plain, by falling confidence."""
    found = [finding for rule in rules if (finding := rule(history)) is not None and finding.confidence >= SURE]
    return sorted(found, key=lambda finding: (finding.kind != "illness", not finding.plain, -finding.confidence))


def verdict(findings: Sequence[Finding]) -> str:
    """`sick` where one of the findings is an illness."""
    return "sick" if any(finding.kind == "illness" for finding in findings) else "healthy"
