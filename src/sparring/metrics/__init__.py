"""Scores that can be trusted: pure functions of features, each with its direction, bounds, interval and protocol.

An extractor (`sparring.metrics.features`) makes `Features` of samples; `Views` gathers what a metric may see; `score`
measures. A new metric is one file that declares a `Metric`, and one entry in `METRICS` below.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch

from sparring.errors import RequestError, nearest
from sparring.metrics.base import Better, Features, Interval, Metric, Modes, Reading, Score, Views
from sparring.metrics.columns import ColumnView, Table
from sparring.metrics.diversity import DIVERSITY
from sparring.metrics.features.base import Extractor, extract
from sparring.metrics.frechet import FID, frechet_distance, frechet_from_moments
from sparring.metrics.inception_score import INCEPTION_SCORE, inception_score
from sparring.metrics.kernel import KID, KernelDistance, kernel_distance
from sparring.metrics.manifold import COVERAGE, DENSITY, PRECISION, RECALL
from sparring.metrics.memorisation import MEMORISATION
from sparring.metrics.modes import HIGH_QUALITY, MODES, codes_by_channel
from sparring.metrics.ms_ssim import MS_SSIM, ms_ssim
from sparring.metrics.networks import Networks
from sparring.metrics.paired import AGREEMENT, LPIPS, PAIRS, PIXEL_ACCURACY, psnr, ssim
from sparring.metrics.patches import PATCH_KID, patch_distance
from sparring.metrics.robustness import ROBUSTNESS
from sparring.metrics.tables import PRIVACY, TABLE


def metric(name: str) -> Metric:
    """The metric of a name; a RequestError names the nearest where there is none."""
    for known in METRICS:
        if known.name == name:
            return known
    raise RequestError(f"metrics: unknown metric '{name}'; {nearest(name, [*metric_names(), *GROUPS])}")


def expanded(names: Sequence[str]) -> list[str]:
    """The names with those of groups in the place of their members', each once."""
    return list(dict.fromkeys(member for name in names for member in GROUPS.get(name, (name,))))


def metric_names() -> list[str]:
    """All metrics, in the order they are listed."""
    return [known.name for known in METRICS]


def obtainable(views: Views) -> list[str]:
    """The metrics that can be had of these views."""
    return [known.name for known in METRICS if known.missing(views) is None]


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
    for known in wanted:
        found = known(views)
        scores[known.name] = Score(
            found.value, found.interval, found.n, found.better, {**found.protocol, **about}, found.note
        )
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


METRICS: tuple[Metric, ...] = (
    FID,
    KID,
    PRECISION,
    RECALL,
    DENSITY,
    COVERAGE,
    INCEPTION_SCORE,
    MEMORISATION,
    DIVERSITY,
    MS_SSIM,
    MODES,
    HIGH_QUALITY,
    PATCH_KID,
    *PAIRS,
    AGREEMENT,
    PIXEL_ACCURACY,
    LPIPS,
    *ROBUSTNESS,
    *TABLE,
    *PRIVACY,
)

GROUPS: Mapping[str, tuple[str, ...]] = {
    "pairs": tuple(known.name for known in PAIRS),
    "robustness": tuple(known.name for known in ROBUSTNESS),
    "table": tuple(known.name for known in TABLE),
    "privacy": tuple(known.name for known in PRIVACY),
}
"""Names of several metrics at once."""

__all__ = [
    "GROUPS",
    "METRICS",
    "Better",
    "ColumnView",
    "Extractor",
    "Features",
    "Interval",
    "KernelDistance",
    "Metric",
    "Modes",
    "Networks",
    "Reading",
    "Score",
    "Table",
    "Views",
    "codes_by_channel",
    "expanded",
    "extract",
    "frechet_distance",
    "frechet_from_moments",
    "inception_score",
    "kernel_distance",
    "metric",
    "metric_names",
    "ms_ssim",
    "obtainable",
    "patch_distance",
    "psnr",
    "score",
    "ssim",
]
