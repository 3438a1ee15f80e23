"""Rows drawn until enough of them are as wanted."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from sparring.base.errors import RequestError

Rows = NDArray[np.float64]

FIRST, MOST = 1_000, 100_000
"""Rows of a round: at least, and at most."""
NONE_IN = 200_000
"""Rows after the last kept one without a further one, when drawing ends."""
RARE, LONG = 1e-5, 1_000_000
"""When fewer than this share of so many rows was kept, drawing ends, too."""


def draw_until(
    draw: Callable[[int, int], Rows],
    wanted: int,
    keep: Callable[[Rows], NDArray[np.bool_]],
    what: str = "conditions and constraints",
) -> Rows:
    """The first `wanted` rows that `keep` marks, in the order drawn. `draw(first, count)` gives rows by their number,
    and `keep` sees each row once, in order: so what comes out is the same whatever the size of a round. Raises
    RequestError where they are too rare, with `what` is to be loosened."""
    kept: list[Rows] = []
    have = drawn = last = 0
    count = wanted
    while have < wanted or not kept:
        count = min(max(count, FIRST), MOST)
        rows = draw(drawn, count)
        good = np.flatnonzero(keep(rows))
        if len(good):
            last = drawn + int(good[-1]) + 1
        kept.append(rows[good[: wanted - have]])
        have += len(kept[-1])
        drawn += count
        if have < wanted and (drawn - last >= NONE_IN or (drawn >= LONG and have < RARE * drawn)):
            raise RequestError(f"{have:,} of {wanted:,} rows came of {drawn:,} drawn; loosen {what}")
        # a tenth more than the rate so far asks for; at least twice as many while none was kept
        count = math.ceil(1.1 * (wanted - have) * drawn / have) if have else 2 * count
    return np.concatenate(kept)
