"""Which recipe fits a person's data."""

from __future__ import annotations

from pathlib import Path

from sparring.data import NAMED
from sparring.data.layouts import likely
from sparring.data.options import peek
from sparring.data.tables.source import fewer_lines, is_table
from sparring.engine import choose_plan

FEW = 500
"""Images under which augmentation and dropout decide."""
FEW_ROWS = 2000
"""Rows of a table under which the same holds."""


def choose_recipe(data: str | None, device: str = "auto", other: str | None = None) -> tuple[str, str]:
    """A recipe's name for `--data DATA`, or `--data DATA OTHER`, and why."""
    if data is None:
        return "digits", "no data was given: scikit-learn's digits"
    if data in NAMED and not Path(data).exists():
        own = {"digits", "ring", "grid", "stacked_digits"}
        return (data, "made for it") if data in own else ("image/small", "images of 28 to 32 pixels")
    if is_table(data):
        few = fewer_lines(data, FEW_ROWS)
        return ("table/few", f"a table of fewer than {FEW_ROWS:,} rows") if few else ("table", "a table")
    path = Path(data).expanduser()
    if other is not None:
        folder = path.is_dir() or path.suffix == ".zip"
        return ("translate/unpaired", "two folders of images") if folder else ("style/single", "two pictures")
    kind = likely(path)
    if kind == "halves":
        return "translate/paired", "images twice as wide as high in parts: two side by side"
    if kind is not None:
        names = {"pairs": ("translate/paired", "the same names"), "sides": ("translate/unpaired", "other names")}
        return names[kind][0], f"two folders of images with {names[kind][1]}"
    count, edge = peek(path)
    if edge <= 16:
        return "digits", f"tiny images of {edge} pixels"
    if count < FEW:
        return "image/few", f"only {count} images"
    if edge <= 40:
        return "image/small", f"{count:,} images of {edge} pixels"
    if edge < 128:
        return "image/medium", f"{count:,} images of {edge} pixels"
    if choose_plan(device, "fp32", images=True).device == "cpu":
        return (
            "image/medium",
            f"{count:,} images of {edge} pixels, and no GPU: made at 64; image/large makes 128 and up",
        )
    return "image/large", f"{count:,} images of {edge} pixels"
