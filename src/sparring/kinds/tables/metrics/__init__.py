"""Tables: how like real rows fakes are, what models learn from them, and whether they give training rows away."""

from __future__ import annotations

from sparring.kinds.tables.metrics.pairs import COLUMN_PAIRS
from sparring.kinds.tables.metrics.privacy import CLOSEST_RECORD, COPIES, MEMBERSHIP, NEAR_COPIES
from sparring.kinds.tables.metrics.shapes import COLUMN_SHAPES
from sparring.kinds.tables.metrics.two_sample import TWO_SAMPLE
from sparring.kinds.tables.metrics.utility import UTILITY, UTILITY_REVERSE
from sparring.kinds.tables.metrics.verdicts import concerns, privacy_verdict, quality_verdict

PRIVACY = (COPIES, NEAR_COPIES, CLOSEST_RECORD, MEMBERSHIP)
"""What `privacy` stands for."""

TABLE = (TWO_SAMPLE, COLUMN_SHAPES, COLUMN_PAIRS, UTILITY, UTILITY_REVERSE)
"""What `table` stands for."""

TABLE_DEFAULTS = (
    "column_pairs",
    "two_sample",
    "column_shapes",
    "utility",
    "utility_reverse",
    "copies",
    "near_copies",
    "closest_record",
    "membership",
)
"""The scores of a table; those of a target only where there is one (`NEED_TARGET`). The first is what the best
checkpoint is kept by: it takes hundredths of a second, and tells a poor generator from a poorer one, where `two_sample`
is 1 of both."""

NEED_TARGET = frozenset(("utility", "utility_reverse"))

__all__ = ["NEED_TARGET", "PRIVACY", "TABLE", "TABLE_DEFAULTS", "concerns", "privacy_verdict", "quality_verdict"]
