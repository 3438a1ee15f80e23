"""`columns`: a table's rows by the ranks of their numbers and the places of their choices."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from torch import Tensor

from sparring.kinds.tables.data.codec import TableCodec
from sparring.metrics import Features
from sparring.metrics.features.base import NO_DETAILS


class Columns:
    """Rows as numbers to features that are as far apart in a choice as in the two ends of a number
    (`TableCodec.to_unit`); the learned columns' numbers go with them as samples, float64 [n, columns]."""

    name = "columns"
    slow = False
    resize = "none"
    details: Mapping[str, Any] = NO_DETAILS

    def __init__(self, codec: TableCodec) -> None:
        self.codec = codec
        self.width = codec.features
        views = json.dumps(codec.to_json()["views"], sort_keys=True)
        self.hash = hashlib.sha256(f"columns {views}".encode()).hexdigest()[:12]

    def __call__(self, samples: Tensor) -> Features:
        rows = samples.detach().cpu().double()
        return Features(self.codec.to_unit(rows), None, rows[:, list(self.codec.learned)])

    def graded(self, samples: Tensor) -> Tensor:
        """Rows as networks see them, brought to [0, 1]: of ranks there is no gradient."""
        return samples.flatten(1)
