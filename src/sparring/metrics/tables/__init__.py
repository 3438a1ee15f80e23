"""Tables: how like real rows fakes are, what models learn from them, and whether they give training rows away."""

from __future__ import annotations

from sparring.metrics.tables.pairs import COLUMN_PAIRS
from sparring.metrics.tables.privacy import CLOSEST_RECORD, COPIES, MEMBERSHIP, NEAR_COPIES
from sparring.metrics.tables.shapes import COLUMN_SHAPES
from sparring.metrics.tables.two_sample import TWO_SAMPLE
from sparring.metrics.tables.utility import UTILITY, UTILITY_REVERSE
from sparring.metrics.tables.verdicts import privacy_verdict, quality_verdict

PRIVACY = (COPIES, NEAR_COPIES, CLOSEST_RECORD, MEMBERSHIP)
"""What `privacy` stands for."""

TABLE = (TWO_SAMPLE, COLUMN_SHAPES, COLUMN_PAIRS, UTILITY, UTILITY_REVERSE)
"""What `table` stands for."""

TABLE_DEFAULTS = (
    "two_sample",
    "column_pairs",
    "column_shapes",
    "utility",
    "utility_reverse",
    "copies",
    "near_copies",
    "closest_record",
    "membership",
)
"""The scores of a table, the most telling first; those of a target only where there is one (`NEED_TARGET`)."""

NEED_TARGET = frozenset(("utility", "utility_reverse"))

__all__ = ["NEED_TARGET", "PRIVACY", "TABLE", "TABLE_DEFAULTS", "privacy_verdict", "quality_verdict"]
