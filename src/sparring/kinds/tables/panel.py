"""How like the real ones a table's rows are: verdicts, distributions and pair trends, as a part of a page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sparring.kinds.tables.metrics.noise import LEVEL
from sparring.kinds.tables.metrics.panels import MOST_PAIRS
from sparring.pages.axes import Axis
from sparring.pages.filling import filled
from sparring.pages.wording import number

if TYPE_CHECKING:
    from sparring.kinds.tables.metrics.panels import ColumnShape, PairTrends, TablePanel

SIDE = 1000
MOST_COLUMNS = 40
"""Columns that are drawn; of more, those least alike."""
PALEST = 0.04
"""Weaker than this, a cell is left blank."""
POOR = 0.9
"""Columns less alike than this are coloured, where it is not by chance."""


@dataclass(frozen=True)
class Bar:
    """A choice with its shares, as lengths."""

    label: str
    real: str
    synthetic: str
    words: str


@dataclass(frozen=True)
class Drawn:
    """A column as a histogram, or as bars."""

    name: str
    kind: str
    similarity: str
    poor: bool
    summary: str
    area: str
    """The real histogram as a path; empty for choices."""
    line: str
    """The synthetic one."""
    ends: list[str]
    bars: list[Bar]
    notes: list[str]


@dataclass(frozen=True)
class Matrix:
    """How columns go together, as coloured cells."""

    title: str
    summary: str
    cells: list[tuple[str, str, float, str]]
    """Paths, whether positive or negative, opacities, and what they say."""
    scale: tuple[str, str, str]
    """What the fullest colours and none between them stand for."""


def render_table(panel: TablePanel) -> str:
    """The inside of a section, safe HTML: headings of the third level and below, no scripts, no pictures."""
    columns = sorted(panel.columns, key=lambda one: one.similarity)[:MOST_COLUMNS]
    shown = {id(one) for one in columns}
    trends = panel.trends
    return filled(
        "table.html",
        package="sparring.kinds.tables",
        panel=panel,
        verdicts=[(panel.quality[0], "Quality", panel.quality[1]), (panel.privacy[0], "Privacy", panel.privacy[1])],
        columns=[drawn(one) for one in panel.columns if id(one) in shown],
        hidden=len(panel.columns) - len(columns),
        trends=trends,
        matrices=[] if trends is None else matrices(trends),
        apart=[] if trends is None else _apart(trends),
        most=MOST_PAIRS,
        level=f"{100 * LEVEL:g} %",
        reports=_reports(panel.sdmetrics),
    )


def drawn(shape: ColumnShape) -> Drawn:
    """A column's card."""
    most = max([*shape.real, *shape.synthetic, 1e-9])
    notes = []
    if max(shape.missing) > 0:
        notes.append(f"Missing: {_percent(shape.missing[0])} of real, {_percent(shape.missing[1])} of synthetic rows.")
    if max(shape.outside) > 0:
        notes.append(f"Not drawn: {_percent(shape.outside[0])} and {_percent(shape.outside[1])} beyond the ends.")
    numbers = bool(shape.edges)
    told = zip(shape.labels, shape.real, shape.synthetic, strict=True) if not numbers else ()
    words = [(label, real, synthetic, f"{_percent(real)}, {_percent(synthetic)}") for label, real, synthetic in told]
    return Drawn(
        name=shape.name,
        kind=shape.kind,
        similarity=f"{shape.similarity:.3f}",
        poor=shape.similarity < POOR and shape.chance < LEVEL,
        summary=f"{shape.name}: {shape.kind}, real and synthetic values alike to {shape.similarity:.3f}.",
        area=_steps(shape, shape.real, most, closed=True) if numbers else "",
        line=_steps(shape, shape.synthetic, most, closed=False) if numbers else "",
        ends=shape.labels if numbers else [],
        bars=[
            Bar(label, _bar(real / most, 32), _bar(synthetic / most, 68), told)
            for label, real, synthetic, told in words
        ],
        notes=notes,
    )


def _steps(shape: ColumnShape, shares: Sequence[float], most: float, *, closed: bool) -> str:
    """A histogram's outline, or its area, on a field of 1000 by 1000."""
    across = Axis(shape.edges[0], shape.edges[-1])
    path = f"M0 {SIDE}"
    for share, end in zip(shares, shape.edges[1:], strict=True):
        path += f"V{_short(SIDE - 960 * share / most)}H{_short(across.at(end) * SIDE)}"
    return f"{path}V{SIDE}" + ("Z" if closed else "")


def _bar(length: float, height: int) -> str:
    return f"M0 {height}H{_short(length * SIDE)}" if length > 0 else ""


def matrices(trends: PairTrends) -> list[Matrix]:
    """Real, synthetic, and what they differ by, twice as strong."""
    return [
        _matrix("Real", trends.names, trends.real, 1.0),
        _matrix("Synthetic", trends.names, trends.synthetic, 1.0),
        _matrix("Synthetic less real", trends.names, trends.difference, 2.0),
    ]


def _matrix(title: str, names: Sequence[str], values: Sequence[Sequence[float | None]], strength: float) -> Matrix:
    size, cells = SIDE / len(names), []
    for row, of_row in enumerate(values):
        for column, value in enumerate(of_row):
            if value is None or abs(value) * strength < PALEST or row == column:
                continue
            path = f"M{_short(column * size)} {_short(row * size)}h{_short(size)}v{_short(size)}h-{_short(size)}z"
            told = f"{names[row]}, {names[column]}: {number(round(value, 3))}"
            cells.append((path, "c1" if value > 0 else "c2", min(1.0, round(abs(value) * strength, 2)), told))
    ends = [number(end / strength) for end in (-1.0, 1.0)]
    low, high = ends if strength == 1 else (f"{ends[0]} and below", f"{ends[1]} and above")
    summary = f"{title}: how strongly each two of {len(names)} columns go together"
    return Matrix(title, summary, cells, (low, "0", high))


def _apart(trends: PairTrends) -> list[tuple[str, str, str, str]]:
    return [
        (
            ", ".join(one.names),
            number(round(one.real, 3)),
            number(round(one.synthetic, 3)),
            " and ".join(f"{count:,}" for count in dict.fromkeys(one.rows)),
        )
        for one in trends.apart
    ]


def _reports(found: dict[str, Any]) -> dict[str, Any]:
    """SDMetrics' scores by report; a word where there are none; nothing where they were not asked for."""
    if "missing" in found or not found:
        return {"missing": found.get("missing", ""), "rows": [], "details": [], "version": ""}
    rows, details = [], []
    for name in ("quality", "diagnostic"):
        rows.append((f"{name.capitalize()} score", _score(found[name]["score"])))
        rows += list({key: _score(value) for key, value in found[name]["properties"].items()}.items())
        details += [(key, [_detail(row) for row in lines]) for key, lines in found[name]["details"].items() if lines]
    return {"missing": "", "rows": rows, "details": details, "version": found["version"]}


def _detail(row: dict[str, Any]) -> tuple[str, str]:
    of = [str(row[key]) for key in ("Column", "Column 1", "Column 2") if key in row]
    return f"{', '.join(of)} {row.get('Metric', '')}".strip(), str(row.get("Error") or _score(row.get("Score")))


def _score(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}"


def _percent(share: float) -> str:
    return f"{100 * share:.2g} %" if share < 0.1 else f"{100 * share:.3g} %"


def _short(value: float) -> str:
    return f"{value:.1f}".removesuffix(".0")
