"""Every page of every kind of data, opened in headless Chromium as people open it: no script fails, nothing is fetched, no
page is wider than the screen, all text can be read, in light and dark. Takes Playwright and Chromium."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import sparring
from sparring.pages import render_comparison, render_explore, render_run
from sparring.studies.answers.statistics import analyse
from sparring.studies.page import study_page
from tests import browsing
from tests.house import make
from tests.pages import samples
from tests.studies import test_study_page

browsing.playwright()

SCHEMES = ("light", "dark")
MADE: dict[str, Callable[[Path], str]] = {
    "run": lambda folder: render_run(samples.full_page()),
    "run sick": lambda folder: render_run(samples.sick_page()),
    "run bare": lambda folder: render_run(samples.bare_page()),
    "run hostile": lambda folder: render_run(samples.hostile_page()),
    "explored": lambda folder: render_explore(samples.explore_page()),
    "compared": lambda folder: render_comparison([samples.full_page(), samples.sick_page(title="other")]),
    "study": lambda folder: study(folder, "full"),
    "study hostile": lambda folder: study(folder, "hostile"),
    "study of two keys": lambda folder: study(folder, "factorial"),
}
"""Pages of runs and studies that never were, with all that such pages can show."""
EXPLORED = ("digits", "ring", "table")
"""One family of each kind whose latents can be looked into."""

OPEN = "document.querySelectorAll('details').forEach((one) => { one.open = true; })"
WIDER = """() => [...document.querySelectorAll('body *')].filter((one) => {
  const box = one.getBoundingClientRect();
  if (box.right <= document.documentElement.clientWidth + 1 || !box.width) return false;
  for (let up = one; up !== document.body; up = up.parentElement)
    if (getComputedStyle(up).overflowX !== 'visible') return false;
  return true;
}).map((one) => one.outerHTML.slice(0, 80))"""
"""What reaches beyond the screen's right edge, and does not lie within a part that scrolls by itself."""
PALE = """() => {
  const parsed = (text) => { const [r, g, b, a = 1] = text.match(/[\\d.]+/g).map(Number); return {rgb: [r, g, b], a}; };
  const light = ({rgb}) => rgb.map((one) => one / 255).map((one) => one <= 0.04045 ? one / 12.92 : ((one + 0.055) / 1.055) ** 2.4)
    .reduce((sum, one, at) => sum + one * [0.2126, 0.7152, 0.0722][at], 0);
  const behind = (one) => {
    for (let up = one; up; up = up.parentElement) {
      const found = parsed(getComputedStyle(up).backgroundColor);
      if (found.a === 1) return found;
    }
    return {rgb: [255, 255, 255]};
  };
  return [...document.querySelectorAll('body *')].filter((one) => one.checkVisibility()
    && [...one.childNodes].some((node) => node.nodeType === 3 && node.textContent.trim())).filter((one) => {
      const [dark, bright] = [light(parsed(getComputedStyle(one).color)), light(behind(one))].sort((a, b) => a - b);
      return (bright + 0.05) / (dark + 0.05) < 4.5;
    }).map((one) => one.outerHTML.slice(0, 80));
}"""
"""Text whose contrast to what lies behind it is below WCAG's 4.5."""

PRESSED = """async () => {
  const buttons = [...document.querySelectorAll('button[data-copy]')];
  buttons.forEach((one) => one.click());
  await new Promise((done) => setTimeout(done, 200));
  const last = buttons.length ? document.getElementById(buttons[buttons.length - 1].dataset.copy).textContent : null;
  if (last !== null && await navigator.clipboard.readText() !== last) return ['what was copied'];
  return buttons.filter((one) => one.hidden || one.textContent !== 'Copied').map((one) => one.outerHTML);
}"""
HOVERED = """() => [...document.querySelectorAll('.plot')].filter((plot) => {
  const chart = plot.closest('figure'), box = plot.getBoundingClientRect();
  plot.dispatchEvent(new PointerEvent('pointermove', {clientX: box.left + box.width / 3, clientY: box.top + 9}));
  const answers = !chart.querySelector('.cursor').hidden && chart.querySelector('.at').textContent !== 'last';
  plot.dispatchEvent(new PointerEvent('pointerleave'));
  return !answers || !chart.querySelector('.cursor').hidden;
}).map((plot) => plot.outerHTML.slice(0, 80))"""
"""Buttons that copy, and charts, that do not answer."""


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with browsing.launched() as found:
        yield found


def study(folder: Path, case: str) -> str:
    records = test_study_page.CASES[case]()
    return study_page(folder, "dropout", records, analyse(records, better="lower"), "name: digits")


def visited(browser: Any, path: Path) -> None:
    """Opens a page, does to it what a person can, and looks at it on each screen in each scheme."""
    context = browser.new_context(permissions=["clipboard-read", "clipboard-write"])
    page = context.new_page()
    page.set_default_timeout(browsing.WAIT)
    asked: list[str] = []
    failed: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.on("pageerror", lambda error: failed.append(str(error)))
    page.on("console", lambda line: failed.append(line.text) if line.type in ("error", "warning") else None)
    page.set_viewport_size(dict(zip(("width", "height"), browsing.SCREENS[0], strict=True)))
    page.goto(path.as_uri())
    page.evaluate(OPEN)
    used(page)
    found = {}
    for scheme in SCHEMES:
        page.emulate_media(color_scheme=scheme)
        found[f"pale, {scheme}"] = page.evaluate(PALE)
        for width, height in browsing.SCREENS:
            page.set_viewport_size({"width": width, "height": height})
            found[f"wider than {width} px, {scheme}"] = page.evaluate(WIDER) + ["the page"] * page.evaluate(
                browsing.WIDE
            )
    context.close()
    assert failed == []
    assert {name: told for name, told in found.items() if told} == {}
    assert [url for url in asked if not url.startswith((path.as_uri(), "data:"))] == []


def used(page: Any) -> None:
    """Presses each button that copies, and moves the pointer over each chart: both answer."""
    assert page.evaluate(PRESSED) == []
    assert page.evaluate(HOVERED) == []


@pytest.mark.parametrize("case", MADE)
def test_pages_of_what_never_was(case: str, browser: Any, tmp_path: Path) -> None:
    path = tmp_path / "page.html"
    path.write_text(MADE[case](tmp_path))
    visited(browser, path)


@pytest.mark.parametrize("name", make.FAMILIES)
def test_pages_of_every_kind(name: str, browser: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SPARRING_CACHE", str(tmp_path / "cache"))
    make.unpack(name)
    visited(browser, sparring.report(make.RUN).resolve())
    if name in EXPLORED:
        visited(browser, Path(sparring.explore(make.RUN, directions=2, device="cpu")["page"]).resolve())
