"""Parts of pages, and sections of what is no picture."""

from __future__ import annotations

import base64

import pytest

from sparring.pages import render_run
from sparring.pages.blocks import Block, Cells, Figure, Html
from sparring.pages.filling import filled
from sparring.pages.page import Judged, Section, Strip
from sparring.pages.sections import (
    explored_sections,
    html_section,
    interpolation_section,
    learned_section,
    neighbours_section,
    rows_section,
    samples_section,
)
from tests.pages.samples import Element, assert_well_formed_and_offline, explored, film, full_page, near, png, read

SOUND = '<audio controls src="data:audio/wav;base64,UklGRg=="></audio>'
WALK = Cells(["age", "job"], [["1", "a"], ["2", "a"], ["2", "<b>"]], "moved", heads=["−3", "0", "3"], marked=True)


def shown(html: str) -> Element:
    """The part, in the least page that may hold it."""
    return read(f"<!DOCTYPE html><main>{html}</main>")


def inside(section: Section | None) -> Element:
    assert section is not None
    return shown(section.html)


def test_a_picture_has_its_words_and_its_size() -> None:
    one = Figure(png(100), "noise", "Noise.", comfortable=300)
    image = shown(one.html(100_000)).one("img")
    assert base64.b64decode(image.attributes["src"].removeprefix("data:image/png;base64,")) == one.png() == png(100)
    assert (image.attributes["alt"], image.attributes["width"]) == ("noise", "300")
    assert shown(one.html(100_000)).one("figcaption").text == "Noise."
    assert shown(one.html(5_000)).one("figcaption").text == "Noise."
    assert "data-compressed" in shown(one.html(5_000)).one("img").attributes
    assert not shown(Figure(png(100), "noise").html(100_000)).all("figcaption")


def test_cells_that_moved_are_marked() -> None:
    tree = shown(WALK.html(0))
    assert tree.one("div", role="region").attributes["aria-label"] == "Table: moved"
    assert [th.text for th in tree.all("th")] == ["Place", "age", "job"]
    rows = [[(td.text, td.attributes["class"]) for td in row.all("td")] for row in tree.one("tbody").all("tr")]
    assert rows == [
        [("−3", "num"), ("1", "quiet"), ("a", "quiet")],
        [("0", "num"), ("2", "strong"), ("a", "quiet")],
        [("3", "num"), ("2", "quiet"), ("<b>", "strong")],
    ]
    assert WALK.png() is None
    assert shown(Cells(["a"], [], "none", marked=True).html(0)).one("tbody").text == ""


def test_new_rows_have_no_heads() -> None:
    section = rows_section(Cells(["age"], [["1"], ["<b>"]], ""))
    assert (section.anchor, section.heading, section.place) == ("rows", "New rows", "made")
    tree = inside(section)
    assert tree.one("div", role="region").attributes["aria-label"] == "Table: new rows"
    assert [th.text for th in tree.all("th")] == ["age"]
    assert [td.text for td in tree.all("td")] == ["1", "<b>"]
    assert tree.one("p").text == "As sparring sample writes them, not picked."


def test_sections_say_what_a_block_does_not() -> None:
    own = inside(samples_section(Figure(png(), "mine", "My own."), Html(SOUND), step=1000))
    assert [one.text for one in own.all("figcaption")] == ["My own.", "Real data that training never saw."]
    assert own.one("img").attributes["alt"] == "mine"
    assert len(own.all("audio")) == 1
    told = inside(samples_section(Figure(png(), ""), None, step=1000))
    assert told.one("figcaption").text == "New samples at step 1,000, not picked."
    assert told.one("img").attributes["alt"] == "Grid of new samples of the generator"
    assert samples_section(None, None) is None
    between = inside(interpolation_section(WALK))
    assert between.one("figcaption").text.startswith("Each row goes from one latent to another:")


def test_directions_of_what_is_no_picture_stand_together() -> None:
    sounds = explored(
        closed_form=[Strip("SeFa 1", 0.3, WALK), Strip("SeFa 2", 0.2, Html(SOUND))],
        components=[Strip("GANSpace 1", 0.25, WALK), Strip("GANSpace 2", 0.1, Figure(png(), ""))],
        judged=[Judged("New samples", Html(SOUND), [1.0], -1.0)],
    )
    along = inside(learned_section(sounds))
    assert [h4.text for h4 in along.all("h4")] == [
        "SeFa 1: 30 % of the layer’s change.",
        "SeFa 2: 20 % of the layer’s change.",
        "GANSpace 1: 25 % of the variance.",
    ]
    assert [one.attributes["aria-label"] for one in along.all("div", role="region")] == [
        "Table: SeFa 1: 30 % of the layer’s change.",
        "Table: GANSpace 1: 25 % of the variance.",
    ]
    assert [h3.text for h3 in along.all("h3")] == ["Principal components", "What the discriminator looks at"]
    assert along.all("figcaption")[-1].text == "New samples: logits 1.00; the mean image’s −1.00."
    sections = explored_sections(sounds, None, [], "")
    assert [section.anchor for section in sections] == ["components", "along", "attribution"]
    assert [section.short or section.heading for section in sections][-1] == "Attribution"


def test_sections_call_samples_what_they_are() -> None:
    played = explored(
        closed_form=[Strip("SeFa 1", 0.3, Html(SOUND))],
        components=[],
        judged=[Judged("New samples", Html(SOUND), [1.0], -1.0)],
    )
    told = inside(learned_section(played, "melodies")).text
    assert "the mean melody’s −1.00" in told
    assert "what is marked makes a sample’s logit higher, towards real, than that of the mean melody." in told
    assert "Samples whose latents move along a direction" in told
    between = inside(interpolation_section(Html(SOUND), "melodies")).one("figcaption").text
    assert between.startswith("Each group goes from one latent to another:")
    assert between.endswith("learned more than single melodies.")
    pages = explored_sections(played, Html(SOUND), [(Html("a"), [Html("b")])], "", "melodies")
    assert "image" not in "".join(page.html for page in pages)


def test_neighbours_that_are_no_pictures_take_a_line_each() -> None:
    texts: list[tuple[Block, list[Block]]] = [(Html("<p>a line</p>"), [Html("<p>another</p>"), Html("<p>third</p>")])]
    section = neighbours_section(texts, "words", unit="lines")
    tree = inside(section)
    assert section is not None
    assert section.heading == "Nearest training lines"
    assert [p.text for p in tree.all("p")[1:]] == ["a line", "another", "third"]
    assert "with the training lines nearest to it, nearest first, in the features of words." in tree.text
    assert tree.all("ol", class_="whole")
    pictures = inside(neighbours_section(near((png(8), [png(8, 1)])), ""))
    assert not pictures.all("ol", class_="whole")
    assert [one.attributes["alt"] for one in pictures.all("img")] == [
        "Sample 1",
        "Training image 1 of those nearest to sample 1",
    ]
    assert neighbours_section([], "pixels") is None


def test_sections_stand_where_they_belong() -> None:
    mine = [html_section(place, f"{place}!", f"<p>{place}</p>", place) for place in ("near", "learned", "made")]  # type: ignore[arg-type]
    tree = read(render_run(full_page(sections=mine)))
    ids = [section.attributes["id"] for section in tree.all("section")]
    assert ids[:6] == ["made", "time", "learned", "scores", "near", "curves"]
    assert [link.text for link in tree.one("nav").all("a")][:6] == [
        "made!",
        "Over time",
        "learned!",
        "Scores",
        "near!",
        "Curves",
    ]


def test_what_is_no_picture_is_in_the_film_as_it_is() -> None:
    mixed: list[tuple[int, Block]] = [*film((250, png())), (500, WALK), (750, Html(SOUND))]
    page = full_page(film=mixed, samples="Sounds", starts="notes", unit="sounds")
    tree = read(render_run(page))
    assert_well_formed_and_offline(tree)
    section = tree.one("section", id="time")
    assert section.one("h2").text == "Sounds over time"
    assert section.one("p").text == "The same notes at every step, from the averaged generator."
    assert [one.text for one in section.all("figcaption")] == ["step 250", "step 500", "step 750"]
    assert section.one("img").attributes["alt"] == "Sounds at step 250"
    assert len(section.all("audio")) == len(section.all("table")) == 1
    facts = {div.one("dt").text: div.one("dd").text for div in tree.one("dl", class_="facts").all("div")}
    assert facts["Speed"] == "5,123 sounds/s"


def test_a_package_brings_its_templates(
    monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("packages")
    (folder / "strangers" / "templates").mkdir(parents=True)
    (folder / "strangers" / "__init__.py").touch()
    template = '{% import "parts.html" as parts %}{{ parts.pairs([(name, 1|number)]) }}'
    (folder / "strangers" / "templates" / "mine.html").write_text(template)
    monkeypatch.syspath_prepend(folder)
    tree = shown(filled("mine.html", package="strangers", name="<b>"))
    assert (tree.one("th").text, tree.one("td").text) == ("<b>", "1")
