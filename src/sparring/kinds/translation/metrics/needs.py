"""What metrics of pairs need of the views."""

from __future__ import annotations

from sparring.metrics import Views


def pairs(views: Views) -> str | None:
    """A truth for each fake, as images of at least 11 pixels a side; of holes, at least two that hold a pixel."""
    if views.truth is None:
        return "needs pairs: the truth of each fake, and these have none"
    if views.truth.ndim != 4 or min(views.truth.shape[2:]) < 11:
        shape = " x ".join(str(side) for side in views.truth.shape[2:])
        return f"needs images of at least 11 pixels a side, and these are {shape or 'points'}"
    count = len(views.truth) if views.holes is None else int(views.holes.flatten(1).any(1).sum())
    what = "pairs" if views.holes is None else "pairs with a hole"
    return f"needs at least 2 {what}, there are {count}" if count < 2 else None


def targets(views: Views) -> str | None:
    """Training images of what fakes should be."""
    given = views.targets is not None and len(views.targets) > 0
    return None if given else "needs training images of what fakes should be, and none were given"
