"""The doctor: probes measure two networks in training, rules judge the history of what was measured."""

from sparring.doctor.attend import Attending
from sparring.doctor.facts import facts_of
from sparring.doctor.findings import CERTAIN, SYMPTOMS, Finding
from sparring.doctor.history import Facts, History, Scored, history_of, scored_of
from sparring.doctor.judge import judge, verdict

__all__ = [
    "CERTAIN",
    "SYMPTOMS",
    "Attending",
    "Facts",
    "Finding",
    "History",
    "Scored",
    "facts_of",
    "history_of",
    "judge",
    "scored_of",
    "verdict",
]
