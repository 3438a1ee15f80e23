"""Extractors: `pixels`, `inception`, and two small networks trained on the data at hand, `classifier` and `selfsup`.

Each turns samples into `sparring.metrics.Features` (the protocol is `Extractor`).
"""

from __future__ import annotations

from sparring.metrics.features.base import Extractor, extract, parameters_hash
from sparring.metrics.features.classifier import train_classifier
from sparring.metrics.features.columns import Columns
from sparring.metrics.features.inception import Inception, load_inception
from sparring.metrics.features.kept import Kept, trained_extractor
from sparring.metrics.features.pixels import Pixels
from sparring.metrics.features.selfsup import train_selfsup
from sparring.metrics.features.small_net import TrainedExtractor

__all__ = [
    "Columns",
    "Extractor",
    "Inception",
    "Kept",
    "Pixels",
    "TrainedExtractor",
    "extract",
    "load_inception",
    "parameters_hash",
    "train_classifier",
    "train_selfsup",
    "trained_extractor",
]
