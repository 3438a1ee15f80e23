"""Runs that never were, and a strict reader of HTML."""

from __future__ import annotations

import functools
import io
import json
import math
import shlex
from html.parser import HTMLParser
from typing import Any

import numpy as np
from PIL import Image

from sparring.pages import ExplorePage, RunPage
from sparring.pages.blocks import Block, Cells, Figure
from sparring.pages.page import Explored, Judged, Section, Strip
from sparring.pages.sections import (
    explored_sections,
    interpolation_section,
    learned_section,
    neighbours_section,
    samples_section,
)

VOID = {"meta", "link", "img", "input", "br", "hr"}
RECIPE = """name: digits
objective: relativistic
generator: {net: {dense: {widths: [64]}}, surgery: {}, terms: {}}
discriminator: {net: {dense: {widths: [64]}}, surgery: {dropout: {rate: 0.3}}, terms: {r1: {weight: 0.5}}}
augment: {}
batch: 64
steps: 1000
seed: 3
"""


class Element:
    """An element with its text and what it holds."""

    def __init__(self, tag: str, attributes: dict[str, str], parent: Element | None) -> None:
        self.tag, self.attributes, self.parent = tag, attributes, parent
        self.children: list[Element] = []
        self.own_text = ""
        self.text_parts: list[str] = []

    @property
    def text(self) -> str:
        """All text in it, blanks made one."""
        return " ".join("".join(self.text_parts).split())

    def all(self, tag: str = "", **attributes: str) -> list[Element]:
        found = [self] if self._fits(tag, attributes) else []
        for child in self.children:
            found += child.all(tag, **attributes)
        return found

    def one(self, tag: str = "", **attributes: str) -> Element:
        (found,) = self.all(tag, **attributes)
        return found

    def _fits(self, tag: str, attributes: dict[str, str]) -> bool:
        names = {name.rstrip("_").replace("_", "-"): value for name, value in attributes.items()}
        return tag in ("", self.tag) and all(
            value in self.attributes.get(name, "").split() or value == self.attributes.get(name)
            for name, value in names.items()
        )


class Reader(HTMLParser):
    """Builds a tree; an element that is not closed where it should be is an AssertionError."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.root = Element("", {}, None)
        self.here = self.root

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        names = [name for name, _ in attrs]
        assert len(names) == len(set(names)), f"<{tag}> says {names}"
        element = Element(tag, {name: value or "" for name, value in attrs}, self.here)
        self.here.children.append(element)
        if tag not in VOID:
            self.here = element

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert tag == "path", f"<{tag}/> closes itself only in SVG"
        self.handle_starttag(tag, attrs)
        self.here = self.here.parent or self.root

    def handle_endtag(self, tag: str) -> None:
        assert tag == self.here.tag, f"</{tag}> closes <{self.here.tag}>"
        self.here = self.here.parent or self.root

    def handle_data(self, data: str) -> None:
        self.here.own_text += data
        above: Element | None = self.here
        while above is not None:
            above.text_parts.append(data)
            above = above.parent


def read(html: str) -> Element:
    """The page as a tree."""
    assert html.startswith("<!DOCTYPE html>")
    reader = Reader()
    reader.feed(html)
    reader.close()
    assert reader.here is reader.root, f"<{reader.here.tag}> is never closed"
    return reader.root


@functools.cache
def png(side: int = 16, seed: int = 0, mode: str = "L") -> bytes:
    """Noise."""
    shape = (side, side) if mode == "L" else (side, side, len(mode))
    pixels = np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG")
    return buffer.getvalue()


def log_line(step: int, attempt: int = 0, **more: Any) -> dict[str, Any]:
    """A line as `sparring.runs.observers.Log` writes it."""
    wave = math.sin(step / 30)
    return {
        "step": step,
        "images": step * 64,
        "attempt": attempt,
        "seconds": step / 100,
        "images_per_s": 5000.0 + wave,
        "memory_mb": 400.0,
        "discriminator_loss": 1.5 + wave,
        "discriminator_adversarial": 1.0 + wave,
        "discriminator_r1": 0.5,
        "discriminator_logits_real": 1.0 + wave,
        "discriminator_logits_fake": -1.0,
        "discriminator_lr": 2e-4,
        "discriminator_gradient": 1.0,
        "discriminator_dropout": 0.3,
        "generator_loss": 0.7 - wave,
        "generator_adversarial": 0.7 - wave,
        "generator_logits_real": 0.1,
        "generator_logits_fake": 0.2,
        "generator_lr": 1e-4,
        "generator_gradient": 2.0,
        "adaptive/augment.ada.strength": 0.1,
        "logits_train": 0.9,
        "logits_heldout": 0.8,
    } | more


def score(value: float, interval: tuple[float, float] | None = None, **more: Any) -> dict[str, Any]:
    """A score as `sparring.metrics.Score.to_json` writes it; `more` belongs to the protocol."""
    low, high = interval or (value - 0.1, value + 0.1)
    protocol = {"metric": "fid", "real": 180, "fake": 180, "extractor": "pixels", "hash": "abc", "seed": 0}
    protocol |= {"fingerprint": "f00d", "split": "a tenth", "resize": "none", "training_data": 0.4}
    return {"value": value, "interval": [low, high], "n": 180, "better": "lower", "protocol": protocol | more}


def explored(**changes: Any) -> Explored:
    """All that can be learned of images."""
    fields: dict[str, Any] = {
        "layer": "hidden.0",
        "closed_form": [Strip(f"SeFa {n}", 0.3 / n, Figure(png(seed=10 + n), "")) for n in (1, 2)],
        "components": [Strip("GANSpace 1", 0.25, Figure(png(seed=13), ""))],
        "reach": 3.0,
        "judged": [Judged("New samples", Figure(png(seed=14), ""), [-1.25, 0.5], -2.0)],
        "drawings": [],
        "notes": [],
    }
    return Explored(**(fields | changes))


def film(*pictures: tuple[int, bytes]) -> list[tuple[int, Block]]:
    """Pictures over time."""
    return [(step, Figure(picture, "")) for step, picture in pictures]


def near(*pictures: tuple[bytes, list[bytes]]) -> list[tuple[Block, list[Block]]]:
    """Pictures with those nearest to them."""
    return [(Figure(own, ""), [Figure(one, "") for one in others]) for own, others in pictures]


def run_sections(**changes: Any) -> list[Section]:
    """All sections that kinds of data share; `None` and empty lists leave one out."""
    fields: dict[str, Any] = {
        "final": Figure(png(seed=1), ""),
        "real": Figure(png(seed=8), ""),
        "interpolation": Figure(png(seed=2), ""),
        "explored": explored(),
        "neighbours": near((png(8, seed=3), [png(8, seed=4), png(8, seed=5)]), (png(8, seed=6), [png(8, seed=7)])),
        "by": "classifier",
    } | changes
    found = [
        samples_section(fields["final"], fields["real"], step=1000),
        None if fields["interpolation"] is None else interpolation_section(fields["interpolation"]),
        None if fields["explored"] is None else learned_section(fields["explored"]),
        neighbours_section(fields["neighbours"], fields["by"]),
    ]
    return [one for one in found if one is not None]


def explore_page(**changes: Any) -> ExplorePage:
    """A page of everything; changes are of the page or of its sections."""
    own = {name: changes.pop(name) for name in ("title", "step", "data_name") if name in changes}
    fields: dict[str, Any] = {
        "explored": explored(),
        "interpolation": Figure(png(seed=2), ""),
        "neighbours": near((png(8, seed=3), [png(8, seed=4), png(8, seed=5)])),
        "by": "classifier",
    }
    sections = explored_sections(**(fields | changes))
    return ExplorePage(**({"title": "digits-0", "step": 1000, "data_name": "digits", "sections": sections} | own))


def sick_page(**changes: Any) -> RunPage:
    """A run that the doctor finds sick."""
    collapse = {
        "symptom": "mode_collapse", "kind": "illness", "since_step": 400, "confidence": 0.834, "about": "samples are alike",
        "evidence": {"spread": 0.1234567, "fault": "few"}, "curves": ["spread", "gone"],
        "remedy": ["discriminator.terms.r1.weight=1", "batch=32", "more data, or x = y"],
        "points": {"spread": [(float(step), 1.0 - step / 2000) for step in range(50, 1050, 50)], "gone": []},
    }  # fmt: skip
    notice = {"symptom": "converged", "kind": "notice", "since_step": 0, "confidence": 0.6, "about": "no nearer"}
    probes = [{"best_spread": 1.0, "data_least": 0.0}]
    probes += [{"step": step, "logit_train": 1.0, "d_update": 0.01, "spread": 0.5} for step in range(50, 1050, 50)]
    events = [
        {"event": "treated", "symptom": "mode_collapse", "at_step": 900, "since_step": 400, "overrides": ["batch=64"]},
        {"event": "opened", "symptom": "mode_collapse", "at_step": 550, "since_step": 400},
        {"event": "closed", "symptom": "mode_collapse", "at_step": 800, "since_step": 400},
    ]
    told = {"verdict": "sick", "diagnosis": [collapse, notice], "events": events, "probes": probes}
    return full_page(**(told | {"remarks": ["something was not looked at"]} | changes))


def full_page(**changes: Any) -> RunPage:
    """A run with everything."""
    found = {"symptom": "discriminator_overfits", "since_step": 400, "confidence": 0.83, "evidence": {"gap": 0.312}}
    fields: dict[str, Any] = {
        "title": "digits-0",
        "recipe_name": "digits",
        "about": "Small digits.",
        "recipe_yaml": RECIPE,
        "environment": {
            "torch": "2.7.0",
            "gpu": None,
            "plan": {"device": "cpu", "precision": "fp32"},
            "data": {"name": "digits", "fingerprint": "f00d", "found": ["digits: 1,797 samples", "labels: 10"]},
        },
        "log": [*(log_line(step) for step in range(1, 1001, 10)), {"step": 1000, "ended": True, "seconds": 10.0}],
        "scores": [{"step": step, "scores": {"fid": score(3.0 - step / 500, step=step)}} for step in (500, 1000)],
        "findings": [found | {"remedy": ["discriminator.surgery.dropout.rate=0.4"]}],
        "film": film(*((step, png(seed=step)) for step in (250, 500, 750, 1000))),
        "sections": run_sections(),
        "command": "sparring sample {run} --count 64 --to samples/",
        "made": png(seed=1),
        "real": png(seed=8),
        "finished": True,
        "step": 1000,
        "steps": 1000,
        "seconds": 75.0,
        "images_per_s": 5123.4,
        "memory_mb": 400.0,
    }
    return RunPage(**(fields | changes))


def bare_page(**changes: Any) -> RunPage:
    """A run that has only just begun."""
    nothing: dict[str, Any] = {
        "title": "new",
        "recipe_name": "",
        "about": "",
        "recipe_yaml": "",
        "environment": {},
        "log": [],
        "scores": [],
        "findings": [],
        "film": [],
        "sections": [],
        "command": "sparring sample {run} --count 64 --to samples/",
        "made": None,
        "real": None,
        "finished": False,
        "step": 0,
        "steps": 100,
        "seconds": 0.0,
        "images_per_s": None,
        "memory_mb": None,
    }
    return RunPage(**(nothing | changes))


def hostile_page() -> RunPage:
    """A run whose every text tries to be HTML."""
    evil = "<script>alert('x')</script>\"'><img src=http://evil.example/x onerror=alert(1)>{{ 7*7 }}{% if %}"
    lines = [log_line(step, **{evil: 1.0, f"adaptive/{evil}": 0.5, f"discriminator_{evil}": 2.0}) for step in (1, 2)]
    found = {"symptom": evil, "since_step": evil, "confidence": evil, "evidence": {evil: evil}, "remedy": [evil]}
    scored = {evil: score(1.0, **{evil: evil, "extractor": evil}) | {"note": evil, "better": evil}}
    return full_page(
        title=evil,
        recipe_name=evil,
        about=evil,
        recipe_yaml=json.dumps({"objective": evil, evil: evil, "generator": {"net": evil, "terms": {evil: evil}}}),
        environment={evil: evil, "plan": {"device": evil}, "data": {"name": evil, "found": [evil, "\ud800"]}},
        log=lines,
        scores=[{"step": 1, "scores": scored}, {"step": 2, "scores": scored}],
        findings=[found],
        sections=run_sections(
            final=Figure(png(seed=1), evil, evil),
            by=evil,
            explored=explored(
                layer=evil,
                components=[Strip(evil, 0.3, Cells([evil], [[evil], ["well"]], "", heads=["−3", evil], marked=True))],
                judged=[Judged(evil, Figure(png(seed=14), ""), [1.0], 0.0)],
                drawings=[(evil, png(seed=15))],
                notes=[evil],
            ),
        ),
        unit=evil,
        samples=evil,
        starts=evil,
        purpose=evil,
        again=evil,
        best_step=1,
        command=f"sparring sample {{run}} --to {shlex.quote(evil)}",
        verdict="sick",
        diagnosis=[found | {"kind": "illness", "about": evil, "points": {evil: [(1.0, 2.0)]}}],
        remarks=[evil],
        events=[{"event": evil, "symptom": evil, "at_step": 5}],
        probes=[{"step": 1, "spread": 1.0, evil: 2.0}, {f"best_{evil}": 3.0}],
    )


def assert_well_formed_and_offline(tree: Element) -> None:
    """One heading, one script, nothing fetched or run by attributes, each table's heads with a scope, and a navigation
    that names each section."""
    assert len(tree.all("h1")) == len(tree.all("script")) == 1
    for element in tree.all():
        for name in ("src", "href"):
            assert element.attributes.get(name, "#").startswith(("data:", "#"))
        assert not [name for name in element.attributes if name.startswith("on")]
    assert all(th.attributes.get("scope") in ("row", "col") for th in tree.all("th"))
    targets = {link.attributes["href"] for link in tree.one("nav").all("a")}
    assert targets == {f"#{section.attributes['id']}" for section in tree.all("section")}
