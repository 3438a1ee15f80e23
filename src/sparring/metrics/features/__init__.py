"""Extractors: each turns samples into `sparring.metrics.Features` (the protocol is `Extractor`)."""

from __future__ import annotations

from sparring.metrics.features.base import Extractor, extract, parameters_hash
from sparring.metrics.features.pixels import Pixels

__all__ = ["Extractor", "Pixels", "extract", "parameters_hash"]
