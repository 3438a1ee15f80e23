from __future__ import annotations

from sparring.metrics import metric_names
from sparring.reports.glossary import MEANINGS


def test_every_metric_has_a_meaning() -> None:
    assert set(MEANINGS) == set(metric_names())
