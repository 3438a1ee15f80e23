"""Sparring: train, diagnose, compare and ship generative adversarial networks on your own data."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from sparring.base.version import __version__ as __version__

if TYPE_CHECKING:
    from sparring.api import (
        augment,
        compare,
        demo,
        diagnose,
        evaluate,
        explore,
        load,
        plan,
        report,
        sample,
        show,
        study,
        train,
        translate,
    )
    from sparring.base.errors import RequestError, SparringError, TrainingError
    from sparring.doctor.watch import Doctor
    from sparring.kinds.zoo import recipes

_FROM = {
    "sparring.api": [
        *("augment", "compare", "demo", "diagnose", "evaluate", "explore", "load", "plan", "report"),
        *("sample", "show", "study", "train", "translate"),
    ],
    "sparring.doctor.watch": ["Doctor"],
    "sparring.base.errors": ["RequestError", "SparringError", "TrainingError"],
    "sparring.kinds.zoo": ["recipes"],
}


def __getattr__(name: str) -> Any:
    """Public names are imported when first used: PyTorch takes seconds, and `import sparring` need not."""
    for module, names in _FROM.items():
        if name in names:
            return getattr(importlib.import_module(module), name)
    raise AttributeError(f"module 'sparring' has no attribute '{name}'")


def __dir__() -> list[str]:
    """What there is, without importing it."""
    return sorted({*globals(), *__all__})


__all__ = [
    "Doctor",
    "RequestError",
    "SparringError",
    "TrainingError",
    "augment",
    "compare",
    "demo",
    "diagnose",
    "evaluate",
    "explore",
    "load",
    "plan",
    "recipes",
    "report",
    "sample",
    "show",
    "study",
    "train",
    "translate",
]
