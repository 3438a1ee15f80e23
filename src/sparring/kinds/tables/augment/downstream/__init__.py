"""Models that a table is for: trained on some rows, scored on others."""

from __future__ import annotations

from sparring.kinds.tables.augment.downstream.models import MODELS, predictions
from sparring.kinds.tables.augment.downstream.rebalancing import balanced_weights, smote_rows
from sparring.kinds.tables.augment.downstream.scores import METRIC, Scores, score
from sparring.kinds.tables.augment.downstream.task import Task, splits, task_of, with_target

__all__ = [
    "METRIC",
    "MODELS",
    "Scores",
    "Task",
    "balanced_weights",
    "predictions",
    "score",
    "smote_rows",
    "splits",
    "task_of",
    "with_target",
]
