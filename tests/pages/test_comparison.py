"""Runs side by side."""

from __future__ import annotations

import math

import pytest

from sparring.pages import RunPage, render_comparison
from tests.pages.samples import (
    Element,
    assert_well_formed_and_offline,
    bare_page,
    full_page,
    hostile_page,
    log_line,
    png,
    read,
    score,
)


def scored(title: str, value: float, **changes: object) -> RunPage:
    """A run with a single FID; changes are of its protocol."""
    return full_page(title=title, scores=[{"step": 1000, "scores": {"fid": score(value, **changes)}}])


def score_row(pages: list[RunPage]) -> Element:
    section = read(render_comparison(pages)).one("section", id="scores")
    return section.one("table", class_="scored").one("tbody", role="rowgroup").all("tr", role="row")[0]


@pytest.mark.parametrize(
    "pages",
    [
        [full_page(), full_page(title="other")],
        [bare_page(), full_page()],
        [bare_page(), bare_page()],
        [hostile_page(), hostile_page()],
        [full_page(title=f"run {number}") for number in range(20)],
    ],
    ids=["full", "bare and full", "bare", "hostile", "many"],
)
def test_page_is_well_formed_and_offline(pages: list[RunPage]) -> None:
    tree = read(render_comparison(pages))
    assert_well_formed_and_offline(tree)
    assert all(picture.attributes["alt"] for picture in tree.all("img"))


def test_one_run_is_no_comparison() -> None:
    with pytest.raises(ValueError, match="two or more"):
        render_comparison([full_page()])


def test_best_is_marked_where_protocols_agree() -> None:
    row = score_row([scored("a", 1.0), scored("b", 2.0)])
    assert [td.attributes["data-name"] for td in row.all("td", class_="best")] == ["a"]
    assert row.all("td")[-1].text == "a is best"


def test_nothing_is_marked_where_protocols_differ() -> None:
    row = score_row([scored("a", 1.0), scored("b", 2.0, extractor="inception", hash="def")])
    assert not row.all("td", class_="best")
    assert not row.all("td", class_="tied")
    verdict = row.all("td")[-1]
    assert verdict.text == "not comparable protocols differ in extractor, hash"
    assert verdict.all("span", class_="warn")


def test_differing_entries_stand_first_in_the_protocols() -> None:
    pages = [scored("a", 1.0), scored("b", 2.0, hash="def", training_data=0.5)]
    section = read(render_comparison(pages)).one("section", id="scores")
    rows = section.one("table", class_="protocols").one("tbody").all("tr")
    assert [cell.text for cell in (rows[0].one("th"), *rows[0].all("td"))] == ["hash (differs)", "abc", "def"]
    assert [row.one("th").text for row in rows if "warn" in row.attributes.get("class", "")] == ["hash (differs)"]


def test_overlapping_intervals_cannot_be_told_apart() -> None:
    row = score_row([scored("a", 1.0), scored("b", 1.15)])
    assert row.all("td")[-1].text == "cannot be told apart"
    assert not row.all("td", class_="best")


def test_three_runs_of_which_two_are_ahead() -> None:
    row = score_row([scored("a", 1.0), scored("b", 5.0), scored("c", 1.1)])
    assert [td.attributes["data-name"] for td in row.all("td", class_="tied")] == ["a", "c"]
    assert row.all("td")[-1].text == "a and c are ahead and cannot be told apart"


def test_run_without_the_score() -> None:
    row = score_row([scored("a", 1.0), full_page(title="b", scores=[])])
    assert [td.text for td in row.all("td")[1:]] == ["–", "only of a"]


def test_runs_of_one_name_are_told_apart() -> None:
    pages = [scored("same", 1.0), scored("same", 2.0), scored("other", 3.0)]
    tree = read(render_comparison(pages))
    assert tree.one("h1").text == "same (1) · same (2) · other"
    assert score_row(pages).all("td")[-1].text == "same (1) is best"


def test_data_that_differ_are_named_and_share_no_real_grid() -> None:
    other = full_page(title="b", environment={"data": {"name": "digits", "fingerprint": "beef"}})
    tree = read(render_comparison([full_page(), other]))
    assert [badge.text for badge in tree.all("span", class_="badge")] == ["trained on different data"]
    assert [caption.text for caption in tree.one("section", id="samples").all("figcaption")] == ["digits-0", "b"]
    same = read(render_comparison([full_page(), full_page(title="b")]))
    assert not same.all("span", class_="badge")
    assert same.one("section", id="samples").all("figcaption")[-1].text == "Real data that training never saw."


def test_facts_of_each_run() -> None:
    other = full_page(title="b", seconds=7200.0, images_per_s=None, memory_mb=20480.0, finished=False, step=500)
    section = read(render_comparison([full_page(), other])).one("section", id="runs")
    facts = {row.one("th").text: [td.text for td in row.all("td")] for row in section.one("tbody").all("tr")}
    assert facts["State"] == ["finished, 1,000 steps", "stopped at step 500 of 1,000"]
    assert facts["Training time"] == ["1 min 15 s", "2 h 0 min"]
    assert facts["Speed"] == ["5,123 images/s", "–"]
    assert facts["Memory"] == ["400 MB", "20.0 GB"]


def test_recipe_differences_only() -> None:
    changed = (
        full_page().recipe_yaml.replace("rate: 0.3", "rate: 0.30001").replace("surgery: {}", "surgery: {freeze: 1}")
    )
    section = read(render_comparison([full_page(), full_page(title="b", recipe_yaml=changed)])).one(
        "section", id="recipes"
    )
    rows = {row.one("th").text: [td.text for td in row.all("td")] for row in section.one("tbody").all("tr")}
    assert rows == {
        "discriminator.surgery.dropout.rate": ["0.3", "0.30001"],
        "generator.surgery.freeze": ["–", "1"],
    }
    same = read(render_comparison([full_page(), full_page(title="b")])).one("section", id="recipes")
    assert not same.all("table")
    assert "Nowhere." in same.text
    broken = read(render_comparison([full_page(), full_page(title="b", recipe_yaml="a: [")])).one(
        "section", id="recipes"
    )
    assert "Not all recipes could be read." in broken.text
    assert "Nowhere." not in broken.text


def test_curves_lie_over_each_other() -> None:
    slow = full_page(title="slow", log=[log_line(step, discriminator_logits_real=3.0) for step in range(1, 2001, 10)])
    tree = read(render_comparison([full_page(title="fast"), slow]))
    charts = {one.all("h3")[0].text: one for one in tree.one("section", id="curves").all("figure", class_="chart")}
    gap = charts["Logits: real minus fake"]
    assert [li.text for li in gap.one("ul").all("li")[1:]] == [f"fast {2 + math.sin(991 / 30):.4g}", "slow 4"]
    assert {"Discriminator’s loss", "Generator’s gradient norm", "Logits: training minus held-out data"} <= set(charts)
    curves = tree.one("section", id="scores").all("figure", class_="chart")
    assert [curve.one("h4").text for curve in curves] == ["fid (pixels)"]


def test_scores_of_two_protocols_share_no_curve() -> None:
    lines = [{"step": step, "scores": {"fid": score(2.0, hash="def")}} for step in (500, 1000)]
    tree = read(render_comparison([full_page(), full_page(title="b", scores=lines)]))
    assert not tree.one("section", id="scores").all("figure", class_="chart")


def test_losses_of_unlike_objectives_are_said_to_be_so() -> None:
    hinge = full_page(title="b", recipe_yaml=full_page().recipe_yaml.replace("relativistic", "hinge"))
    told = "so their losses have no common scale"
    assert told in read(render_comparison([full_page(), hinge])).one("section", id="curves").text
    assert told not in read(render_comparison([full_page(), full_page(title="b")])).one("section", id="curves").text


def test_size_is_bounded_and_bytes_are_the_same() -> None:
    pages = [full_page(title=f"run {number}", made=png(780, number, "RGB")) for number in range(4)]
    html = render_comparison(pages)
    assert len(html) < 3_000_000
    assert html == render_comparison(pages)
