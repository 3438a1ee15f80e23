"""The page of what a run's networks learned."""

from __future__ import annotations

import pytest

from sparring.pages import ExplorePage, render_explore
from tests.pages.samples import Element, assert_well_formed_and_offline, explore_page, explored, png, read

EVIL = "<script>alert('x')</script>{{ 7*7 }}"
SECTIONS = ["closed-form", "components", "between", "neighbours", "attribution"]
NOTHING = explored(layer="", closed_form=[], components=[], judged=[])


def sections(page: ExplorePage) -> list[str]:
    return [section.attributes["id"] for section in read(render_explore(page)).all("section")]


CASES = {
    "full": explore_page(),
    "points": explore_page(
        explored=explored(closed_form=[], components=[], judged=[], drawings=[("paths", png())], notes=["of points"]),
        interpolation=None,
        neighbours=[],
    ),
    "nothing": explore_page(explored=NOTHING, interpolation=None, neighbours=[]),
    "hostile": explore_page(title=EVIL, data_name=EVIL, by=EVIL, explored=explored(layer=EVIL, notes=[EVIL])),
}


@pytest.mark.parametrize("case", CASES)
def test_page_is_well_formed_and_offline(case: str) -> None:
    html = render_explore(CASES[case])
    tree = read(html)
    assert_well_formed_and_offline(tree)
    assert all(picture.attributes["alt"] for picture in tree.all("img"))
    assert html == render_explore(CASES[case])


def test_sections_go_with_what_there_is() -> None:
    assert sections(CASES["full"]) == SECTIONS
    assert sections(CASES["points"]) == ["plane", "notes"]
    assert sections(CASES["nothing"]) == []
    assert sections(explore_page(neighbours=[])) == [name for name in SECTIONS if name != "neighbours"]


def shown(tree: Element, where: str) -> list[str]:
    return [caption.text for caption in tree.one("section", id=where).all("figcaption")]


def test_numbers_are_told_beside_the_pictures() -> None:
    tree = read(render_explore(CASES["full"]))
    assert shown(tree, "closed-form") == ["SeFa 1: 30 % of the layer’s change.", "SeFa 2: 15 % of the layer’s change."]
    assert shown(tree, "components") == ["GANSpace 1: 25 % of the variance."]
    assert shown(tree, "attribution") == ["New samples: logits −1.25, 0.50; the mean image’s −2.00."]
    assert "hidden.0" in tree.one("section", id="closed-form").text


def test_hostile_text_stays_text() -> None:
    tree = read(render_explore(CASES["hostile"]))
    assert len(tree.all("script")) == 1
    assert tree.one("h1").text == EVIL
    assert tree.one("section", id="notes").one("p").text == EVIL
