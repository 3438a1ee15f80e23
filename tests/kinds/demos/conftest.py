from __future__ import annotations

from tests.kinds.demos.runs import trained

__all__ = ["trained"]
