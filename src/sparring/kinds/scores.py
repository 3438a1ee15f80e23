"""Metrics of all kinds by their names, and the scores that they give."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cache
from typing import Any

import torch

from sparring import kinds
from sparring.base.errors import RequestError, nearest
from sparring.base.progress import through
from sparring.metrics import GROUPS, METRICS, Extractor, Metric, Score, Views
from sparring.pages.naming import label


@cache
def metrics() -> tuple[Metric, ...]:
    """All metrics: those of any kind of data, then what each kind brings; several may list the same one.

    Raises RequestError where two kinds bring different ones of the same name."""
    found = {known.name: known for known in METRICS}
    for kind in kinds.kinds():
        for known in kind.metrics:
            if found.setdefault(known.name, known) is not known:
                raise RequestError(
                    f"kinds: {kind.name} brings a metric '{known.name}', and there is another; rename it"
                )
    return tuple(found.values())


@cache
def groups() -> Mapping[str, tuple[str, ...]]:
    """Names of several metrics at once."""
    found = dict(GROUPS)
    for kind in kinds.kinds():
        found |= kind.groups
    return found


def metric(name: str) -> Metric:
    """The metric of a name; a RequestError names the nearest where there is none."""
    for known in metrics():
        if known.name == name:
            return known
    raise RequestError(f"metrics: unknown metric '{name}'; {nearest(name, [*metric_names(), *groups()])}")


def expanded(names: Sequence[str]) -> list[str]:
    """The names with those of groups in the place of their members', each once."""
    return list(dict.fromkeys(member for name in names for member in groups().get(name, (name,))))


def metric_names() -> list[str]:
    """All metrics, in the order they are listed."""
    return [known.name for known in metrics()]


def obtainable(views: Views) -> list[str]:
    """The metrics that can be had of these views."""
    return [known.name for known in metrics() if known.missing(views) is None]


def score(
    names: Sequence[str], views: Views, extractor: Extractor, extra_protocol: Mapping[str, Any] | None = None
) -> dict[str, Score]:
    """Measures the metrics named, in that order; groups (`pairs`, `robustness`, `table`, `privacy`) name several.

    Each score's protocol has the metric's own entries, the extractor's (name, hash, resize rule, and what it says of
    itself, such as a classifier's accuracy), and those given (split, seed, ...). A metric that is unknown, or that
    these views cannot give, is a RequestError that says why and what can be had.
    """
    wanted = [metric(name) for name in expanded(names)]
    for known in wanted:
        reason = known.missing(views)
        if reason is not None:
            raise RequestError(f"metrics: '{known.name}' {reason}; to be had: {', '.join(obtainable(views)) or 'none'}")
    _check(views)
    about = {"extractor": extractor.name, "hash": extractor.hash, "resize": extractor.resize, **extractor.details}
    about |= dict(extra_protocol or {})
    scores = {}
    for known in through(wanted, "scores", len(wanted)):
        found = known(views)
        named = label(known.name, extractor.name)
        scores[known.name] = replace(found, protocol={**found.protocol, **about}, label=named)
    return scores


def _check(views: Views) -> None:
    """Features that are no numbers have no score; sets of different width are not comparable."""
    sides = {"held-out samples": views.heldout, "fakes": views.fake, "training samples": views.train}
    for name, features in sides.items():
        if features is None:
            continue
        if features.width != views.heldout.width:
            raise ValueError(f"{name} have {features.width} features, held-out samples {views.heldout.width}")
        bad = int((~torch.isfinite(features.values).all(1)).sum())
        if bad:
            raise RequestError(f"metrics: {bad} of {len(features)} {name} are not finite numbers; they have no score")
