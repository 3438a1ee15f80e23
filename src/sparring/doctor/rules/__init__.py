"""The rules: each a pure function of a history that gives a finding, or None."""

from __future__ import annotations

from collections.abc import Callable

from sparring.doctor.findings import Finding
from sparring.doctor.history import History
from sparring.doctor.rules.scores import converged, past_its_best, still_improving
from sparring.doctor.rules.stability import diverged

RULES: tuple[Callable[[History], Finding | None], ...] = (diverged, past_its_best, still_improving, converged)
