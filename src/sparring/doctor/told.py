"""What a run's last scores say against it, whatever the probes saw: a verdict never stands beside a score that belies
it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sparring.base.errors import RequestError
from sparring.doctor.findings import CERTAIN, Evidence, Finding
from sparring.doctor.history import is_number
from sparring.doctor.rules.signs import ramp
from sparring.kinds import scores as by_name
from sparring.kinds.kind import Kind

CHANCE = 0.01
"""Probability, where nothing is memorised, from which down it is told."""
APART = 0.75
"""Below it `memorisation` is an illness: samples lie so much nearer to training samples than to held-out ones."""
POOR, FAR = 0.5, 0.2
"""Part of training data's score from which down a score is told, and from which down it is an illness."""

Scores = Mapping[str, Mapping[str, Any]]


def told_by_scores(scores: Scores, kind: Kind, step: int) -> list[Finding]:
    """Findings by scores of a step, as `sparring evaluate --json` gives them; some of them notices."""
    found = [_memorised(scores, step), _poor(scores, step)]
    try:
        concerns = kind.concerns(scores)
    except (KeyError, TypeError):  # scores of another version, or a file that was changed by hand
        concerns = ()
    found += [
        Finding(one.symptom, step, CERTAIN, {"metric": one.metric, "told": one.words}, harmless=not one.grave)
        for one in concerns
    ]
    return [finding for finding in found if finding is not None]


def _memorised(scores: Scores, step: int) -> Finding | None:
    """Samples lie nearer to training samples than chance explains. By features of a network that was trained on the
    same samples that may be its own doing, so only a great difference makes it an illness."""
    score = scores.get("memorisation", {})
    protocol, bounds = score.get("protocol", {}), _bounds(score)
    p = protocol.get("p_value")
    if not is_number(p) or p > CHANCE or bounds is None:
        return None
    evidence: Evidence = {"metric": "memorisation", "value": float(score["value"]), "p": float(p)}
    evidence["extractor"] = str(protocol.get("extractor", ""))
    return Finding("memorisation", step, 1 - float(p), evidence, ("memorisation",), harmless=bounds[1] >= APART)


def _poor(scores: Scores, step: int) -> Finding | None:
    """A score of which training data in the samples' place have far more: by the most favourable end of its interval.
    Of those that start at 0 and rise to what training data get."""
    shares = {name: share for name, score in scores.items() if (share := _share(name, score)) is not None}
    if not shares:
        return None
    worst = min(shares, key=lambda name: shares[name])
    if shares[worst] > POOR:
        return None
    score = scores[worst]
    evidence: Evidence = {"metric": worst, "value": float(score["value"])}
    evidence["training_data"] = float(score["protocol"]["training_data"])
    confidence = CERTAIN + (1 - CERTAIN) * ramp(shares[worst], POOR, 0.0)
    return Finding("poor_scores", step, confidence, evidence, (worst,), harmless=shares[worst] > FAR)


def _share(name: str, score: Mapping[str, Any]) -> float | None:
    """How much of training data's score it has."""
    best, bounds = score.get("protocol", {}).get("training_data"), _bounds(score)
    try:
        known = by_name.metric(name)
    except RequestError:
        return None
    rises = known.better == "higher" and known.bounds[0] == 0 and known.like_the_data
    return bounds[1] / best if rises and is_number(best) and best > 0 and bounds is not None else None


def _bounds(score: Mapping[str, Any]) -> Sequence[float] | None:
    bounds = score.get("interval")
    whole = isinstance(bounds, list | tuple) and len(bounds) == 2 and all(map(is_number, bounds))
    return bounds if whole and is_number(score.get("value")) else None
