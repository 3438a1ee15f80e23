"""A study's page."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sparring.studies.answers.records import RunRecord
from sparring.studies.answers.statistics import analyse
from sparring.studies.forest import Row, forest
from sparring.studies.page import study_page
from tests.pages.samples import Element, assert_well_formed_and_offline, png, read
from tests.studies.answers.made import record, simulated, study

EVIL = "<script>alert('x')</script>\"'><img src=http://evil.example/x onerror=alert(1)>{{ 7*7 }}{% if %}"


def runs(seeds: int = 6) -> list[RunRecord]:
    """Three arms, of which one failed once, and a screening."""
    scores = simulated(np.random.default_rng(0), {"rate=0": 0.0, "rate=0.25": -0.2, "rate=0.5": 0.2}, seeds, 0.05)
    rows: dict[str, list[float | None]] = {**scores, "rate=0.5": [None, *scores["rate=0.5"][1:]]}
    screen = [record(arm, 100, 50.0, stage="screen", directory=f"screen/{arm}") for arm in rows]
    return [*screen, record("rate=0.9", 100, 90.0, stage="screen", state="stopped"), *study(rows)]


def factorial() -> list[RunRecord]:
    effects = {f"rate={rate}, r1={r1}": 0.2 * rate - 0.5 * r1 for rate in (0, 1) for r1 in (0, 1)}
    return study(simulated(np.random.default_rng(1), effects, 4))


def page(folder: Path, records: list[RunRecord], **options: Any) -> Element:
    better = options.pop("better", "lower")
    return read(study_page(folder, "dropout", records, analyse(records, better=better), **options))


def hostile() -> list[RunRecord]:
    scores = {f"{EVIL}={i}": [50.0 + i, 60.0, None] for i in range(2)}
    return [one._replace(why=EVIL, directory=f"no/{EVIL}") for one in study(scores)]


CASES = {
    "full": runs,
    "factorial": factorial,
    "hostile": hostile,
    "one arm": lambda: study({"rate=0": [50.0, 51]}),
    "one run each": lambda: study({"rate=0": [50.0], "rate=1": [51.0]}),
    "all failed": lambda: study({"rate=0": [None, None], "rate=1": [None, None]}),
    "no curve": lambda: [one._replace(curve=()) for one in runs()],
    "below zero": lambda: study({"a=0": [0.001, -0.002, 0.001], "a=1": [0.02, 0.021, 0.023]}, metric="kid"),
    "many": lambda: study({f"rate={i}": [50.0 + i, 60.0 - i, 55.0 + i] for i in range(20)}),
    "equal": lambda: study({"rate=0": [0.0, 0.0], "rate=1": [0.0, 0.0]}),
}


@pytest.mark.parametrize("case", CASES)
def test_page_is_well_formed_and_offline(case: str, tmp_path: Path) -> None:
    tree = page(tmp_path, CASES[case](), recommended_recipe="name: digits")
    assert_well_formed_and_offline(tree)
    assert not re.search(r"\b(nan|inf|None)\b", tree.one("main").text)
    for path in tree.all("path"):
        numbers = re.findall(r"[-\w.]+", re.sub(r"[MLHVhZ]", " ", path.attributes["d"]))
        assert all(abs(float(one)) <= 3000 for one in numbers), path.attributes["d"]


def test_answers_come_first(tmp_path: Path) -> None:
    records = runs()
    tree = page(tmp_path, records)
    told = analyse(records, better="lower")
    assert tree.one("main").all("section")[0].attributes["id"] == "answers"
    verdicts = tree.one("section", id="answers").one("ul", class_="verdicts").all("li")
    assert [one.all("span")[1].text for one in verdicts] == [f"{one.words}." for one in told.comparisons]
    assert [one.all("span")[0].text for one in verdicts] == [one.verdict for one in told.comparisons]
    assert told.recommended.why in tree.one("header").text
    facts = {one.one("dt").text: one.one("dd").text for one in tree.one("dl", class_="facts").all("div")}
    assert facts["Runs"] == "18 and 4 to screen"
    assert facts["Failed runs"] == "1"
    assert facts["Images each"] == "300,000"


def test_intervals_lie_where_the_ticks_say(tmp_path: Path) -> None:
    """The bar of an effect, by its ends on the axis that the ticks tell of."""
    records = runs()
    one = analyse(records, better="lower").comparisons[0].measured
    table = page(tmp_path, records).one("section", id="answers").one("table", class_="forest")
    row = table.one("tbody").all("tr")[0]
    ticks = [
        (float(tick.attributes["style"].removeprefix("left:").removesuffix("%")), float(tick.text.replace("−", "-")))
        for tick in table.one("tfoot").one("div").all("span")
    ]
    (x0, y0), (x1, y1) = ticks[0], ticks[-1]

    def value(place: str) -> float:
        return y0 + (float(place) / 10 - x0) * (y1 - y0) / (x1 - x0)

    low, high = re.fullmatch(r"M([\d.]+) 50H([\d.]+)", row.one("path", class_="bar").attributes["d"]).groups()  # type: ignore[union-attr]
    assert (value(low), value(high)) == pytest.approx(one.percent_interval, abs=0.1)
    dot = row.one("path", class_="dot").attributes["d"].removeprefix("M").removesuffix(" 50h0")
    assert value(dot) == pytest.approx(one.percent, abs=0.1)
    assert value(row.one("path", class_="origin").attributes["d"][1:].split()[0]) == pytest.approx(0, abs=0.1)
    assert row.attributes["class"] == "better"


def test_forest_cuts_off_what_would_flatten_the_rest() -> None:
    rows = [Row("a", 1.0, (0.5, 1.5), ""), Row("b", 2.0, (-1e6, 1e6), ""), Row("c", None, None, "–")]
    drawn = forest(rows, "%")
    assert drawn is not None
    assert [row.cut for row in drawn.rows] == [(False, False), (True, True), (False, False)]
    assert drawn.rows[1].bar == "M0 50H1000"
    assert drawn.rows[2].dot == ""
    near, far = (float(row.dot[1:].split()[0]) for row in drawn.rows[:2])
    assert far - near > 200
    assert forest([rows[2]], "%") is None


def test_scores_show_single_seeds(tmp_path: Path) -> None:
    rows = page(tmp_path, runs()).one("section", id="scores").one("tbody").all("tr")
    assert [row.one("path", class_="singles").attributes["d"].count("h0") for row in rows] == [6, 6, 5]
    assert rows[2].all("td")[-1].text.endswith("; failed 1 of 6")


def test_curves_are_means_over_seeds(tmp_path: Path) -> None:
    records = study({"rate=0": [50.0, 70, 60], "rate=1": [40.0, None, 44]})
    charts = page(tmp_path, records).one("section", id="curves").all("figure", class_="chart")
    assert [chart.one("h3").text for chart in charts] == ["fid", "Logits: training minus held-out data"]
    assert [li.text for li in charts[0].one("ul").all("li")[1:]] == ["rate=0 60", "rate=1 42"]
    assert len(charts[0].all("path", class_="band")) == 2
    assert "after 300,000 images" in charts[0].one("svg").attributes["aria-label"]
    assert charts[0].one("span", class_="name").text == "images"
    assert [li.text for li in charts[1].one("ul").all("li")[1:]] == ["rate=0 0.1", "rate=1 0.1"]


def test_costs(tmp_path: Path) -> None:
    records = [
        one._replace(step_ms=12.0) if one.arm == "a=1" else one for one in study({"a=0": [50.0, 52], "a=1": [90.0, 80]})
    ]
    rows = page(tmp_path, records).one("section", id="costs").one("tbody").all("tr")
    assert [td.text for td in rows[0].all("td")] == ["10 ms", "400 MB", "1 min 0 s", "never (1 of 2 runs)"]
    assert [td.text for td in rows[1].all("td")] == ["12 ms (+20 %)", "400 MB", "1 min 0 s", "never (0 of 2 runs)"]


def test_samples_side_by_side_are_of_one_seed(tmp_path: Path) -> None:
    records = runs()
    for arm, seeds in (("rate=0", (1, 2)), ("rate=0.25", (2,)), ("rate=0.5", (1,))):
        for seed in seeds:
            folder = tmp_path / f"{arm}/seed-{seed}" / "samples"
            folder.mkdir(parents=True)
            (folder / "step-0000010.png").write_bytes(png(seed=1))
            (folder / "step-0000200.png").write_bytes(png(seed=2))
    section = page(tmp_path, records).one("section", id="samples")
    assert "The last samples of seed 1:" in section.text
    assert "Without samples: rate=0.25." in section.text
    assert [one.text for one in section.all("figcaption")] == ["rate=0", "rate=0.5"]
    assert len({one.attributes["src"] for one in section.all("img")}) == 1
    assert "hold no pictures" in page(tmp_path / "gone", records).one("section", id="samples").text


def test_large_grids_are_scaled_down(tmp_path: Path) -> None:
    records = study({f"rate={i}": [50.0 + i, 55.0] for i in range(8)})
    for i in range(8):
        folder = tmp_path / f"rate={i}/seed-0" / "samples"
        folder.mkdir(parents=True)
        (folder / "step-0000010.png").write_bytes(png(900, i, "RGB"))
    html = study_page(tmp_path, "dropout", records, analyse(records, better="lower"))
    assert len(html) < 2_200_000
    assert html == study_page(tmp_path, "dropout", records, analyse(records, better="lower"))


def test_failed_runs_and_why(tmp_path: Path) -> None:
    (row,) = page(tmp_path, runs()).one("section", id="failed").one("tbody").all("tr")
    assert [cell.text for cell in (row.one("th"), *row.all("td"))] == [
        "rate=0.5",
        "0",
        "final",
        "diverged three times",
        "rate=0.5/seed-0",
    ]
    assert not page(tmp_path, factorial()).all("section", id="failed")


def test_screening(tmp_path: Path) -> None:
    rows = page(tmp_path, runs()).one("section", id="screening").one("tbody").all("tr")
    assert [row.one("th").text for row in rows] == ["rate=0", "rate=0.25", "rate=0.5", "rate=0.9"]
    assert rows[-1].all("td")[3].text == "stopped"
    assert not page(tmp_path, factorial()).all("section", id="screening")


def test_effects_of_keys(tmp_path: Path) -> None:
    section = page(tmp_path, factorial()).one("section", id="keys")
    labels = [row.one("th").text for row in section.one("table", class_="forest").one("tbody").all("tr")]
    assert labels == ["rate=1 against rate=0", "r1=1 against r1=0"]
    assert "rate=1 with r1=1, beyond what each does alone" in section.text
    assert not page(tmp_path, runs()).all("section", id="keys")


def test_recipe_is_there_to_be_copied(tmp_path: Path) -> None:
    text = "name: digits\nobjective: relativistic\n"
    section = page(tmp_path, runs(), recommended_recipe=text).one("section", id="recipe")
    assert "".join(section.one("code", id="recipe-text").text_parts) == text
    assert section.one("button").attributes["data-copy"] == "recipe-text"
    assert not page(tmp_path, runs()).all("section", id="recipe")


def test_scores_beside_the_one_that_judges_have_a_table(tmp_path: Path) -> None:
    records = [
        one._replace(beside={"path_length": 0.1 * (1 + one.seed)})
        for one in study({"a=0": [50.0, 51], "a=1": [40.0, 41]})
    ]
    records[-1] = records[-1]._replace(beside={})
    table = page(tmp_path, records).one("section", id="scores").one("table", class_="versus")
    assert [cell.text for cell in table.all("td")] == ["0.15 (0 to 0.7853)", "0.1"]
    told = analyse(records, better="lower").to_json()["arms"][0]["scores"]["path_length"]
    assert told["mean"] == pytest.approx(0.15)
    assert (told["interval"][0], told["n"]) == (0.0, 2), "within the metric's bounds"
    assert (
        not page(tmp_path, study({"a=0": [50.0, 51], "a=1": [40.0, 41]}))
        .one("section", id="scores")
        .all("table", class_="versus")
    )
