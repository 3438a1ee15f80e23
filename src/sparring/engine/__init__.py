"""How it is computed: devices, precision, processes."""

from __future__ import annotations

from sparring.engine.fabric import Engine, Plan, Precision, Tracker, check_tracker, choose_plan, joined

__all__ = [
    "Engine",
    "Plan",
    "Precision",
    "Tracker",
    "check_tracker",
    "choose_plan",
    "joined",
]
