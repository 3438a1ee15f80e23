"""A run's page: whole, safe, offline, and the same each time."""

from __future__ import annotations

import base64
import hashlib
import html as html_module
import itertools
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from sparring.pages import RunPage, render_run
from sparring.pages.blocks import Figure
from tests.pages.samples import (
    Element,
    bare_page,
    explored,
    film,
    full_page,
    hostile_page,
    log_line,
    near,
    png,
    read,
    run_sections,
    score,
    sick_page,
)

SECTIONS = [
    "samples", "time", "between", "learned", "scores", "neighbours", "curves", "findings", "use", "recipe", "environment",
]  # fmt: skip


def sections(tree: Element) -> list[str]:
    return [section.attributes["id"] for section in tree.all("section")]


@pytest.mark.parametrize(
    "page", [full_page(), bare_page(), hostile_page(), sick_page()], ids=["full", "bare", "hostile", "sick"]
)
def test_page_is_well_formed_and_accessible(page: RunPage) -> None:
    tree = read(render_run(page))
    assert tree.one("html").attributes["lang"] == "en"
    assert len(tree.all("h1")) == len(tree.all("main")) == 1
    ids = [element.attributes["id"] for element in tree.all() if "id" in element.attributes]
    assert len(ids) == len(set(ids))
    assert all(picture.attributes["alt"] for picture in tree.all("img"))
    assert all(drawing.attributes["aria-label"] for drawing in tree.all("svg"))
    for table in tree.all("table"):
        assert table.all("th"), table.text
        assert all(th.attributes.get("scope") in ("row", "col") for th in table.all("th"))
    targets = {link.attributes["href"] for link in tree.one("nav").all("a")}
    assert targets == {f"#{name}" for name in sections(tree)}


@pytest.mark.parametrize(
    "page", [full_page(), bare_page(), hostile_page(), sick_page()], ids=["full", "bare", "hostile", "sick"]
)
def test_page_asks_nothing_of_the_network(page: RunPage) -> None:
    html = render_run(page)
    tree = read(html)
    for element in tree.all():
        for name, value in element.attributes.items():
            if name in ("src", "href", "srcset", "action", "data", "poster", "xlink:href"):
                assert value.startswith(("data:", "#")), f"<{element.tag} {name}={value[:60]}>"
            assert not name.startswith("on"), f"<{element.tag} {name}>"
    style = tree.one("style").own_text
    assert "url(" not in style
    assert "@import" not in style
    script = tree.one("script").own_text
    assert not re.search(r"fetch|XMLHttp|import\(|WebSocket|https?:", script)
    policy = tree.one("meta", http_equiv="Content-Security-Policy").attributes["content"]
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    assert policy.startswith("default-src 'none'; img-src data:; media-src data:;")
    assert f"script-src 'sha256-{digest}'" in policy, "the policy must allow the page's own script and no other"


def test_every_section_is_there_when_its_data_is() -> None:
    assert sections(read(render_run(full_page()))) == SECTIONS
    assert sections(read(render_run(bare_page()))) == ["findings", "use"]


@pytest.mark.parametrize(
    ("without", "gone"),
    [
        ({"sections": run_sections(final=None, real=None)}, "samples"),
        ({"film": []}, "time"),
        ({"sections": run_sections(interpolation=None)}, "between"),
        ({"sections": run_sections(explored=None)}, "learned"),
        ({"sections": run_sections(explored=explored(closed_form=[], components=[], judged=[]))}, "learned"),
        ({"scores": []}, "scores"),
        ({"sections": run_sections(neighbours=[])}, "neighbours"),
        ({"log": []}, "curves"),
        ({"recipe_yaml": ""}, "recipe"),
        ({"environment": {}}, "environment"),
    ],
)
def test_section_goes_with_its_data(without: dict[str, object], gone: str) -> None:
    assert sections(read(render_run(full_page(**without)))) == [name for name in SECTIONS if name != gone]


def test_hostile_text_stays_text() -> None:
    html = render_run(hostile_page())
    html.encode()  # halves of characters are gone
    tree = read(html)
    assert len(tree.all("script")) == 1
    assert not [picture for picture in tree.all("img") if "evil" in picture.attributes["src"]]
    assert tree.one("h1").text.startswith("<script>alert('x')</script>")
    assert "{{ 7*7 }}{% if %}" in tree.one("h1").text, "text of a run is no template"
    for where in ("learned", "findings", "recipe", "environment", "scores", "curves", "use"):
        assert "<script>alert" in tree.one("section", id=where).text, where


def test_header_says_what_and_in_which_state() -> None:
    tree = read(render_run(full_page()))
    header = tree.one("header", class_="top")
    assert header.one("h1").text == "digits-0"
    assert [badge.text for badge in header.all("span", class_="badge")] == ["finished, 1,000 steps"]
    facts = {div.one("dt").text: div.one("dd").text for div in header.one("dl").all("div")}
    assert facts["Data"] == "digits"
    assert facts["Score fid (pixels)"] == "1 (0.9 to 1.1)"
    assert facts["Training time"] == "1 min 15 s"
    assert facts["Speed"] == "5,123 images/s"
    assert facts["Device"] == "cpu, fp32"
    assert facts["Discriminator"] == "dense, dropout (rate 0.3), r1 (weight 0.5)"


@pytest.mark.parametrize(
    ("findings", "badges"),
    [
        ([], ["stopped at step 400 of 1,000"]),
        (
            [{"symptom": "diverged", "since_step": 90, "attempt": 1, "back_to_step": 50}],
            ["stopped at step 400 of 1,000", "diverged once"],
        ),
        (
            [
                {"symptom": "diverged", "since_step": 90, "attempt": 1, "back_to_step": 50},
                {"symptom": "memorises", "since_step": 95},
                {"symptom": "diverged", "since_step": 410, "remedy": ["precision=fp32"]},
            ],
            ["gave up after diverging; intact at step 400 of 1,000", "diverged twice"],
        ),
    ],
)
def test_header_of_an_unfinished_run(findings: list[dict[str, object]], badges: list[str]) -> None:
    tree = read(render_run(full_page(finished=False, step=400, findings=findings)))
    assert [badge.text for badge in tree.all("span", class_="badge")] == badges


def test_pictures_are_the_files_themselves() -> None:
    pictures = [(step, png(seed=step)) for step in (250, 500, 750, 1000)]
    pairs = [(png(8, seed=3), [png(8, seed=4), png(8, seed=5)]), (png(8, seed=6), [png(8, seed=7)])]
    tree = read(render_run(full_page(film=film(*pictures), sections=run_sections(neighbours=near(*pairs)))))

    def shown(where: str) -> list[bytes]:
        sources = [picture.attributes["src"] for picture in tree.one("section", id=where).all("img")]
        return [base64.b64decode(source.removeprefix("data:image/png;base64,")) for source in sources]

    assert shown("samples") == [png(seed=1), png(seed=8)]
    assert shown("time") == [picture for _, picture in pictures]
    assert shown("between") == [png(seed=2)]
    assert shown("neighbours") == [one for sample, others in pairs for one in (sample, *others)]


def test_pictures_over_time_are_in_order_and_end_where_the_run_does() -> None:
    pictures = film(*((step, png(seed=step)) for step in (900, 100, 500, 1200)))
    tree = read(render_run(full_page(film=pictures)))
    frames = tree.one("section", id="time").all("figcaption")
    assert [frame.text for frame in frames] == ["step 100", "step 500", "step 900"]


def test_far_too_many_pictures_are_thinned_evenly_and_said_to_be() -> None:
    pictures = film(*((step, png(8)) for step in range(1, 1001)))
    section = read(render_run(full_page(film=pictures))).one("section", id="time")
    steps = [int(frame.attributes["data-step"].replace(",", "")) for frame in section.all("img")]
    assert len(steps) == 120
    assert steps[0] == 1
    assert steps[-1] == 1000
    assert max(b - a for a, b in itertools.pairwise(steps)) <= 9
    assert "880 more are in the run’s samples folder" in section.text


def test_score_table() -> None:
    lines = [{"step": 1000, "scores": {"fid": score(1.1214) | {"note": "few samples"}}}]
    lines += [{"step": 1000, "scores": {"memorisation": score(0.97, p_value=0.0276, copies=2)}}]
    section = read(render_run(full_page(scores=lines))).one("section", id="scores")
    head = [th.text for th in section.one("thead").all("th")]
    assert head == ["Score", "Value", "95 % interval", "Training data", "Better", "n", "Notes"]
    row, protocol, second, _ = section.one("table", class_="scores").one("tbody", role="rowgroup").all("tr", role="row")
    assert [td.text for td in row.all("td")] == ["1.121", "1.021 to 1.221", "0.4", "lower", "180", "few samples"]
    entries = {tr.one("th").text: tr.one("td").text for tr in protocol.one("details").all("tr")}
    assert entries["extractor"] == "pixels"
    assert entries["split"] == "a tenth"
    assert second.all("td")[-1].text == "p = 0.0276 if nothing is memorised; 2 exact or all but exact copies"


def test_score_of_another_step_says_so() -> None:
    lines = [{"step": 600, "scores": {"fid": score(1.0)}}]
    section = read(render_run(full_page(scores=lines))).one("section", id="scores")
    assert "Of step 600." in section.text
    current = read(render_run(full_page(scores=[lines[0] | {"step": 1000}]))).one("section", id="scores")
    assert "Of step" not in current.text


def test_protocols_are_not_mixed_in_a_table_or_curve() -> None:
    other = {"extractor": "inception", "hash": "def"}
    lines = [{"step": step, "scores": {"fid": score(3.0)}} for step in (200, 400, 1000)]
    lines += [{"step": 1000, "scores": {"fid": score(40.0, **other)}}]
    section = read(render_run(full_page(scores=lines))).one("section", id="scores")
    values = [td.text for td in section.all("td", data_name="Value")]
    assert values == ["40", "3"], "the last measured first"
    (chart,) = section.all("figure", class_="chart")
    assert chart.one("h4").text == "fid (pixels)"
    assert len(chart.all("g")[0].one("path", class_="dots").attributes["d"].split("M")) - 1 == 3


def test_scores_of_a_given_up_attempt_are_left_out() -> None:
    lines = [{"step": step, "scores": {"fid": score(value)}} for step, value in ((200, 5.0), (900, 1.0), (400, 4.0))]
    section = read(render_run(full_page(scores=lines, finished=False, step=400))).one("section", id="scores")
    assert [td.text for td in section.all("td", data_name="Value")] == ["4"]


def test_findings() -> None:
    row = read(render_run(full_page())).one("section", id="findings").one("tbody").one("tr")
    assert row.one("th").text == "discriminator overfits"
    assert [td.text for td in row.all("td")] == [
        "400",
        "83%",
        "gap 0.312",
        "discriminator.surgery.dropout.rate=0.4",
        "–",
    ]
    assert "None was recorded." in read(render_run(full_page(findings=[]))).one("section", id="findings").text


def test_the_diagnosis_is_told_with_numbers_curves_and_remedy() -> None:
    tree = read(render_run(sick_page()))
    badges = [badge.text for badge in tree.one("header", class_="top").all("span", class_="badge")]
    assert badges == ["finished, 1,000 steps", "sick: mode collapse"]
    section = tree.one("section", id="findings")
    first, second = section.all("article")
    assert (first.attributes["class"], second.attributes["class"]) == ("diagnosed illness", "diagnosed notice")
    assert first.one("h3").text == "mode collapse since step 400, confidence 83%"
    assert "Samples are alike." in first.text
    assert first.one("p", class_="evidence").text == "spread 0.1235 fault few"
    assert [code.text for code in first.all("code", id="remedy-1")] == ["discriminator.terms.r1.weight=1 batch=32"]
    assert "More data, or x = y." in first.text
    (chart,) = first.all("figure", class_="chart")
    assert [one.text for one in chart.all("li")[1:]] == ["spread 0.5", "training data 1"]
    (mark,) = chart.all("path", class_="mark")
    assert mark.one("title").text == "mode collapse since step 400"
    assert float(mark.attributes["d"].removeprefix("M").split()[0]) == pytest.approx(1000 * 400 / 1012, abs=0.1)
    assert not second.all("figure")
    assert "Something was not looked at." in section.text
    assert "discriminator overfits" in section.one("table", class_="findings").text, "what was put down stays"
    assert [item.text for item in section.one("ul", class_="events").all("li")] == [
        "step 550: mode collapse opened, since step 400",
        "step 800: mode collapse closed",
        "step 900: mode collapse treated with batch=64",
    ]


def test_the_probes_have_their_charts() -> None:
    details = read(render_run(sick_page())).one("section", id="findings").one("details", class_="probes")
    titles = [figure.one("h3").text for figure in details.all("figure", class_="chart")]
    assert titles == ["Logits in evaluation mode", "Variety and likeness of samples", "Update ratios"]
    assert not read(render_run(full_page())).all("details", class_="probes")


def test_a_healthy_run_says_so() -> None:
    section = read(render_run(full_page(verdict="healthy", findings=[]))).one("section", id="findings")
    assert [badge.text for badge in section.all("span", class_="badge")] == ["healthy"]
    assert "None was recorded" not in section.text


def test_a_run_that_its_patience_ended() -> None:
    tree = read(render_run(full_page(step=800, best_step=500)))
    header = tree.one("header", class_="top")
    assert [badge.text for badge in header.all("span", class_="badge")] == [
        "ended at step 800 of 1,000: no better score for long"
    ]
    commands = tree.one("section", id="use")
    assert "sparring sample digits-0 --count 64 --to samples/ --step best" in [
        code.text for code in commands.all("code")
    ]
    assert "Draw from the best checkpoint, step 500" in commands.text
    same = read(render_run(full_page(best_step=1000))).one("section", id="use")
    assert "--step best" not in same.text


def test_treatments_are_no_falls() -> None:
    treated = {"event": "treated", "symptom": "diverged", "since_step": 90, "attempt": 1, "back_to_step": 50}
    page = full_page(findings=[treated])
    assert page.falls == []
    tree = read(render_run(page))
    assert [badge.text for badge in tree.one("header", class_="top").all("span", class_="badge")] == [
        "finished, 1,000 steps"
    ]
    assert "Attempt 1: went on from step 50." in tree.one("section", id="curves").text
    assert not tree.one("section", id="findings").all("table")


def test_commands_are_safe_to_paste() -> None:
    def shown(page: RunPage) -> list[str]:
        return [code.text for code in read(render_run(page)).one("section", id="use").all("code")]

    assert shown(full_page())[:2] == [
        "sparring sample digits-0 --count 64 --to samples/",
        "sparring train --out digits-0 --for 2000steps",
    ]
    points = "sparring sample {run} --count 64 --to points.csv"
    assert shown(full_page(title="my run; rm -rf x", finished=False, command=points))[:2] == [
        "sparring sample 'my run; rm -rf x' --count 64 --to points.csv",
        "sparring train --out 'my run; rm -rf x'",
    ]


def test_recipe_is_there_to_the_letter() -> None:
    text = "name: x\nlist:\n  - 1  # <b>\n"
    html = render_run(full_page(recipe_yaml=text))
    found = re.search(r'<code id="recipe-text">(.*?)</code>', html, re.DOTALL)
    assert found is not None
    assert html_module.unescape(found[1]) == text


def test_typical_run_is_small_and_a_heavy_one_bounded() -> None:
    log = [log_line(step) for step in range(1, 50_001, 10)]
    assert len(render_run(full_page(log=log))) < 500_000
    heavy = full_page(
        log=log,
        film=film(*((step, png(520, 1, "RGB")) for step in range(11))),
        sections=run_sections(
            final=Figure(png(780, 2, "RGB"), ""),
            real=Figure(png(780, 3, "RGB"), ""),
            interpolation=Figure(png(520, 4, "RGB"), ""),
            neighbours=near(*[(png(64, 5, "RGB"), [png(64, 6, "RGB")] * 5)] * 8),
        ),
    )
    html = render_run(heavy)
    assert len(html) < 3_000_000
    assert "compressed for this page" in html
    assert len(read(html).one("section", id="time").all("img")) == 11, "no picture is lost"


def test_same_bytes_each_time(tmp_path: Path) -> None:
    here = render_run(full_page())
    assert here == render_run(full_page())
    code = "import sys; from tests.pages.samples import full_page; from sparring.pages import render_run\n"
    code += "sys.stdout.buffer.write(render_run(full_page()).encode())"
    elsewhere = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        check=True,
        cwd=Path(__file__).parents[2],
        env={**os.environ, "PYTHONHASHSEED": "123"},
    )
    assert elsewhere.stdout.decode() == here


def test_numbers_of_the_evidence_are_found_in_the_charts_beside_them() -> None:
    """A median of the last readings, a reading of before, and the last score of a few: none is where its curve ends."""
    ends = {
        "covered": [(10.0, 0.9), (20.0, 0.42), (30.0, 0.4), (40.0, 0.7)],
        "fid": [(10.0, 9.0), (20.0, 3.0), (30.0, 8.0), (40.0, 6.0)],
        "twins": [(10.0, 0.5), (20.0, 0.25)],
    }
    dropping = {
        "symptom": "mode_dropping", "kind": "illness", "since_step": 20, "confidence": 0.9, "about": "part is missing",
        "evidence": {"covered": 0.42, "best_covered": 0.97, "twins": 0.25}, "points": {"covered": ends["covered"], "twins": ends["twins"]},
    }  # fmt: skip
    past = {
        "symptom": "past_its_best", "kind": "notice", "since_step": 30, "confidence": 0.9, "about": "it was better",
        "evidence": {"metric": "fid", "best": 3.0, "last": 7.0}, "points": {"fid": ends["fid"]},
    }  # fmt: skip
    tree = read(render_run(sick_page(diagnosis=[dropping, past], probes=[])))
    first, second = tree.one("section", id="findings").all("article")
    assert first.one("p", class_="evidence").text == (
        "covered 0.42 (median of the last 3 readings) best_covered 0.97 twins 0.25"
    )
    legends = [[item.text for item in chart.all("li")[1:]] for chart in first.all("figure", class_="chart")]
    assert legends == [["covered 0.7", "median of the last 3 readings 0.42"], ["twins 0.25"]]
    assert second.one("p", class_="evidence").text == (
        "metric fid best 3 (at step 20) last 7 (median of the last 2 readings)"
    )
    (chart,) = second.all("figure", class_="chart")
    assert [item.text for item in chart.all("li")[1:]] == ["fid 6", "at step 20 3", "median of the last 2 readings 7"]


def test_that_pictures_are_compressed_is_said_once() -> None:
    large = png(1700, seed=1)
    page = full_page(film=film((500, large), (1000, large)), sections=run_sections(final=Figure(large, ""), near=[]))
    tree = read(render_run(page))
    assert len(tree.all("img", data_compressed="")) == 3
    assert tree.text.lower().count("compressed for this page") == 1
    assert "compressed" not in read(render_run(full_page())).text


def test_what_was_tried_before_the_plan_is_folded_into_a_table() -> None:
    tried = [
        {"change": "threads=1", "step_s": 0.0123, "against_s": 0.02, "taken": True, "exact": True, "failed": ""},
        {"change": "compiled=True", "step_s": None, "against_s": 0.0123, "taken": False, "failed": "no compiler"},
    ]
    environment = {"torch": "2.7.0", "tuning": {"why": "from the cache", "trials": tried}}
    section = read(render_run(full_page(environment=environment))).one("section", id="environment")
    (folded,) = section.all("details")
    rows = [[cell.text for cell in (row.one("th"), *row.all("td"))] for row in folded.one("tbody").all("tr")]
    assert rows == [
        ["threads=1", "12.3 ms", "20 ms", "taken"],
        ["compiled=True", "–", "12.3 ms", "failed: no compiler"],
    ]
    assert "step_s" not in section.text
    assert "from the cache" in section.text
    for odd in ({"trials": 3}, {"trials": [None]}, 7):
        assert (
            not read(render_run(full_page(environment={"tuning": odd}))).one("section", id="environment").all("details")
        )
