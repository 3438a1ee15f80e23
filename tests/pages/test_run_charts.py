"""The charts of a run's page."""

from __future__ import annotations

import re

import pytest

from sparring.pages import render_run
from tests.pages.samples import Element, full_page, log_line, read


def charts(tree: Element) -> dict[str, Element]:
    return {chart.all("h3")[0].text: chart for chart in tree.one("section", id="curves").all("figure", class_="chart")}


def test_charts_of_the_log() -> None:
    tree = read(render_run(full_page()))
    found = charts(tree)
    assert list(found) == [
        "Discriminator’s loss", "Generator’s loss", "Logits", "Gradient norms", "Learning rates",
        "Dropout and controlled values", "Speed images/s", "Memory MB",
    ]  # fmt: skip

    def legend(title: str) -> list[str]:
        return [li.one("span").text for li in found[title].one("ul").all("li")[1:]]

    assert legend("Discriminator’s loss") == ["loss", "adversarial", "r1"]
    assert legend("Generator’s loss") == ["loss = adversarial"], "curves that hide each other are one"
    assert len(legend("Logits")) == 4
    assert legend("Dropout and controlled values") == ["dropout, discriminator", "augment.ada.strength"]
    dashed = [g.one("title").text for g in found["Logits"].all("g", class_="dashed")]
    assert dashed == ["training data, evaluation mode", "held-out data, evaluation mode"]
    assert "evaluation mode, dropout off" in found["Logits"].one("figcaption").text


def test_numbers_that_no_chart_knows_get_their_own() -> None:
    lines = [log_line(step, my_probe=step / 2) for step in (1, 2, 3)]
    assert "my_probe" in charts(read(render_run(full_page(log=lines))))


@pytest.mark.parametrize(
    "log",
    [
        [{"step": 1, "generator_loss": 1.0}],
        [{"step": 1, "generator_loss": float("nan")}, {"step": 2, "generator_loss": 1.0}],
        [{"step": step, "generator_loss": value} for step, value in enumerate((float("inf"), 1e308, -1e308))],
        [{"step": 0, "generator_loss": 1.0}, {"generator_loss": 2.0}, {"step": 5, "generator_loss": None}],
        [{"step": 1, "generator_loss": 10**400}, {"step": 2, "generator_loss": 1e-300}],
        [{"step": 1, "generator_loss": 0.0}, {"step": 2, "generator_loss": 0.0}],
        [{"step": 1}, {"ended": True}, {"step": "x", "generator_loss": 1}],
        [log_line(1), {"step": 2}, {k: v for k, v in log_line(3).items() if not k.startswith("discriminator")}],
    ],
    ids=["point", "nan", "huge", "holes", "whole", "zeros", "nothing", "no move"],
)  # fmt: skip
def test_any_log_gives_finite_curves(log: list[dict[str, object]]) -> None:
    tree = read(render_run(full_page(log=log)))
    for path in tree.all("path"):
        numbers = re.findall(r"[-\w.]+", re.sub(r"[MLHVhZ]", " ", path.attributes["d"]))
        assert all(abs(float(number)) <= 3000 for number in numbers), path.attributes["d"]
    told = " ".join(element.text for element in tree.all("figure", class_="chart"))
    assert not re.search(r"\b(nan|inf)\b", told)
    for style in re.findall(r'style="(?:left|bottom):([^%]+)%', render_run(full_page(log=log))):
        assert -1 <= float(style) <= 101


def test_single_point_is_seen() -> None:
    chart = charts(read(render_run(full_page(log=[log_line(7)]))))["Gradient norms"]
    assert [path.attributes["d"].count("h0") for path in chart.all("path", class_="dots")] == [1, 1]


def test_rollbacks_are_marked() -> None:
    log = [*(log_line(step) for step in range(10, 101, 10)), *(log_line(s, 1) for s in range(60, 201, 10))]
    fall = {"symptom": "diverged", "since_step": 104, "attempt": 1, "back_to_step": 50, "evidence": {}, "remedy": []}
    tree = read(render_run(full_page(log=log, findings=[fall])))
    section = tree.one("section", id="curves")
    assert "Attempt 1: diverged at step 104, went on from step 50." in section.text
    for chart in section.all("figure", class_="chart"):
        (mark,) = chart.all("path", class_="mark")
        x = float(mark.attributes["d"].removeprefix("M").split()[0])
        assert x == pytest.approx(1000 * 50 / (200 * 1.012), abs=0.1)
        assert chart.all("g", class_="faint")
    assert not read(render_run(full_page())).all("path", class_="mark")
    went_back = tree.one("section", id="findings").one("tbody").all("td")[-1]
    assert went_back.text == "went back to step 50, attempt 1"
