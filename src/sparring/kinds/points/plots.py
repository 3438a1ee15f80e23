"""Points in the plane, drawn by Matplotlib."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
from torch import Tensor

GREY, PINK = "#b0b0b0", "#d6336c"


def scatter(samples: Tensor, real: Tensor | None, reach: float) -> bytes:
    """Points [n, 2] over real ones, where these are known, a PNG that shows [-reach, reach] each way."""
    figure, axes = _figure(real, reach)
    axes.scatter(samples[:, 0], samples[:, 1], s=2, c=PINK, label="samples")
    axes.legend(loc="upper right", fontsize=7)
    return _png(figure)


def paths(ways: Tensor, real: Tensor | None, reach: float) -> bytes:
    """Ways of points [n, places, 2], from blue to red."""
    from matplotlib.collections import LineCollection

    figure, axes = _figure(real, reach)
    pieces = list(np.stack((ways[:, :-1].numpy(), ways[:, 1:].numpy()), 2).reshape(-1, 2, 2))
    place = np.tile(np.linspace(0, 1, ways.shape[1] - 1), len(ways))
    axes.add_collection(LineCollection(pieces, array=place, cmap="coolwarm", linewidths=0.8))
    return _png(figure)


def landscape(heights: Tensor, real: Tensor | None, reach: float) -> bytes:
    """Heights [rows, columns] over the square, rows from below, with contours; the real points on top."""
    figure, axes = _figure(None, reach)
    shown = axes.imshow(
        heights.numpy(), origin="lower", extent=(-reach, reach, -reach, reach), cmap="viridis", interpolation="bilinear"
    )
    if real is not None:
        axes.scatter(real[:, 0], real[:, 1], s=1, c="white", alpha=0.5)
    figure.colorbar(shown, shrink=0.75)
    return _png(figure)


def _figure(real: Tensor | None, reach: float) -> tuple[Any, Any]:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(4, 4), dpi=100)
    axes = figure.add_subplot()
    if real is not None:
        axes.scatter(real[:, 0], real[:, 1], s=2, c=GREY, label="held-out data")
    axes.set(xlim=(-reach, reach), ylim=(-reach, reach), aspect="equal")
    return figure, axes


def _png(figure: Any) -> bytes:
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png")
    return buffer.getvalue()
