from __future__ import annotations

from tests.demos.runs import trained

__all__ = ["trained"]
