"""The doctor: probes measure two networks in training, rules judge the history of what was measured."""

from sparring.doctor.attend import Attending
from sparring.doctor.cases import events_of
from sparring.doctor.diagnosis import Diagnosis, diagnose
from sparring.doctor.facts import facts_of
from sparring.doctor.findings import CERTAIN, SYMPTOMS, Finding
from sparring.doctor.history import Facts, History, Scored, history_of, scored_of
from sparring.doctor.judge import judge, verdict
from sparring.doctor.remedies import remedies
from sparring.doctor.view import closing_lines, page, words_of

__all__ = [
    "CERTAIN",
    "SYMPTOMS",
    "Attending",
    "Diagnosis",
    "Facts",
    "Finding",
    "History",
    "Scored",
    "closing_lines",
    "diagnose",
    "events_of",
    "facts_of",
    "history_of",
    "judge",
    "page",
    "remedies",
    "scored_of",
    "verdict",
    "words_of",
]
