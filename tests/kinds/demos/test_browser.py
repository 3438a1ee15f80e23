"""The page end to end, in headless Chromium. Takes the extra `browser`, and Chromium."""

from __future__ import annotations

import io
import os
import re
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
from PIL import Image

from sparring.runs.run import Run
from tests import browsing
from tests.kinds.demos.runs import gradient

browsing.module("gradio", "demo")
api = browsing.playwright()
WAIT = browsing.WAIT
Trained = Callable[[str], Run]


class Served(NamedTuple):
    process: subprocess.Popen[str]
    address: str

    def end(self, how: signal.Signals = signal.SIGINT) -> tuple[int, str]:
        """Exit status and what else standard error told."""
        self.process.send_signal(how)
        _, err = self.process.communicate(timeout=30)
        return self.process.returncode, err


@contextmanager
def served(run: Run, folder: Path) -> Iterator[Served]:
    """`sparring demo` in a process of its own."""
    folder.mkdir(exist_ok=True)
    process = subprocess.Popen(
        [sys.executable, "-m", "sparring", "demo", str(run.path), "--no-browser", "--device", "cpu"],
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {"TMPDIR": str(folder)},
    )
    with process:
        try:
            assert process.stderr is not None
            line = process.stderr.readline()
            found = re.search(r"http://127\.0\.0\.1:\d+/", line)
            assert found, line
            yield Served(process, found[0])
        finally:
            if process.poll() is None:
                process.kill()


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with browsing.launched() as found:
        yield found


@contextmanager
def opened(browser: Any, address: str) -> Iterator[Any]:
    """The page, which must ask no other machine for anything, and fail nowhere."""
    page = browser.new_page(viewport={"width": 1280, "height": 1000})
    page.set_default_timeout(WAIT)
    asked: list[str] = []
    failed: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.on("pageerror", lambda error: failed.append(str(error)))
    page.goto(address)
    yield page
    wide = {width: page.evaluate(browsing.WIDE) for width in resized(page)}
    page.close()
    assert asked
    assert wide == dict.fromkeys(wide, False)
    assert [url for url in asked if not url.startswith((address, "data:", "blob:"))] == []
    assert failed == []


def resized(page: Any) -> Iterator[int]:
    """The page on a desk and on a telephone, by its width."""
    for width, height in browsing.SCREENS:
        page.set_viewport_size({"width": width, "height": height})
        yield width


def pixels(page: Any, where: str) -> np.ndarray:
    """The picture that an element shows, in its own size."""
    source = page.locator(f"{where} img").first.get_attribute("src")
    return np.asarray(Image.open(io.BytesIO(page.request.get(source).body())))


def changed(page: Any, where: str, act: Callable[[], Any]) -> np.ndarray:
    """The picture after an act that replaces it."""
    image = page.locator(f"{where} img").first
    before = image.get_attribute("src")
    act()
    api.expect(image).not_to_have_attribute("src", before, timeout=WAIT)
    return pixels(page, where)


def fill(page: Any, where: str, value: object) -> None:
    field = page.locator(f"{where} input").first
    field.fill(str(value))
    field.press("Tab")


def test_seeds_labels_ways_and_directions(trained: Trained, browser: Any, tmp_path: Path) -> None:
    with served(trained("labels"), tmp_path / "tmp") as site, opened(browser, site.address) as page:
        page.wait_for_selector("#samples img")
        assert page.title() == "tiny-labels · Sparring"
        assert page.locator("#head").inner_text().split() == ["tiny-labels", "small", "·", "step", "12"]
        first = pixels(page, "#samples")
        second = changed(page, "#samples", lambda: page.click("#again"))
        assert page.locator("#seed input").input_value() == "1"
        assert not np.array_equal(first, second)
        assert np.array_equal(changed(page, "#samples", lambda: fill(page, "#seed", 0)), first)

        page.get_by_label("Label").first.click()
        sevens = changed(page, "#samples", lambda: page.get_by_role("option", name="7").click())
        assert not np.array_equal(sevens, first)

        page.get_by_role("tab", name="Between two").click()
        middle = pixels(page, "#between")
        end = changed(page, "#between", lambda: fill(page, "#place", 1))
        assert not np.array_equal(middle, end)

        page.get_by_role("tab", name="Directions").click()
        still = pixels(page, "#moved")
        moved = changed(page, "#moved", lambda: fill(page, "#direction-1", 3))
        assert not np.array_equal(still, moved)
        back = changed(page, "#moved", lambda: page.get_by_role("button", name="All to 0").click())
        assert np.array_equal(back, still)


def paint(page: Any) -> None:
    """A stroke across the middle of the canvas."""
    canvas = page.locator("#canvas canvas").first
    api.expect(canvas).to_be_visible(timeout=WAIT)
    page.wait_for_timeout(1500)  # the canvas takes the picture's size, for which there is no sign to wait for
    box = canvas.bounding_box()
    x, y = box["x"] + box["width"] * 0.4, box["y"] + box["height"] * 0.5
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + 80, y + 10, steps=12)
    page.mouse.up()
    page.wait_for_timeout(500)


def told(page: Any, words: str) -> None:
    """The page says what is wrong in one line, which is then closed."""
    toast = page.get_by_test_id("toast-body").filter(has_text=words)
    api.expect(toast).to_be_visible(timeout=WAIT)
    assert len(toast.get_by_test_id("toast-text").inner_text().strip().splitlines()) == 1
    toast.get_by_test_id("toast-close").click()


def test_a_painted_hole_is_filled_and_nothing_else(trained: Trained, browser: Any, tmp_path: Path) -> None:
    picture = gradient((90, 60))
    picture.save(tmp_path / "mine.png")
    (tmp_path / "words.png").write_text("no picture")
    with served(trained("fill"), tmp_path / "tmp") as site:
        with opened(browser, site.address) as page:
            page.wait_for_selector("#examples img")
            page.click("#act")
            told(page, "picture: there is none yet")
            page.set_input_files("#source input[type=file]", tmp_path / "words.png")
            told(page, "words.png: ")
            page.click("#source button[aria-label=Clear]")

            page.set_input_files("#source input[type=file]", tmp_path / "mine.png")
            page.wait_for_selector("#source [aria-label='mine.png']")
            page.wait_for_timeout(1500)
            page.click("#act")
            told(page, "mask: nothing is painted")
            paint(page)
            page.click("#act")
            page.locator("#result img").first.wait_for()
            api.expect(page.locator("#download")).to_be_enabled(timeout=WAIT)
            with page.expect_download() as loading:
                page.click("#download")
            api.expect(page.locator("#note textarea")).to_have_value(re.compile("training saw images at 16 x 16"))
            assert loading.value.suggested_filename == "mine-tiny-fill.png"
            found = Image.open(loading.value.path())
            assert (found.size, found.mode) == (picture.size, picture.mode)
            differ = (np.asarray(found) != np.asarray(picture)).any(2)
            down, across = np.nonzero(differ)
            assert 50 < differ.sum() < 90 * 60 / 2
            assert 20 < down.min() <= down.max() < 50, "the stroke lies in the middle"
            assert 20 < across.min() <= across.max() < 85

            page.locator("#examples button:has(img)").nth(2).click()
            page.wait_for_selector("#source [aria-label='example-3.png']")
            api.expect(page.locator("#download")).to_be_disabled(timeout=WAIT)
        kept = list((tmp_path / "tmp").rglob("*.png"))
        assert kept
        assert site.end() == (0, "")
        assert list((tmp_path / "tmp").rglob("*.png")) == [], "nothing of it stays"


def test_a_run_both_ways_translates_either_way(trained: Trained, browser: Any, tmp_path: Path) -> None:
    gradient((33, 21)).save(tmp_path / "mine.png")
    with served(trained("cycle"), tmp_path / "tmp") as site, opened(browser, site.address) as page:
        page.wait_for_selector("#examples img")
        page.set_input_files("#source input[type=file]", tmp_path / "mine.png")
        page.locator("#result img").first.wait_for()
        found = []
        for way in ("from the first kind to the second", "from the second kind to the first"):
            page.get_by_label(way).check()
            page.click("#act")
            api.expect(page.locator("#download")).to_be_enabled(timeout=WAIT)
            page.wait_for_timeout(1500)
            with page.expect_download() as loading:
                page.click("#download")
            found.append(np.asarray(Image.open(loading.value.path())))
        assert found[0].shape == found[1].shape == (21, 33, 3)
        assert not np.array_equal(*found)


def test_rows_are_made_under_conditions(trained: Trained, browser: Any, tmp_path: Path) -> None:
    with served(trained("rows"), tmp_path / "tmp") as site, opened(browser, site.address) as page:
        page.locator("#rows").get_by_text("blue", exact=True).locator("visible=true").first.wait_for()
        page.locator("#where textarea").fill("age>40\ncolour=red")
        page.click("#again")
        api.expect(page.locator("#rows").get_by_text("blue", exact=True).locator("visible=true")).to_have_count(
            0, timeout=WAIT
        )
        with page.expect_download() as loading:
            page.get_by_text("Download .csv").click()
        lines = Path(loading.value.path()).read_text().splitlines()
        assert (lines[0], len(lines)) == ("age,colour", 101)
        assert all(int(line.split(",")[0]) > 40 and line.endswith(",red") for line in lines[1:])
        page.locator("#where textarea").fill("agee>40")
        page.click("#again")
        told(page, "agee")


def test_points_are_shown(trained: Trained, browser: Any, tmp_path: Path) -> None:
    with served(trained("points"), tmp_path / "tmp") as site, opened(browser, site.address) as page:
        page.wait_for_selector("#samples img")
        assert pixels(page, "#samples").shape[:2] == (400, 400)
        assert page.get_by_role("tab").count() == 1


def test_other_sites_are_kept_out(trained: Trained, tmp_path: Path) -> None:
    with served(trained("plain"), tmp_path / "tmp") as site:
        with urllib.request.urlopen(site.address, timeout=30) as answer:
            assert answer.headers["Content-Security-Policy"].startswith("default-src 'self'")
        request = urllib.request.Request(site.address, headers={"Host": "elsewhere.example"})
        with pytest.raises(urllib.error.HTTPError) as refused:
            urllib.request.urlopen(request, timeout=30)
        refused.value.close()
        assert refused.value.code == 400
        assert site.end() == (0, "")


def test_examples_are_left_out_where_the_data_are_gone(trained: Trained) -> None:
    run = trained("fill-grey")
    folder = run.path.parent / "photos"
    aside = folder.rename(folder.with_name("aside"))
    try:
        words = [sys.executable, "-m", "sparring", "demo", str(run.path), "--no-browser"]
        with subprocess.Popen(words, stderr=subprocess.PIPE, text=True) as process:
            assert process.stderr is not None
            lines = [process.stderr.readline(), process.stderr.readline()]
            process.send_signal(signal.SIGINT)
            assert process.wait(30) == 0
    finally:
        aside.rename(folder)
    assert lines[0].startswith("without examples: ")
    assert lines[1].startswith("http://127.0.0.1:")
