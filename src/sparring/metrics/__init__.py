"""Scores that can be trusted: pure functions of features, each with its direction, bounds, interval and protocol.

An extractor (`sparring.metrics.features`) makes `Features` of samples; `Views` gathers what a metric may see. A metric
is one file that declares a `Metric`, and one entry in `METRICS` below, or in the list of a kind of data. Names become
metrics, and metrics scores, in `sparring.kinds.scores`.
"""

from __future__ import annotations

from collections.abc import Mapping

from sparring.metrics.base import Better, Features, Interval, Metric, Modes, Reading, Score, Views
from sparring.metrics.diversity import DIVERSITY
from sparring.metrics.features import Extractor, extract
from sparring.metrics.frechet import FID, frechet_distance, frechet_from_moments
from sparring.metrics.inception_score import INCEPTION_SCORE, inception_score
from sparring.metrics.kernel import KID, KernelDistance, kernel_distance
from sparring.metrics.manifold import COVERAGE, DENSITY, PRECISION, RECALL
from sparring.metrics.memorisation import MEMORISATION
from sparring.metrics.modes import HIGH_QUALITY, MODES, codes_by_channel
from sparring.metrics.networks import Networks
from sparring.metrics.robustness import ROBUSTNESS

METRICS: tuple[Metric, ...] = (
    *(FID, KID, PRECISION, RECALL, DENSITY, COVERAGE, INCEPTION_SCORE, MEMORISATION, DIVERSITY, MODES, HIGH_QUALITY),
    *ROBUSTNESS,
)
"""Metrics of any kind of data."""
GROUPS: Mapping[str, tuple[str, ...]] = {"robustness": tuple(known.name for known in ROBUSTNESS)}
"""Names of several of these at once."""

__all__ = [
    "GROUPS",
    "METRICS",
    "Better",
    "Extractor",
    "Features",
    "Interval",
    "KernelDistance",
    "Metric",
    "Modes",
    "Networks",
    "Reading",
    "Score",
    "Views",
    "codes_by_channel",
    "extract",
    "frechet_distance",
    "frechet_from_moments",
    "inception_score",
    "kernel_distance",
]
