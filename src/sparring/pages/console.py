"""What people see while a run goes on: everything here goes to standard error."""

from __future__ import annotations

from typing import Any

from rich.console import Console, JustifyMethod
from rich.table import Table


class Talk:
    """Says things to the user, or keeps quiet."""

    def __init__(self, *, quiet: bool = False) -> None:
        self.console = Console(stderr=True, quiet=quiet, highlight=False, soft_wrap=True)

    def say(self, text: str) -> None:
        self.console.print(text, markup=False)

    def table(self, table: Table) -> None:
        self.console.print(table)


def scores_table(scores: dict[str, dict[str, Any]], title: str) -> Table:
    """Scores for people: value, interval, the same of training samples, and what is better."""
    table = Table(title=title, title_justify="left")
    yardsticks = {name: score["protocol"].get("training_data") for name, score in scores.items()}
    known = any(value is not None for value in yardsticks.values())
    for heading in ("score", "value", "95 % interval", *(["training data"] if known else []), "better", "n"):
        justify: JustifyMethod = "left" if heading in ("score", "better") else "right"
        table.add_column(heading, justify=justify, no_wrap=heading == "score")
    for name, score in scores.items():
        low, high = score["interval"]
        reference = "" if yardsticks[name] is None else _short(yardsticks[name])
        cells = [name, _short(score["value"]), f"{_short(low)} to {_short(high)}", *([reference] if known else [])]
        table.add_row(*cells, score["better"], str(score["n"]))
    return table


def _short(number: float) -> str:
    return f"{number:.4g}"
