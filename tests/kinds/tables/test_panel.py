"""What a page shows of a table."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from sparring.kinds.scores import metric
from sparring.kinds.tables.metrics import TABLE_DEFAULTS
from sparring.kinds.tables.metrics.columns import ColumnView, TableView
from sparring.kinds.tables.metrics.panels import ColumnShape, TablePanel, table_panel
from sparring.kinds.tables.panel import MOST_COLUMNS, drawn, matrices, render_table
from tests.kinds.tables.metrics.made import TABLE, people, shuffled, table_views
from tests.pages.samples import Element, read

EVIL = "<script>alert('x')</script>\"'><img src=http://evil.example/x onerror=alert(1)>{{ 7*7 }}"
REPORTS = {
    "version": "0.32.0",
    "quality": {
        "score": 0.9,
        "properties": {"Column Shapes": 0.95, "Column Pair Trends": None},
        "details": {
            "Column Shapes": [{"Column": "age", "Metric": "KSComplement", "Score": 0.93}],
            "Column Pair Trends": [],
        },
    },
    "diagnostic": {"score": 1.0, "properties": {"Data Validity": 1.0}, "details": {}},
}


def panel(**changes: Any) -> TablePanel:
    real, fake, seen = people(200, 1), shuffled(people(150, 2)), people(300, 3)
    views = table_views(real, fake, seen)
    scores = {name: metric(name)(views).to_json() for name in TABLE_DEFAULTS}
    return replace(table_panel(real, fake, TABLE, scores, REPORTS), **changes)


def hostile() -> TablePanel:
    columns = (ColumnView(EVIL, "float"), ColumnView(EVIL, "category", 2, labels=(EVIL, "b")))
    rows = np.array([[1.0, 0], [2, 1], [3, np.nan], [np.nan, 1]])
    return table_panel(rows, rows, TableView(columns), None, {"missing": EVIL})


def shown(of: TablePanel) -> Element:
    """The part, in the least page that may hold it."""
    return read(f"<!DOCTYPE html><main>{render_table(of)}</main>")


@pytest.mark.parametrize("of", [panel(), hostile(), panel(trends=None, sdmetrics={})], ids=["full", "hostile", "bare"])
def test_the_part_is_well_formed_and_runs_nothing(of: TablePanel) -> None:
    tree = shown(of)
    assert not tree.all("script") + tree.all("img") + tree.all("h1") + tree.all("h2")
    assert not [name for element in tree.all() for name in element.attributes if name.startswith("on")]
    assert all(drawing.attributes["aria-label"] for drawing in tree.all("svg"))
    assert all(th.attributes.get("scope") in ("row", "col") for th in tree.all("th"))
    assert not [path for path in tree.all("path") if re.search("nan|inf", path.attributes["d"])]


def test_every_column_has_its_card() -> None:
    cards = shown(panel()).all("figure", class_="column")
    assert [card.one("h4").text.split()[0] for card in cards] == ["age", "income", "job", "grade", "likes"]
    assert [len(card.all("path", class_="area")) for card in cards] == [1, 1, 0, 0, 0]
    grades = cards[3].all("li")
    assert [li.one("span", class_="label").text for li in grades] == ["low", "middling", "high", "highest"]
    assert "Missing" in cards[1].text
    assert "Missing" not in cards[0].text


def test_a_histogram_is_as_high_as_its_shares() -> None:
    one = ColumnShape("x", "float", 0.5, [0.25, 0.75], [0.5, 0.5], (0, 0), ["0", "2"], [0.0, 1.0, 2.0])
    found = drawn(one)
    assert found.area == "M0 1000V680H500V40H1000V1000Z"
    assert found.line == "M0 1000V360H500V360H1000V1000"
    assert not found.poor  # it may be chance
    assert drawn(replace(one, chance=0.01)).poor
    assert not drawn(replace(one, chance=0.01, similarity=0.95)).poor


def test_verdicts_are_told_and_scores_left_to_the_page() -> None:
    tree = shown(panel())
    badges = [badge.text for badge in tree.all("span", class_="badge")]
    assert badges == ["Quality", "Privacy"]
    assert "A model tells these rows from real ones" in tree.one("ul", class_="verdicts").text
    assert not tree.all("table", class_="scores")


def test_how_columns_go_together_is_coloured_by_strength() -> None:
    trends = panel().trends
    assert trends is not None
    real, synthetic, difference = matrices(trends)
    told = {cell[3].rsplit(":", 1)[0]: cell for cell in real.cells}
    assert told["job, grade"][2] > 0.5
    assert told["job, grade"][2] == told["grade, job"][2]
    weaker = {cell[3].rsplit(":", 1)[0]: cell for cell in difference.cells}
    assert weaker["job, grade"][1] == "c2"
    assert len(synthetic.cells) < len(real.cells)
    tree = shown(panel())
    assert len(tree.all("figure", class_="matrix")) == 3
    scales = [[end.text for end in one.all("span")] for one in tree.all("div", class_="scale")]
    assert scales == [["−1", "0", "1"], ["−1", "0", "1"], ["−0.5 and below", "0", "0.5 and above"]]
    assert "dark" not in tree.text


def test_pairs_are_named_beyond_chance_alone_with_their_rows() -> None:
    told = shown(panel()).one("table", class_="pairs apart").text
    assert "income, grade" in told
    assert " and 1" in told  # rows of either side that have both
    real = people(150, 1)
    text = re.sub(r"\s+", " ", render_table(table_panel(real, real, TABLE)))
    assert "None of 10 pairs differs by more than chance explains. At most 5 % that any pair is named" in text
    assert "Pairs that differ most" not in text


def test_sdmetrics_numbers_or_a_word() -> None:
    tree = shown(panel())
    assert "SDMetrics 0.32.0" in tree.text
    assert "age KSComplement" in tree.one("details").text
    assert "SDMetrics is not installed." in shown(panel(sdmetrics={"missing": "SDMetrics is not installed"})).text
    assert "SDMetrics" not in shown(panel(sdmetrics={})).text


def test_of_very_many_columns_the_least_alike_are_drawn() -> None:
    source = np.random.default_rng(0)
    rows = source.normal(size=(40, 50))
    worse = rows.copy()
    worse[:, 49] += 5
    table = TableView(tuple(ColumnView(f"x{place}", "float") for place in range(50)))
    tree = shown(table_panel(rows, worse, table))
    assert len(tree.all("figure", class_="column")) == MOST_COLUMNS
    assert "x49" in tree.all("figure", class_="column")[-1].text
    assert "Of 50 columns the 40 least alike." in tree.text
    assert "20 more columns are not shown." in tree.text


def test_hostile_text_stays_text() -> None:
    tree = shown(hostile())
    assert tree.text.count("<script>alert") >= 4
    assert "{{ 7*7 }}" in tree.text
