"""What to do about a finding, as overrides of the recipe at hand."""

from __future__ import annotations

from sparring.doctor.findings import Finding
from sparring.recipe import Recipe


def remedies(finding: Finding, recipe: Recipe) -> tuple[str, ...]:
    """The remedy that the rule named."""
    return finding.remedy
