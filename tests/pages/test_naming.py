"""What scores are called wherever a person reads them, and what is said of the values that stand beside them."""

from __future__ import annotations

import io
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from rich.console import Console

from sparring.base.draws import Key
from sparring.kinds import scores as by_name
from sparring.metrics import Score, Views, extract
from sparring.metrics.features.pixels import Pixels
from sparring.pages import render_comparison, render_run
from sparring.pages.console import scores_table
from sparring.pages.naming import label, titled
from sparring.runs.serving import _about
from sparring.studies.answers.contrasts import Yardsticks
from sparring.studies.answers.phrases import spelled
from tests.pages.samples import full_page, read, score


def of(extractor: str, **scores: dict[str, Any]) -> list[dict[str, Any]]:
    for one in scores.values():
        one["protocol"]["extractor"] = extractor
    return [{"step": step, "scores": scores} for step in (500, 1000)]


def test_only_inceptions_features_have_the_plain_name() -> None:
    assert titled("fid", "inception") == titled("fid", "") == "fid"
    assert titled("kid", "selfsup") == "kid (selfsup)"
    assert titled("fid", "columns", "FID") == "FID (columns)"
    assert titled("coverage", "classifier") == "coverage"
    assert label("fid", "inception") == "Fréchet distance in features of the Inception network"
    told = label("fid", "classifier")
    assert told == (
        "Fréchet distance in features of a classifier trained on these data; "
        "published ones are of Inception's: not comparable"
    )
    assert "extractor mine" in str(label("is", "mine"))
    assert label("coverage", "classifier") is label("fid", "") is None


def test_scores_carry_it_as_a_label_beside_the_same_key() -> None:
    points = torch.randn(40, 3, generator=torch.Generator().manual_seed(0))
    views = Views(heldout=extract(Pixels(3), [points[:20]]), fake=extract(Pixels(3), [points[20:]]), key=Key("naming"))
    found = by_name.score(["fid", "coverage"], views, Pixels(3))
    written = {name: one.to_json() for name, one in found.items()}
    assert written["fid"]["label"] == label("fid", "pixels")
    assert written["fid"]["protocol"]["extractor"] == "pixels"
    assert "label" not in written["coverage"]
    assert all(Score.from_json(one).to_json() == one for one in written.values())


def printed(scores: dict[str, dict[str, Any]], width: int = 120) -> str:
    console = Console(width=width, record=True, file=io.StringIO())
    console.print(scores_table(scores, "scores"))
    return console.export_text()


def terminal(scores: dict[str, dict[str, Any]]) -> str:
    return " ".join(printed(scores).split())


def test_the_terminal_names_features_and_tells_the_probability_of_chance() -> None:
    told = terminal({"fid": score(3.0, extractor="classifier"), "memorisation": score(0.9, p_value=0.0004)})
    assert "fid (classifier)" in told
    assert "< .001" in told
    assert "p: the probability of as much where nothing is memorised" in told
    assert "data p better" in terminal({"fid": score(3.0), "memorisation": score(0.9, p_value=0.0004)})
    assert "data better" in terminal({"fid": score(3.0, extractor="inception")})
    assert "fid (" not in terminal({"fid": score(3.0, extractor="inception")})
    made = terminal({"fid": score(3.0, made_of="held-out inputs")})
    assert "can score better than training data" in made


def test_a_score_is_one_line_of_a_terminal_of_80_columns() -> None:
    scores = {
        "fid": score(1384.25, extractor="classifier", training_data=119.25),
        "memorisation": score(0.012345, p_value=0.0004, training_data=0.98765),
    }
    scores["fid"]["interval"], scores["memorisation"]["interval"] = [1343.7, 1425.1], [0.08295, 0.16172]
    lines = printed(scores, 80).splitlines()
    assert any("fid (classifier)" in line and "1344 to 1425" in line and "119.2" in line for line in lines)
    assert any("memorisation" in line and "0.08295 to 0.1617" in line and "< .001" in line for line in lines)


@pytest.mark.parametrize("extractor", ["selfsup", "inception"])
def test_pages_name_features(extractor: str) -> None:
    name = titled("fid", extractor)
    page = full_page(scores=of(extractor, fid=score(3.0), recall=score(0.5)))
    run = read(render_run(page))
    assert run.one("section", id="scores").all("span", class_="metric")[0].text == name
    assert f"Score {name}" in [one.text for one in run.all("dt")]
    assert name in [one.text for one in run.one("section", id="scores").all("h4")]
    both = read(render_comparison([page, page]))
    assert both.one("section", id="scores").all("span", class_="metric")[0].text == name


def test_studies_and_the_demo_name_features() -> None:
    by = Yardsticks("fid", "lower", "ratio", 0.05, "classifier")
    assert (by.title, spelled(by)) == ("fid (classifier)", "FID (classifier)")
    plain = Yardsticks("fid", "lower", "ratio", 0.05, "inception")
    assert (plain.title, spelled(plain)) == ("fid", "FID")
    scores = {"fid": {"value": 12.3456, "protocol": {"extractor": "classifier"}}}
    run: Any = SimpleNamespace(recipe=SimpleNamespace(name="digits"), step=1000, scores=scores)
    assert _about(run) == "digits · step 1,000 · FID (classifier) 12.3"


def test_training_data_are_no_limit_where_samples_are_made_of_held_out_inputs() -> None:
    plain = render_run(full_page(scores=of("selfsup", fid=score(3.0))))
    assert "the best that can be hoped for" in plain
    for scores in (
        {"fid": score(3.0, made_of="held-out inputs")},
        {"fid": score(3.0), "ssim": score(0.5)},  # a run of an older version
    ):
        page = full_page(scores=of("selfsup", **scores))
        for html in (render_run(page), render_comparison([page, page])):
            assert "the best that can be hoped for" not in html
            assert "Samples that are made of the held-out inputs themselves can score better than that." in html


def test_scores_that_flatter_are_said_to() -> None:
    told = "features of a network trained on these very images flatter"
    for extractor, times in (("selfsup", 1), ("imagenet", 0)):
        named = of(extractor, fid=score(3.0), coverage=score(0.5))
        assert render_run(full_page(scores=named)).lower().count(told) == times
        assert str(scores_table(named[-1]["scores"], "scores").caption).count(told) == times
