"""Pages in headless Chromium: what the tests that open one share."""

from __future__ import annotations

import importlib
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

FLAGS = "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking --disable-component-update --disable-sync"
WAIT = 30_000
"""Milliseconds for anything to appear."""
SCREENS = ((1280, 900), (390, 844))
"""Width and height in pixels, of a desk and of a telephone."""
WIDE = "document.documentElement.scrollWidth > document.documentElement.clientWidth"
"""Whether a page is wider than the screen."""
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)


def required() -> bool:
    """Whether a machine without a browser fails the tests that need one, as `.ci/run` asks for, and does not skip them."""
    return os.environ.get("SPARRING_TEST_BROWSER") == "required"


def module(name: str, extra: str) -> Any:
    """A package that such a test takes; the module that asks is skipped without it."""
    if required():
        return importlib.import_module(name)
    return pytest.importorskip(name, reason=f"{name} is not installed: pip install 'sparring[{extra}]'")


def playwright() -> Any:
    """Playwright, where there is a Chromium beside it; the module that asks is skipped without either."""
    found = module("playwright.sync_api", "browser")
    if CHROMIUM is None and required():
        raise FileNotFoundError("no Chromium on this machine: apt-get install chromium")
    if CHROMIUM is None:
        pytest.skip("no Chromium on this machine", allow_module_level=True)
    return found


@contextmanager
def launched() -> Iterator[Any]:
    """A browser."""
    with playwright().sync_playwright() as at_hand:
        found = at_hand.chromium.launch(executable_path=CHROMIUM, args=FLAGS.split())
        yield found
        found.close()
