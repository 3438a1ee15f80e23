"""Histories made by hand."""

from __future__ import annotations

from typing import Any

from sparring.doctor import Facts, History, history_of

WELL: dict[str, float] = {
    "distance": 0.1,
    "residual": 0.9,
    "covered": 0.85,
    "precise": 0.92,
    "spread": 0.97,
    "twins": 0.02,
    "copies": 0.05,
    "entropy": 0.99,
    "motion": 0.3,
    "apart_train": 0.8,
    "apart_heldout": 0.78,
    "memory": 0.53,
    "overfit": 0.1,
    "pull": 0.5,
    "loss_gradient": 0.2,
    "slope_train": 0.5,
    "slope_fake": 0.5,
    "logit_std": 0.4,
    "logit_least": -2.0,
    "logit_most": 2.0,
    "g_moved": 0.1,
    "d_moved": 0.1,
    "g_turned": 0.3,
    "d_turned": 0.3,
    "g_dead": 0.05,
    "d_dead": 0.0,
    "g_still": 0.0,
    "d_still": 0.0,
    "d_weight_max": 0.5,
    "d_share_r1": 0.05,
}
DATA = {
    "data_training": 1600.0,
    "data_heldout": 180.0,
    "data_least": 0.0,
    "data_most": 1.0,
    "data_scatter": 0.3,
    "data_constant": 0.05,
    "data_twins": 0.0,
    "best_covered": 0.95,
    "best_precise": 0.96,
}
POOR = {"distance": 0.9, "covered": 0.3, "precise": 0.4}
"""What poor samples show."""


def history(facts: Facts | None = None, data: dict[str, float] | None = None, since: int = 0, **ill: Any) -> History:
    """Twenty readings of a run of 1,000 steps, well but for what is given, from a step on; None leaves a name out."""
    lines: list[dict[str, Any]] = [DATA | (data or {})]
    for step in range(50, 1001, 50):
        numbers = WELL | (ill if step >= since else {})
        lines.append({"step": step} | {name: value for name, value in numbers.items() if value is not None})
    return history_of(lines, facts or Facts(steps=1000, batch=64, penalties=("r1",), takes_sigmoid=True))
